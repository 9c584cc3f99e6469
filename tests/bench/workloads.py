"""What is measured. A workload gives costs by name: less is better in all of them."""
import os
import random
import subprocess
import threading
import time

import service

GIB = 1 << 30
HOME = service.HOME


class Size:
    """How much is done: less for a quick run."""
    quick = False

    @classmethod
    def of(cls, full, part=10):
        return max(1, full // part) if cls.quick else full


# ---- what the servers serve ----


def fill(path, size):
    block = random.Random(1).randbytes(16 << 20)
    with open(path, "wb") as out:
        for at in range(0, size, len(block)):
            out.write(block[:size - at])


def make_big():
    fill(HOME / "big", Size.of(2 * GIB, 4))


def make_medium():
    fill(HOME / "medium", Size.of(64 << 20, 4))


def make_small():
    (HOME / "small").mkdir()
    for number in range(2000):
        (HOME / "small" / f"{number:04}").write_bytes(b"x" * 1024)


def make_text():
    """Lines of different lengths, like prose."""
    choice = random.Random(2)
    lines = b"".join(b"x" * choice.randint(20, 110) + b"\n" for _ in range(60000))
    (HOME / "text").write_bytes(lines * Size.of(64, 4))


def make_uploads():
    (HOME / "up").mkdir()
    os.chown(HOME / "up", 1801, 1801)


def make_entries(count):
    def make():
        place = HOME / f"entries{count}"
        place.mkdir()
        numbers = list(range(count))
        random.Random(3).shuffle(numbers)
        for number in numbers:
            path = place / f"file_{number:07}.dat"
            path.touch()
            if number % 3:
                os.utime(path, (1700000000 - number * 1000,) * 2)
    return make


def bytes_as_lines():
    content = (HOME / "text").read_bytes()
    return len(content), len(content) + content.count(b"\n")


# ---- the costs ----


def micro(seconds):
    return seconds * 1e6


def sessions(server, mode, serial, parallel, **options):
    """What a client waits for, and the processor time of a whole session; then 16 at a time."""
    one = service.load(server, mode=mode, n=Size.of(serial), **options)
    many = service.load(server, mode=mode, n=Size.of(parallel), parallel=16, **options)
    return {"wait µs": micro(one["first_p50"]), "whole µs": micro(one["whole_p50"]),
            "CPU µs": micro(one["cpu"] / one["done"]), "16 at once, µs": micro(many["seconds"] / many["done"])}


def connect(server):
    return sessions(server, "connect", 200, 500)


def login(server):
    return sessions(server, "login", 100, 300)


def anonymous(server):
    return sessions(server, "login", 100, 300, user="anonymous", **{"pass": "me@example.org"})


def tls_login(server):
    return sessions(server, "login", 80, 200, tls=1)


def throughput(result):
    return {"s/GiB": result["seconds"] / result["bytes"] * GIB, "CPU s/GiB": result["cpu"] / result["bytes"] * GIB}


def download(**options):
    def measure(server):
        name = options.get("file", "big")
        expect = (HOME / name).stat().st_size
        if not options.get("tls"):
            options["expect"] = expect
        return throughput(service.load(server, mode="retr", **{"file": name, **options}))
    return measure


def ascii_download(server):
    stored, sent = bytes_as_lines()
    result = service.load(server, mode="retr", file="text", type="A", expect=sent)
    return throughput({**result, "bytes": stored})


def upload(**options):
    """Files of 256 MiB, each over the one before."""
    def measure(server):
        size = Size.of(256 << 20, 4)
        result = service.load(server, mode="stor", file="up/big", n=4, size=size, **options)
        if (HOME / "up/big").stat().st_size != size:
            raise RuntimeError("the upload is short")
        (HOME / "up/big").unlink()
        return throughput(result)
    return measure


def each(name, count, **options):
    """Many of the same in one session."""
    def measure(server):
        result = service.load(server, n=Size.of(count), seconds=10, **options)
        return {f"µs/{name}": micro(result["seconds"] / result["done"]),
                f"CPU µs/{name}": micro(result["cpu"] / result["done"])}
    return measure


def small_uploads(server):
    try:
        return each("file", 1000, mode="stor", file="up/#", size=1024)(server)
    finally:
        for path in (HOME / "up").iterdir():
            path.unlink()


def listing(command, count):
    def measure(server):
        peak = Peak(server)
        peak.start()
        try:
            result = service.load(server, mode="list", command=f"{command} entries{count}", lines=count)
        finally:
            peak.stop = True
            peak.join()
        return {"ms": result["seconds"] * 1e3, "CPU ms": result["cpu"] * 1e3, "peak KiB": peak.most}
    return measure


# ---- memory ----


def field(path, name):
    try:
        with open(path, encoding="ascii") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
    except OSError:  # it is gone
        return 0


class Peak(threading.Thread):
    """The most memory that a session's processes have had resident."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.stop = server, 0, False

    def run(self):
        while not self.stop:
            self.most = max(self.most, sum(field(f"/proc/{pid}/status", "VmHWM") for pid in self.server.sessions()))
            time.sleep(0.01)


def idle(count):
    """Memory of a session that waits: its share of what is shared, and what is its own."""
    def measure(server):
        number = Size.of(count)
        options = {"mode": "idle", "n": number}
        with subprocess.Popen(service.load_command(server, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as client:
            if '"failed": 0' not in client.stdout.readline():
                raise RuntimeError("not all sessions came about")
            pids = server.sessions()
            shares = sum(field(f"/proc/{pid}/smaps_rollup", "Pss") for pid in pids)
            own = sum(field(f"/proc/{pid}/smaps_rollup", "Private_Dirty") for pid in pids)
            client.stdin.close()
        server.settle()
        return {"Pss KiB": shares / number, "own KiB": own / number, "processes": len(pids) / number}
    return measure


class Workload:
    def __init__(self, measure, files=(), most=99, tls=False, large=False):
        self.measure, self.files, self.most, self.tls, self.large = measure, files, most, tls, large


LISTED = 100000
ENTRIES = make_entries(LISTED)
ALL = {
    "connect": Workload(connect),
    "login": Workload(login),
    "anonymous": Workload(anonymous),
    "download": Workload(download(), (make_big,)),
    "download32": Workload(download(file="medium", parallel=32), (make_medium,)),
    "upload": Workload(upload(), (make_uploads,)),
    "small-retr": Workload(each("file", 2000, mode="retr", file="small/#", expect=1024), (make_small,)),
    "small-retr-epsv": Workload(each("file", 2000, mode="retr", file="small/#", expect=1024, epsv=1), (make_small,)),
    "small-stor": Workload(small_uploads, (make_uploads,)),
    "list": Workload(listing("LIST", LISTED), (ENTRIES,)),
    "nlst": Workload(listing("NLST", LISTED), (ENTRIES,)),
    "mlsd": Workload(listing("MLSD", LISTED), (ENTRIES,)),
    "noop": Workload(each("command", 100000, mode="pipe", command="NOOP")),
    "pwd": Workload(each("command", 20000, mode="command", command="PWD")),
    "size": Workload(each("command", 20000, mode="command", command="SIZE small/0001"), (make_small,)),
    "mdtm": Workload(each("command", 20000, mode="command", command="MDTM small/0001"), (make_small,)),
    "ascii": Workload(ascii_download, (make_text,)),
    "idle": Workload(idle(500), most=3),
    "tls-login": Workload(tls_login, tls=True),
    "tls-download": Workload(download(tls=1), (make_big,), tls=True),
    "tls-upload": Workload(upload(tls=1), (make_uploads,), tls=True),
    "tls-small-retr": Workload(each("file", 300, mode="retr", file="small/#", tls=1), (make_small,), tls=True),
    "list-million": Workload(listing("LIST", 1000000), (make_entries(1000000),), most=2, large=True),
    "idle-thousands": Workload(idle(3000), most=1, large=True),
}
