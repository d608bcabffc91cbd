"""PyTorch on a card, eager and compiled, beside the card's own ceilings in the same minute: prints one JSON line for each measurement."""
import argparse
import json
import time

import torch
import torch.nn.functional as F

import adaptformer_torch


def wait(device):
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def best(step, device, seconds):
    """Fewest seconds of a call, after two to warm up."""
    step()
    step()
    wait(device)
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        wait(device)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2], min(times)


def ceilings(device, seconds):
    n = 8192 if device.startswith("cuda") else 512
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    gemm = best(lambda: a @ b, device, seconds)[1]
    x = torch.empty(1 << (30 if device.startswith("cuda") else 24), device=device, dtype=torch.uint8)
    y = torch.empty_like(x)
    copy = best(lambda: y.copy_(x), device, seconds)[1]
    return {"what": "ceilings", "gemm_tflops": 2e-12 * n ** 3 / gemm, "copy_gb_per_s": 2e-9 * x.numel() / copy}


def measure(a, model_name, method, batch, compiled):
    torch.manual_seed(0)
    model = adaptformer_torch.build(model_name, method, a.image_size).to(a.device)
    x = torch.randn(batch, 3, a.image_size, a.image_size, device=a.device)
    target = torch.randint(100, (batch,), device=a.device)
    autocast = torch.autocast(a.device.split(":")[0], torch.bfloat16)
    run = torch.compile(model) if compiled else model
    answer = {"what": "compile" if compiled else "eager", "model": model_name, "method": method, "batch": batch, "torch": torch.__version__}
    if a.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()

    def predict():
        with torch.inference_mode(), autocast:
            run(x)

    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)

    def train():
        with autocast:
            loss = F.cross_entropy(run(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    answer["predict_images_per_s"] = batch / best(predict, a.device, a.seconds)[0]
    model.train()
    if batch == 1:
        model.head.eval()
    answer["train_images_per_s"] = batch / best(train, a.device, a.seconds)[0]
    if a.device.startswith("cuda"):
        answer["device_bytes"] = torch.cuda.max_memory_allocated()
    return answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--models", nargs="+", default=["vit_base_patch16_224", "vit_large_patch16_224", "vit_tiny_patch16_224"])
    parser.add_argument("--methods", nargs="+", default=["adaptformer", "full"])
    parser.add_argument("--batches", nargs="+", type=int, default=[128, 256, 16, 1])
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds after which nothing more is begun")
    arguments = parser.parse_args()
    started = time.perf_counter()
    print(json.dumps(ceilings(arguments.device, arguments.seconds)), flush=True)
    if not hasattr(torch, "compile"):
        print(json.dumps({"left_out": f"torch {torch.__version__} has no torch.compile"}), flush=True)
    for model in arguments.models:
        for method in arguments.methods:
            for batch in arguments.batches:
                for compiled in (True, False):
                    if compiled and not hasattr(torch, "compile"):
                        continue
                    what = {"what": "compile" if compiled else "eager", "model": model, "method": method, "batch": batch}
                    if time.perf_counter() - started > arguments.budget:
                        print(json.dumps(what | {"left_out": "no time"}), flush=True)
                        continue
                    try:
                        print(json.dumps(measure(arguments, model, method, batch, compiled)), flush=True)
                    except RuntimeError as error:
                        print(json.dumps(what | {"failed": str(error).splitlines()[0]}), flush=True)
