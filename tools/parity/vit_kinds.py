"""Writes the fixtures kinds/*.safetensors: tiny random vision transformers of the kinds that differ from the plain ViT in the tokens ahead of the patches, in positions,
in pooling or in names, with the logits that timm's and torchvision's own models give (`check/x`, `check/logits`). Needs PyTorch, timm and torchvision.

    python3 tools/parity/vit_kinds.py tests/AdaptFormer.Tests/Fixtures/kinds
"""
import json
import os
import struct
import sys

import torch
from timm.models.vision_transformer import VisionTransformer
from timm.models.deit import VisionTransformerDistilled
from torchvision.models.vision_transformer import VisionTransformer as TorchvisionTransformer

SIZES = dict(img_size=16, patch_size=4, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=5)


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.4 + (1 if parameter.dim() == 1 and (parameter == 1).all() else 0)
    return model.eval()


def save(folder, name, state, x, logits):
    tensors = {**{key: value for key, value in state.items()}, "check/x": x, "check/logits": logits}
    header, body = {}, b""
    for key, value in tensors.items():
        data = struct.pack(f"<{value.numel()}f", *value.detach().float().reshape(-1).tolist())
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, f"{name}.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def mmpretrain(state):
    """The same weights under mmpretrain's names."""
    renamed = {}
    for key, value in state.items():
        key = key.replace("patch_embed.proj.", "patch_embed.projection.").replace("blocks.", "layers.").replace("norm1.", "ln1.").replace("norm2.", "ln2.")
        key = key.replace("mlp.fc1.", "ffn.layers.0.0.").replace("mlp.fc2.", "ffn.layers.1.")
        if key.startswith("norm."):
            key = "ln1." + key[5:]
        renamed["head.layers." + key if key.startswith("head.") else "backbone." + key] = value
    return renamed


def original_deit3(state):
    """timm's DeiT III under the names of the authors' checkpoints."""
    return {key.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2"): value for key, value in state.items()}


def original_registers(state):
    """timm's DINOv2 with registers under the names of the authors' checkpoints, which have a position of the class token."""
    position = torch.linspace(-1, 1, state["cls_token"].numel()).reshape(state["cls_token"].shape)
    renamed = {key.replace("reg_token", "register_tokens"): value for key, value in state.items()}
    renamed["cls_token"] = state["cls_token"] - position
    renamed["pos_embed"] = torch.cat([position, state["pos_embed"]], 1)
    return renamed


def hugging_face_distilled(state):
    """timm's distilled DeiT under the names of transformers' DeiTForImageClassificationWithTeacher."""
    renamed = {}
    for key, value in state.items():
        key = key.replace("patch_embed.proj.", "embeddings.patch_embeddings.projection.").replace("cls_token", "embeddings.cls_token")
        key = key.replace("dist_token", "embeddings.distillation_token").replace("pos_embed", "embeddings.position_embeddings")
        key = key.replace("blocks.", "encoder.layer.").replace("norm1.", "layernorm_before.").replace("norm2.", "layernorm_after.")
        key = key.replace("attn.proj.", "attention.output.dense.").replace("mlp.fc1.", "intermediate.dense.").replace("mlp.fc2.", "output.dense.")
        if key.startswith("norm."):
            key = "layernorm." + key[5:]
        if "attn.qkv." in key:
            for part, rows in zip(("query", "key", "value"), value.chunk(3)):
                renamed["deit." + key.replace("attn.qkv.", f"attention.attention.{part}.")] = rows
        elif key.startswith("head_dist."):
            renamed["distillation_classifier." + key[10:]] = value
        elif key.startswith("head."):
            renamed["cls_classifier." + key[5:]] = value
        else:
            renamed["deit." + key] = value
    return renamed


def main(folder):
    os.makedirs(folder, exist_ok=True)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    models = {
        "deit3": VisionTransformer(**SIZES, no_embed_class=True, init_values=1e-6),
        "reg4": VisionTransformer(**SIZES, reg_tokens=4, no_embed_class=True),
        "reg4_with_places": VisionTransformer(**SIZES, reg_tokens=4),
        "reg4_gap": VisionTransformer(**SIZES, class_token=False, reg_tokens=4, no_embed_class=True, global_pool="avg"),
        "gap_norm": VisionTransformer(**SIZES, class_token=False, global_pool="avg", fc_norm=False),
        "siglip": VisionTransformer(**SIZES, class_token=False, global_pool="map"),
        "distilled": VisionTransformerDistilled(**SIZES),
        "plain": VisionTransformer(**SIZES),
    }
    renamed = {
        "deit3": {"deit3_original": original_deit3},
        "reg4": {"reg4_original": original_registers},
        "distilled": {"distilled_huggingface": hugging_face_distilled},
        "plain": {"mmpretrain": mmpretrain},
    }
    for seed, (name, model) in enumerate(models.items()):
        randomize(model, seed)
        logits, state = model(x), model.state_dict()
        if name != "plain":
            save(folder, name, state, x, logits)
        for other, rename in renamed.get(name, {}).items():
            save(folder, other, rename(state), x, logits)
    torchvision = randomize(TorchvisionTransformer(16, 4, 2, 2, 8, 16, num_classes=5), 20)
    save(folder, "torchvision", torchvision.state_dict(), x, torchvision(x))


if __name__ == "__main__":
    main(sys.argv[1])
