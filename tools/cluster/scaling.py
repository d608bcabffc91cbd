#!/usr/bin/env python3
"""How long the exchange of a step takes on many processes, by the alpha-beta model, and what is left of a step.

  scaling.py                                  the table for adapters and full tuning of ViT-B/16
  scaling.py --alpha 30e-6 --beta 1.2e9       of a network of one's own: seconds a message, bytes a second
  scaling.py --check LOG...                   holds the model against runs: log.jsonl files of runs on 2 or more processes
"""
import argparse, json, math

NETWORKS = {"shared memory": (1e-6, 12e9), "10 GbE": (30e-6, 1.2e9), "HDR InfiniBand": (2e-6, 25e9)}
BYTES = {"adapters (1.26 M numbers)": 5.04e6, "full tuning (86 M numbers)": 344e6}


def exchange(order, ranks, size, alpha, beta, rounds=1):
    """Seconds of one step: 'ordered' sends parts to each other rank in every round and gathers the sum; 'fast' is halving and doubling. Both take a long
    vector piece by piece (OrderedSum, Collective.Sum), and every piece has the latency."""
    if ranks == 1:
        return 0.0
    share, numbers = (ranks - 1) / ranks, size / 4
    if order == "fast":
        return math.ceil(numbers / 2**20) * 2 * math.log2(ranks) * alpha + 2 * size * share / beta
    pieces = math.ceil(numbers / min(max(ranks * 2**15, 2**18), 2**22))
    return rounds * (pieces * (ranks - 1) * alpha + size * share / beta) + pieces * math.log2(ranks) * alpha + size * share / beta


def table(networks, step, sizes, worlds):
    print(f"| what | network | processes | ordered | share of a step of {step:g} s | fast | share |\n| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for what, size in sizes.items():
        for name, (alpha, beta) in networks.items():
            for world in worlds:
                o, f = (exchange(order, world, size, alpha, beta) for order in ("ordered", "fast"))
                print(f"| {what} | {name} | {world} | {1000 * o:.2f} ms | {100 * o / (step + o):.1f} % | {1000 * f:.2f} ms | {100 * f / (step + f):.1f} % |")


def check(paths):
    for path in paths:
        epochs = [e for e in map(json.loads, open(path)) if e.get("ranks")]
        for epoch in epochs:
            own = [r["loading"] + r["computing"] for r in epoch["ranks"]]
            total = [r["loading"] + r["computing"] + r["waiting"] for r in epoch["ranks"]]
            mean = sum(own) / len(own)
            # The slowest rank waits for nobody: what it spends in exchanges is the exchange itself.
            least = min(r["waiting"] for r in epoch["ranks"])
            print(f"{path} epoch {epoch['epoch']}: {len(own)} processes, slowest +{100 * (max(own) / mean - 1):.1f} %, "
                  f"exchange {1000 * least:.1f} ms of {1000 * max(total):.0f} ms ({100 * least / max(total):.2f} %)")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--alpha", type=float, help="seconds a message")
parser.add_argument("--beta", type=float, help="bytes a second")
parser.add_argument("--step", type=float, default=0.5, help="seconds that a process computes for a step")
parser.add_argument("--bytes", type=float, help="bytes of the gradient; ViT-B's if left out")
parser.add_argument("--ranks", type=int, nargs="*", default=[2, 8, 64, 256, 1024])
parser.add_argument("--check", nargs="*", metavar="LOG")
arguments = parser.parse_args()
if arguments.check:
    check(arguments.check)
else:
    networks = {"yours": (arguments.alpha, arguments.beta)} if arguments.alpha and arguments.beta else NETWORKS
    table(networks, arguments.step, {"yours": arguments.bytes} if arguments.bytes else BYTES, arguments.ranks)
