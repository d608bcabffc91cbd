"""Draws the scaling suite's JSON as SVG: milliseconds per picture and peak memory, ours and PyTorch's, on logarithmic axes."""
import argparse
import json
import math
import statistics
from collections import defaultdict

COLOURS = {"ours": "#0b6e4f", "autocast": "#c8553d"}
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 260, 56, 40, 34
MODEL_SIZE = {"tiny": 5.7, "small": 22, "base": 86, "large": 304}      # million parameters
PANELS = {"batch": ("batch", float), "size": ("image size, pixels", float), "model": ("model, million parameters", lambda s: MODEL_SIZE[s])}
MEASURES = {"training, ms per picture": lambda r: 1000 / r["train_images_per_s"], "peak memory, MB": lambda r: r["peak_rss_bytes"] / 1e6}


def series(measurements, family, measure):
    """{who: [(x, median y)]} of the cases of one family that gave figures."""
    _, number = PANELS[family]
    points = defaultdict(lambda: defaultdict(list))
    for record in measurements:
        name, _, value = record["case"].partition("-")
        if name == family and "train_images_per_s" in record:
            points[record["who"]][number(value)].append(measure(record))
    return {who: sorted((x, statistics.median(ys)) for x, ys in xs.items()) for who, xs in points.items()}


def panel(title, label, lines, x0, y0):
    """One set of axes with its lines, its corner at (x0, y0)."""
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    if not xs:
        return []

    def scale(values, length):
        low, high = math.log(min(values) * 0.9), math.log(max(values) * 1.1)
        return lambda v: (math.log(v) - low) / (high - low) * length

    across, up = scale(xs, WIDTH - LEFT - 12), scale(ys, HEIGHT - BOTTOM - TOP)

    def at(x, y):
        return x0 + LEFT + across(x), y0 + HEIGHT - BOTTOM - up(y)

    left, bottom = x0 + LEFT, y0 + HEIGHT - BOTTOM
    out = [f'<text x="{left}" y="{y0 + 18}" font-weight="bold">{title}</text>',
           f'<path d="M{left} {y0 + TOP}V{bottom}H{x0 + WIDTH - 12}" fill="none" stroke="#888"/>',
           f'<text x="{x0 + WIDTH - 12}" y="{bottom + 32}" text-anchor="end">{label}</text>']
    out += [f'<text x="{at(x, ys[0])[0]:.1f}" y="{bottom + 15}" text-anchor="middle">{x:g}</text>' for x in sorted(set(xs))]
    out += [f'<text x="{left - 6}" y="{at(xs[0], y)[1] + 4:.1f}" text-anchor="end">{y:.0f}</text>' for y in (min(ys), max(ys))]
    for i, (who, line) in enumerate(sorted(lines.items())):
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(x, y) for x, y in line))
        colour = COLOURS.get(who, "#555")
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{left + 8}" y="{y0 + TOP + 12 + 14 * i}" fill="{colour}">{"PyTorch, bf16 autocast" if who == "autocast" else who}</text>')
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", help="JSON written by run.sh --suite scaling")
    parser.add_argument("svg")
    a = parser.parse_args()
    with open(a.report) as file:
        measurements = json.load(file)["measurements"]
    body = []
    for column, (family, (label, _)) in enumerate(PANELS.items()):
        for line, (title, measure) in enumerate(MEASURES.items()):
            body += panel(title, label, series(measurements, family, measure), column * WIDTH, line * HEIGHT)
    if not body:
        raise SystemExit(f"{a.report} holds no figure of the scaling suite; write it with: run.sh --suite scaling --output {a.report}")
    size = f'width="{WIDTH * len(PANELS)}" height="{HEIGHT * len(MEASURES)}"'
    with open(a.svg, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">\n')
        file.write('<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")


if __name__ == "__main__":
    main()
