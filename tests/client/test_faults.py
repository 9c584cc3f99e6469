"""Faults of the system, of administrators and of the network, in the middle of sessions. FT1 to FT23 are the cases of
docs/hostile-input.md. Where TLS could change the outcome, each is tried in clear and with TLS."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import harness
import hostile
import secure
import test_books
import test_privilege
import test_uploads
from harness import ALICE, give_directory, put, sample, wait_until

BEGUN = re.compile("150 .*")
DONE = "226 Transfer complete."
MIB = 1 << 20
# More than both ends of a connection keep for a client that does not read.
LARGE = 24 * MIB
OLD, NEW = sample(3000, b"old"), sample(50_000, b"new")
REFUSED = re.compile("[45].*")


class FaultTest(secure.FtpsTest):

    more = ("force_local_logins_ssl=NO\nforce_local_data_ssl=NO\nascii_download_enable=YES\n"
            "ascii_upload_enable=YES\ndelay_failed_login=0\n")
    ways = (("clear", False), ("TLS", True))

    def open(self, private, server=None, **how):
        """A session in TYPE I with both connections private, or neither."""
        if private:
            return self.login(server=server, **how)
        session = self.greeted(server, **how)
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.expect("TYPE I", hostile.BINARY)
        return session

    def begin(self, session, command):
        """A transfer that has begun: its data connection."""
        data = session.passive()
        self.addCleanup(data.close)
        session.expect(command, BEGUN)
        return session.secured(data) if session.private else data

    def read(self, data):
        return b"".join(iter(lambda: data.recv(1 << 18), b""))

    def end(self, session, data, reply=DONE):
        """The end of an upload, as a client should give it. A failure may come as a reset, too."""
        with contextlib.suppress(ConnectionResetError):
            if session.private:
                data.finish()
        data.close()
        return session.expect_reply(reply)

    def send(self, session, command, content, place=ALICE):
        """An upload of which so much is in a draft: its data connection."""
        before = set(self.drafts(place))
        data = self.begin(session, command)
        data.sendall(content)
        self.assertTrue(wait_until(lambda: any((place / name).stat().st_size == len(content)
                                               for name in set(self.drafts(place)) - before), 5))
        return data

    def drafts(self, place=ALICE):
        return sorted(path.name for path in place.iterdir() if path.name.startswith(".soloftpd-"))


class Signals(FaultTest):
    """FT20: signals that are not meant for a session do nothing, wherever they hit it."""

    NUMBERS = (signal.SIGPIPE, signal.SIGHUP, signal.SIGURG, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
               signal.SIGCONT, signal.SIGCHLD, signal.SIGWINCH, signal.SIGXFSZ)

    def hit(self):
        pid = self.session_pid()
        for number in self.NUMBERS:
            os.kill(pid, number)
            time.sleep(0.005)
        # That one can't be ignored; but after it all goes on.
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.02)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)

    def test_ft20_anywhere(self):
        content = sample(LARGE)
        for way, private in self.ways:
            with self.subTest(way):
                session = self.greeted()
                self.hit()
                session.close()
                self.assertTrue(wait_until(lambda: not self.server.sessions(), 2))
                put(ALICE / "f", content)
                session = self.open(private)
                self.hit()
                data = self.begin(session, "RETR f")
                self.hit()
                self.assert_same_bytes(self.read(data), content)
                session.expect_reply(DONE)
                data = self.send(session, "STOR g", NEW)
                self.hit()
                data.sendall(NEW)
                self.end(session, data)
                self.assert_same_bytes((ALICE / "g").read_bytes(), NEW + NEW)
                address = session.passive_address()
                session.say("LIST")
                self.hit()
                with socket.create_connection(address) as plain:
                    session.expect_reply(BEGUN)
                    listing = self.read(session.secured(plain) if private else plain)
                self.assertEqual(listing.count(b"\r\n"), 2)
                session.expect_reply("226 Directory send OK.")
                session.quit()


class Urgent(FaultTest):
    """Urgent data (TCP's) are nothing that FTP knows on a data connection: they are no part of a file."""

    def test_ft20_in_an_upload(self):
        """Neither small nor large uploads end there, or turn round and round."""
        content = sample(2 * MIB)
        for first in (1000, MIB):
            with self.subTest(first):
                session = self.open(False)
                data = self.begin(session, "STOR f")
                data.sendall(content[:first])
                self.assertTrue(wait_until(lambda: self.drafts() and
                                           (ALICE / self.drafts()[0]).stat().st_size == first, 5))
                pid = self.session_pid()
                before = hostile.processor(pid)
                data.send(b"!", socket.MSG_OOB)
                data.sendall(content[first:MIB + first])
                wait_until(lambda: False, 0.3)
                self.assertLess(hostile.processor(pid) - before, 0.1)
                data.sendall(content[MIB + first:])
                self.end(session, data)
                self.assert_same_bytes((ALICE / "f").read_bytes(), content)
                session.quit()

    def test_ft20_in_a_download(self):
        """Nobody reads what a client sends there; so its connection ends by a reset, as TCP wants it (RFC 1122,
        4.2.2.13), and the session goes on."""
        content = sample(LARGE)
        put(ALICE / "f", content)
        session = self.open(False)
        data = self.begin(session, "RETR f")
        data.send(b"!", socket.MSG_OOB)
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while more := data.recv(1 << 18):
                got += more
        self.assertTrue(content.startswith(got))
        session.expect_reply(DONE)
        self.assert_same_bytes(session.retrieve("RETR f"), content)
        session.quit()


class Shrinking(FaultTest):
    """FT4: a file that loses bytes while it is sent."""

    def shrink(self, session, private, kept, content):
        """What came of it; the client begins to read when the file is short already."""
        put(ALICE / "f", content)
        data = self.begin(session, "RETR f")
        os.truncate(ALICE / "f", kept)
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while more := data.recv(1 << 18):
                got += more
        if private:
            self.assertNotEqual(data.ended, "close_notify", "it looks whole")
        session.expect_reply("451 Failure reading local file.")
        return bytes(got)

    def test_ft4_binary(self):
        content = sample(LARGE)
        for way, private in self.ways:
            session = self.open(private)
            for kept in (0, LARGE - 1):
                with self.subTest(way, kept=kept):
                    got = self.shrink(session, private, kept, content)
                    self.assertLess(len(got), LARGE)
                    self.assertTrue(content.startswith(got))
                    self.assert_same_bytes(session.retrieve("RETR f"), content[:kept])
            session.quit()

    def test_ft4_ascii(self):
        """Line ends grow on their way: as many bytes as the file had are no sign that it came whole."""
        content = b"\n" * LARGE
        for way, private in self.ways:
            session = self.open(private)
            session.expect("TYPE A", "200 Switching to ASCII mode.")
            for kept in (0, LARGE // 2 + 1, LARGE - 1):
                with self.subTest(way, kept=kept):
                    got = self.shrink(session, private, kept, content)
                    self.assertLess(len(got), 2 * LARGE)
                    self.assertTrue((b"\r\n" * LARGE).startswith(got))
            session.quit()

    def test_ft4_from_an_offset(self):
        """To the end of a page: the rest of one is emptied under what sendfile has queued already."""
        content = sample(LARGE)
        for way, private in self.ways:
            with self.subTest(way):
                session = self.open(private)
                session.expect("REST 1000", re.compile("350 .*"))
                self.assertTrue(content.startswith(self.shrink(session, private, 4096, content), 1000))
                session.quit()


class Replaced(FaultTest):
    """FT5: a file whose name goes away while it is sent."""

    def test_ft5_old_inode(self):
        content = sample(LARGE)
        f, other = ALICE / "f", ALICE / "other"
        changes = {"unlinked": f.unlink, "replaced": lambda: os.replace(put(other, NEW), f),
                   "renamed": lambda: f.rename(other)}
        for way, private in self.ways:
            session = self.open(private)
            for kind in ("I", "A"):
                session.expect(f"TYPE {kind}", re.compile("200 .*"))
                wanted = content if kind == "I" else re.sub(rb"\r?\n", b"\r\n", content)
                for name, change in changes.items():
                    with self.subTest(way, kind=kind, change=name):
                        put(f, content)
                        data = self.begin(session, "RETR f")
                        change()
                        self.assert_same_bytes(self.read(data), wanted)
                        session.expect_reply(DONE)
            session.quit()


class Directories(FaultTest):
    """FT6: a directory that is closed, moved or removed while a file is uploaded into it."""

    def setUp(self):
        super().setUp()
        self.place = give_directory(ALICE / "d")
        put(self.place / "f", OLD)

    def assert_fails(self, change, restore):
        for way, private in self.ways:
            for command in ("STOR d/f", "APPE d/f", "STOR d/new"):
                with self.subTest(way, command=command):
                    session = self.open(private)
                    begun = self.begin(session, command)
                    begun.sendall(NEW)
                    self.assertTrue(wait_until(lambda: self.drafts(self.place) and (
                        self.place / self.drafts(self.place)[0]).stat().st_size >= len(NEW), 5))
                    change()
                    self.end(session, begun, REFUSED)
                    hostile.HostileTest.assert_lives(self, session)
                    restore()
                    self.assertEqual([path.name for path in self.place.iterdir()
                                      if path.name not in self.drafts(self.place)], ["f"])
                    self.assert_same_bytes((self.place / "f").read_bytes(), OLD)
                    # What could not be removed goes when the directory is looked at a minute later.
                    for name in self.drafts(self.place):
                        test_uploads.make_old(self.place / name, 2 * 60)
                    session.list("LIST d")
                    self.assertEqual(self.drafts(self.place), [])
                    session.quit()

    def test_ft6_closed(self):
        self.assert_fails(lambda: self.place.chmod(0), lambda: self.place.chmod(0o755))

    def test_ft6_not_writable(self):
        self.assert_fails(lambda: self.place.chmod(0o555), lambda: self.place.chmod(0o755))

    def test_ft6_moved(self):
        other = ALICE / "elsewhere"
        self.assert_fails(lambda: self.place.rename(other), lambda: other.rename(self.place))

    def test_ft6_removed(self):
        def restore():
            give_directory(self.place)
            put(self.place / "f", OLD)
        self.assert_fails(lambda: shutil.rmtree(self.place), restore)

    def test_ft6_moved_with_the_session_in_it(self):
        """It is still the same place."""
        session = self.open(False)
        session.expect("CWD d", re.compile("250 .*"))
        data = self.send(session, "STOR f", NEW, self.place)
        self.place.rename(ALICE / "elsewhere")
        self.end(session, data)
        self.assert_same_bytes((ALICE / "elsewhere/f").read_bytes(), NEW)
        session.quit()


class ReadOnly(test_uploads.UploadTest):
    """FT7: a file system that becomes read-only under a session."""

    def remount(self, place, how):
        subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)

    def test_ft7_between_commands(self):
        place = self.mounted("tmpfs", "disk", 1 << 20)
        f = put(place / "f", OLD)
        session = self.login()
        session.expect("RNFR disk/f", re.compile("350 .*"))
        self.remount(place, "ro")
        session.expect("RNTO disk/g", re.compile("550 .*"))
        for command in ("STOR disk/f", "APPE disk/f", "STOR disk/new", "STOU disk/new"):
            with self.subTest(command):
                self.refused(session, command, 553)
        for command in ("DELE disk/f", "MKD disk/d", "SITE CHMOD 600 disk/f", "MFMT 20200101000000 disk/f"):
            with self.subTest(command):
                session.expect(command, re.compile("550 .*"))
        self.assert_same_bytes(session.retrieve("RETR disk/f"), OLD)
        self.assertEqual(list(place.iterdir()), [f])
        self.remount(place, "rw")
        session.store("STOR disk/f", NEW)
        self.assert_same_bytes(f.read_bytes(), NEW)
        session.quit()

    def test_ft7_in_an_upload(self):
        """As ext4 makes itself read-only when its disk fails: nothing can be written or removed any more."""
        place = self.mounted("ext4", "disk", 8 << 20)
        if not place:
            return
        f = put(place / "f", OLD)
        session = self.login()
        data = self.begin(session, "STOR disk/f", NEW)
        self.assertTrue(wait_until(lambda: any(path.stat().st_size == len(NEW)
                                               for path in test_uploads.drafts(place)), 5))
        self.remount(place, "abort")
        self.end(session, data, NEW, REFUSED)
        self.assert_same_bytes(f.read_bytes(), OLD)
        session.store("STOR other", NEW)
        session.quit()

    def test_ft7_before_the_end_of_an_upload(self):
        """All is written; the draft can neither have its name nor be removed."""
        place = self.mounted("tmpfs", "disk", 1 << 20)
        f = put(place / "f", OLD)
        session = self.login()
        data = self.begin(session, "STOR disk/f", NEW)
        self.assertTrue(wait_until(lambda: any(path.stat().st_size == len(NEW)
                                               for path in test_uploads.drafts(place)), 5))
        # A file that is open for writing keeps the file system writable, but not what is mounted over it.
        subprocess.run(["mount", "--bind", place, place], check=True)
        try:
            self.remount(place, "bind,ro")
            self.end(session, data, b"", REFUSED)
            self.assert_same_bytes(f.read_bytes(), OLD)
        finally:
            subprocess.run(["umount", place], check=True)
        for path in test_uploads.drafts(place):
            test_uploads.make_old(path, 2 * 60)
        session.list("LIST disk")
        self.assertEqual(list(place.iterdir()), [f])
        session.quit()


class Reconfigured(FaultTest):
    """FT15: xinetd kills the sessions of a service that is taken out of its configuration."""

    def reconfigure(self, server, text):
        (server.directory / "xinetd.conf").write_text(text)
        os.kill(server.process.pid, signal.SIGHUP)

    def enters(self, private, server):
        try:
            self.open(private, server).quit()
        except (AssertionError, OSError):
            return False
        return True

    def test_ft15_sigkill(self):
        server = self.serve_tls(self.more + "max_login_fails=7\n")
        service = (server.directory / "xinetd.conf").read_text()
        # Without any service xinetd would end.
        other = service.replace("service soloftpd", "service other").replace(str(server.port), str(next(harness.ports)))
        put(ALICE / "f", OLD)
        for way, private in self.ways:
            with self.subTest(way):
                session = self.open(private, server)
                data = self.send(session, "STOR f", NEW)
                pid = self.session_pid(server)
                self.reconfigure(server, other)
                self.assert_gone(pid)
                if private:
                    self.assertEqual(self.read(data), b"")
                    self.assertNotEqual(data.ended, "close_notify")
                self.reconfigure(server, service + other)
                self.assert_same_bytes((ALICE / "f").read_bytes(), OLD)
                left = self.drafts()
                self.assertEqual(len(left), 1)
                test_uploads.make_old(ALICE / left[0], 2 * 60)
                self.assertTrue(wait_until(lambda: self.enters(private, server), 5))
                self.assertEqual(self.drafts(), [])


class Full(FaultTest):
    """FT1: what tests/client/test_uploads.py says of a full disk, for STOU, and with TLS."""

    def test_ft1_tmpfs(self):
        place = test_uploads.UploadTest.mounted(self, "tmpfs", "small", MIB)
        f = put(place / "f", OLD)
        for way, private in self.ways:
            session = self.open(private)
            for command in ("STOR small/f", "APPE small/f", "STOU small/f"):
                with self.subTest(way, command=command):
                    data = session.passive()
                    session.expect(command, BEGUN)
                    with data, contextlib.suppress(OSError):
                        session.give(data, sample(2 * MIB))
                    session.expect_reply(re.compile("452 .*"))
                    self.assert_same_bytes(f.read_bytes(), OLD)
                    self.assertEqual(list(place.iterdir()), [f])
            session.quit()


class Silence(FaultTest):
    """FT16: from one moment on no packet comes through, neither way."""

    CLIENT = "127.0.0.66"
    timeouts = "idle_session_timeout=1\ndata_connection_timeout=1\nlogin_timeout=1\naccept_timeout=1\n"
    for_ever = "idle_session_timeout=0\ndata_connection_timeout=0\nlogin_timeout=0\n"

    @contextlib.contextmanager
    def silence(self):
        rules = "".join(f"add rule inet silence lost ip {end} {self.CLIENT} drop\n" for end in ("saddr", "daddr"))
        subprocess.run(["nft", "-f", "-"], check=True, input=b"add table inet silence\nadd chain inet silence lost "
                       b"{ type filter hook input priority 0; }\n" + rules.encode())
        try:
            yield
        finally:
            subprocess.run(["nft", "delete", "table", "inet", "silence"], check=True)

    def states(self, server, private):
        """Sessions, and what they are doing."""
        def inside(command, content=b""):
            session = self.open(private, server, source=self.CLIENT)
            if command:
                data = self.begin(session, command)
                data.sendall(content)
            return session
        put(ALICE / "large", sample(LARGE))
        return {"greeted": self.greeted(server, source=self.CLIENT), "waiting": inside(None),
                "RETR": inside("RETR large"), "STOR": inside("STOR f", NEW)}

    def test_ft16_timeouts(self):
        server = self.serve_tls(self.more + self.timeouts)
        for way, private in self.ways:
            with self.subTest(way):
                self.states(server, private)
                with self.silence():
                    self.assertTrue(wait_until(lambda: not server.sessions(), 3), server.sessions())
        self.assertEqual(set(self.drafts()), {".soloftpd-part-f"})

    def test_ft16_keepalive(self):
        """Without any limit on time TCP's own questions find it out. Nobody but the server asks for them here."""
        settings = {"keepalive_time": "1", "keepalive_intvl": "1", "keepalive_probes": "1"}
        for name, value in settings.items():
            path = pathlib.Path(f"/proc/sys/net/ipv4/tcp_{name}")
            self.addCleanup(path.write_text, path.read_text())
            path.write_text(value)
        server = self.serve_tls(self.more + self.for_ever, starter=harness.tcpserver)
        sessions = self.states(server, False)
        time.sleep(0.1)  # what has not been acknowledged is repeated instead, for a quarter of an hour
        with self.silence():
            self.assertTrue(wait_until(lambda: not server.sessions(), 5), (sessions, server.sessions()))


class Terminated(FaultTest):
    """FT17: SIGTERM, whatever the session is doing: 421 within a second, and the end."""

    GONE = "421 Service not available, closing control connection."

    def setUp(self):
        super().setUp()
        put(ALICE / "large", sample(LARGE))
        self.huge()
        for number in range(300):
            put(ALICE / f"many/{number:0200}")
        self.slow = self.serve_tls(self.more + "local_max_rate=2000\n")
        test_books.WTMP.write_bytes(b"")

    def end(self, session, name, hears=True, inside=True, server=None):
        pid = self.session_pid(server)
        started = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        if hears:
            session.expect_reply(self.GONE)
            session.expect_end()
        self.assert_gone(pid, 2)
        self.assertLess(time.monotonic() - started, 1, name)
        if inside:
            last = test_books.records(test_books.WTMP)[-1]
            self.assertEqual((last.type, last.pid), (test_books.DEAD, pid))
        session.close()

    def connecting(self, session):
        """Active: the client's port swallows the connection, its queue being full."""
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(full.close)
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            self.addCleanup(filler.close)
        port = full.getsockname()[1]
        session.expect(f"PORT 127,0,0,1,{port >> 8},{port & 255}", re.compile("200 .*"))
        session.say("LIST")

    def accepting(self, session):
        session.passive_address()
        session.say("RETR large")

    def storing(self, session):
        self.send(session, "STOR f", NEW)

    def both(self, name, prepare, server=None):
        for way, private in self.ways:
            with self.subTest(way, state=name):
                session = self.open(private, server)
                made = prepare(session)
                self.end(session, name, server=server)
                yield made

    def test_ft17_inside(self):
        states = {"waiting": lambda _session: None, "accepting": self.accepting, "connecting": self.connecting,
                  "HASH": lambda session: session.say("HASH huge")}
        for name, prepare in states.items():
            for _ in self.both(name, prepare):
                pass
        self.assertEqual(self.drafts(), [])

    def test_ft17_transfers(self):
        for data in self.both("RETR", lambda session: self.begin(session, "RETR large")):
            with contextlib.suppress(ConnectionResetError):
                self.assertLess(len(self.read(data)), LARGE)
            self.assertNotEqual(getattr(data, "ended", None), "close_notify")
        for _ in self.both("LIST", lambda session: self.begin(session, "LIST many"), self.slow):
            pass
        for _ in self.both("STOR", self.storing):
            self.assertEqual(self.drafts(), [".soloftpd-part-f"])
            self.assert_same_bytes((ALICE / ".soloftpd-part-f").read_bytes(), NEW)
        for _ in self.both("nothing came", lambda session: self.begin(session, "STOR g")):
            self.assertEqual(self.drafts(), [".soloftpd-part-f"])

    def test_ft17_before_the_login(self):
        slow = self.serve_tls(self.more.replace("login=0", "login=9"))

        def user(session):
            session.expect("USER alice", "331 Please specify the password.")

        def answer_waits(session):
            user(session)
            session.say("PASS wrong")
        for name, prepare in {"greeted": lambda _session: None, "USER": user, "PASS": answer_waits}.items():
            for way, private in self.ways:
                with self.subTest(way, state=name):
                    session = self.greeted(slow)
                    if private:
                        session.auth()
                        session.expect("NOOP", "200 NOOP ok.")
                    prepare(session)
                    if name == "PASS":
                        # The refusal is said at once then.
                        time.sleep(0.1)
                        os.kill(self.session_pid(slow), signal.SIGTERM)
                        session.expect_reply("530 Login incorrect.", self.GONE)
                        session.expect_end()
                        continue
                    self.end(session, name, inside=False, server=slow)
        self.assertEqual(test_books.records(test_books.WTMP), [])

    def test_ft17_handshakes(self):
        """In that of the control connection there is no way to say anything."""
        session = self.greeted()
        session.expect("AUTH TLS", "234 Proceed with negotiation.")
        self.end(session, "AUTH", hears=False, inside=False)
        for command in ("STOR f", "RETR large"):
            session = self.open(True)
            with session.passive():
                session.expect(command, BEGUN)
                self.end(session, "handshake of data")
        self.assertEqual(self.drafts(), [])

    def test_ft17_client_that_does_not_read(self):
        session = self.open(False)
        session.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(1000):
                session.socket.send(b"STAT\r\n" * 1000)
        time.sleep(0.2)
        self.end(session, "STAT", hears=False)


class HalfClosed(FaultTest):
    """FT18: a client that says that it will send no more."""

    def ends(self, private):
        """name -> what a client may do to a connection."""
        if not private:
            return {"FIN": lambda sock: sock.shutdown(socket.SHUT_WR)}
        return {"close_notify": lambda sock: sock.notify(), "both": lambda sock: (sock.notify(), sock.cut())}

    def each(self):
        for way, private in self.ways:
            for name, end in self.ends(private).items():
                with self.subTest(way, end=name):
                    yield self.open(private), end

    def test_ft18_control_in_a_download(self):
        content = sample(LARGE)
        put(ALICE / "f", content)
        for session, end in self.each():
            data = self.begin(session, "RETR f")
            pid = self.session_pid()
            end(session.socket)
            time.sleep(0.1)
            self.assert_same_bytes(self.read(data), content)
            session.expect_reply(DONE)
            session.expect_end()
            self.assert_gone(pid)

    def test_ft18_control_in_a_handshake(self):
        """The mark has been said, so the data come, too."""
        content = sample(LARGE)
        put(ALICE / "f", content)
        for command, done in (("RETR f", DONE), ("LIST", "226 Directory send OK.")):
            for name, end in self.ends(True).items():
                with self.subTest(command, end=name):
                    session = self.open(True)
                    with session.passive() as plain:
                        session.expect(command, BEGUN)
                        end(session.socket)
                        time.sleep(0.1)
                        got = self.read(session.secured(plain))
                    self.assertEqual(len(got) == len(content), command == "RETR f")
                    session.expect_reply(done)
                    session.expect_end()

    def test_ft18_data_in_a_download(self):
        """That side carries nothing anyway."""
        content = sample(LARGE)
        put(ALICE / "f", content)
        for session, end in self.each():
            data = self.begin(session, "RETR f")
            end(data)
            time.sleep(0.1)
            self.assert_same_bytes(self.read(data), content)
            session.expect_reply(DONE)
            session.quit()

    def test_ft18_data_in_an_upload(self):
        """It is the end of the file, and the server closes its side."""
        for session, end in self.each():
            data = self.begin(session, "STOR f")
            data.sendall(NEW)
            end(data)
            session.expect_reply(DONE)
            self.assertEqual(data.recv(1), b"")
            self.assert_same_bytes((ALICE / "f").read_bytes(), NEW)
            session.quit()


class Clock(FaultTest):
    """FT21: the system's clock is set. A fake (clock.c) tells the server's processes a wrong time, and only those:
    setting the real one would set it for the whole machine."""

    DAY = 24 * 3600
    PLACE, LIBRARY = pathlib.Path("/run/clock"), pathlib.Path("/run/clock.so")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = pathlib.Path(__file__).resolve().parent / "clock.c"
        subprocess.run(["gcc", "-shared", "-fPIC", f'-DCLOCK="{cls.PLACE}"', "-o", cls.LIBRARY, source], check=True)

    def setUp(self):
        self.set(0)
        super().setUp()
        self.server = self.serve_tls(self.more + "require_ssl_reuse=YES\n",
                                     environment=f"LD_PRELOAD={self.LIBRARY}")
        self.quick = self.serve_tls(self.more + "idle_session_timeout=1\ndata_connection_timeout=1\n",
                                    environment=f"LD_PRELOAD={self.LIBRARY}")

    def set(self, days):
        with self.PLACE.open("r+b" if self.PLACE.exists() else "wb") as file:
            file.write(struct.pack("=q", days * self.DAY))

    def assert_log_is_off(self, days):
        """The server does believe it."""
        line = self.server.lines()[-1]
        told = time.mktime(time.strptime(line[:24], "%a %b %d %H:%M:%S %Y"))
        self.assertLess(abs(told - time.time() - days * self.DAY), 60, line)

    def test_ft21_sessions_go_on(self):
        content = sample(LARGE)
        put(ALICE / "f", content)
        for way, private in self.ways:
            for first, then in ((1, 0), (-1, 0), (1, -1)):
                with self.subTest(way, first=first, then=then):
                    self.set(0)
                    greeted, waiting, down, up, late = self.greeted(), *(self.open(private) for _ in range(4))
                    receiving = self.begin(down, "RETR f")
                    sending = self.send(up, "STOR g", NEW)
                    address = late.passive_address()
                    late.say("LIST")
                    for days in (first, then):
                        self.set(days)
                        time.sleep(0.1)
                        waiting.expect("NOOP", "200 NOOP ok.")
                        # What another session is writing is not swept away as something old.
                        self.open(private).quit()
                    waiting.store("STOR h", NEW)
                    self.assert_log_is_off(then)
                    self.assert_same_bytes(waiting.retrieve("RETR h"), NEW)
                    greeted.expect("NOOP", "200 NOOP ok.")
                    self.assert_same_bytes(self.read(receiving), content)
                    down.expect_reply(DONE)
                    sending.sendall(NEW)
                    self.end(up, sending)
                    self.assert_same_bytes((ALICE / "g").read_bytes(), NEW + NEW)
                    with socket.create_connection(address) as plain:
                        late.expect_reply(BEGUN)
                        self.read(late.secured(plain) if private else plain)
                    late.expect_reply("226 Directory send OK.")
                    for session in (greeted, waiting, down, up, late):
                        session.quit()

    def test_ft21_limits_stay(self):
        for days in (1, -1):
            with self.subTest(days):
                self.set(0)
                idle, stalled = self.open(False, self.quick), self.open(False, self.quick)
                self.begin(stalled, "STOR f")
                started = time.monotonic()
                self.set(days)
                idle.expect_reply("421 Timeout.")
                self.assertTrue(0.7 < time.monotonic() - started < 2)
                stalled.expect_reply("421 Data timeout. Reconnect. Sorry.")
                self.assertTrue(0.7 < time.monotonic() - started < 2)


class Descriptors(FaultTest):
    """FT22: descriptors as a careless parent may leave them."""

    def test_ft22_leaked(self):
        leaked = self.here / "leaked"
        leaked.touch()
        script = self.server.write("careless", f"""\
#!/bin/bash
for number in {{3..63}}; do eval "exec $number<>{leaked}"; done
exec 1>&- 2>&-
exec {harness.SOLOFTPD} "$@"
""")
        script.chmod(0o755)
        server = self.serve_tls(self.more, program=str(script))
        for way, private in self.ways:
            with self.subTest(way):
                session = self.greeted(server)
                held = test_privilege.descriptors(self.session_pid(server))
                self.assertEqual([held[number] for number in range(3)], ["/dev/null"] * 3)
                self.assertNotIn(str(leaked), held.values())
                session.close()
                self.assertTrue(wait_until(lambda: not server.sessions(), 2))
                session = self.open(private, server)
                session.store("STOR f", NEW)
                held = test_privilege.descriptors(self.session_pid(server))
                self.assertNotIn(str(leaked), held.values())
                self.assertEqual([held[number] for number in range(3)], ["/dev/null"] * 3)
                self.assertEqual(list(held.values()).count("socket: tcp"), 1)
                session.quit()

    def test_ft22_not_a_connection(self):
        """Refused, without a word if there is nowhere to say it."""
        datagrams, listener = socket.socket(type=socket.SOCK_DGRAM), socket.create_server(("127.0.0.1", 0))
        ours, theirs = socket.socketpair()
        unconnected = socket.socket()
        given = {"datagrams": datagrams, "listening": listener, "a pair": theirs, "unconnected": unconnected,
                 "a file": open(harness.SOLOFTPD, "rb"), "closed": None}
        self.addCleanup(ours.close)
        for name, stdin in given.items():
            for closed in ("", "1>&- 2>&-"):
                with self.subTest(name, closed=closed):
                    done = subprocess.run(["sh", "-c", f'exec "$0" /dev/null {closed} {"" if stdin else "<&-"}',
                                           harness.SOLOFTPD], stdin=stdin, capture_output=True, timeout=10,
                                          check=False)
                    self.assertEqual((done.returncode, done.stdout), (2, b""))
                    self.assertEqual(b"standard input is" in done.stderr, not closed)
            if stdin:
                stdin.close()
