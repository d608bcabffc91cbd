#!/usr/bin/env python3
"""Draws the paper's Figures 1, 4, 5, 6 and 7 from the tables of docs/reproduction.md: the paper's printed points beside ours.

    python3 tools/figures/figures.py            writes docs/images/figure-N.svg
    python3 tools/figures/figures.py --check    says which are not what the tables say, and ends with 1 if any is not

The tables are filled in from sweep.json and comparison.json, so the pictures cannot say anything that the document does not. The paper
prints no numbers with its figures: its points are those that its tables give, and what they do not give is left out, not read off a plot.
Only Python's own library is needed.
"""
import math
import pathlib
import re
import sys
from xml.sax.saxutils import escape

KINDS = ["AdaptFormer", "VPT", "linear", "full tuning"]         # the same colour in every picture
ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "reproduction.md"
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1c2430; } .soft { fill: #586371; } .title { font-weight: 600; font-size: 13px; }
.paper { fill: #ffffff; } .axis { stroke: #586371; fill: none; } .line { stroke: #dfe3e8; fill: none; }
.c0 { fill: #2563b8; stroke: #2563b8; } .c1 { fill: #c2590c; stroke: #c2590c; } .c2 { fill: #1f8a50; stroke: #1f8a50; } .c3 { fill: #b8437a; stroke: #b8437a; }
.c4 { fill: #7a57c2; stroke: #7a57c2; } .c5 { fill: #0f7f8c; stroke: #0f7f8c; } .c6 { fill: #8f7012; stroke: #8f7012; } .c7 { fill: #5b6573; stroke: #5b6573; } text[class] { stroke: none; } polyline { fill: none !important; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e8ed; } .soft { fill: #a3adb8; } .paper { fill: #14181d; } .axis { stroke: #a3adb8; } .line { stroke: #2d343c; }
.c0 { fill: #7fb2f5; stroke: #7fb2f5; } .c1 { fill: #f2a154; stroke: #f2a154; } .c2 { fill: #5cc98d; stroke: #5cc98d; } .c3 { fill: #f08ab8; stroke: #f08ab8; }
.c4 { fill: #b79cf2; stroke: #b79cf2; } .c5 { fill: #4fc4d0; stroke: #4fc4d0; } .c6 { fill: #d9bd55; stroke: #d9bd55; } .c7 { fill: #b3bcc7; stroke: #b3bcc7; } }
"""


def tables(heading):
    """The tables below a heading of the document, as lists of rows; the first row is the head."""
    text = DOCUMENT.read_text(encoding="utf-8")
    start = next((m.end() for m in re.finditer(r"^#+ (.*)$", text, re.M) if m.group(1).startswith(heading)), None)
    if start is None:
        raise SystemExit(f"{DOCUMENT} has no heading that begins with {heading!r}")
    part = re.split(r"^#+ ", text[start:], flags=re.M)[0]
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", part, re.M):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        found.append([rows[0]] + rows[2:])
    return found


def number(cell):
    """A figure and its deviation: `71.9 ± 0.6 (71.85, …)` is (71.9, 0.6); (None, None) for an empty cell."""
    match = re.match(r"\**([\d,]+(?:\.\d+)?)\**(?: ± ([\d.]+))?", cell)
    return (None, None) if match is None else (float(match.group(1).replace(",", "")), float(match.group(2)) if match.group(2) else None)


class Panel:
    """A chart: series of (name, [(x, y, deviation)]), linear or logarithmic in x, or with names along x."""

    WIDTH, HEIGHT = 430, 250

    def __init__(self, title, xlabel, ylabel, series, log=False, names=None, joined=True):
        self.title, self.xlabel, self.ylabel, self.series = title, xlabel, ylabel, [(n, p) for n, p in series if p]
        self.log, self.names, self.joined = log, names, joined

    def svg(self, left, top, numbering):
        w, h, out = self.WIDTH, self.HEIGHT, []
        points = [p for _, line in self.series for p in line]
        ys = [y + s * (d or 0) for _, y, d in points for s in (-1, 1)]
        step = next(s for s in (0.5, 1, 2, 5, 10, 20) if (max(ys) - min(ys)) / s <= 6)
        low, high = max(math.floor(min(ys) / step - 0.2) * step, 0), min(math.ceil(max(ys) / step + 0.2) * step, 100)      # percentages
        y = lambda v: top + h - h * (v - low) / (high - low)
        scale = math.log10 if self.log else float
        if self.names:
            x = lambda v: left + w * (v + 0.5) / len(self.names)
            marks = [(i, n) for i, n in enumerate(self.names)]
        else:
            xs = [scale(p[0]) for p in points]
            spare = (max(xs) - min(xs)) * 0.06 or 1
            x = lambda v: left + w * (scale(v) - min(xs) + spare) / (max(xs) - min(xs) + 2 * spare)
            marks = [(v, short(v)) for v in ([10.0 ** e for e in range(-3, 9)] if self.log else sorted({p[0] for p in points}))]
            marks = [m for m in marks if left <= x(m[0]) <= left + w]
        out.append(f'<text x="{left}" y="{top - 14}" class="title">{escape(self.title)}</text>')
        for i in range(int(round((high - low) / step)) + 1):
            v = low + i * step
            out.append(f'<path class="line" d="M{left} {y(v):.1f}H{left + w}"/><text x="{left - 7}" y="{y(v) + 4:.1f}" text-anchor="end" class="soft">{short(v)}</text>')
        for v, text in marks:
            out.append(f'<text x="{x(v):.1f}" y="{top + h + 18}" text-anchor="middle" class="soft">{escape(text)}</text>')
        out.append(f'<path class="axis" d="M{left} {top}V{top + h}H{left + w}"/>')
        out.append(f'<text x="{left + w / 2}" y="{top + h + 38}" text-anchor="middle" class="soft">{escape(self.xlabel)}</text>')
        out.append(f'<text transform="translate({left - 44} {top + h / 2}) rotate(-90)" text-anchor="middle" class="soft">{escape(self.ylabel)}</text>')
        for name, line in self.series:
            k = numbering.setdefault(name, len(numbering)) % 8       # as many colours as STYLE has
            if self.joined and len(line) > 1:
                out.append(f'<polyline class="c{k}" points="{" ".join(f"{x(a):.1f},{y(b):.1f}" for a, b, _ in line)}"/>')
            for a, b, d in line:
                if d:
                    out.append(f'<path class="c{k}" stroke-width="1.5" d="M{x(a):.1f} {y(b - d):.1f}V{y(b + d):.1f}M{x(a) - 4:.1f} {y(b - d):.1f}h8M{x(a) - 4:.1f} {y(b + d):.1f}h8"/>')
                out.append(sign(k, x(a), y(b)))
        return out

    def words(self):
        at = lambda v: self.names[int(v)] if self.names else short(v)
        lines = [f"{name}: " + ", ".join(f"{at(a)} → {short(b)}" + (f" ± {short(d)}" if d else "") for a, b, d in line) for name, line in self.series]
        return f"{self.title}. " + "; ".join(lines) + "."


def sign(k, x, y):
    """A mark whose shape differs with the series, for readers who tell few colours apart."""
    shape = [f"M{x - 5:.1f} {y:.1f}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", f"M{x - 4.5:.1f} {y - 4.5:.1f}h9v9h-9z", f"M{x:.1f} {y - 6:.1f}l6 10h-12z", f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z"][k % 4]
    return f'<path class="c{k}" d="{shape}"/>'


def short(v):
    return f"{v:,.0f}" if v >= 1000 else f"{v:g}"


def picture(title, panels, note):
    """One SVG: its panels side by side, one legend, and everything in words for those who do not see it."""
    named = {name for panel in panels for name, _ in panel.series}
    numbering, parts = {name: k for k, name in enumerate(KINDS) if name in named}, []
    for i, panel in enumerate(panels):
        parts += panel.svg(74 + i * (Panel.WIDTH + 90), 70, numbering)
    width, at, row, legend = 74 + len(panels) * (Panel.WIDTH + 90) - 60, 30, 0, []
    for name, k in numbering.items():
        if at + 40 + 7 * len(name) > width:
            at, row = 30, row + 1
        legend.append(sign(k % 8, at + 6, 386 + 20 * row) + f'<text x="{at + 18}" y="{390 + 20 * row}">{escape(name)}</text>')
        at += 46 + int(6.6 * len(name))
    height = 416 + 20 * row + (22 if note else 0)
    words = " ".join(panel.words() for panel in panels)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(title)}</title>', f'<desc id="d">{escape(words + (" " + note if note else ""))}</desc>', f"<style>{STYLE}</style>",
        '<rect width="100%" height="100%" class="paper"/>', f'<text x="30" y="26" class="title">{escape(title)}</text>', *parts, *legend,
        *([f'<text x="30" y="{height - 12}" class="soft">{escape(note)}</text>'] if note else []), "</svg>", ""])


def column(table, name):
    for i, head in enumerate(table[0]):
        if head.startswith(name):
            return i
    raise SystemExit(f"no column {name!r} among {table[0]}")


def figure1():
    """Accuracy against trainable parameters, all ways to tune."""
    paper, here = tables("Table 1:")[0], tables("CIFAR-100 subset, DeiT-Tiny")[0]
    counts, ssv2 = column(paper, "here, params"), column(paper, "SSv2")
    left = [(kind(row[0]), [(1e6 * number(row[counts])[0], number(row[ssv2])[0], None)]) for row in paper[1:]]
    params, score = column(here, "trainable"), column(here, "here, top-1")
    right = [(kind(row[0]), [(number(row[params])[0], *number(row[score]))]) for row in here[1:]]
    return picture("Accuracy against trainable parameters (the paper's Figure 1)", [
        Panel("the paper: SSv2, VideoMAE's ViT-B/16 (Table 1)", "trainable parameters", "top-1, percent", merge(left), log=True, joined=False),
        Panel("here: CIFAR-100 subset, DeiT-Tiny, three seeds", "trainable parameters", "top-1, percent", merge(right), log=True, joined=False)], "")


def kind(text):
    return next(name for start, name in [("full", "full tuning"), ("lin", "linear"), ("VPT", "VPT"), ("Adapt", "AdaptFormer")] if text.startswith(start))


def merge(series):
    made = {}
    for name, points in series:
        made.setdefault(name, []).extend(points)
    return list(made.items())


def figure4():
    """Accuracy against what the method itself trains, the head left out: prompts of VPT, bottleneck of AdaptFormer."""
    widths, frames = tables("Table 10:")[0], tables("Table 1:")[0]
    ours = tables("Prompts against bottleneck")[0]
    tunable = lambda bottleneck, c: 12 * (2 * c * bottleneck + bottleneck + c)      # 12 blocks: down and up with their biases
    adapter = [(tunable(int(row[0]), 768), number(row[column(widths, "SSv2")])[0], None) for row in widths[1:] if int(row[0]) <= 32]
    prompt = [(12 * 768, number(row[column(frames, "SSv2")])[0], None) for row in frames[1:] if row[0] == "VPT"]
    last = lambda row: number(row[-1])
    adapters = [(tunable(int(row[0].split()[-1]), 192), *last(row)) for row in ours[1:] if row[0].startswith("AdaptFormer")]
    prompts = [(12 * 192 * int(row[0].split()[-1]), *last(row)) for row in ours[1:] if row[0].startswith("VPT")]
    return picture("Accuracy against tunable parameters without the head (the paper's Figure 4)", [
        Panel("the paper: SSv2, points of Tables 1 and 10", "tunable parameters", "top-1, percent", [("AdaptFormer", adapter), ("VPT", prompt)], log=True),
        Panel("here: EuroSAT set aside, DeiT-Tiny, last epoch", "tunable parameters", "top-1, percent", [("AdaptFormer", adapters), ("VPT", prompts)], log=True)],
        "Of VPT the paper prints one prompt alone; in words: it falls steeply beyond some number of prompts, AdaptFormer does not.")


def figure5():
    """Accuracy epoch by epoch."""
    ours = tables("Prompts against bottleneck")[0]
    lines = lambda start, unit: [(f"{unit} {row[0].split()[-1]}", [(e, number(cell)[0], None) for e, cell in enumerate(row[1:], 1)]) for row in ours[1:] if row[0].startswith(start)]
    return picture("Accuracy by epoch (the paper's Figure 5)", [
        Panel("here: VPT, EuroSAT set aside, means of three seeds", "epoch", "top-1, percent", lines("VPT", "prompts")),
        Panel("here: AdaptFormer, the same", "epoch", "top-1, percent", lines("AdaptFormer", "bottleneck"))],
        "The paper prints no numbers of this figure; in words: VPT is steady up to 4 prompts and collapses at about the tenth epoch with 8 or more.")


def figure6():
    """Which blocks get an adapter."""
    ours = tables("Which blocks")[0]
    names = [row[0] for row in ours[1:]]
    points = lambda c: [(i, *number(row[c])) for i, row in enumerate(ours[1:])]
    return picture("Which blocks get an adapter (the paper's Figure 6)", [
        Panel("the paper: SSv2 (Table 3b)", "", "top-1, percent", [("the paper", points(column(ours, "paper")))], names=names),
        Panel("here: EuroSAT, DeiT-Tiny", "", "top-1, percent", [("test", points(column(ours, "here, test"))), ("set aside", points(column(ours, "here, set aside")))], names=names)], "")


def figure7():
    """Frames of a clip."""
    paper, ours = tables("Table 1:")[0], tables("ARID clips")[0]
    ssv2 = column(paper, "SSv2")
    left = [(kind(row[0]), [(8, number(row[ssv2])[0], None)]) for row in paper[1:] if row[0] in ("linear", "VPT", "AdaptFormer-64")]
    frames = [(i, int(head.split()[0])) for i, head in enumerate(ours[0]) if head.endswith(" frames") and head[0].isdigit()]
    right = [(kind(row[0]), [(n, *number(row[i])) for i, n in frames if number(row[i])[0] is not None]) for row in ours[1:]]
    return picture("Frames of a clip (the paper's Figure 7)", [
        Panel("the paper: SSv2, the printed points at 8 frames", "frames", "top-1, percent", left),
        Panel("here: ARID, inflated DeiT-Tiny", "frames", "top-1, percent", right)],
        "Of 2 and 4 frames the paper prints no numbers; in words: every method gains with each.")


def main():
    made = {f"figure-{n}.svg": draw() for n, draw in [(1, figure1), (4, figure4), (5, figure5), (6, figure6), (7, figure7)]}
    differing = []
    for name, svg in made.items():
        path = ROOT / "docs" / "images" / name
        if "--check" not in sys.argv[1:]:
            path.write_text(svg, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != svg:
            differing.append(name)
    if differing:
        raise SystemExit(f"not what the tables say: {', '.join(differing)}; run python3 tools/figures/figures.py")


if __name__ == "__main__":
    main()
