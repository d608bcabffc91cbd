#!/usr/bin/env python3
"""Runs a command on a pseudo-terminal and keeps what the terminal shows, as text and as an SVG picture.

    transcript.py --columns 60 --svg demo-60.svg --shown "adaptformer demo" -- dotnet adaptformer.dll demo
    transcript.py --columns 100 -- adaptformer doctor          # the screen as text, on stdout

With --while REGEX the screen as it was when a line last matched, for example a moving bar, comes first, and then what followed.
The exit status is the command's. Needs Python 3.9 and a system with pseudo-terminals; no packages.
"""

import argparse
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import unicodedata
from html import escape

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN = 8.4, 19, 14, 16
BACKGROUND, TEXT, DIM = "#1b1f24", "#d7dce2", "#8b949e"
NAMED = ["#5c6773", "#ff7b72", "#4bb76a", "#d9a441", "#6aa8f7", "#c297f5", "#45b8c4", "#d7dce2"]
BRIGHT = ["#8b949e", "#ffa198", "#6fdd8b", "#f0c674", "#8fc1ff", "#d8b9ff", "#6fd6e0", "#ffffff"]
NO_BREAK = "\u00a0"     # viewers keep it as it is; of several blanks in a row they would make one
PARTS = re.compile(r"\x1b\[([?>\d;]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b[=>78]|[\s\S]")

BEGUN = re.compile(r"\x1b(\[[?>\d;]*)?$")


class Screen:
    """The cells of a terminal of unlimited height: text, its colour, and where the cursor is."""

    def __init__(self, columns):
        self.columns, self.row, self.column, self.style = columns, 0, 0, (None, False)
        self.lines = [[]]

    def write(self, text):
        for part in PARTS.finditer(text):
            if part[2]:
                self.control(part[1], part[2])
            elif len(part[0]) == 1:
                self.put(part[0])

    def control(self, arguments, code):
        n = int(arguments) if arguments.isdigit() else 0
        line = self.line()
        if code == "A":
            self.row = max(0, self.row - max(1, n))
        elif code == "B":
            self.row += max(1, n)
        elif code == "C":
            self.column = min(self.columns - 1, self.column + max(1, n))
        elif code == "D":
            self.column = max(0, self.column - max(1, n))
        elif code == "G":
            self.column = max(0, n - 1)
        elif code == "K":
            self.erase(line, 0 if n else self.column, self.column + 1 if n == 1 else self.columns)
        elif code == "J":
            self.erase(line, self.column, self.columns)
            del self.lines[self.row + 1:]
        elif code == "m":
            self.choose([int(a or 0) for a in arguments.split(";")])

    def choose(self, codes):
        colour, bold = self.style
        while codes:
            code = codes.pop(0)
            if code == 0:
                colour, bold = None, False
            elif code == 1:
                bold = True
            elif code == 2:
                colour = DIM
            elif code == 22:
                bold = False
            elif 30 <= code <= 37:
                colour = NAMED[code - 30]
            elif 90 <= code <= 97:
                colour = BRIGHT[code - 90]
            elif code == 39:
                colour = None
            elif code in (38, 48):
                kind = codes.pop(0) if codes else 0
                values, codes = (codes[:1], codes[1:]) if kind == 5 else (codes[:3], codes[3:])
                if code == 38:
                    colour = palette(values[0]) if kind == 5 else "#%02x%02x%02x" % tuple(values)
        self.style = (colour, bold)

    def put(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.row += 1
        elif c == "\b":
            self.column = max(0, self.column - 1)
        elif c >= " ":
            cells = 2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
            if self.column + cells > self.columns:
                self.row, self.column = self.row + 1, 0
            line = self.line()
            line.extend([(" ", (None, False))] * (self.column + cells - len(line)))
            if cells == 0:
                return
            line[self.column] = (c, self.style)
            if cells == 2:
                line[self.column + 1] = ("", self.style)
            self.column += cells

    def line(self):
        while len(self.lines) <= self.row:
            self.lines.append([])
        return self.lines[self.row]

    @staticmethod
    def erase(line, start, end):
        line[start:end] = [(" ", (None, False))] * (min(end, len(line)) - start)

    def copy(self):
        """The lines as they are, without what is blank at the end of each and of all."""
        lines = [list(line) for line in self.lines]
        for line in lines:
            while line and line[-1][0] in " ":
                line.pop()
        while lines and not lines[-1]:
            lines.pop()
        return lines


def palette(n):
    """A colour of the 256."""
    if n < 16:
        return (NAMED + BRIGHT)[n]
    if n < 232:
        levels = [0, 95, 135, 175, 215, 255]
        return "#%02x%02x%02x" % (levels[(n - 16) // 36], levels[(n - 16) // 6 % 6], levels[(n - 16) % 6])
    return "#%02x%02x%02x" % ((8 + 10 * (n - 232),) * 3)


def text(lines):
    return ["".join(c for c, _ in line) for line in lines]


def run(command, columns, rows, pattern):
    """Runs the command; returns its exit status, the screen while a line matched (or None), and the last screen."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execvp(command[0], command)
    screen, matched, decode = Screen(columns), None, codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""       # the beginning of a control sequence whose end has not come yet
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        if not ready:
            # Between two writes the screen is whole.
            if pattern and any(pattern.search(line) for line in text(screen.copy())):
                matched = screen.copy()
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:     # Linux' way to say that the other end is closed
            data = b""
        if not data:
            break
        whole = rest + decode(data)
        end = BEGUN.search(whole)
        whole, rest = (whole[:end.start()], whole[end.start():]) if end else (whole, "")
        screen.write(whole)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), matched, screen.copy()


def svg(lines, columns, title):
    """A picture of the lines; runs of one style are one element, each at its own column."""
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(lines) * LINE_HEIGHT + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
           f'role="img" aria-label="{escape(title)}">')
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    yield (f'<g font-family="\'DejaVu Sans Mono\', Menlo, Consolas, \'Liberation Mono\', monospace" font-size="{FONT_SIZE}" '
           f'fill="{TEXT}">')
    for row, line in enumerate(lines):
        y = MARGIN + row * LINE_HEIGHT + FONT_SIZE
        start = 0
        while start < len(line):
            end = start + 1
            while end < len(line) and line[end][1] == line[start][1]:
                end += 1
            run_text, (colour, bold) = "".join(c for c, _ in line[start:end]), line[start][1]
            if run_text.strip():
                look = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if bold else "")
                yield (f'<text x="{MARGIN + start * CELL_WIDTH:.1f}" y="{y}" textLength="{(end - start) * CELL_WIDTH:.1f}" '
                       f'lengthAdjust="spacingAndGlyphs"{look}>{escape(run_text).replace(" ", NO_BREAK)}</text>')
            start = end
    yield "</g>"
    yield "</svg>"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=100, help="cells of a line")
    parser.add_argument("--rows", type=int, default=50, help="lines of the terminal")
    parser.add_argument("--svg", help="the picture's file")
    parser.add_argument("--shown", help="the command as the picture shows it")
    parser.add_argument("--while", dest="pattern", type=re.compile, help="keep the screen as it was when a line last matched, too")
    parser.add_argument("command", nargs="+", help="the command and its arguments, after --")
    given = parser.parse_args()

    status, matched, lines = run(given.command, given.columns, given.rows, given.pattern)
    shown = given.shown or " ".join(given.command)
    prompt = Screen(given.columns)
    prompt.write(f"\x1b[32m$\x1b[0;1m {shown}\x1b[0m")
    if matched:
        same = len(os.path.commonprefix([text(matched), text(lines)]))
        lines = matched + [[], [(c, (DIM, False)) for c in "… and in its place, when it is over:"], []] + lines[same:]
    print("\n".join(text(lines)))
    if given.svg:
        with open(given.svg, "w", encoding="utf-8") as file:
            file.write("\n".join(svg(prompt.copy() + lines, given.columns, f"{shown}, in a terminal of {given.columns} columns")) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
