"""What sessions do: each act asks for something, and knows what has to come of it."""

import asyncio
import hashlib
import re
import time
import zlib

import content
from session import READ, SHARED, listed, lines_of, machine_listed

NAMES = ("a", "b", "c.bin", "two words", "Grüße", "d/inner", "d/ÿ ★")
ACTS = []  # (weight, who, act)


def act(weight, who="all"):
    """`who`: all, full (those who may change what is there), anonymous."""
    def register(function):
        ACTS.append((weight, who, function))
        return function
    return register


def acts_for(user):
    found = [(weight, function) for weight, who, function in ACTS
             if who == "all" or (who == "full") == user.full]
    return [function for _, function in found], [weight for weight, _ in found]


def size(numbers):
    """Mostly small; up to 8 MiB."""
    kind = numbers.random()
    if kind < 0.1:
        return numbers.choice((0, 1))
    if kind < 0.6:
        return numbers.randint(2, 20000)
    if kind < 0.93:
        return numbers.randint(20000, 1 << 20)
    return numbers.randint(1 << 20, content.SIZE)


def room(session):
    """How much a session may still store: the file system is memory."""
    return 12 * (1 << 20) - sum(held.size for held in session.files.values())


def given(session):
    """New contents, text when they are for TYPE A."""
    text = session.random.random() < 0.25
    most = max(room(session), 0)
    if text:
        return content.some(session.random, min(size(session.random), most, 200000), "text")
    return content.some(session.random, min(size(session.random), most))


def whole_names(session):
    """Files that no interrupted upload shadows."""
    return [name for name in session.files if name not in session.kept]


def pick(session):
    names = whole_names(session)
    return session.random.choice(names) if names else None


def free_name(session):
    free = [name for name in NAMES if name not in session.files and name not in session.kept and
            ("/" not in name or "d" in session.directories)]
    return session.random.choice(free) if free else None


# ---- uploads ----


@act(14)
async def stor(session):
    numbers, new = session.random, given(session)
    name = free_name(session)
    if session.user.full and (name is None or numbers.random() < 0.5):
        name = numbers.choice([name for name in NAMES if "/" not in name or "d" in session.directories])
    if name is None:
        return
    await session.type(new.is_text() and numbers.random() < 0.7)
    before = []
    if numbers.random() < 0.2:
        await session.control.ask(f"ALLO {new.size}", 200)
    await session.store(f"STOR {session.name(name)}", session.path(name), new, before)
    session.files[name] = new
    session.kept.pop(name, None)
    session.check_file(name)


@act(5, "full")
async def appe(session):
    name = pick(session) or free_name(session)
    if name is None or room(session) < 0:
        return
    new = given(session)
    await session.type(new.is_text() and session.random.random() < 0.5)
    held = session.files.get(name, content.Content())
    await session.store(f"APPE {session.name(name)}", session.path(name), new)
    session.files[name] = held.joined(new)
    session.check_file(name)


@act(4, "full")
async def rest_stor(session):
    name = pick(session)
    if name is None:
        return
    held, new = session.files[name], given(session)
    await session.type(False)
    at = session.random.randint(0, held.size)
    await session.store(f"STOR {session.name(name)}", session.path(name), new, [f"REST {at}"])
    # At 0 it is a new file; elsewhere what lies behind stays.
    behind = held.part(at + new.size, held.size) if at > 0 else content.Content()
    session.files[name] = held.part(0, at).joined(new).joined(behind)
    session.check_file(name)


@act(4)
async def stou(session):
    if room(session) < 0:
        return
    base = session.random.choice(["", "unique", "d/unique" if "d" in session.directories else ""])
    new = given(session)
    await session.type(False)
    said = await session.store(f"STOU {base}" if base else "STOU", None, new)
    name = said.removeprefix("FILE: ")
    session.require(name.startswith((base or "file") + ".") and name not in session.files,
                    f"STOU made {name}")
    session.files[name] = new
    session.check_file(name)


@act(5)
async def abor_stor(session):
    """ABOR in the middle of an upload: 426 and 226, and a file that is the old one, or what has come."""
    await cut_upload(session, by_abor=True)


@act(3)
async def reset_stor(session):
    """The data connection breaks in the middle of an upload."""
    await cut_upload(session, by_abor=False)


async def cut_upload(session, by_abor):
    numbers = session.random
    name = free_name(session) if not session.user.full or numbers.random() < 0.6 else pick(session)
    if name is None:
        return
    new = content.some(numbers, numbers.randint(1, 2 << 20))
    sent = new.part(0, numbers.randint(0, new.size))
    await session.type(False)
    transfer = session.begun(True, session.path(name), sent.size)
    _, data = await session.transfer(f"STOR {session.name(name)}", transfer,
                                     opening="Ok to send data.")
    await session.give(data, sent.views())
    code, said = await cut(session, data, by_abor)
    transfer.settle(False)
    if code == 522 or said == "Transfer aborted.":
        # It came before the server had the last of the handshake: nothing has begun.
        session.require(session.control.private, "the data connection needed no handshake")
        transfer.settle(False, 0, 0)
        if name in session.files:
            session.check_file(name)
        else:
            session.require(not session.disk(name).exists(), f"{name} is there before any data were")
        return
    session.check_cut(name, sent, transfer)
    if name in session.kept:
        session.kept[name] = new


async def cut(session, data, by_abor):
    texts = ("Failure reading network stream.", "Transfer aborted.",
             "TLS handshake failed on the data connection.")
    if by_abor:
        code, said = await session.control.ask("ABOR", 426)
        await session.control.expect(226, text="ABOR successful.")
        data.close()
    else:
        data.reset()
        code, said = await session.control.expect(426, 522)
    session.require(said in texts, f"wanted one of {texts}")
    return code, said


@act(6, "full")
async def resume(session):
    """An upload that was cut goes on where SIZE says."""
    if not session.kept:
        return
    name = session.random.choice(sorted(session.kept))
    new = session.kept[name]
    await session.type(False)
    _, said = await session.control.ask(f"SIZE {session.name(name)}", 213)
    there = int(said)
    session.require(0 < there <= new.size, f"SIZE {name} is {there} of {new.size}")
    if session.random.random() < 0.3:
        await session.store(f"APPE {session.name(name)}", session.path(name), new.part(there, new.size))
    else:
        await session.store(f"STOR {session.name(name)}", session.path(name), new.part(there, new.size),
                            [f"REST {there}"])
    session.files[name] = new
    session.kept.pop(name)
    session.check_file(name)


@act(6, "full")
async def shared(session):
    """Names that many sessions write at once. What is read is one of the files, whole: each says what it holds."""
    numbers, user = session.random, session.user
    name = numbers.choice(SHARED)
    path = f"{user.view}/shared/{name}"
    await session.type(False)
    busy = () if user.atomic else (450,)
    if numbers.random() < 0.4:
        body = content.some(numbers, numbers.randint(1, 400000)).bytes()
        whole = hashlib.sha256(body).digest() + body
        transfer = session.begun(True, path, len(whole))
        _, data = await session.transfer(f"STOR {path}", transfer, refused=busy)
        if data is None:
            return
        await session.give_all(data, [whole])
        await session.control.expect(226, text="Transfer complete.")
        transfer.settle(True, len(whole), len(whole))
        return
    transfer = session.begun(False, path, None)
    _, data = await session.transfer(f"RETR {path}", transfer, refused=busy)
    if data is None:
        return
    got = await session.take(data)
    await session.control.expect(226, text="Transfer complete.")
    transfer.settle(True, len(got), len(got))
    session.require(hashlib.sha256(got[32:]).digest() == got[:32],
                    f"{path} is none of those that were stored: {len(got)} bytes")


# ---- downloads ----


@act(14)
async def retr(session):
    name = pick(session)
    if name is None or session.random.random() < 0.3:
        await retr_read(session)
        return
    held = session.files[name]
    await session.type(held.is_text() and held.size < 300000 and session.random.random() < 0.5)
    argument = session.name(name)
    await session.retrieve(argument, session.path(name), held)


def read_path(session, name):
    return f"{session.user.view}/{session.user.read}/{name}"


async def retr_read(session):
    name = session.random.choice(sorted(READ))
    held = READ[name]
    path = read_path(session, name)
    await session.type(held.is_text() and session.random.random() < 0.5)
    await session.retrieve(path, path, held)


@act(5)
async def rest_retr(session):
    name = session.random.choice(sorted(READ))
    held, path = READ[name], read_path(session, name)
    await session.type(held.is_text() and session.random.random() < 0.4)
    length = len(held.wire()) if session.ascii and session.user.ascii else held.size
    at = session.random.randint(1, length + 1) if length else 1
    if at > length:
        transfer = session.begun(False, path, 0)
        await session.transfer(f"RETR {path}", transfer, [f"REST {at}"], refused=(554,))
        return
    await session.retrieve(path, path, held, [f"REST {at}"], first=at)


@act(3)
async def rang_retr(session):
    name = session.random.choice(sorted(name for name in READ if READ[name].size > 1))
    held, path = READ[name], read_path(session, name)
    await session.type(False)
    first = session.random.randint(0, held.size - 1)
    last = session.random.randint(first, held.size + 10)
    await session.retrieve(path, path, held, [f"RANG {first} {last}"], first=first, end=last + 1)


@act(4)
async def abor_retr(session):
    """ABOR in the middle of a download, or behind its end: nobody knows."""
    name = session.random.choice((f"binary {content.SIZE}", "binary 300001"))
    held, path = READ[name], read_path(session, name)
    await session.type(False)
    transfer = session.begun(False, path, held.size)
    _, data = await session.transfer(f"RETR {path}", transfer)
    got = await session.take(data, session.random.randint(0, 100000))
    code, _ = await session.control.ask("ABOR", 426, 226)
    await session.control.expect(226 if code == 426 else 225)
    data.close()
    session.require(got == held.part(0, len(got)).bytes(), f"RETR {path}: other bytes before ABOR")
    if code == 426:
        transfer.settle(False)
    else:
        transfer.settle(True, held.size, held.size)


@act(2)
async def reset_retr(session):
    """The data connection breaks in the middle of a download."""
    name = f"binary {content.SIZE}"
    held, path = READ[name], read_path(session, name)
    await session.type(False)
    transfer = session.begun(False, path, held.size)
    _, data = await session.transfer(f"RETR {path}", transfer)
    await session.take(data, 1)
    data.reset()
    code, _ = await session.control.expect(426, 226)
    transfer.settle(code == 226, held.size if code == 226 else 0)


# ---- the tree ----


@act(5, "full")
async def rename(session):
    numbers, ask = session.random, session.control.ask
    name = pick(session)
    if name is None:
        await ask("RNFR nothing", 550, text="RNFR command failed.")
        await ask("RNTO something", 503, text="RNFR required first.")
        return
    target = numbers.choice([other for other in NAMES if "/" not in other and other not in session.kept]
                            or [name])
    await ask(f"RNFR {session.name(name)}", 350, text="Ready for RNTO.")
    if numbers.random() < 0.2:
        await ask("RNTO nowhere/x", 550)
        return
    await ask(f"RNTO {session.name(target)}", 250, text="Rename successful.")
    held = session.files.pop(name)
    session.files[target] = held
    session.check_file(target)


@act(5, "full")
async def dele(session):
    ask = session.control.ask
    names = sorted(session.files.keys() | session.kept.keys())
    if not names or session.random.random() < 0.2:
        await ask("DELE nothing", 550, text="Delete operation failed.")
        return
    name = session.random.choice(names)
    await ask(f"DELE {session.name(name)}", 250, text="Delete operation successful.")
    session.files.pop(name, None)
    session.kept.pop(name, None)
    session.require(not session.disk(name).exists(), f"DELE has left {name}")


@act(5, "full")
async def directories(session):
    """MKD, CWD, PWD, CDUP, RMD: there and back."""
    numbers, ask = session.random, session.control.ask
    path = session.path("new dir")
    await ask(f"{numbers.choice(['MKD', 'XMKD'])} {session.name('new dir')}", 257,
              text=f'"{path}" created')
    await ask("MKD new dir", 550)
    await ask(f"{numbers.choice(['CWD', 'XCWD'])} new dir", 250,
              text="Directory successfully changed.")
    await ask(numbers.choice(["PWD", "XPWD"]), 257, text=f'"{path}" is the current directory')
    await ask(numbers.choice(["CDUP", "XCUP", "CWD .."]), 250)
    await ask("PWD", 257, text=f'"{session.path()}" is the current directory')
    await ask(f"{numbers.choice(['RMD', 'XRMD'])} {session.name('new dir')}", 250)
    await ask("RMD new dir", 550)
    await ask("CWD new dir", 550, text="Failed to change directory.")


@act(3)
async def cwd_away(session):
    ask, user = session.control.ask, session.user
    await ask(f"CWD {user.view}/{user.read}", 250)
    await ask("PWD", 257, text=f'"{user.view}/{user.read}" is the current directory')
    await ask("CWD ~", 250)
    await ask("PWD", 257, text=f'"{user.view or "/"}" is the current directory')
    await ask(f"CWD {session.path()}", 250)


# ---- listings ----


async def list_over_data(session, command):
    _, data = await session.transfer(command, opening="Here comes the directory listing.")
    got = await session.take(data)
    await session.control.expect(226, text="Directory send OK.")
    return got


def in_directory(session):
    """What a listing of the session's directory must have: name -> (directory, size)."""
    found = {name: (False, held.size) for name, held in session.files.items() if "/" not in name}
    found.update({name: (True, 0) for name in session.directories})
    return found


def same_entries(session, got, what):
    wanted = in_directory(session)
    got = {name: (directory, 0 if directory else length) for name, (directory, length) in got.items()}
    session.require(got == wanted, f"{what} shows {got}, not {wanted}")


@act(8)
async def listings(session):
    kind = session.random.choice(["LIST", "NLST", "MLSD", "STAT"])
    where = session.random.choice(["", " .", f" {session.path()}"])
    if kind == "LIST":
        same_entries(session, listed(await list_over_data(session, f"LIST{where}")), kind)
    elif kind == "MLSD":
        same_entries(session, machine_listed(await list_over_data(session, f"MLSD{where}")), kind)
    elif kind == "STAT":
        _, said = await session.control.ask(f"STAT {session.path()}", 213)
        rows = said.split("\n")[1:-1]
        same_entries(session, listed("".join(row + "\r\n" for row in rows).encode()), kind)
    else:
        names = [line.rpartition("/")[2]
                 for line in lines_of(await list_over_data(session, f"NLST{where}"))]
        session.require(sorted(names) == sorted(in_directory(session)), f"NLST shows {names}")


@act(5)
async def changing(session):
    """A directory that others are changing: what stays is there once, and every line is whole."""
    user = session.user
    if user.full:
        mine = f"{user.view}/churn/{session.serial}-{session.random.randint(0, 9)}"
        await session.control.ask(f"MKD {mine}", 257)
        await look_around(session, f"{user.view}/churn")
        await session.control.ask(f"RMD {mine}", 250)
    else:
        await look_around(session, f"{user.view}/{user.own}", stays=session.serial)


async def look_around(session, path, stays="stays"):
    kind = session.random.choice(["LIST", "NLST", "MLSD"])
    got = await list_over_data(session, f"{kind} {path}")
    if kind == "NLST":
        names = [line.rpartition("/")[2] for line in lines_of(got)]
        session.require(len(names) == len(set(names)), "NLST names something twice")
    else:
        names = (listed if kind == "LIST" else machine_listed)(got)
    session.require(stays in names, f"{kind} {path} lacks {stays}")
    strange = [name for name in names if not re.fullmatch(r"stays|s\d+-\d+(-\d)?", name)]
    session.require(not strange, f"{kind} {path} shows {strange}")


# ---- facts ----


@act(6)
async def facts(session):
    ask, name = session.control.ask, pick(session)
    if name is None:
        await ask("SIZE nothing", 550, text="Could not get file size.")
        await ask("MDTM nothing", 550, text="Could not get file modification time.")
        await ask("MLST nothing", 550, text="Could not get the facts.")
        return
    held, argument = session.files[name], session.name(name)
    await session.type(held.is_text() and held.size < 300000 and session.random.random() < 0.5)
    length = len(held.wire()) if session.ascii and session.user.ascii else held.size
    await ask(f"SIZE {argument}", 213, text=str(length))
    modified = int(session.disk(name).stat().st_mtime)
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(modified))
    await ask(f"MDTM {argument}", 213, text=re.compile(stamp + r"(\.\d{1,3})?"))
    _, said = await ask(f"MLST {argument}", 250)
    session.require(f"size={held.size};" in said, f"MLST {name} is not of {held.size} bytes")
    await ask(f"AVBL {session.path()}", 213, text=re.compile(r"\d+"))


@act(4, "full")
async def change_facts(session):
    numbers, ask, name = session.random, session.control.ask, pick(session)
    if name is None:
        await ask("MFMT 20200101000000 nothing", 550)
        await ask("SITE CHMOD 600 nothing", 550)
        return
    argument, path = session.name(name), session.disk(name)
    moment = numbers.randint(0, 1_900_000_000)
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(moment))
    kind = numbers.choice(["MFMT", "MDTM", "SITE UTIME", "MFF", "CHMOD"])
    if kind == "MFMT":
        await ask(f"MFMT {stamp} {argument}", 213, text=f"Modify={stamp}; {argument}")
    elif kind == "MDTM":
        await ask(f"MDTM {stamp} {argument}", 213)
    elif kind == "SITE UTIME":
        await ask(f"SITE UTIME {stamp} {argument}", 200)
    elif kind == "MFF":
        await ask(f"MFF modify={stamp};UNIX.mode=640; {argument}", 213)
        session.require(path.stat().st_mode & 0o777 == 0o640, f"MFF has not set the mode of {path}")
    else:
        await ask(f"SITE CHMOD 604 {argument}", 200, text="SITE CHMOD command ok.")
        session.require(path.stat().st_mode & 0o777 == 0o604, f"CHMOD has not set that of {path}")
        return
    session.require(int(path.stat().st_mtime) == moment, f"{kind} has not set the time of {path}")


OLD_HASHES = {"XMD5": "md5", "XSHA1": "sha1", "XSHA256": "sha256", "XSHA512": "sha512"}
HASHES = {"SHA-256": "sha256", "SHA-512": "sha512", "SHA-1": "sha1", "MD5": "md5"}


@act(6)
async def hashes(session):
    numbers, ask, name = session.random, session.control.ask, pick(session)
    if name is None:
        await ask("HASH nothing", 550, text="Failed to open file.")
        return
    held, argument = session.files[name], session.name(name)
    verb = numbers.choice(["HASH", "XCRC", *OLD_HASHES])
    if verb == "HASH":
        algorithm = numbers.choice(sorted(HASHES))
        await ask(f"OPTS HASH {algorithm}", 200, text=algorithm)
        first, last = 0, held.size
        if held.size > 1 and numbers.random() < 0.4:
            first = numbers.randint(0, held.size - 1)
            last = numbers.randint(first + 1, held.size)
            await ask(f"RANG {first} {last - 1}", 350)
        await ask(f"HASH {argument}", 213, text=f"{algorithm} {first}-{max(last - 1, 0)} "
                  f"{held.part(first, last).digest(HASHES[algorithm])} {argument}")
        return
    _, said = await ask(f"{verb} {argument}", 250)
    wanted = (f"{zlib.crc32(held.bytes()):08x}" if verb == "XCRC" else held.digest(OLD_HASHES[verb]))
    session.require(said.lower() == wanted, f"{verb} {name} is not {wanted}")


# ---- questions, parameters, mistakes ----

# Commands whose answers depend on nothing. What must be the same in the end is changed back.
SIMPLE = [
    ("NOOP", 200), ("NOOP with words", 200), ("SYST", 215), ("FEAT", 211), ("HELP", 214),
    ("HELP RETR", 214), ("HELP SITE", 214), ("HELP XXXX", 501), ("STAT", 211), ("LANG", 200), ("LANG en", 200),
    ("LANG fr", 504), ("LANG !", 501), ("CLNT soak", 200), ("CSID Name=soak;", 200),
    ("OPTS UTF8 ON", 200), ("OPTS XXXX", 501), ("OPTS MLST type;size;modify;", 200),
    ("OPTS HASH XXXX", 501), ("STRU F", 200), ("STRU R", 504), ("MODE S", 200), ("MODE B", 504),
    ("TYPE X", 501), ("TYPE E", 504), ("ALLO 1", 200), ("ALLO x", 501), ("AVBL", 213), ("REST 7", 350), ("REST x", 501),
    ("RANG 1 0", 350), ("RANG 5 1", 501), ("RANG x", 501), ("ABOR", 225), ("PWD", 257),
    ("ACCT x", 502), ("ADAT x", 502), ("CONF x", 502), ("ENC x", 502), ("MIC x", 502),
    ("LPRT 4,4", 502), ("LPSV", 502), ("MFCT 2020 x", 502), ("REIN", 502), ("SMNT x", 502),
    ("RETR a", 425), ("STOR a", 425), ("STOU", 425), ("LIST", 425), ("NLST", 425), ("MLSD", 425),
    ("RETR", 501), ("STOR", 501), ("CWD /nowhere", 550), ("MLST", 250), ("XXXX", 500), ("XCWD nowhere", 550),
    ("PORT 1,2,3", 501), ("PORT 10,0,0,1,200,200", 500), ("EPRT x", 501),
    ("HOST ftp.example.net", 503), ("USER nobody", 530), ("PASS x", 230), ("\\377\\364", 500),
]
# The same of those who may change files.
CHANGING = [
    ("SITE HELP", 214), ("SITE UMASK", 200), ("SITE UMASK 022", 200), ("SITE IDLE", 200),
    ("SITE XXXX", 500), ("SITE", 501), ("SITE CHMOD x", 501), ("SITE UTIME x", 501),
    ("MFMT x", 501), ("MFF x", 501), ("MKD", 501), ("RMD nowhere", 550), ("RNTO x", 503), ("APPE a", 425),
    ("DELE d", 550), ("DELE", 501),
]
DENIED = ["APPE x", "DELE x", "RMD d", "RNFR x", "RNTO x", "SITE CHMOD 600 x", "MFMT 20200101000000 x",
          "SITE HELP"]


def simple(session):
    commands = SIMPLE + (CHANGING if session.user.full else [(line, 550) for line in DENIED])
    if session.control.wire.tls is None:
        commands = commands + [("AUTH TLS", 503), ("PBSZ 0", 503), ("PROT P", 503), ("CCC", 533)]
    else:
        commands = commands + [("AUTH TLS", 503), ("PBSZ 0", 200), ("PBSZ x", 501), ("PROT S", 536),
                               ("PROT X", 504), ("CCC", 534)]
    if session.ipv6:
        commands = commands + [("PORT 127,0,0,1,200,200", 500), ("EPSV 1", 522)]
    else:
        commands = commands + [("EPSV 2", 522), ("EPRT |2|::1|9999|", 522)]
    return commands


@act(12)
async def questions(session):
    """Some commands one after the other, or in one segment: their answers come in their order."""
    await session.control.ask(f"USER {session.user.name}", 331)
    await session.control.ask("ABOR", 225)  # a data port that a refused transfer has left
    commands = session.random.choices(simple(session), k=session.random.randint(3, 12))
    if session.extended_only:
        commands = [(line, code) for line, code in commands if not line.startswith(("PORT", "EPRT"))]
    if session.random.random() < 0.5:
        await session.control.say(*(line for line, _ in commands))
        for _, code in commands:
            await session.control.expect(code)
    else:
        for line, code in commands:
            await session.control.ask(line, code)
    await session.control.ask("ABOR", 225)  # a REST or RANG that is pending
    await session.control.ask("OPTS MLST type;size;modify;perm;unique;UNIX.mode;", 200)


@act(1)
async def endless_line(session):
    await session.control.ask("NOOP " + "x" * session.random.randint(5000, 20000), 500,
                              text="Input line too long.")
    await session.control.ask("NOOP", 200)


@act(1)
async def epsv_all(session):
    session.extended_only = True
    await session.control.ask("EPSV ALL", 200, text="EPSV ALL ok.")
    await session.control.ask("PASV", 501, text="PASV is not allowed after EPSV ALL.")


@act(3)
async def missing(session):
    """Transfers of what is not there."""
    await session.type(False)
    transfer = session.begun(False, session.path("nothing"), 0)
    await session.transfer("RETR nothing", transfer, refused=(550,))
    transfer = session.begun(True, session.path("nowhere/x"), 0)
    await session.transfer("STOR nowhere/x", transfer, refused=(553,))
    await session.transfer("LIST nothing", refused=(450,))
    await session.transfer("MLSD nothing", refused=(450, 550))


@act(3, "anonymous")
async def taken(session):
    """Nothing that is there is replaced."""
    name = pick(session)
    if name is None:
        return
    transfer = session.begun(True, session.path(name), 0)
    await session.transfer(f"STOR {name}", transfer, refused=(553,))
    session.check_file(name)


@act(2)
async def status_meanwhile(session):
    """STAT during a transfer is answered at once; what waits behind is answered after it."""
    name = f"binary {content.SIZE}"
    held, path = READ[name], read_path(session, name)
    await session.type(False)
    transfer = session.begun(False, path, held.size)
    _, data = await session.transfer(f"RETR {path}", transfer)
    await session.control.say("STAT")
    got = await session.take(data)
    first, _ = await session.control.expect(211, 226)
    await session.control.expect(226 if first == 211 else 211)
    transfer.settle(True, held.size, held.size)
    session.require(hashlib.sha256(got).hexdigest() == held.digest(), f"RETR {path}: other bytes")


@act(6)
async def pause(session):
    await asyncio.sleep(session.random.random() * 2)


# ---- ends ----


async def quit_now(session):
    session.ended = "quit"
    await session.control.ask("QUIT", 221, text="Goodbye.")
    await session.control.expect_end()


async def quit_behind(session):
    """In one segment with others."""
    session.ended = "quit"
    await session.control.say("NOOP", "SYST", "QUIT", "NOOP")
    for code in (200, 215, 221):
        await session.control.expect(code)
    # NOOP was not read: a reset is no fault then.
    try:
        await session.control.expect_end()
    except ConnectionError:
        session.control.wire.close()


async def reset(session):
    session.ended = "client_gone"
    session.control.wire.reset()


async def close(session):
    session.ended = "client_gone"
    session.control.wire.close()


async def half_close(session):
    """Nothing more is sent; what was asked is answered, and then the server goes as well."""
    session.ended = "client_gone"
    await session.control.say("NOOP", "PWD")
    await session.control.wire.finish()
    await session.control.expect(200)
    await session.control.expect(257)
    await session.control.expect_end()


async def idle(session):
    """Silence, until the server has had enough."""
    if not session.user.full:
        await quit_now(session)
        return
    session.ended = "timeout"
    await session.control.ask("SITE IDLE 1", 200)
    await session.control.expect(421, text="Timeout.")
    await session.control.expect_end()


async def cut_stor(session):
    """Everything breaks in the middle of an upload."""
    name = free_name(session)
    if name is None:
        await reset(session)
        return
    new = content.some(session.random, session.random.randint(1, 1 << 20))
    await session.type(False)
    transfer = session.begun(True, session.path(name), new.size)
    _, data = await session.transfer(f"STOR {name}", transfer)
    session.odd[name] = new
    await session.give(data, new.views())
    transfer.settle(False)
    session.control.wire.reset()
    data.reset()
    session.ended = "client_gone"


async def cut_retr(session):
    held, path = READ[f"binary {content.SIZE}"], read_path(session, f"binary {content.SIZE}")
    await session.type(False)
    transfer = session.begun(False, path, held.size)
    _, data = await session.transfer(f"RETR {path}", transfer)
    await session.take(data, 1)
    session.control.wire.reset()
    data.reset()
    # Whether all of it was on its way already nobody knows.
    session.ended = "client_gone"


async def gone_at_once(session):
    """A transfer is asked for, and nobody is there any more."""
    path = read_path(session, "binary 1000")
    session.begun(False, path, 1000)
    data = await session.control.prepare("EPSV")
    await session.control.say(f"RETR {path}")
    session.control.wire.reset()
    data.close()


ENDS = {quit_now: 10, quit_behind: 2, reset: 2, close: 2, half_close: 2, idle: 2, cut_stor: 2, cut_retr: 2,
        gone_at_once: 1}

ENDS_BEFORE = {quit_now: 2, reset: 1, close: 1}

# ---- before the login ----


async def stranger(session):
    """Before the password: what must be refused is, and a wrong password gets nobody in."""
    ask, numbers = session.control.ask, session.random
    for line, code in numbers.sample([("PWD", 530), ("RETR a", 530), ("SYST", 215), ("FEAT", 211),
                                      ("NOOP", 200), ("XXXX", 500), ("PASV", 530), ("HELP", 214),
                                      ("ABOR", 530), ("OPTS UTF8 ON", 200), ("REIN", 502),
                                      ("HOST ftp.example.net", 503)], 4):
        await ask(line, code)
    if numbers.random() < 0.2 and session.user.full:
        await ask("PASS wrong", 530, text="Login incorrect.")
        session.worker.refused += 1
        await ask("PASS wrong", 503)
        await ask(f"USER {session.user.name}", 331)


# ---- sessions that last ----

LASTING = (
    stor, appe, rest_stor, stou, retr, rest_retr, rang_retr, listings, hashes, facts, change_facts,
    rename, abor_stor, resume, abor_retr, reset_retr, reset_stor, changing, directories, cwd_away,
    missing, questions, shared, status_meanwhile, retr)
LASTING_ANONYMOUS = (
    retr_read, rest_retr, rang_retr, abor_retr, listings, cwd_away, questions, missing,
    status_meanwhile, retr_read)
WARM = 3  # rounds that differ


async def same_again(session, number):
    """The same things in the same order, to the end of which everything is as before. The first rounds differ, so that
    what is used at times has been used."""
    for at, function in enumerate(LASTING if session.user.full else LASTING_ANONYMOUS):
        # Anew for each, for how many it takes depends on what the one before has met.
        session.random.seed(f"{min(number, WARM)}/{at}")
        await function(session)
    for name in sorted(session.files.keys() | session.kept.keys()):
        await session.control.ask(f"DELE {name}", 250)
    session.files.clear()
    session.kept.clear()
    await session.control.ask("ABOR", 225)
