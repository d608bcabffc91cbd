"""Writes reference numbers for the methods that the AdaptFormer authors' code does not have: LoRA, SSF, Houlsby's adapters and BitFit, on a tiny
vision transformer with timm's names. Each method is written from its paper's equations, in functions of PyTorch, beside a backbone that has no
knowledge of it; autograd gives the gradients.

    python3 tools/parity/tuning_methods.py tests/AdaptFormer.Tests/Fixtures/methods
"""
import os
import sys

import torch
import torch.nn.functional as F

from vision_towers import write

DIM, DEPTH, HEADS, HIDDEN, PATCH, SIDE, CLASSES, EPS = 24, 3, 4, 48, 4, 16, 5, 1e-6
TOKENS = 1 + (SIDE // PATCH) ** 2


class Method:
    """The identity: what stands behind a layer, beside it, or at the end of a branch."""

    def __init__(self, draw):
        self.p = {}
        self.draw = draw

    def add(self, name, *shape, around=0.0):
        self.p[name] = (around + 0.3 * self.draw(*shape)).requires_grad_()
        return self.p[name]

    def linear(self, name, x, y):
        return y

    def behind(self, name, y):
        return y

    def branch(self, name, f):
        return f


class Lora(Method):
    """W·x + (alpha / r)·B·A·x, arXiv:2106.09685; of a fused projection for some of its thirds only."""

    def __init__(self, draw, rank, alpha, thirds=None, layers=()):
        super().__init__(draw)
        self.factor, self.rank, self.thirds, self.layers = alpha / rank, rank, thirds, layers

    def linear(self, name, x, y):
        if self.thirds is not None and name.endswith("attn.qkv"):
            a = self.add(name + ".lora.a", len(self.thirds) * self.rank, DIM)
            b = self.add(name + ".lora.b", len(self.thirds) * DIM, self.rank)
            parts = list(y.split(DIM, -1))
            for i, third in enumerate(self.thirds):
                low = F.linear(x, a[i * self.rank:(i + 1) * self.rank])
                parts[third] = parts[third] + self.factor * F.linear(low, b[i * DIM:(i + 1) * DIM])
            return torch.cat(parts, -1)
        if name.split(".")[-1] in self.layers:
            a = self.add(name + ".lora.a", self.rank, x.shape[-1])
            b = self.add(name + ".lora.b", y.shape[-1], self.rank)
            return y + self.factor * F.linear(F.linear(x, a), b)
        return y


class Ssf(Method):
    """gamma * y + beta behind every layer, arXiv:2210.08823."""

    def behind(self, name, y):
        return y * self.add(name + ".ssf.scale", y.shape[-1], around=1.0) + self.add(name + ".ssf.shift", y.shape[-1])


class Houlsby(Method):
    """f + up(GELU(down(f))) at the end of each branch, arXiv:1902.00751; the norms learn."""

    def __init__(self, draw, middle):
        super().__init__(draw)
        self.middle = middle

    def branch(self, name, f):
        down = F.linear(f, self.add(name + ".down_proj.weight", self.middle, DIM), self.add(name + ".down_proj.bias", self.middle))
        return f + F.linear(F.gelu(down), self.add(name + ".up_proj.weight", DIM, self.middle), self.add(name + ".up_proj.bias", DIM))


def backbone(draw):
    p = {"cls_token": draw(1, 1, DIM), "pos_embed": draw(1, TOKENS, DIM),
         "patch_embed.proj.weight": 0.2 * draw(DIM, 3, PATCH, PATCH), "patch_embed.proj.bias": 0.2 * draw(DIM)}
    for name, o, i in [(f"blocks.{k}.{n}", o, i) for k in range(DEPTH)
                       for n, o, i in (("attn.qkv", 3 * DIM, DIM), ("attn.proj", DIM, DIM), ("mlp.fc1", HIDDEN, DIM), ("mlp.fc2", DIM, HIDDEN))]:
        p[name + ".weight"], p[name + ".bias"] = 0.2 * draw(o, i), 0.2 * draw(o)
    for name in [f"blocks.{k}.norm{j}" for k in range(DEPTH) for j in (1, 2)] + ["norm"]:
        p[name + ".weight"], p[name + ".bias"] = 1 + 0.2 * draw(DIM), 0.2 * draw(DIM)
    p["head.weight"], p["head.bias"] = 0.3 * draw(CLASSES, DIM), 0.3 * draw(CLASSES)
    return {name: tensor.requires_grad_() for name, tensor in p.items()}


def forward(p, m, pixels):
    def linear(name, x):
        return m.behind(name, m.linear(name, x, F.linear(x, p[name + ".weight"], p[name + ".bias"])))

    def norm(name, x):
        return m.behind(name, F.layer_norm(x, (DIM,), p[name + ".weight"], p[name + ".bias"], EPS))

    x = F.conv2d(pixels, p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], PATCH).flatten(2).transpose(1, 2)
    x = m.behind("patch_embed", x)
    x = torch.cat([p["cls_token"].expand(len(x), 1, DIM), x], 1) + p["pos_embed"]
    for k in range(DEPTH):
        b = f"blocks.{k}."
        q, key, v = linear(b + "attn.qkv", norm(b + "norm1", x)).unflatten(-1, (3, HEADS, DIM // HEADS)).permute(2, 0, 3, 1, 4)
        a = (q @ key.transpose(-1, -2) / (DIM // HEADS) ** 0.5).softmax(-1) @ v
        x = x + m.branch(b + "adapter_attn", linear(b + "attn.proj", a.transpose(1, 2).flatten(2)))
        h = F.gelu(linear(b + "mlp.fc1", norm(b + "norm2", x)))
        x = x + m.branch(b + "adapter_ffn", linear(b + "mlp.fc2", h))
    return F.linear(norm("norm", x)[:, 0], p["head.weight"], p["head.bias"])


METHODS = {
    "lora_q_v": lambda draw: Lora(draw, rank=3, alpha=7.0, thirds=(0, 2)),
    "lora_qkv_proj_fc1_fc2": lambda draw: Lora(draw, rank=2, alpha=3.0, layers=("qkv", "proj", "fc1", "fc2")),
    "ssf": lambda draw: Ssf(draw),
    "houlsby": lambda draw: Houlsby(draw, middle=5),
    "bitfit": lambda draw: Method(draw),
}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for seed, (name, make) in enumerate(METHODS.items()):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        p, m = backbone(draw), make(draw)
        pixels, target = draw(4, 3, SIDE, SIDE), torch.tensor([0, 3, 1, 4])
        logits = forward(p, m, pixels)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        weights = {**p, **m.p}
        write(os.path.join(folder, name + ".safetensors"), {
            **{"param/" + key: value for key, value in weights.items()},
            **{"grad/" + key: value.grad for key, value in weights.items()},
            "x": pixels, "logits": logits, "loss": loss.reshape(1),
        })


if __name__ == "__main__":
    main(sys.argv[1])
