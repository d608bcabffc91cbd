"""One measurement of PyTorch in a process of its own: prints one JSON line. `--probe` times a matrix product instead."""
import argparse
import json
import os
import statistics
import time

import torch
import torch.nn.functional as F

import adaptformer_torch


def median_time(step, seconds, min_steps):
    """Median seconds of a step: one or two steps to warm up, then at least `min_steps` and until `seconds` are spent."""
    begin = time.perf_counter()
    step()
    if time.perf_counter() - begin < seconds / 4:
        step()
    times = []
    begin = time.perf_counter()
    while len(times) < min_steps or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times), len(times)


def probe(seconds):
    """GFLOP/s of the first MLP product of ViT-B/16 on a batch of 16, f32."""
    x, w = torch.randn(3152, 768), torch.randn(3072, 768)
    times, begin = [], time.perf_counter()
    while len(times) < 4 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        F.linear(x, w)
        times.append(time.perf_counter() - start)
    return {"gflops": 2e-9 * 3152 * 768 * 3072 / min(times)}    # the fastest: another process can only slow a product down


def high_water_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def measure(a):
    torch.manual_seed(0)
    layers = range(a.layers[0], a.layers[1] + 1) if a.layers else None
    model = adaptformer_torch.build(a.model, a.method, a.image_size, a.classes, layers)
    if a.precision == "bfloat16-weights":                       # frozen matrices held in bf16, so that autocast has nothing to cast
        for module in model.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)) and not module.weight.requires_grad:
                module.to(torch.bfloat16)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=a.precision != "float32")
    x, target = torch.randn(a.batch, 3, a.image_size, a.image_size), torch.randint(a.classes, (a.batch,))
    result = {"torch": torch.__version__, "threads": torch.get_num_threads()}

    if "predict" in a.modes:
        def predict():
            with torch.inference_mode(), autocast:
                model(x)

        model.eval()
        step, steps = median_time(predict, a.seconds, a.min_steps)
        result |= {"predict_images_per_s": a.batch / step, "predict_steps": steps}

    if "train" in a.modes:
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)

        def train():
            with autocast:
                loss = F.cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        # The head's BatchNorm needs two pictures to have a variance; with one, its stored statistics serve.
        model.train()
        if a.batch == 1:
            model.head.eval()
        step, steps = median_time(train, a.seconds, a.min_steps)
        result |= {"train_images_per_s": a.batch / step, "train_steps": steps}

    return result | {"peak_rss_bytes": high_water_bytes()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--model", choices=adaptformer_torch.SIZES, default="vit_base_patch16_224")
    parser.add_argument("--method", choices=adaptformer_torch.METHODS, default="adaptformer")
    parser.add_argument("--modes", nargs="+", choices=("train", "predict"), default=["train", "predict"])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--precision", choices=("float32", "bfloat16", "bfloat16-weights"), default="bfloat16")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--layers", type=lambda s: [int(v) for v in s.split("-")], help="1-based first-last, for example 7-12")
    parser.add_argument("--seconds", type=float, default=8, help="per mode, after warm-up")
    parser.add_argument("--min-steps", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))
    print(json.dumps(probe(arguments.seconds) if arguments.probe else measure(arguments)))
