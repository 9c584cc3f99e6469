"""Charts of what was measured, as SVG."""
import html
import math
import statistics

import results

COLOURS = {"limit": "#8c8c8c", "soloftpd": "#1f6feb", "vsftpd": "#d1242f", "pure-ftpd": "#1a7f37", "proftpd": "#9a6700",
           "inetutils": "#8250df", "soloftpd-open": "#79b0f7", "vsftpd-walls": "#ff8182"}
DASHES = ("", "6 3", "2 3", "8 3 2 3")


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{html.escape(words)}</text>'


def stroke(x1, y1, x2, y2, colour, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def document(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" '
            'font-size="11"><rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")


def tick_name(value):
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


class Scale:
    """Logarithmic: from the values to places between two ends."""

    def __init__(self, values, start, end):
        low, high = math.floor(math.log10(min(values)) * 2) / 2, math.ceil(math.log10(max(values)) * 2) / 2
        self.low, self.high = low, max(high, low + 0.5)
        self.start, self.end = start, end

    def __call__(self, value):
        part = (math.log10(max(value, 1e-12)) - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * part

    def ticks(self):
        found = [digit * 10.0 ** power for power in range(math.floor(self.low), math.ceil(self.high) + 1)
                 for digit in ((1,) if self.high - self.low > 2.5 else (1, 2, 5))]
        return [value for value in found if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9]


def legend(names, x, y):
    parts = []
    for place, name in enumerate(names):
        at = x + 110 * place
        parts += [f'<circle cx="{at}" cy="{y - 4}" r="4" fill="{COLOURS[name]}"/>', text(at + 8, y, name)]
    return parts


# ---- costs ----


def panel(samples, targets, servers, top, title):
    """A row for each target: a dot for each server, the range of ours, and a mark for what is to be reached."""
    left, width, height = 330, 560, 18
    drawn = [(target, {name: values for name in servers if (values := samples.figures(target, name))}) for target in targets]
    ends = [end for target, by in drawn for values in by.values() for end in (min(values), max(values), target[3]) if end > 0]
    if not ends:
        return [], top
    scale, bottom = Scale(ends, left, left + width), top + 30 + height * len(drawn)
    parts = [text(left, top + 8, title, more='font-weight="bold"')]
    for value in scale.ticks():
        parts += [stroke(scale(value), top + 28, scale(value), bottom, "#d0d0d0" if value != 1 else "#606060"),
                  text(scale(value), top + 24, tick_name(value), "middle")]
    for number, (target, by) in enumerate(drawn):
        y = top + 30 + height * (number + 0.5)
        mark = scale(target[3])
        parts += [text(left - 10, y + 4, target[0], "end"),
                  f'<rect x="{mark - 1.5:.1f}" y="{y - 7:.1f}" width="3" height="14" fill="#000000"/>']
        for name in sorted(by, key=lambda name: name == results.OURS):
            values, colour = by[name], COLOURS[name]
            if name == results.OURS:
                parts.append(stroke(scale(min(values)), y, scale(max(values)), y, colour, 'stroke-width="2"'))
            parts.append(f'<circle cx="{scale(statistics.median(values)):.1f}" cy="{y:.1f}" r="4" fill="{colour}" '
                         'fill-opacity="0.85"/>')
    return parts, bottom


def costs(samples, servers):
    shown = results.measured_targets(samples)
    names = [name for name in servers if name != results.REFERENCE]
    parts = legend(names, 20, 24)
    parts += [f'<rect x="{20 + 110 * len(names)}" y="13" width="3" height="14" fill="#000000"/>',
              text(28 + 110 * len(names), 24, "to reach: left of it, or on it")]
    below, bottom = panel(samples, [target for target in shown if target[4] == results.RATIO and target[3]], names, 50,
                          "cost / cost of the limit (less is better)")
    parts += below
    more, bottom = panel(samples, [target for target in shown if target[4] == results.KIB], servers, bottom + 30,
                         "KiB (less is better)")
    return document(920, bottom + 20, parts + more)


# ---- growth ----


GRAPHS = (
    ("list", "/entry", "CPU an entry, µs", "entries"),
    ("list", "peak private KiB", "peak private memory of a listing, KiB", "entries"),
    ("idle", "private dirty KiB", "private memory of a waiting session, KiB", "sessions"),
    ("size", "RETR, s", "one RETR, seconds", "bytes"),
    ("streams", "s/GiB", "RETR by streams at once, seconds a GiB", "streams"),
)


def graph(series, left, top, title, below):
    """{(name of the line, server, dash): {size: value}}"""
    width, height = 380, 240
    sizes = [size for points in series.values() for size in points]
    across = Scale(sizes, left + 50, left + width)
    up = Scale([max(value, 1e-9) for points in series.values() for value in points.values()], top + height, top + 30)
    parts = [text(left, top + 12, title, more='font-weight="bold"'), text(left + width, top + height + 32, below, "end")]
    for size in sorted(set(sizes)):
        parts += [stroke(across(size), top + 30, across(size), top + height, "#e0e0e0"),
                  text(across(size), top + height + 16, results.named(size), "middle")]
    for value in up.ticks():
        parts += [stroke(left + 50, up(value), left + width, up(value), "#e0e0e0"),
                  text(left + 46, up(value) + 4, tick_name(value), "end")]
    for place, ((name, server, dash), points) in enumerate(series.items()):
        colour, ordered = COLOURS[server], sorted(points.items())
        path = " ".join(f"{across(size):.1f},{up(value):.1f}" for size, value in ordered)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"/>')
        parts += [f'<circle cx="{across(size):.1f}" cy="{up(value):.1f}" r="2.5" fill="{colour}"/>' for size, value in ordered]
        y = top + 40 + 15 * place
        parts += [stroke(left + width + 10, y, left + width + 36, y, colour, f'stroke-width="1.5" stroke-dasharray="{dash}"'),
                  text(left + width + 42, y + 4, name)]
    return parts


def growth(samples):
    parts, number = [], 0
    for family, kind, title, below in GRAPHS:
        found = {key: points for key, points in results.growth(samples, family).items()
                 if kind in key[0] and "CPU s" not in key[0]}
        kinds = list(dict.fromkeys(cost for cost, _ in found))
        series = {}
        for (cost, server), points in found.items():
            name = server if len(kinds) == 1 else f"{server} {cost.split(',')[0]}"
            series[name, server, DASHES[kinds.index(cost) % len(DASHES)]] = points
        if series:
            parts += graph(series, 20 + 600 * (number % 2), 20 + 310 * (number // 2), title, below)
            number += 1
    return document(1230, 30 + 310 * ((number + 1) // 2), parts) if number else None
