"""Draws what growth.py measured as SVG, on logarithmic axes: a picture's time beside that of its arithmetic at the first point's rate, and memory."""
import math

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 260, 56, 40, 34
TIME, WORK, MEMORY = "training", "its arithmetic alone", "peak memory"
COLOURS = {TIME: "#0b6e4f", WORK: "#999999", MEMORY: "#0b6e4f"}


def time_lines(points):
    """Milliseconds a picture, and what they would be if each operation took as long as in the first point."""
    x, first = points[0]
    each = 1000 / first["train_images_per_s"] / first["train_gflop_per_image"]
    return {TIME: [(x, 1000 / r["train_images_per_s"]) for x, r in points], WORK: [(x, each * r["train_gflop_per_image"]) for x, r in points]}


def memory_lines(points):
    return {MEMORY: [(x, r["peak_rss_bytes"] / 1e6) for x, r in points]}


def panel(title, label, lines, x0, y0):
    """One set of axes with its lines, its corner at (x0, y0)."""
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]

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
    for i, (who, line) in enumerate(lines.items()):
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(x, y) for x, y in line))
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[who]}" stroke-width="2"/>')
        out.append(f'<text x="{left + 8}" y="{y0 + TOP + 12 + 14 * i}" fill="{COLOURS[who]}">{who}</text>')
    return out


def draw(measurements, path):
    """Writes one column of two panels for each family."""
    families = {}
    for record in measurements:
        families.setdefault((record["family"], record["label"]), []).append((record["value"], record))
    body = []
    for column, ((_, label), points) in enumerate(families.items()):
        points.sort(key=lambda point: point[0])
        body += panel("ms a picture", label, time_lines(points), column * WIDTH, 0)
        body += panel("peak memory, MB", label, memory_lines(points), column * WIDTH, HEIGHT)
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * len(families)}" height="{HEIGHT * 2}" '
                   'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")
