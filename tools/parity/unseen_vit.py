"""Writes cases that no test names: vision transformers on grids that are not square, with other numbers of classes, and a checkpoint of one
of them. The model is written out here from its definition; PyTorch differentiates it, in float64.

    python3 tools/parity/unseen_vit.py tests/AdaptFormer.Tests/Fixtures          the three cases of this repository
    python3 tools/parity/unseen_vit.py FOLDER --seed 5                           others, for ADAPTFORMER_FIXTURES=FOLDER dotnet test
"""
import argparse
import math
import os

import torch
import torch.nn.functional as F

from train_loop_rest import write

DIM, HEADS, PATCH, HIDDEN, MIDDLE, BATCH, STEPS, LR = 36, 4, 8, 72, 6, 4, 3, 0.1

# Name: height, width, depth, classes, mean pooling, BatchNorm ahead of the head, and how it is tuned.
CASES = {
    "tall": (40, 24, 2, 7, False, True, dict(place="parallel", scale=None, norm="in")),
    "wide_pool": (16, 48, 2, 3, True, True, dict(place="sequential", scale=0.5, norm="none")),
    "prompts": (24, 32, 3, 11, False, False, dict(prompts=3)),
}


class Vit:
    """The authors' image model: q, k and v apart, the adapter beside or behind the feed-forward layer, prompts ahead of the class token."""

    def __init__(self, draw, height, width, depth, classes, pool, batch_norm, tuning):
        self.depth, self.pool, self.batch_norm, self.tuning, self.trained, w = depth, pool, batch_norm, tuning, [], {}

        def linear(name, rows, columns, trained=False):
            w[f"{name}.weight"], w[f"{name}.bias"] = draw(rows, columns), draw(rows)
            self.trained += [f"{name}.weight", f"{name}.bias"] if trained else []

        def norm(name, trained=False):
            w[f"{name}.weight"], w[f"{name}.bias"] = draw(DIM, around=1.0), draw(DIM)
            self.trained += [f"{name}.weight", f"{name}.bias"] if trained else []

        w["cls_token"], w["pos_embed"] = draw(1, 1, DIM), draw(1, 1 + height // PATCH * (width // PATCH), DIM)
        w["patch_embed.proj.weight"], w["patch_embed.proj.bias"] = draw(DIM, 3, PATCH, PATCH), draw(DIM)
        for i in range(depth):
            b = f"blocks.{i}"
            norm(f"{b}.norm1")
            for part in ("q_proj", "k_proj", "v_proj", "proj"):
                linear(f"{b}.attn.{part}", DIM, DIM)
            norm(f"{b}.norm2")
            linear(f"{b}.fc1", HIDDEN, DIM)
            linear(f"{b}.fc2", DIM, HIDDEN)
            if "place" in tuning:
                if tuning["scale"] is None:
                    w[f"{b}.adaptmlp.scale"] = draw(1, around=0.5)
                    self.trained.append(f"{b}.adaptmlp.scale")
                if tuning["norm"] == "in":
                    norm(f"{b}.adaptmlp.adapter_layer_norm_before", trained=True)
                linear(f"{b}.adaptmlp.down_proj", MIDDLE, DIM, trained=True)
                linear(f"{b}.adaptmlp.up_proj", DIM, MIDDLE, trained=True)
            else:
                w[f"embeddings.{i}"] = draw(1, tuning["prompts"], DIM)
                self.trained.append(f"embeddings.{i}")
        norm("fc_norm" if pool else "norm", trained=pool)
        if batch_norm:
            w["head.0.running_mean"], w["head.0.running_var"] = draw(DIM), draw(DIM).abs() + 0.5
            w["head.0.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
        linear("head.1" if batch_norm else "head", classes, DIM, trained=True)
        self.w = w

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def norm(self, name, x, eps=1e-6):
        return F.layer_norm(x, (DIM,), self.w[f"{name}.weight"], self.w[f"{name}.bias"], eps)

    def adapter(self, block, x):
        name, scale = f"{block}.adaptmlp", self.tuning["scale"]
        n = self.norm(f"{name}.adapter_layer_norm_before", x, 1e-5) if self.tuning["norm"] == "in" else x
        return (self.w[f"{name}.scale"] if scale is None else scale) * self.linear(f"{name}.up_proj", torch.relu(self.linear(f"{name}.down_proj", n)))

    def block(self, i, h):
        b = f"blocks.{i}"
        n = self.norm(f"{b}.norm1", h)
        q, k, v = (self.linear(f"{b}.attn.{part}", n).reshape(len(h), -1, HEADS, DIM // HEADS).transpose(1, 2) for part in ("q_proj", "k_proj", "v_proj"))
        a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(DIM // HEADS), -1) @ v
        h = h + self.linear(f"{b}.attn.proj", a.transpose(1, 2).reshape(h.shape))
        y = self.linear(f"{b}.fc2", F.gelu(self.linear(f"{b}.fc1", self.norm(f"{b}.norm2", h))))
        if "place" not in self.tuning:
            return h + y
        return h + y + self.adapter(b, h if self.tuning["place"] == "parallel" else y)

    def forward(self, x, train, seen=None):
        seen = {} if seen is None else seen
        h = F.conv2d(x, self.w["patch_embed.proj.weight"], self.w["patch_embed.proj.bias"], stride=PATCH).flatten(2).transpose(1, 2)
        seen["patch_embed"] = h
        h = torch.cat([self.w["cls_token"].expand(len(x), 1, DIM), h], 1) + self.w["pos_embed"]
        for i in range(self.depth):
            prompts = self.tuning.get("prompts", 0)
            if prompts:
                h = torch.cat([self.w[f"embeddings.{i}"].expand(len(x), -1, -1), h], 1)
            h = self.block(i, h)
            seen[f"block_{i}"] = h
            h = h[:, prompts:]
        features = self.norm("fc_norm", h[:, 1:].mean(1)) if self.pool else self.norm("norm", h)[:, 0]
        seen["features"] = features
        if not self.batch_norm:
            return self.linear("head", features)
        normed = F.batch_norm(features, self.w["head.0.running_mean"], self.w["head.0.running_var"], training=train, momentum=0.1, eps=1e-6)
        if train:
            self.w["head.0.num_batches_tracked"] += 1
        return self.linear("head.1", normed)

    def buffers(self):
        return {name: value.clone() for name, value in self.w.items() if name.startswith("head.0.")}


def case(folder, name, seed):
    height, width, depth, classes, pool, batch_norm, tuning = CASES[name]
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape, around=0.0: (torch.randn(*shape, generator=generator) * 0.2 + around).double()
    model = Vit(draw, height, width, depth, classes, pool, batch_norm, tuning)
    x, target = torch.randn(BATCH, 3, height, width, generator=generator), torch.randint(0, classes, (BATCH,), generator=generator)
    start, out, tensors = {n: v.clone() for n, v in model.w.items()}, {}, {}
    with torch.no_grad():
        logits = model.forward(x.double(), False, out)
        out.update(logits=logits, loss_eval=F.cross_entropy(logits, target))
    for n in model.trained:
        model.w[n].requires_grad_()
    momentum, losses = {}, []
    for step in range(STEPS):
        for n in model.trained:
            model.w[n].grad = None
        logits = model.forward(x.double(), True)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            out.update(loss=loss.detach(), logits_train=logits.detach())
            tensors.update({f"grad/{n}": model.w[n].grad.clone() for n in model.trained})
            tensors.update({f"after1/{n}": v for n, v in model.buffers().items()})
        with torch.no_grad():
            for n in model.trained:
                momentum[n] = model.w[n].grad.clone() if n not in momentum else 0.9 * momentum[n] + model.w[n].grad
                model.w[n] -= LR * momentum[n]
    with torch.no_grad():
        tensors["after3/logits"] = model.forward(x.double(), False)
    tensors.update({f"after3/{n}": model.w[n].detach() for n in model.trained})
    tensors.update({f"after3/{n}": v for n, v in model.buffers().items()})
    adapter, scale = "place" in tuning, tuning.get("scale", 0.1)
    config = {
        "case": f"vit_image_unseen_{name}",
        "model": dict(img_size=[height, width], patch_size=PATCH, embed_dim=DIM, depth=depth, num_heads=HEADS, mlp_ratio=HIDDEN / DIM, num_classes=classes, qkv_bias=True, norm_eps=1e-6, global_pool=pool),
        "tuning_config": dict(ffn_adapt=adapter, ffn_option=tuning.get("place", "parallel"), ffn_adapter_layernorm_option=tuning.get("norm", "none"),
                              ffn_adapter_scalar="learnable_scalar" if scale is None else str(scale), ffn_num=MIDDLE, vpt_on=not adapter, vpt_num=tuning.get("prompts", 1)),
        "head": "Sequential(BatchNorm1d(affine=False, eps=1e-6, momentum=0.1), Linear)" if batch_norm else "Linear",
        "optimizer": dict(name="SGD", lr=LR, momentum=0.9, weight_decay=0.0, steps=STEPS), "trainable": model.trained, "seed": seed,
        "near_zero_grads": ["fc_norm.weight", "fc_norm.bias"] if pool and batch_norm else [],
        "rtol": dict(out=1e-4, grad=1e-4, after=1e-4), "source": "tools/parity/unseen_vit.py, PyTorch " + torch.__version__ + ", float64",
    }
    parts = {**{f"param/{n}": v for n, v in start.items()}, "input/x": x, "input/target": target, **{f"out/{n}": v for n, v in out.items()}, "out/step_losses": torch.tensor(losses), **tensors}
    write(os.path.join(folder, "parity", f"vit_image_unseen_{name}.safetensors"), config, parts, {})
    return start


def checkpoint(folder, weights):
    """The backbone alone, as training scripts save it, and what has to be read from it."""
    backbone = {n: v.float() for n, v in weights.items() if not (n.startswith("head") or ".adaptmlp." in n or n.startswith("embeddings."))}
    torch.save({"model": backbone, "epoch": 3}, os.path.join(folder, "checkpoints", "unseen_tall.pth"))
    write(os.path.join(folder, "checkpoints", "unseen_tall.expected.safetensors"), {"case": "unseen_tall"}, backbone, {})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=11)
    asked = parser.parse_args()
    for part in ("parity", "checkpoints"):
        os.makedirs(os.path.join(asked.folder, part), exist_ok=True)
    weights = {name: case(asked.folder, name, asked.seed + i) for i, name in enumerate(CASES)}
    checkpoint(asked.folder, weights["tall"])


if __name__ == "__main__":
    main()
