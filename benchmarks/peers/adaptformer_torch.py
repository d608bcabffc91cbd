"""A plain vision transformer in PyTorch with the paper's ways to tune it: AdaptFormer, VPT, linear probing, full tuning.

Written as its users write it: torch.nn modules, autograd, requires_grad off for what is frozen. It is what the program is measured
against, so it must compute the same thing: `--check FOLDER` compares it with the reference fixtures.
"""
import argparse
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import safetensors_numpy

SIZES = {  # id: patch, embed_dim, depth, heads
    "vit_tiny_patch16_224": (16, 192, 12, 3),
    "deit_tiny_patch16_224": (16, 192, 12, 3),
    "vit_small_patch16_224": (16, 384, 12, 6),
    "vit_base_patch16_224": (16, 768, 12, 12),
    "vit_large_patch16_224": (16, 1024, 24, 16),
    "vit_huge_patch14_224": (14, 1280, 32, 16),
}
METHODS = ("adaptformer", "vpt", "linear", "full")


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):                                                    # [B, N, C] -> [B, N, C]
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1)  # [B, h, N, N]
        return self.proj((p @ v).transpose(1, 2).reshape(b, n, c))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Adapter(nn.Module):
    """s * (W_up ReLU(W_down x + b_down) + b_up), zero at the start."""

    def __init__(self, dim, bottleneck, scale, dropout):
        super().__init__()
        self.scale, self.dropout = scale, dropout
        self.down_proj = nn.Linear(dim, bottleneck)
        self.up_proj = nn.Linear(bottleneck, dim)
        nn.init.kaiming_uniform_(self.down_proj.weight, a=5 ** 0.5)
        for zero in (self.down_proj.bias, self.up_proj.weight, self.up_proj.bias):
            nn.init.zeros_(zero)

    def forward(self, x):
        h = F.dropout(F.relu(self.down_proj(x)), self.dropout, self.training)
        return self.scale * self.up_proj(h)


class Block(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, hidden)
        self.adaptmlp = None

    def forward(self, x):
        h = x + self.attn(self.norm1(x))
        y = h + self.mlp(self.norm2(h))
        return y if self.adaptmlp is None else y + self.adaptmlp(h)          # h un-normalised, as in the authors' code


class Vit(nn.Module):
    def __init__(self, image=224, patch=16, dim=768, depth=12, heads=12, mlp_ratio=4.0, classes=100):
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, dim, patch, patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (image // patch) ** 2 + 1, dim))
        self.blocks = nn.ModuleList(Block(dim, heads, int(dim * mlp_ratio)) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Sequential(nn.BatchNorm1d(dim, affine=False, eps=1e-6), nn.Linear(dim, classes))
        self.prompts = None
        self.dim = dim

    def forward(self, x):                                                    # [B, 3, H, W] -> [B, K]
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for i, block in enumerate(self.blocks):
            if self.prompts is None:
                x = block(x)
            else:
                p = self.prompts[i].expand(len(x), -1, -1)
                x = block(torch.cat([p, x], 1))[:, p.shape[1]:]
        return self.head(self.norm(x)[:, 0])

    def tune(self, method, bottleneck=64, scale=0.1, dropout=0.1, prompts=1, layers=None):
        """Freezes all, adds what the method trains, and lets it and the head train. `layers` are the 1-based blocks with adapters."""
        self.requires_grad_(method == "full")
        if method == "adaptformer":
            for i in layers or range(1, len(self.blocks) + 1):
                self.blocks[i - 1].adaptmlp = Adapter(self.dim, bottleneck, scale, dropout)
        elif method == "vpt":
            self.prompts = nn.ParameterList(nn.Parameter(torch.empty(1, prompts, self.dim).uniform_(-0.1, 0.1)) for _ in self.blocks)
        elif method not in METHODS:
            raise ValueError(f"method '{method}' is not known; known: {', '.join(METHODS)}")
        self.head.requires_grad_(True)
        return self


def build(model, method, image=224, classes=100, layers=None, prompts=1, dropout=0.1):
    patch, dim, depth, heads = SIZES[model]
    return Vit(image, patch, dim, depth, heads, classes=classes).tune(method, layers=layers, prompts=prompts, dropout=dropout)


def load_backbone(model, path):
    """Loads all but the head from a safetensors file with timm's names."""
    tensors, _ = safetensors_numpy.read(path)
    state = {k: torch.from_numpy(v.copy()) for k, v in tensors.items() if not k.startswith("head.")}
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [k for k in missing if not k.startswith(("head.", "prompts.")) and ".adaptmlp." not in k]
    if missing or unexpected:
        raise ValueError(f"{path} does not fit: missing {missing}, unexpected {unexpected}")


# ---- check against the reference fixtures ----------------------------------------------------------------------------------

CASES = {"vit_image_adapter_parallel": "adaptformer", "vit_image_vpt": "vpt", "vit_image_linear": "linear", "vit_image_fulltune": "full"}


def to_ours(tensors):
    """The authors' names (split q/k/v, fc1 outside mlp, embeddings) to timm's and ours."""
    out = {}
    for name, value in tensors.items():
        if ".q_proj." in name:
            parts = [tensors[name.replace(".q_proj.", f".{p}_proj.")] for p in "qkv"]
            out[name.replace(".q_proj.", ".qkv.")] = np.concatenate(parts)
        elif ".k_proj." not in name and ".v_proj." not in name:
            name = name.replace(".fc1.", ".mlp.fc1.").replace(".fc2.", ".mlp.fc2.").replace("embeddings.", "prompts.")
            out[name] = value
    return out


def difference(got, want):
    """max|a-b| / (max|b| + 0.05), the fixtures' own measure."""
    got = got.detach().numpy()
    if got.shape != want.shape:
        raise ValueError(f"shapes differ: {got.shape}, expected {want.shape}")
    return float(np.abs(got - want).max() / (np.abs(want).max() + 0.05))


def check_case(path, method):
    tensors, metadata = safetensors_numpy.read(path)
    config = json.loads(metadata["config"])
    m, tuning = config["model"], config["tuning_config"]
    model = Vit(m["img_size"][0], m["patch_size"], m["embed_dim"], m["depth"], m["num_heads"], m["mlp_ratio"], m["num_classes"])
    model.tune(method, tuning["ffn_num"], float(tuning["ffn_adapter_scalar"]), dropout=0.0, prompts=tuning["vpt_num"])

    def group(prefix):
        return to_ours({k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)})

    model.load_state_dict({k: torch.tensor(v).view_as(model.state_dict()[k]) for k, v in group("param/").items()})
    x, target = torch.tensor(tensors["input/x"]), torch.tensor(tensors["input/target"])

    found = {}
    model.eval()
    with torch.no_grad():
        logits = model(x)
    found["logits"] = difference(logits, tensors["out/logits"])
    found["loss_eval"] = difference(F.cross_entropy(logits, target), tensors["out/loss_eval"])

    model.train()
    logits = model(x)
    loss = F.cross_entropy(logits, target)
    loss.backward()
    found["logits_train"] = difference(logits, tensors["out/logits_train"])
    found["loss"] = difference(loss, tensors["out/loss"])
    want, got = group("grad/"), {k: p.grad for k, p in model.named_parameters() if p.requires_grad}
    if set(want) != set(got):
        raise ValueError(f"{path}: trainable parameters differ: {sorted(set(want) ^ set(got))}")
    for name, value in want.items():
        found["grad " + name] = difference(got[name].view(value.shape), value)
    return found


def check(folder, tolerance=1e-4):
    """Prints the largest difference per case; False if one is too large."""
    passed = True
    for case, method in CASES.items():
        found = check_case(os.path.join(folder, case + ".safetensors"), method)
        worst = max(found, key=found.get)
        passed &= found[worst] <= tolerance
        print(f"{case}: {len(found)} tensors, largest relative difference {found[worst]:.1e} ({worst})")
    print("parity: passed" if passed else f"parity: FAILED, a difference is above {tolerance:g}")
    return passed


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", metavar="FOLDER", nargs="?", required=True,
                        const=os.path.join(here, "../../tests/AdaptFormer.Tests/Fixtures/parity"))
    sys.exit(0 if check(parser.parse_args().check) else 1)
