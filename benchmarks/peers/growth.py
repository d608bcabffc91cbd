"""How time and memory grow with batch, pixels, depth, width and classes: `adaptformer bench` for each, as JSON, a table and a figure.

    python3 growth.py [--families batch depth] [--program FILE] [--seconds 4] [--output growth.json] [--figure growth.svg]
"""
import argparse
import json
import os
import sys

import plot
from processes import Failed, build_program, environment, machine, run

BASE = "vit_base_patch16_224"


def depth(blocks):
    """A ViT-Small of so many blocks."""
    sizes = {"architecture": "vit", "embed_dim": 384, "num_heads": 6, "depth": blocks}
    return ["--model", "vit_small_of_any_depth", "--set", f"model.config={json.dumps(sizes)}"]


FAMILIES = {  # name: what stands on the axis, and the options of bench for each value; batch 8 unless it is the batch
    "batch": ("batch", {b: ["--model", BASE, "--batch", str(b)] for b in (1, 2, 4, 8, 16, 32, 64)}),
    "pixels": ("side of the pictures, pixels", {s: ["--model", BASE, "--batch", "8", "--image-size", str(s)] for s in (224, 288, 336, 384, 448)}),
    "depth": ("blocks of ViT-Small", {d: [*depth(d), "--batch", "8"] for d in (3, 6, 12, 24)}),
    "model": ("model, million parameters", {m: ["--model", f"vit_{name}_patch16_224", "--batch", "8"] for m, name in
                                            ((5.7, "tiny"), (22, "small"), (86, "base"), (304, "large"))}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--program", help="adaptformer or adaptformer.dll; built in Release if not given")
    parser.add_argument("--precision", choices=("auto", "bfloat16", "float32"), default="auto")
    parser.add_argument("--seconds", type=float, default=3, help="for each of training and predicting")
    parser.add_argument("--output", default="growth.json")
    parser.add_argument("--figure", default="growth.svg")
    a = parser.parse_args()
    program = os.path.abspath(a.program) if a.program else build_program()
    start = ["dotnet", program] if program.endswith(".dll") else [program]
    report = {"machine": machine(), "measurements": []}
    print("| | train, images/s | predict, images/s | peak MB | GFLOP an image, training | share of limit, training | predicting |")
    print("|---|---|---|---|---|---|---|")
    for family in a.families:
        label, values = FAMILIES[family]
        for value, options in values.items():
            try:
                r = run([*start, "bench", *options, "--precision", a.precision, "--seconds", str(a.seconds), "--json"], environment(), 280)
            except Failed as reason:
                print(f"{family} {value}: {reason}", file=sys.stderr)
                continue
            report["measurements"].append({"family": family, "value": value, "label": label} | r)
            print(f"| {label}: {value} | {r['train_images_per_s']:.2f} | {r['predict_images_per_s']:.2f} | {r['peak_rss_bytes'] / 1e6:.0f} "
                  f"| {r['train_gflop_per_image']:.3g} | {r['share_of_matmul_limit']:.2f} | {r['predict_share_of_matmul_limit']:.2f} |", flush=True)
    with open(a.output, "w") as file:
        json.dump(report, file, indent=1)
    plot.draw(report["measurements"], a.figure)


if __name__ == "__main__":
    main()
