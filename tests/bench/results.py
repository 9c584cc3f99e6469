"""What was measured, as a table and as a chart. As a program: puts the table into a document.

    results.py TABLE DOCUMENT
"""
import pathlib
import statistics
import sys

BEGIN, END = "<!-- begin results -->", "<!-- end results -->"
REFERENCE = "vsftpd"
CHARTED = ("limit", "soloftpd", "soloftpd-open")
COLOURS = {"limit": "#b5b5b5", "soloftpd": "#1f6feb", "soloftpd-open": "#79b0f7"}


class Samples:
    """Costs by workload, cost's name, server and round."""

    def __init__(self):
        self.values, self.faults = {}, {}

    def add(self, workload, server, number, costs):
        for name, value in costs.items():
            self.values.setdefault((workload, name), {}).setdefault(server, {})[number] = value

    def rows(self):
        return list(self.values)

    def all(self, row, server):
        return list(self.values[row].get(server, {}).values())

    def ratios(self, row, server):
        """Each taken inside one round, since rounds differ more than servers do."""
        by, reference = self.values[row].get(server, {}), self.values[row].get(REFERENCE, {})
        return [value / reference[number] for number, value in by.items() if reference.get(number)]


def short(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2f}"


def cell(samples, row, server):
    values, ratios = samples.all(row, server), samples.ratios(row, server)
    if not values:
        return "-"
    text = short(statistics.median(values))
    if server != REFERENCE and ratios:
        text += f" ({statistics.median(ratios):.2f}, {min(ratios):.2f}..{max(ratios):.2f})"
    return text


def table(samples, servers, about):
    lines = [f"{about}", "", "| workload | cost | " + " | ".join(servers) + " |", "|---" * (len(servers) + 2) + "|"]
    for row in samples.rows():
        lines.append(f"| {row[0]} | {row[1]} | " + " | ".join(cell(samples, row, server) for server in servers) + " |")
    lines += ["", *(f"No figure for {server} in {workload}: {fault}."
                    for (workload, server), fault in samples.faults.items())]
    return "\n".join(lines).rstrip() + "\n"


def chart(samples):
    """Bars as long as the ratio to the reference, cut off at twice its cost. A line of its own for each cost."""
    rows = [row for row in samples.rows() if samples.all(row, REFERENCE)]
    names = [name for name in CHARTED if any(samples.ratios(row, name) for row in rows)]
    height = 16 + 10 * len(names)
    left, width, top = 250, 400, 60
    parts = [f'<text x="{left}" y="20">cost / cost of {REFERENCE} (less is better)</text>']
    for place, name in enumerate(names):
        parts.append(f'<rect x="{left + 140 * place}" y="32" width="10" height="10" fill="{COLOURS[name]}"/>'
                     f'<text x="{left + 140 * place + 14}" y="42">{name}</text>')
    for number, row in enumerate(rows):
        y = top + height * number
        parts.append(f'<text x="{left - 8}" y="{y + height / 2}" text-anchor="end">{row[0]}, {row[1]}</text>')
        for place, name in enumerate(names):
            ratios = samples.ratios(row, name)
            if ratios:
                middle = statistics.median(ratios)
                end = left + width / 2 * min(middle, 2)
                parts.append(f'<rect x="{left}" y="{y + 4 + 10 * place}" width="{end - left:.1f}" height="9" '
                             f'fill="{COLOURS[name]}"/><text x="{end + 4:.1f}" y="{y + 12 + 10 * place}" '
                             f'font-size="9">{middle:.2f}</text>')
    bottom = top + height * len(rows)
    parts.append(f'<line x1="{left + width / 2}" y1="{top - 8}" x2="{left + width / 2}" y2="{bottom}" stroke="#d1242f"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{bottom + 10}" '
            'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def put_into(document, text):
    old = document.read_text()
    before, rest = old.split(BEGIN)
    document.write_text(before + BEGIN + "\n" + text + END + rest.split(END)[1])


if __name__ == "__main__":
    put_into(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[1]).read_text())
