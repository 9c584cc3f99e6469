"""What is measured. A workload gives costs by name: less is better in all of them."""
import json
import os
import random
import subprocess
import threading
import time

import service

GIB, MIB = 1 << 30, 1 << 20
HOME = service.HOME
USER = 1801
SOURCE = service.PLACE / "source"


class Size:
    """How much is done: less for a quick run."""
    quick = False

    @classmethod
    def of(cls, full, part=10):
        return max(1, full // part) if cls.quick else full


# ---- what the servers serve ----


def fill(path, size):
    block = random.Random(1).randbytes(16 * MIB)
    with open(path, "wb") as out:
        for at in range(0, size, len(block)):
            out.write(block[:size - at])


def make_big():
    fill(HOME / "big", Size.of(2 * GIB, 4))


def make_one():
    fill(HOME / "one", Size.of(GIB, 4))


def make_medium():
    fill(HOME / "medium", Size.of(64 * MIB, 4))


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
    """Places for uploads: in memory, and on the disk that holds the results."""
    for name in ("up", "disk"):
        (HOME / name).mkdir()
    subprocess.run(["mount", "--bind", os.environ["DISK"], HOME / "disk"], check=True)
    for name in ("up", "disk"):
        os.chown(HOME / name, USER, USER)
    fill(SOURCE, 64 * MIB)


def make_entries(count):
    """Of most sizes, ages and owners, made in no order."""
    def make():
        place = HOME / f"entries{count}"
        place.mkdir()
        numbers = list(range(count))
        random.Random(3).shuffle(numbers)
        directory = os.open(place, os.O_RDONLY)
        for number in numbers:
            file = os.open(f"file_{number:07}.dat", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=directory)
            os.fchown(file, {0: 0, 1: 54321}.get(number % 20, USER), USER)
            if number % 7 == 0:
                os.ftruncate(file, number)
            if number % 3:
                os.utime(file, (1700000000 - number * 1000,) * 2)
            os.close(file)
        os.close(directory)
    return make


def make_hole(size):
    """A file that takes no memory."""
    def make():
        with open(HOME / f"hole{size}", "wb") as out:
            out.truncate(size)
    return make


def bytes_as_lines():
    content = (HOME / "text").read_bytes()
    return len(content), len(content) + content.count(b"\n")


# ---- the costs ----


def micro(seconds):
    return seconds * 1e6


def sessions(server, mode, serial, parallel, **options):
    """What a client waits for, and the processor time of a whole session; then 16 at a time."""
    one = service.load(server, mode=mode, n=Size.of(serial, 2 if serial < 100 else 4), **options)
    many = service.load(server, mode=mode, n=Size.of(parallel, 4), parallel=16, **options)
    return {"wait µs": micro(one["first_p50"]), "whole µs": micro(one["whole_p50"]),
            "CPU µs": micro(one["cpu_whole"] / one["done"]), "16 at once, µs": micro(many["seconds"] / many["done"])}


def connect(server):
    return sessions(server, "connect", 200, 160)


def login(server):
    return sessions(server, "login", 100, 80)


def anonymous(server):
    return sessions(server, "login", 100, 80, user="anonymous", **{"pass": "me@example.org"})


def tls_login(server):
    return sessions(server, "login", 40, 48, tls=1)


def throughput(result):
    return {"s/GiB": result["seconds"] / result["bytes"] * GIB, "CPU s/GiB": result["cpu"] / result["bytes"] * GIB}


def download(name="big", **options):
    def measure(server):
        return throughput(service.load(server, mode="retr", file=name, expect=(HOME / name).stat().st_size, **options))
    return measure


def with_cubic(measure):
    """The same where data connections have the congestion control that most systems have: it does not pace by timers. A
    namespace may choose only what its machine allows to all, but a route may have any."""
    def route(*more):
        subprocess.run(["ip", "route", "replace", "local", "127.0.0.1", "dev", "lo", "table", "local", "proto", "kernel",
                        "scope", "host", "src", "127.0.0.1", *more], check=True)

    def measured(server):
        route("congctl", "cubic")
        try:
            return measure(server)
        finally:
            route()
    return measured


def ascii_download(server):
    stored, sent = bytes_as_lines()
    result = service.load(server, mode="retr", file="text", type="A", expect=sent)
    return throughput({**result, "bytes": stored})


def upload(place, **options):
    """Four new files of 256 MiB, each removed by the client at once, which does not count: a machine that gives memory back to
    its host is slow to get it again, so little is used, and again and again."""
    def measure(server):
        part = Size.of(256 * MIB, 2)
        path = HOME / place / "new"
        path.unlink(missing_ok=True)
        given = {"mode": "stor", "file": f"{place}/new", "size": part, "source": SOURCE, **options}
        service.load(server, n=1, **given)
        if path.stat().st_size != part:
            raise RuntimeError("the upload is short")
        path.unlink()
        result = service.load(server, n=Size.of(4, 2), unlink=HOME, **given)
        return throughput({**result, "seconds": result["sum"]})
    return measure


def each(name, count, part=10, **options):
    """Many of the same in one session."""
    def measure(server):
        result = service.load(server, n=Size.of(count, part), seconds=2, **options)
        costs = {f"µs/{name}": micro(result["seconds"] / result["done"]),
                 f"CPU µs/{name}": micro(result["cpu"] / result["done"])}
        if "first_p50" in result:
            costs["p50 µs"] = micro(result["first_p50"])
        else:
            costs[f"CPU µs/{name}, with start and login"] = micro(result["cpu_whole"] / result["done"])
        return costs
    return measure


def small_uploads(server):
    try:
        return each("file", 2000, mode="stor", file="up/#", size=1024)(server)
    finally:
        for path in (HOME / "up").iterdir():
            path.unlink()


def listed(server, command, count):
    return service.load(server, mode="list", command=f"{command} entries{count}", lines=count)


def listing(command, count):
    def measure(server):
        result = listed(server, command, count)
        return {"ms": result["seconds"] * 1e3, "CPU ms": result["cpu"] * 1e3}
    return measure


def listing_memory(command, count):
    """Apart from the time, which it would disturb."""
    def measure(server):
        with Peak(server) as peak:
            listed(server, command, count)
        return {"peak private KiB": peak.private, "peak resident KiB": peak.resident}
    return measure


def listing_growth(count):
    """The peers' LIST alone, time and memory at once: some take long."""
    def measure(server):
        whole = server.name.startswith(("limit", "soloftpd"))
        costs = {}
        for command in ("LIST", "LIST -U", "NLST", "MLSD") if whole else ("LIST",):
            if whole:
                result = listed(server, command, count)
            with Peak(server) as peak:
                polled = listed(server, command, count)
            costs[f"{command}, CPU µs/entry"] = micro((result if whole else polled)["cpu"] / count)
            costs[f"{command}, peak private KiB"] = peak.private
        return costs
    return measure


def size_growth(size, count):
    def measure(server):
        result = service.load(server, mode="retr", file=f"hole{size}", n=count, expect=size)
        return {"RETR, s": result["first_p50"], "RETR, CPU s": result["cpu"] / count}
    return measure


# ---- memory ----


def fields(path, *names):
    found = dict.fromkeys(names, 0)
    try:
        with open(path, encoding="ascii") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name in found:
                    found[name] += int(value.split()[0])
    except OSError:  # it is gone
        pass
    return [found[name] for name in names]


class Peak(threading.Thread):
    """The most memory that a session's processes have had: resident, and of that what is theirs alone."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.resident, self.private, self.stop = server, 0, 0, False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop = True
        self.join()

    def run(self):
        while not self.stop:
            each_one = [fields(f"/proc/{pid}/status", "VmHWM", "RssAnon") for pid in self.server.sessions()]
            self.resident = max(self.resident, sum(one[0] for one in each_one))
            self.private = max(self.private, sum(one[1] for one in each_one))
            time.sleep(0.002)


def idle(count):
    """Memory of a session that waits: its share of what is shared, and what is its own."""
    def measure(server):
        server.place(os.sched_getaffinity(0))
        with subprocess.Popen(service.load_command(server, {"mode": "idle", "n": count}), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as client:
            fault = json.loads(client.stdout.readline())["fault"]
            pids = server.sessions()
            found = [fields(f"/proc/{pid}/smaps_rollup", "Pss", "Private_Dirty") for pid in pids]
            client.stdin.close()
        server.settle(20)
        if fault:
            raise RuntimeError(fault)
        return {"PSS KiB": sum(one[0] for one in found) / count, "private dirty KiB": sum(one[1] for one in found) / count,
                "processes": len(pids) / count}
    return measure


def idle_quickly(count):
    return lambda server: idle(Size.of(count, 2))(server)


# ---- all of them ----


class Workload:
    def __init__(self, measure, files=(), most=99, tls=False, servers=None):
        self.measure, self.files, self.most, self.tls, self.servers = measure, files, most, tls, servers


LISTED = 100000
ENTRIES = (make_entries(LISTED),)
SMALL, UPLOADS, BIG, ONE, MEDIUM = (make_small,), (make_uploads,), (make_big,), (make_one,), (make_medium,)
ALL = {
    "connect": Workload(connect),
    "login": Workload(login),
    "anonymous": Workload(anonymous),
    "download": Workload(download(), BIG),
    "download32": Workload(download("medium", parallel=32), MEDIUM),
    "download-cubic": Workload(with_cubic(download()), BIG),
    "download32-cubic": Workload(with_cubic(download("medium", parallel=32)), MEDIUM),
    "upload": Workload(upload("up"), UPLOADS),
    "upload-disk": Workload(upload("disk"), UPLOADS),
    "small-retr": Workload(each("file", 2000, mode="retr", file="small/#", expect=1024), SMALL),
    "small-retr-epsv": Workload(each("file", 2000, mode="retr", file="small/#", expect=1024, epsv=1), SMALL),
    "small-stor": Workload(small_uploads, UPLOADS),
    "list": Workload(listing("LIST", LISTED), ENTRIES),
    "nlst": Workload(listing("NLST", LISTED), ENTRIES),
    "mlsd": Workload(listing("MLSD", LISTED), ENTRIES),
    "list-memory": Workload(listing_memory("LIST", LISTED), ENTRIES, most=3),
    "list-memory-unsorted": Workload(listing_memory("LIST -U", LISTED), ENTRIES, most=3),
    "noop": Workload(each("command", 100000, 1, mode="pipe", command="NOOP")),
    "pwd": Workload(each("command", 20000, mode="command", command="PWD")),
    "size": Workload(each("command", 20000, mode="command", command="SIZE small/0001"), SMALL),
    "mdtm": Workload(each("command", 20000, mode="command", command="MDTM small/0001"), SMALL),
    "ascii": Workload(ascii_download, (make_text,)),
    "idle": Workload(idle_quickly(100), most=3),
    "tls-login": Workload(tls_login, tls=True),
    "tls-download": Workload(download("one", tls=1, discard=1), ONE, tls=True),
    "tls-upload": Workload(upload("up", tls=1), UPLOADS, tls=True),
    "tls-small-retr": Workload(each("file", 300, mode="retr", file="small/#", expect=1024, tls=1), SMALL, tls=True),
}
# What grows, and how: not in a quick run. The number at the end of the name is what grows.
FEW, TWO = ("limit", "soloftpd", "vsftpd"), ("limit", "soloftpd")
for number, rounds in ((1000, 3), (10000, 3), (LISTED, 3), (1000000, 1)):
    ALL[f"growth-list-{number}"] = Workload(listing_growth(number),
                                            ENTRIES if number == LISTED else (make_entries(number),), most=rounds)
for number, names in ((100, None), (1000, FEW), (3000, TWO)):
    ALL[f"growth-idle-{number}"] = Workload(idle(number), most=1, servers=names)
for number, times in ((1024, 500), (MIB, 100), (64 * MIB, 8), (GIB, 1), (8 * GIB, 1)):
    ALL[f"growth-size-{number}"] = Workload(size_growth(number, times), (make_hole(number),), most=3, servers=FEW)
for number in (1, 4, 16, 64):
    ALL[f"growth-streams-{number}"] = Workload(download("medium", parallel=number), MEDIUM, most=3, servers=FEW)
