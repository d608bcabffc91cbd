"""Writes the fixtures clip_vision.safetensors and dinov2.safetensors: tiny random vision transformers of those families under Hugging Face's
names, with the features that PyTorch's own modules give. PyTorch's transformer layers compute attention, norms and feed-forward layers;
only what they do not have (CLIP's activation, DINOv2's LayerScale) is written out here.

    python3 tools/parity/vision_towers.py tests/AdaptFormer.Tests/Fixtures/towers
"""
import json
import os
import struct
import sys

import torch
from torch import nn

DIM, DEPTH, HEADS, PATCH, SIDE = 24, 2, 4, 4, 16
TOKENS = 1 + (SIDE // PATCH) ** 2


class Layer(nn.Module):
    def __init__(self, eps, activation, scaled):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM, eps), nn.LayerNorm(DIM, eps)
        self.attention = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(DIM, 2 * DIM), nn.Linear(2 * DIM, DIM)
        self.activation = activation
        self.scale1 = nn.Parameter(torch.ones(DIM), requires_grad=scaled)
        self.scale2 = nn.Parameter(torch.ones(DIM), requires_grad=scaled)

    def forward(self, x):
        n = self.norm1(x)
        x = x + self.scale1 * self.attention(n, n, n, need_weights=False)[0]
        return x + self.scale2 * self.fc2(self.activation(self.fc1(self.norm2(x))))


class Tower(nn.Module):
    def __init__(self, eps, activation, patch_bias, pre_norm, scaled):
        super().__init__()
        self.patches = nn.Conv2d(3, DIM, PATCH, PATCH, bias=patch_bias)
        self.cls = nn.Parameter(torch.zeros(DIM))
        self.positions = nn.Parameter(torch.zeros(TOKENS, DIM))
        self.pre = nn.LayerNorm(DIM, eps) if pre_norm else nn.Identity()
        self.layers = nn.ModuleList(Layer(eps, activation, scaled) for _ in range(DEPTH))
        self.post = nn.LayerNorm(DIM, eps)

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), 1, DIM), x], 1) + self.positions
        x = self.pre(x)
        for layer in self.layers:
            x = layer(x)
        return self.post(x[:, 0])


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3 + (1 if parameter.dim() == 1 and (parameter == 1).all() else 0)


def norm(names, prefix, layer):
    names[prefix + ".weight"], names[prefix + ".bias"] = layer.weight, layer.bias


def attention(names, stems, output, layer):
    for i, stem in enumerate(stems):
        names[stem + ".weight"] = layer.in_proj_weight[i * DIM:(i + 1) * DIM]
        names[stem + ".bias"] = layer.in_proj_bias[i * DIM:(i + 1) * DIM]
    norm(names, output, layer.out_proj)


def clip():
    model = Tower(1e-5, lambda x: x * torch.sigmoid(1.702 * x), patch_bias=False, pre_norm=True, scaled=False)
    randomize(model, 1)
    p = "vision_model."
    names = {
        p + "embeddings.class_embedding": model.cls,
        p + "embeddings.position_embedding.weight": model.positions,
        p + "embeddings.patch_embedding.weight": model.patches.weight,
        p + "embeddings.position_ids": torch.arange(TOKENS).float()[None],
        "visual_projection.weight": torch.zeros(8, DIM),
    }
    norm(names, p + "pre_layrnorm", model.pre)
    norm(names, p + "post_layernorm", model.post)
    for i, layer in enumerate(model.layers):
        q = f"{p}encoder.layers.{i}."
        attention(names, [q + f"self_attn.{x}_proj" for x in "qkv"], q + "self_attn.out_proj", layer.attention)
        for theirs, ours in (("layer_norm1", layer.norm1), ("layer_norm2", layer.norm2), ("mlp.fc1", layer.fc1), ("mlp.fc2", layer.fc2)):
            norm(names, q + theirs, ours)
    return model, names


def dinov2():
    model = Tower(1e-6, nn.GELU(), patch_bias=True, pre_norm=False, scaled=True)
    randomize(model, 2)
    p = "dinov2."
    names = {
        p + "embeddings.cls_token": model.cls[None, None],
        p + "embeddings.mask_token": torch.zeros(1, DIM),
        p + "embeddings.position_embeddings": model.positions[None],
        "classifier.weight": torch.zeros(3, 2 * DIM),
        "classifier.bias": torch.zeros(3),
    }
    norm(names, p + "embeddings.patch_embeddings.projection", model.patches)
    norm(names, p + "layernorm", model.post)
    for i, layer in enumerate(model.layers):
        q = f"{p}encoder.layer.{i}."
        attention(names, [q + f"attention.attention.{x}" for x in ("query", "key", "value")], q + "attention.output.dense", layer.attention)
        names[q + "layer_scale1.lambda1"], names[q + "layer_scale2.lambda1"] = layer.scale1, layer.scale2
        for theirs, ours in (("norm1", layer.norm1), ("norm2", layer.norm2), ("mlp.fc1", layer.fc1), ("mlp.fc2", layer.fc2)):
            norm(names, q + theirs, ours)
    return model, names


def write(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().astype("float32").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main(folder):
    for name, make in (("clip_vision", clip), ("dinov2", dinov2)):
        model, names = make()
        model.eval()
        pixels = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        write(os.path.join(folder, name, "model.safetensors"), names)
        write(os.path.join(folder, name, "check.safetensors.expected"), {"x": pixels, "features": model(pixels)})


if __name__ == "__main__":
    main(sys.argv[1])
