"""Fine-tunes DeiT-Tiny in PyTorch on small real sets, the peer of `adaptformer train` in docs/reproduction.md.

cifar100: train.bin and test.bin (binary records), the authors' image recipe: single-draw random resized crop, flip, SGD, base rate 0.1 per
256 pictures, warm-up and half a cosine per step. eurosat: class folders, resize, flip, rate 0.05, half a cosine. bf16 autocast, one JSON line an epoch.
"""
import argparse
import json
import math
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T
from torchvision.datasets import ImageFolder

import adaptformer_torch

BICUBIC = T.InterpolationMode.BICUBIC
NORMALIZE = [T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
RECIPES = {  # batch, warm-up epochs, rate per method
    "cifar100": {"batch": 64, "warmup": 2, "rate": lambda method: (0.02 if method == "full" else 0.1) * 64 / 256},
    "eurosat": {"batch": 32, "warmup": 0, "rate": lambda method: 0.05},
}


class SingleDrawCrop:
    """Random resized crop with one draw of area and aspect, clipped to the picture instead of drawn again."""

    def __call__(self, image):
        width, height = image.size
        area = random.uniform(0.08, 1.0) * width * height
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w = min(max(round(math.sqrt(area * aspect)), 1), width)
        h = min(max(round(math.sqrt(area / aspect)), 1), height)
        x, y = random.randint(0, width - w), random.randint(0, height - h)
        return image.resize((224, 224), Image.BICUBIC, (x, y, x + w, y + h))


class CifarRecords(Dataset):
    """CIFAR-100 binary records: coarse label, fine label, 3 planes of 32x32."""

    def __init__(self, path, transform):
        self.records, self.transform = np.fromfile(path, np.uint8).reshape(-1, 3074), transform

    def __len__(self):
        return len(self.records)

    def __getitem__(self, i):
        pixels = self.records[i, 2:].reshape(3, 32, 32).transpose(1, 2, 0)
        return self.transform(Image.fromarray(np.ascontiguousarray(pixels))), int(self.records[i, 1])


def datasets(name, folder):
    """Training set, test set, number of classes."""
    if name == "cifar100":
        train = T.Compose([SingleDrawCrop(), T.RandomHorizontalFlip(), *NORMALIZE])
        test = T.Compose([T.Resize(256, BICUBIC), T.CenterCrop(224), *NORMALIZE])
        return CifarRecords(os.path.join(folder, "train.bin"), train), CifarRecords(os.path.join(folder, "test.bin"), test), 100
    train = T.Compose([T.Resize(224, BICUBIC), T.RandomHorizontalFlip(), *NORMALIZE])
    test = T.Compose([T.Resize(224, BICUBIC), *NORMALIZE])
    sets = ImageFolder(os.path.join(folder, "train"), train), ImageFolder(os.path.join(folder, "test"), test)
    return *sets, len(sets[0].classes)


def rate_at(epoch, peak, warmup, epochs):
    """Learning rate at a fractional epoch: a straight line from 0, then half a cosine to 0."""
    if epoch < warmup:
        return peak * epoch / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))


def top1(model, loader):
    model.eval()
    hits = 0
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for x, target in loader:
            hits += int((model(x).argmax(1) == target).sum())
    return 100 * hits / len(loader.dataset)


def seed_worker(_):
    random.seed(torch.initial_seed() % 2**32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=RECIPES)
    parser.add_argument("folder")
    parser.add_argument("weights", help="deit_tiny_patch16_224.safetensors")
    parser.add_argument("--method", choices=adaptformer_torch.METHODS, default="adaptformer")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--max-steps", type=int, default=0, help="steps per epoch at most, for a timing; 0 for all")
    parser.add_argument("--no-test", action="store_true")
    a = parser.parse_args()

    torch.manual_seed(a.seed)
    random.seed(a.seed)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    recipe = RECIPES[a.dataset]
    train, test, classes = datasets(a.dataset, a.folder)
    options = {"num_workers": a.workers, "worker_init_fn": seed_worker}
    batches = DataLoader(train, recipe["batch"], shuffle=True, drop_last=True, **options)
    model = adaptformer_torch.build("deit_tiny_patch16_224", a.method, classes=classes)
    adaptformer_torch.load_backbone(model, a.weights)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=0, momentum=0.9)
    steps = min(len(batches), a.max_steps or len(batches))

    for epoch in range(a.epochs):
        model.train()
        losses, begin = [], time.perf_counter()
        for step, (x, target) in zip(range(steps), batches):
            optimizer.param_groups[0]["lr"] = rate_at(epoch + step / steps, recipe["rate"](a.method), recipe["warmup"], a.epochs)
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        seconds = time.perf_counter() - begin
        line = {"epoch": epoch + 1, "loss": sum(losses) / len(losses), "seconds": round(seconds, 1), "images_per_s": steps * recipe["batch"] / seconds,
                "trainable_parameters": sum(p.numel() for p in trainable)}
        if not a.no_test:
            line["test_top1"] = top1(model, DataLoader(test, recipe["batch"], **options))
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
