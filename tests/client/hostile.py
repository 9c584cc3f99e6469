"""What tests of hostile clients share. Whatever a client did: nothing crashes, no process stays, and no log has
a byte that a terminal would obey."""

import ctypes
import os
import pathlib
import re
import select
import socket
import struct
import time

import control
import harness

BINARY = "200 Switching to Binary mode."
FORBIDDEN = re.compile(rb"[^\n\x20-\x7e]")
LIBC = ctypes.CDLL(None, use_errno=True)


def xinetd(server):
    """The usual entry, and a line for the end of each session in a log of the super-server's."""
    command = harness.xinetd(server)
    path = server.directory / "xinetd.conf"
    path.write_text(path.read_text().replace(
        "}\n", f"    log_type = FILE {server.directory}/ends.txt\n    log_on_success = PID EXIT\n}}\n"))
    return command


def signals(server):
    """The ends that were a signal's."""
    return [line for line in (server.directory / "ends.txt").read_text().splitlines() if "signal=" in line]


class HostileTest(harness.FtpTest):

    def serve(self, options="", **how):
        how.setdefault("starter", xinetd)
        return super().serve(options, **how)

    def stop(self, server):
        super().stop(server)
        self.assertEqual(signals(server), [], "sessions were ended by signals")
        for name in ("vsftpd.log", "xferlog", "events.log"):
            log = server.directory / name
            self.assert_clean(name, log.read_bytes() if log.exists() else b"")
        self.assert_clean("syslog", self.syslog().encode())

    def assert_clean(self, name, content):
        found = FORBIDDEN.search(content)
        if found:
            self.fail(f"{name}: {content[max(0, found.start() - 200):found.end() + 20]!r}")

    def open(self, user="alice", **how):
        session = self.login(user, **how)
        session.expect("TYPE I", BINARY)
        return session

    def greeted(self, server=None, **how):
        session = self.connect(server, **how)
        session.expect_reply(re.compile("220 .*"))
        return session

    def assert_lives(self, session):
        session.expect("NOOP", "200 NOOP ok.")


def pour(session, content, lines, seconds=30):
    """Sends it all and reads meanwhile, until so many lines have come, or the end. Returns what came."""
    sock, got, at = session.socket, [session.unread], 0
    seen, session.unread = session.unread.count(b"\n"), b""
    content = memoryview(content)
    sock.setblocking(False)
    poll = select.poll()
    deadline = time.monotonic() + seconds
    while seen < lines:
        poll.register(sock, select.POLLIN | (select.POLLOUT if at < len(content) else 0))
        if not poll.poll(1000 * max(0, deadline - time.monotonic())):
            session.fail(f"{seen} lines of {lines} within {seconds} s; {at} of {len(content)} bytes sent; "
                         f"the last: {b''.join(got[-3:])[-200:]!r}")
        try:
            part = sock.recv(1 << 20)
            if not part:
                break
            got.append(part)
            seen += part.count(b"\n")
        except BlockingIOError:
            pass
        except ConnectionResetError:
            break
        try:
            at += sock.send(content[at:at + 65536])
        except (BlockingIOError, ConnectionResetError, BrokenPipeError):
            pass
    sock.settimeout(session.timeout)
    return b"".join(got)


def answers(got):
    """The lines of replies that were poured in."""
    return got.decode(errors="surrogateescape").split("\r\n")[:-1]


# ---- what a process uses ----


def resident(pid):
    """Its memory that is no file's, in KiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"RssAnon:\s*(\d+)", text)
    return int(found[1]) if found else 0  # it is going


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor(pid):
    """The seconds of processor time it has had."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- who looks at files ----

OPENED = 0x20
TOUCHED = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200  # modify, attributes, moved from and to, made, deleted


class Watch:
    """Notices what happens to directories and to the files in them (inotify)."""

    def __init__(self, *places):
        self.file = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.places = {}
        for place in places:
            mark = LIBC.inotify_add_watch(self.file, os.fsencode(place), OPENED | TOUCHED)
            if mark < 0:
                raise OSError(ctypes.get_errno(), str(place))
            self.places[mark] = str(place)

    def close(self):
        os.close(self.file)

    def seen(self):
        """(place, name) of everything since the last time."""
        found = set()
        while True:
            try:
                events = os.read(self.file, 1 << 16)
            except BlockingIOError:
                return found
            while events:
                mark, _, _, size = struct.unpack_from("iIII", events)
                found.add((self.places.get(mark, "?"), os.fsdecode(events[16:16 + size].rstrip(b"\0"))))
                events = events[16 + size:]


def reset(sock):
    """Closes a connection with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_some(data, size):
    """So many bytes, or what there is."""
    got = b""
    while len(got) < size:
        part = data.recv(size - len(got))
        if not part:
            break
        got += part
    return got


def greeting(port, timeout=20):
    session = control.Control("127.0.0.1", port, timeout=timeout)
    session.expect_reply(re.compile("220 .*"))
    return session
