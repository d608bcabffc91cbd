"""Writes the fixtures train_loop_rest_{drop,step}.safetensors: three epochs of five batches with gradients accumulated over two, so that every epoch has a batch too many.
`drop` is the rule of the AdaptFormer authors' and MAE's loop: the rate follows iteration / len(loader), no step for the batch that is left, its gradient dropped.
`step` is the product's other rule: the rate follows the steps, the batch that is left makes one of its own. The model is written out here; PyTorch differentiates it.

    python3 tools/parity/train_loop_rest.py tests/AdaptFormer.Tests/Fixtures/parity
"""
import json
import math
import os
import struct
import sys

import torch
import torch.nn.functional as F

DIM, DEPTH, HEADS, PATCH, SIDE, CLASSES, MIDDLE = 24, 2, 4, 4, 16, 4, 6
BATCH, BATCHES, ACCUMULATE, EPOCHS, LR, WARMUP = 3, 5, 2, 3, 0.2, 1


def weights():
    generator = torch.Generator().manual_seed(7)

    def draw(*shape, scale=0.2, around=0.0):
        return torch.randn(*shape, generator=generator) * scale + around

    w = {"cls_token": draw(1, 1, DIM), "pos_embed": draw(1, 1 + (SIDE // PATCH) ** 2, DIM)}

    def linear(name, rows, columns):
        w[f"{name}.weight"], w[f"{name}.bias"] = draw(rows, columns), draw(rows)

    def norm(name):
        w[f"{name}.weight"], w[f"{name}.bias"] = draw(DIM, around=1.0), draw(DIM)

    w["patch_embed.proj.weight"], w["patch_embed.proj.bias"] = draw(DIM, 3, PATCH, PATCH), draw(DIM)
    for i in range(DEPTH):
        norm(f"blocks.{i}.norm1")
        for part in ("q_proj", "k_proj", "v_proj", "proj"):
            linear(f"blocks.{i}.attn.{part}", DIM, DIM)
        norm(f"blocks.{i}.norm2")
        linear(f"blocks.{i}.fc1", 2 * DIM, DIM)
        linear(f"blocks.{i}.fc2", DIM, 2 * DIM)
        linear(f"blocks.{i}.adaptmlp.down_proj", MIDDLE, DIM)
        linear(f"blocks.{i}.adaptmlp.up_proj", DIM, MIDDLE)
    norm("norm")
    w["head.0.running_mean"], w["head.0.running_var"] = draw(DIM), draw(DIM).abs() + 0.5
    w["head.0.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    linear("head.1", CLASSES, DIM)
    return {name: value if value.dtype == torch.int64 else value.double() for name, value in w.items()}


def forward(w, x, train):
    def norm(name, value):
        return F.layer_norm(value, (DIM,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)

    def linear(name, value):
        return F.linear(value, w[f"{name}.weight"], w[f"{name}.bias"])

    tokens = F.conv2d(x, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=PATCH).flatten(2).transpose(1, 2)
    h = torch.cat([w["cls_token"].expand(len(x), 1, DIM), tokens], 1) + w["pos_embed"]
    for i in range(DEPTH):
        b = f"blocks.{i}"
        n = norm(f"{b}.norm1", h)
        q, k, v = (linear(f"{b}.attn.{part}", n).reshape(len(x), -1, HEADS, DIM // HEADS).transpose(1, 2) for part in ("q_proj", "k_proj", "v_proj"))
        a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(DIM // HEADS), -1) @ v
        h = h + linear(f"{b}.attn.proj", a.transpose(1, 2).reshape(h.shape))
        delta = 0.1 * linear(f"{b}.adaptmlp.up_proj", torch.relu(linear(f"{b}.adaptmlp.down_proj", h)))
        h = h + linear(f"{b}.fc2", F.gelu(linear(f"{b}.fc1", norm(f"{b}.norm2", h)))) + delta
    features = norm("norm", h)[:, 0]
    features = F.batch_norm(features, w["head.0.running_mean"], w["head.0.running_var"], training=train, momentum=0.1, eps=1e-6)
    if train:
        w["head.0.num_batches_tracked"] += 1
    return linear("head.1", features)


def rate(epoch):
    return LR * epoch / WARMUP if epoch < WARMUP else LR * 0.5 * (1 + math.cos(math.pi * (epoch - WARMUP) / (EPOCHS - WARMUP)))


def main(folder):
    generator = torch.Generator().manual_seed(8)
    x, target = torch.randn(BATCH * BATCHES, 3, SIDE, SIDE, generator=generator), torch.randint(0, CLASSES, (BATCH * BATCHES,), generator=generator)
    order = torch.stack([torch.randperm(len(x), generator=generator) for _ in range(EPOCHS)])
    for rest in ("drop", "step"):
        w = weights()
        start = {name: value.clone() for name, value in w.items()}
        trained = [name for name in w if ".adaptmlp." in name or name.startswith("head.1.")]
        for name in trained:
            w[name].requires_grad_()
        momentum = {name: None for name in trained}
        out, steps = {"lr": [], "loss": [], "eval_loss": [], "eval_acc1": []}, 0
        for epoch in range(EPOCHS):
            for i in range(BATCHES):
                left = i >= BATCHES // ACCUMULATE * ACCUMULATE
                if i % ACCUMULATE == 0:
                    for name in trained:
                        w[name].grad = None
                    lr = rate(epoch + i / BATCHES) if rest == "drop" else rate(steps / math.ceil(BATCHES / ACCUMULATE))
                rows = order[epoch, i * BATCH:(i + 1) * BATCH]
                loss = F.cross_entropy(forward(w, x[rows].double(), True), target[rows])
                out["lr"].append(lr)
                out["loss"].append(loss.item())
                (loss / (BATCHES % ACCUMULATE if left and rest == "step" else ACCUMULATE)).backward()
                if (i + 1) % ACCUMULATE == 0 or (left and i + 1 == BATCHES and rest == "step"):
                    steps += 1
                    with torch.no_grad():
                        for name in trained:
                            momentum[name] = w[name].grad.clone() if momentum[name] is None else 0.9 * momentum[name] + w[name].grad
                            w[name] -= lr * momentum[name]
            with torch.no_grad():
                logits = forward(w, x.double(), False)
                out["eval_loss"].append(F.cross_entropy(logits, target).item())
                out["eval_acc1"].append(100 * (logits.argmax(1) == target).double().mean().item())
        final = {f"final/{name}": w[name].detach() for name in [*trained, "head.0.running_mean", "head.0.running_var"]}
        config = {
            "case": f"train_loop_rest_{rest}",
            "model": dict(img_size=SIDE, patch_size=PATCH, embed_dim=DIM, depth=DEPTH, num_heads=HEADS, mlp_ratio=2.0, num_classes=CLASSES, qkv_bias=True, norm_eps=1e-6, global_pool=False),
            "tuning_config": dict(ffn_adapt=True, ffn_option="parallel", ffn_adapter_layernorm_option="none", ffn_adapter_scalar="0.1", ffn_num=MIDDLE, vpt_on=False, vpt_num=1),
            "trainable": trained, "head": "Sequential(BatchNorm1d(affine=False, eps=1e-6, momentum=0.1), Linear)",
            "train": dict(epochs=EPOCHS, batch_size=BATCH, accum_iter=ACCUMULATE, rest=rest, lr=LR, min_lr=0.0, warmup_epochs=WARMUP, momentum=0.9, weight_decay=0.0, batches_per_epoch=BATCHES),
            "rtol": 0.0005, "source": "this script, PyTorch " + torch.__version__ + ", float64",
        }
        tensors = {**{f"param/{name}": value for name, value in start.items()}, "input/x": x, "input/target": target, "input/order": order, "out/logits_final": logits, **final}
        write(os.path.join(folder, f"train_loop_rest_{rest}.safetensors"), config, tensors, {f"out/{name}": values for name, values in out.items()})


def write(path, config, tensors, lists):
    header, body = {"__metadata__": {"config": json.dumps(config)}}, b""

    def add(name, kind, shape, data):
        nonlocal body
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data

    for name, value in tensors.items():
        flat = value.reshape(-1).tolist()
        whole = value.dtype == torch.int64
        add(name, "I64" if whole else "F32", list(value.shape), struct.pack(f"<{len(flat)}{'q' if whole else 'f'}", *flat))
    for name, values in lists.items():
        add(name, "F64", [len(values)], struct.pack(f"<{len(values)}d", *values))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


if __name__ == "__main__":
    main(sys.argv[1])
