"""What was measured, and the tables of it. As a program: puts tables into a document.

    results.py TABLES DOCUMENT
"""
import math
import pathlib
import re
import statistics
import sys

BEGIN, END = "<!-- begin results -->", "<!-- end results -->"
REFERENCE, OURS = "limit", "soloftpd"
RATIO, KIB, COUNT = "", "KiB", "count"

# What is to be reached: as multiples of the limit's cost, or in KiB, or a number.
TARGETS = [
    ("connect → 220, p50", "connect", "wait µs", 2.3, RATIO),
    ("connect → 220 → QUIT, CPU a session", "connect", "CPU µs", 2.5, RATIO),
    ("password login (PAM, cheap hash), CPU", "login", "CPU µs", 6.5, RATIO),
    ("anonymous login, CPU", "anonymous", "CPU µs", 3.5, RATIO),
    ("RETR 2 GiB, 1 stream, wall", "download", "s/GiB", 0.95, RATIO),
    ("RETR 2 GiB, 1 stream, CPU per GiB", "download", "CPU s/GiB", 0.9, RATIO),
    ("RETR 64 MiB, 32 streams, CPU per GiB", "download32", "CPU s/GiB", 1.0, RATIO),
    ("RETR 2 GiB, TCP cubic, CPU per GiB", "download-cubic", "CPU s/GiB", None, RATIO),
    ("RETR 64 MiB, 32 streams, TCP cubic, CPU per GiB", "download32-cubic", "CPU s/GiB", None, RATIO),
    ("STOR to tmpfs, CPU per GiB", "upload", "CPU s/GiB", 0.8, RATIO),
    ("STOR to disk, CPU per GiB", "upload-disk", "CPU s/GiB", 0.85, RATIO),
    ("2,000 × RETR 1 KiB (PASV), CPU a file", "small-retr", "CPU µs/file", 1.15, RATIO),
    ("2,000 × STOR 1 KiB, CPU a file", "small-stor", "CPU µs/file", 1.15, RATIO),
    ("LIST, 100,000 entries, CPU", "list", "CPU ms", 1.15, RATIO),
    ("NLST, 100,000 entries, CPU", "nlst", "CPU ms", 1.1, RATIO),
    ("MLSD, 100,000 entries, CPU", "mlsd", "CPU ms", 1.05, RATIO),
    ("LIST 100,000, sorted, peak private memory, KiB", "list-memory", "peak private KiB", 8192, KIB),
    ("LIST -U 100,000, unsorted, peak private memory, KiB", "list-memory-unsorted", "peak private KiB", 1024, KIB),
    ("100,000 pipelined NOOP, CPU a command, with start and login",
     "noop", "CPU µs/command, with start and login", 5, RATIO),
    ("PWD in lock step, p50", "pwd", "p50 µs", 1.1, RATIO),
    ("SIZE in lock step, p50", "size", "p50 µs", 1.1, RATIO),
    ("MDTM in lock step, p50", "mdtm", "p50 µs", 1.1, RATIO),
    ("TYPE A RETR 256 MiB, CPU", "ascii", "CPU s/GiB", 1.2, RATIO),
    ("idle logged-in session, PSS, KiB", "idle", "PSS KiB", 350, KIB),
    ("idle logged-in session, private dirty, KiB", "idle", "private dirty KiB", 200, KIB),
    ("idle logged-in session, processes", "idle", "processes", 1, COUNT),
    ("TLS login session, CPU", "tls-login", "CPU µs", 1.3, RATIO),
    ("TLS RETR (AES-256-GCM), wall", "tls-download", "s/GiB", 1.05, RATIO),
    ("TLS RETR (AES-256-GCM), CPU per GiB", "tls-download", "CPU s/GiB", 1.0, RATIO),
    ("TLS STOR, CPU per GiB", "tls-upload", "CPU s/GiB", 1.05, RATIO),
    ("TLS small files, wall a file", "tls-small-retr", "µs/file", 1.2, RATIO),
]


LINEAR = 1.1  # where a step of ten may be a quarter of noise


class Samples:
    """Costs by workload, cost's name, server and round."""

    def __init__(self):
        self.values, self.faults = {}, {}

    def add(self, workload, server, number, costs):
        for name, value in costs.items():
            self.values.setdefault((workload, name), {}).setdefault(server, {})[number] = value

    def fault(self, workload, server, text):
        self.faults.setdefault((workload, server), []).append(text)

    def rows(self):
        return list(self.values)

    def all(self, row, server):
        return list(self.values.get(row, {}).get(server, {}).values())

    def ratios(self, row, server):
        """Each taken inside one round, since rounds differ more than servers do."""
        by, reference = [self.values.get(row, {}).get(name, {}) for name in (server, REFERENCE)]
        return [value / reference[number] for number, value in by.items() if reference.get(number)]

    def figures(self, target, server):
        """What is compared with a target."""
        _, workload, cost, _, kind = target
        return (self.ratios if kind == RATIO else self.all)((workload, cost), server)


def short(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    if not values:
        return "-"
    return f"{short(statistics.median(values))} [{short(min(values))}..{short(max(values))}]"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def measured_targets(samples):
    return [target for target in TARGETS if (target[1], target[2]) in samples.values]


def beaten(samples, target, peers):
    """Whether every peer costs more, and which ones do not. A number of processes may be the same."""
    ours = samples.figures(target, OURS)
    theirs = {peer: statistics.median(values) for peer in peers if (values := samples.figures(target, peer))}
    if not ours or not theirs:
        return "-"
    middle = statistics.median(ours)
    better = [peer for peer, value in theirs.items() if value < middle or value == middle and target[4] != COUNT]
    return f"no: {', '.join(better)}" if better else "yes"


def target_table(samples, servers):
    peers = [name for name in servers if name not in (REFERENCE, OURS)]
    lines = [line(["what", "to reach", OURS, "reached", *peers, "better than all"]), "|---" * (len(peers) + 5) + "|"]
    for target in measured_targets(samples):
        ours = samples.figures(target, OURS)
        wanted, reached = "-", "-"
        if target[3] is not None:
            wanted = f"≤ {target[3]:,}"
            reached = ("yes" if statistics.median(ours) <= target[3] else "**no**") if ours else "-"
        lines.append(line([target[0], wanted, spread(ours), reached,
                           *(spread(samples.figures(target, peer)) for peer in peers), beaten(samples, target, peers)]))
    return lines


def cost_table(samples, servers):
    if all(workload.startswith("growth-") for workload, _ in samples.rows()):
        return []
    lines = ["What was measured, in the units of each row:", ""]
    lines += [line(["workload", "cost", *servers]), "|---" * (len(servers) + 2) + "|"]
    for row in samples.rows():
        if not row[0].startswith("growth-"):
            lines.append(line([*row, *(spread(samples.all(row, server)) for server in servers)]))
    return lines


# ---- growth ----


def growth(samples, family):
    """{(cost, server): {size: median}} of the workloads FAMILY-SIZE."""
    found = {}
    for workload, cost in samples.rows():
        match = re.fullmatch(rf"growth-{family}-(\d+)", workload)
        for server, by in samples.values[workload, cost].items() if match and cost != "processes" else ():
            found.setdefault((cost, server), {})[int(match[1])] = statistics.median(by.values())
    return found


def total(cost, size, value):
    """What all of it costs, where the figure is for one."""
    per_one = "/entry" in cost or cost.endswith("/GiB") or cost in ("PSS KiB", "private dirty KiB")
    return value * size if per_one else value


def exponent(cost, points):
    """p, when the last step costs as much more as size^p."""
    (before, cheap), (after, dear) = sorted(points.items())[-2:]
    cheap, dear = total(cost, before, cheap), total(cost, after, dear)
    return math.log(dear / cheap) / math.log(after / before) if cheap > 0 and dear > 0 else 0


def named(size):
    for unit, name in ((1 << 30, " GiB"), (1 << 20, " MiB"), (1 << 10, " KiB")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size:,}"


def figure(value):
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def growth_tables(samples):
    lines = []
    for family, what in (("list", "Directories of so many entries"), ("idle", "So many sessions that wait"),
                         ("size", "Files of so many bytes"), ("streams", "So many streams at once, 64 MiB each")):
        found = growth(samples, family)
        if not found:
            continue
        sizes = sorted({size for points in found.values() for size in points})
        lines += ["", f"{what}:", "", line(["cost", "server", *map(named, sizes), "last step"]),
                  "|---" * (len(sizes) + 3) + "|"]
        for (cost, server), points in found.items():
            last = "-"
            if len(points) > 1:
                power = exponent(cost, points)
                last = f"n^{max(power, 0):.2f}" + (", linear or better" if power <= LINEAR else "")
            lines.append(line([cost, server, *(figure(points[size]) if size in points else "-" for size in sizes), last]))
    return lines


# ---- all of it ----


def fault_lines(samples):
    for (workload, server), faults in samples.faults.items():
        has = any(samples.all(row, server) for row in samples.rows() if row[0] == workload)
        yield f"- {server}, {workload}: {'failed in one round' if has and len(faults) == 1 else 'no figure'}: {faults[-1]}."


def tables(samples, servers, about):
    lines = [about, "", "Multiples of the limit's cost, but where a unit is named: medians of the rounds [least..most].", ""]
    if measured_targets(samples):
        lines += [*target_table(samples, servers), ""]
    lines += cost_table(samples, servers)
    grown = growth_tables(samples)
    if grown:
        lines += ["", "What grows, and by which power of the size the last step's whole cost grew:", *grown]
    faults = list(fault_lines(samples))
    if faults:
        lines += ["", "What has no figure, or not all of them:", "", *faults]
    return "\n".join(lines).rstrip() + "\n"


def put_into(document, text):
    before, rest = document.read_text().split(BEGIN)
    document.write_text(before + BEGIN + "\n" + text + END + rest.split(END)[1])


if __name__ == "__main__":
    CHARTS = "\n![costs as multiples of the limit](performance.svg)\n\n![what grows](performance-growth.svg)\n"
    put_into(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[1]).read_text() + CHARTS)
