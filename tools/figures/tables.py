#!/usr/bin/env python3
"""Prints the tables of docs/reproduction.md from the sweep.json or comparison.json of a finished experiment, as Markdown.

    python3 tools/figures/tables.py runs/bottleneck/sweep.json            a row a setting: the paper's figure, test, set aside, interval, parameters
    python3 tools/figures/tables.py runs/tokens/sweep.json --epochs       accuracy on the pictures set aside, epoch by epoch

Figures are means over the seeds with their sample deviation. The interval is the 95 % bootstrap interval, in points, of the difference from the
row that the experiment chose, which is marked with a star. Only Python's own library is needed.
"""
import json
import statistics
import sys


def mean(values):
    """`82.0 ± 2.6`, or the figure alone where there is one seed."""
    return f"{statistics.fmean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")


def score(found):
    return mean(found["values"]) if found else ""


def interval(found):
    if not found:
        return "*"
    ends = "" if found["low"] is None else f" [{found['low']:+.1f}, {found['high']:+.1f}]"
    return f"{found['points']:+.1f}{ends}"


def line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def settings(rows):
    yield line(["setting", "paper", "here, test", "here, set aside", "to the best, test", "trainable parameters"])
    yield "|---" * 6 + "|"
    for row in rows:
        yield line([row["name"], f"{row['paper']:.2f}" if row["paper"] else "", score(row["test"]), score(row["validation"]), interval(row["to_best"]), f"{row['trainable_parameters']:,}"])


def epochs(rows):
    count = max(len(trial["epochs"]) for row in rows for trial in row["trials"])
    yield line(["", "epoch 1", *range(2, count + 1)])
    yield "|---" * (count + 1) + "|"
    for row in rows:
        yield line([row["name"], *(mean([trial["epochs"][e]["validation_top1"] for trial in row["trials"]]) for e in range(count))])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)["rows"]
    print("\n".join((epochs if "--epochs" in sys.argv[2:] else settings)(rows)))


main()
