"""One client: who it is, what it knows of its own directory, and how its transfers go. What it does is in acts.py."""

import asyncio
import hashlib
import os
import pathlib
import random
import re

import content
import wire
from wire import Fault

HASHED_PIECE = 1 << 20
DRAFT = ".soloftpd-"
KEPT = DRAFT + "part-"


class User:
    """An account, and what the configuration says of it."""

    def __init__(self, name, password, disk, view, atomic=True, keep=True, ascii=False, full=True,
                 own="own", read="read", logged=None, transferred=None):
        self.name, self.password = name, password
        self.disk = pathlib.Path(disk)
        self.view = view  # what FTP calls the directory of the login, without a last "/"
        self.atomic, self.keep, self.ascii = atomic, keep and atomic, ascii
        self.full = full  # may change and remove what is there
        self.own, self.read = own, read  # directories: of the sessions', and of what all read
        self.logged = logged or name  # in vsftpd.log and the event log
        self.transferred = transferred or name  # in the xferlog


HOMES = "/srv/home/"
USERS = (
    User("alice", "secret-alice", HOMES + "alice", ""),
    User("bob", "secret-bob", HOMES + "bob", HOMES + "bob", ascii=True),
    User("carol", "secret-alice", HOMES + "carol", "", atomic=False, ascii=True),
    User("dave", "secret-bob", HOMES + "dave", HOMES + "dave", atomic=False),
    User("erin", "secret-alice", HOMES + "erin", "", keep=False),
    User("anonymous", "soak@example.net", "/srv/ftp", "", full=False, keep=False, own="incoming/own",
         read="pub/read", logged="ftp", transferred="soak@example.net"),
)
# Read by all sessions of a user: name -> content.
_numbers = random.Random("read")
READ = {f"{block} {size}": content.some(_numbers, size, block)
        for block, sizes in (("binary", (0, 1, 1000, 65536, 300001, 1 << 20, content.SIZE)),
                             ("text", (100, 65537, 200000)))
        for size in sizes}
SHARED = ("one", "two", "three")


class Transfer:
    """A transfer that was begun, and what its lines in the logs must say."""

    __slots__ = ("user", "upload", "path", "low", "high", "complete", "sure")

    def __init__(self, user, upload, path, most):
        self.user, self.upload, self.path = user, upload, path
        self.low, self.high = 0, most
        self.complete = None  # unknown
        self.sure = False  # whether the server has heard of it at all

    def settle(self, complete, low=0, high=None):
        self.sure, self.complete = True, complete
        self.low = low
        self.high = self.high if high is None else high


def digest_of(path):
    made = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(HASHED_PIECE):
            made.update(piece)
    return made.hexdigest()


class Session:
    def __init__(self, worker, serial, user, family, encrypted, private):
        self.worker = worker
        self.serial = serial
        self.user = user
        self.random = random.Random(f"{worker.seed}/{serial}")
        self.control = wire.Control(worker.addresses[family])
        self.control.on_command, self.control.on_reply = worker.count_verb, worker.took
        self.ipv6 = family == "ipv6"
        self.encrypted, self.make_private = encrypted, private
        self.files = {}  # in its directory: name -> Content
        self.kept = {}  # names whose upload was cut: name -> what was sent
        self.odd = {}  # names that the session's end has cut: name -> what was sent
        self.directories = set()
        self.made = False  # its own directory
        self.ascii = True
        self.extended_only = False
        self.act = "beginning"
        self.failed = False
        self.ended = None  # how, in the event log's words

    # ---- names ----

    def disk(self, name=""):
        return self.user.disk / self.user.own / self.serial / name

    def path(self, name=""):
        return f"{self.user.view}/{self.user.own}/{self.serial}" + (f"/{name}" if name else "")

    def name(self, name):
        """The name as a client may write it: from here, or from the root."""
        return self.path(name) if self.random.random() < 0.3 else name

    def fault(self, text):
        raise Fault(text)

    def require(self, true, text):
        if not true:
            raise Fault(text)

    # ---- login ----

    async def start(self):
        control, user = self.control, self.user
        await control.connect()
        await control.expect(220, text="soloftpd ready.")
        if self.encrypted:
            await control.ask("AUTH TLS", 234, text="Proceed with negotiation.")
            async with asyncio.timeout(wire.PATIENCE):
                await control.wire.secure(self.worker.settings, control.address[0])
            control.settings = self.worker.settings
            await control.ask("PBSZ 0", 200)
            await control.ask(f"PROT {'P' if self.make_private else 'C'}", 200)
            control.private = self.make_private
        if self.random.random() < 0.1:
            await control.ask("HOST nowhere.example.net", 504)
            await control.ask("HOST ftp.example.net", 220)
        await control.ask(f"USER {user.name}", 331, text="Please specify the password.")

    async def login(self):
        await self.control.ask(f"PASS {self.user.password}", 230, text="Login successful.")

    async def settle_in(self):
        ask = self.control.ask
        await ask("PWD", 257, text=f'"{self.user.view or "/"}" is the current directory')
        path = self.path()
        await ask(f"{self.random.choice(['MKD', 'XMKD'])} {path}", 257, text=f'"{path}" created')
        self.made = True
        await ask(f"{self.random.choice(['CWD', 'XCWD'])} {path}", 250)
        await ask("MKD d", 257, text=f'"{path}/d" created')
        self.directories.add("d")
        await self.type(False)

    async def type(self, ascii):
        if ascii != self.ascii:
            await self.control.ask(f"TYPE {'A' if ascii else 'I'}", 200)
            self.ascii = ascii

    # ---- transfers ----

    def form(self):
        forms = ["EPSV", "EPRT"]
        if not self.ipv6:
            forms += ["PASV", "PORT"]
        elif self.random.random() < 0.3:
            forms += ["PASV"]
        if self.extended_only:
            forms = ["EPSV"]
        return self.random.choice(forms)

    def begun(self, upload, path, most):
        transfer = Transfer(self.user, upload, path, most)
        self.worker.transfers.append(transfer)
        return transfer

    async def transfer(self, command, transfer=None, before=(), refused=(), opening=None):
        """The mark's text and the data connection; or of a refusal the code, and no connection."""
        data = await self.control.prepare(self.form())
        try:
            for line in before:
                await self.control.ask(line, 350)
            await data.begin()
            await self.control.say(command)
            code, said = await self.control.expect(150, *refused)
            if transfer:
                transfer.sure = True
            if code != 150:
                if transfer:
                    transfer.settle(False, 0, 0)
                data.close()
                return code, None
            if opening and said != opening:
                self.fault(f"wanted {opening!r}")
            return said, await data.open()
        except BaseException:
            data.close()
            raise

    async def take(self, data, most=None):
        """All that comes; or about so many bytes of it."""
        parts, size = [], 0
        async with asyncio.timeout(wire.PATIENCE):
            while (most is None or size < most) and (part := await data.receive()):
                parts.append(part)
                size += len(part)
            if most is None:
                if data.tls is not None:
                    await data.finish()
                data.close()
        self.worker.bytes += size
        return b"".join(parts)

    async def give(self, data, views):
        async with asyncio.timeout(wire.PATIENCE):
            for view in views:
                await data.send(view)
                self.worker.bytes += len(view)

    async def give_all(self, data, views):
        await self.give(data, views)
        async with asyncio.timeout(wire.PATIENCE):
            await data.finish()
            if data.tls is not None:
                await data.rest()
            data.close()

    async def retrieve(self, argument, path, held, before=(), first=0, end=None):
        """Fetches a file that is there, and compares what comes with what it holds."""
        converts = self.ascii and self.user.ascii
        plain = held.wire() if converts else None
        size = len(plain) if converts else held.size
        end = size if end is None else min(end, size)
        transfer = self.begun(False, path, size)
        whole = (first, end) == (0, size) and not converts
        opening = (f"Opening {'ASCII' if converts else 'BINARY'} mode data connection for {argument}"
                   + (f" ({size} bytes)." if whole else "."))
        _, data = await self.transfer(f"RETR {argument}", transfer, before, opening=opening)
        got = await self.take(data)
        await self.control.expect(226, text="Transfer complete.")
        transfer.settle(True, end - first, end - first)
        if converts:
            same = got == plain[first:end]
        else:
            same = hashlib.sha256(got).hexdigest() == held.part(first, end).digest()
        self.require(same, f"RETR {path}: {len(got)} bytes that are not {end - first} of the file's")
        self.worker.transferred += 1

    async def store(self, command, path, given, before=(), start=None):
        """Sends what a file is to hold; returns what the mark said."""
        converts = self.ascii and self.user.ascii
        views = [given.wire()] if converts else given.views()
        size = sum(map(len, views))
        transfer = self.begun(True, path, size)
        said, data = await self.transfer(command, transfer, before)
        if path is None:
            name = said.removeprefix("FILE: ")
            transfer.path = name if name.startswith("/") else self.path(name)
        await self.give_all(data, views)
        await self.control.expect(226, text="Transfer complete.")
        transfer.settle(True, size, size)
        self.worker.transferred += 1
        return said

    def check_file(self, name):
        """The file on disk is what it must be."""
        held = self.files[name]
        size = os.stat(self.disk(name)).st_size
        self.require(size == held.size, f"{self.disk(name)} has {size} bytes, not {held.size}")
        self.require(digest_of(self.disk(name)) == held.digest(),
                     f"{self.disk(name)} has other bytes than were sent")
        self.worker.compared += 1

    def check_cut(self, name, sent, transfer=None):
        """After an upload that was cut: what is there on disk, and whether that may be."""
        user, path = self.user, self.disk(name)
        part = path.parent / (KEPT + path.name)
        if user.atomic:
            if name in self.files:
                self.check_file(name)
            else:
                self.require(not path.exists(), f"{path}: there is a part under its name")
            there = part if user.keep and part.exists() else None
        else:
            there = path
        got = there.read_bytes() if there else b""
        self.require(sent.begins_with(got), f"{there} is no beginning of what was sent")
        if transfer and (there or not user.atomic):
            transfer.settle(False, len(got), len(got))
        if not user.atomic:
            self.files[name] = sent.part(0, len(got))
        elif there:
            self.kept[name] = sent
        else:
            self.kept.pop(name, None)  # an upload of which nothing came has taken the place of an earlier one
        return len(got)

    # ---- the end, and what is left of it ----

    def standing(self):
        """What is wrong with the session's directory, when its process is over; "" for nothing."""
        if not self.made:
            return ""
        wanted = {self.disk(name) for name in self.files} | {self.disk(name) for name in self.directories}
        may = set() if self.user.atomic else {self.disk(name) for name in self.odd}
        if self.user.keep:
            for name in (*self.kept, *self.odd):
                path = self.disk(name)
                may.add(path.parent / (KEPT + path.name))
        there = set(self.disk().rglob("*"))
        wrong = [f"{path} is missing" for path in sorted(wanted - there - may)]
        wrong += [f"{path} should not be there" for path in sorted(there - wanted - may)]
        if wrong:
            return "; ".join(wrong[:5])
        try:
            for name in self.files:
                if self.user.atomic or name not in self.odd:
                    self.check_file(name)
            for name, sent in self.odd.items():
                if not self.user.atomic or self.user.keep:
                    self.check_odd(name, sent)
        except (Fault, OSError) as error:
            return str(error)
        return ""

    def check_odd(self, name, sent):
        path = self.disk(name)
        part = path if not self.user.atomic else path.parent / (KEPT + path.name)
        if part.exists() and not sent.begins_with(part.read_bytes()):
            # An upload in place may not have begun yet.
            old = self.files.get(name)
            if part != path or old is None or digest_of(path) != old.digest():
                raise Fault(f"{part} is no beginning of what was sent")


LISTED = re.compile(r"(?P<type>[-dl])[-rwxsStT]{9} +\d+ +\d+ +\d+ +(?P<size>\d+) "
                    r"[A-Z][a-z]{2} [ \d]\d (?:\d\d:\d\d| \d{4}) (?P<name>.+)")
FACTS = re.compile(r"(?P<facts>(?:[A-Za-z.]+=[^;]*;)+) (?P<name>.+)")


def listed(raw):
    """name -> (whether it is a directory, size) of LIST."""
    found = {}
    for line in lines_of(raw):
        match = LISTED.fullmatch(line)
        if not match or match["name"] in found:
            raise Fault(f"LIST has {line!r}")
        found[match["name"]] = (match["type"] == "d", int(match["size"]))
    return found


def machine_listed(raw):
    """The same of MLSD, without "." and ".."."""
    found = {}
    for line in lines_of(raw):
        match = FACTS.fullmatch(line)
        if not match or match["name"] in found:
            raise Fault(f"MLSD has {line!r}")
        facts = dict(fact.split("=", 1) for fact in match["facts"].lower().rstrip(";").split(";"))
        if facts["type"] in ("cdir", "pdir"):
            continue
        found[match["name"]] = (facts["type"] == "dir", int(facts.get("size", 0)))
    return found


def lines_of(raw):
    if raw and not raw.endswith(b"\r\n"):
        raise Fault("the listing's last line has no end")
    lines = raw.decode(errors="surrogateescape").split("\r\n")[:-1]
    return lines

