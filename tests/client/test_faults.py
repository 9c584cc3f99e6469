"""Faults of the system, of administrators and of the network in the middle of sessions."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

import faults
import harness
import hostile
import test_books
import test_privilege
import test_uploads
from faults import BEGUN, DONE, LARGE, MIB, NEW, OLD
from harness import ALICE, put, sample, wait_until


class Signals(faults.FaultTest):
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


class Urgent(faults.FaultTest):
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


class Reconfigured(faults.FaultTest):
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
                test_uploads.make_old(ALICE / left[0], 8 * test_uploads.DAY)
                self.assertTrue(wait_until(lambda: self.enters(private, server), 5))
                self.assertEqual(self.drafts(), [])


class Silence(faults.FaultTest):
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


class Terminated(faults.FaultTest):
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


class HalfClosed(faults.FaultTest):
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


class Clock(faults.FaultTest):
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


class Descriptors(faults.FaultTest):
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
