"""Syslog through the server's own socket: daemons that stop, start again, do not read, or take streams only."""

import os
import pathlib
import re
import select
import socket
import threading
import time

import harness
from harness import ALICE, ANONYMOUS

LOG = pathlib.Path("/dev/log")
HEAD = r"<(9[0-5]|8[89])>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d soloftpd\[\d+\]: "


class Daemon:
    """A syslog daemon: a socket, and a thread that keeps what comes until it is stopped."""

    def __init__(self, path=LOG, kind=socket.SOCK_DGRAM, reads=True):
        self.path = pathlib.Path(path)
        self.lines = []
        self.kind = kind
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, kind)
        self.socket.bind(str(path))
        self.path.chmod(0o666)
        if kind == socket.SOCK_STREAM:
            self.socket.listen()
        self.bell, self.ring = os.pipe()
        self.thread = None
        if reads:
            self.read()

    def read(self):
        self.thread = threading.Thread(target=self.collect)
        self.thread.start()

    def collect(self):
        """Ends when the bell rings. A stream's lines end in NUL."""
        unread = {}
        while True:
            ready, _, _ = select.select([self.socket, self.bell, *unread], [], [])
            if self.bell in ready:
                break
            for source in ready:
                if source is self.socket and self.kind == socket.SOCK_STREAM:
                    unread[source.accept()[0]] = b""
                elif source is self.socket:
                    self.lines.append(source.recv(65536).decode())
                elif more := source.recv(65536):
                    *whole, unread[source] = (unread[source] + more).split(b"\0")
                    self.lines += [line.decode() for line in whole]
                else:
                    source.close()
                    del unread[source]
        for source in unread:
            source.close()

    def stop(self, unlink=True):
        if self.thread:
            os.write(self.ring, b"x")
            self.thread.join()
            self.thread = None
        if self.bell is not None:
            self.socket.close()
            os.close(self.bell)
            os.close(self.ring)
            self.bell = None
            if unlink:
                self.path.unlink(missing_ok=True)

    def texts(self):
        """The lines' texts; all have the form that syslog daemons know."""
        out = []
        for line in list(self.lines):
            if not re.match(HEAD, line):
                raise AssertionError(f"not a line of syslog: {line!r}")
            out.append(re.sub(HEAD, "", line))
        return out


class SyslogTest(harness.FtpTest):

    options = "syslog_enable=YES\nxferlog_enable=YES\ndelay_failed_login=0\n"

    def setUp(self):
        # the sandbox's own daemon steps aside
        LOG.rename("/dev/log.aside")
        self.addCleanup(pathlib.Path("/dev/log.aside").rename, LOG)
        super().setUp()

    def start(self, *arguments, **how):
        daemon = Daemon(*arguments, **how)
        self.addCleanup(daemon.stop)
        return daemon

    def serve(self, options="", **how):
        how.setdefault("usual", harness.USUAL.replace("dual_log_enable=YES\n", ""))
        return super().serve(options, **how)

    def assert_texts(self, daemon, *wanted):
        """All lines there are, as they come: the end of each, or a pattern."""
        def same(text, want):
            return want.search(text) if isinstance(want, re.Pattern) else text.endswith(want)
        harness.wait_until(lambda: len(daemon.lines) >= len(wanted), 2)
        texts = daemon.texts()
        good = len(texts) == len(wanted) and all(map(same, texts, wanted))
        self.assertTrue(good, f"wanted {wanted}, got {texts}")

    def make(self, session, *names):
        for name in names:
            session.expect(f"MKD {name}", re.compile("257 .*"))

    @staticmethod
    def line(what, name):
        return f'[alice] OK {what}: Client "127.0.0.1", "/srv/home/alice/{name}"'

    CONNECT = 'CONNECT: Client "127.0.0.1"'
    LOGIN = '[alice] OK LOGIN: Client "127.0.0.1"'


class Restarts(SyslogTest):

    def test_without_a_jail(self):
        daemon = self.start()
        session = self.login()
        self.make(session, "one")
        self.assert_texts(daemon, self.CONNECT, self.LOGIN, self.line("MKDIR", "one"))
        daemon.stop()
        self.make(session, "two", "three")
        daemon = self.start()
        self.make(session, "four")
        self.assert_texts(daemon, self.line("MKDIR", "four"),
                          "127.0.0.1: 2 lines of syslog were lost: No such file or directory")
        # a new socket behind the old one's name: no line is lost
        daemon.stop(unlink=False)
        daemon = self.start()
        self.make(session, "five")
        session.quit()
        self.assert_texts(daemon, self.line("MKDIR", "five"))

    def test_before_the_login(self):
        daemon = self.start()
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        self.assert_texts(daemon, self.CONNECT)
        daemon.stop()
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS wrong", "530 Login incorrect.")
        daemon = self.start()
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.quit()
        self.assert_texts(daemon, self.LOGIN,
                          "127.0.0.1: 2 lines of syslog were lost: No such file or directory")

    def test_no_daemon_at_all(self):
        server = self.serve(self.options + "json_log_file=/run/events.json\n")
        self.addCleanup(pathlib.Path("/run/events.json").unlink)
        session = self.login(server=server)
        session.store("STOR f", b"x" * 10)
        session.quit()
        self.assertTrue(harness.wait_until(
            lambda: '"event":"end"' in pathlib.Path("/run/events.json").read_text(), 2))
        self.assertRegex(pathlib.Path("/run/events.json").read_text(),
                         r'"event":"lost","detail":"No such file or directory","log":"syslog","lines":3\}')

    def test_at_the_end(self):
        """What was lost before the last line is told when the session ends."""
        daemon = self.start()
        session = self.login()
        daemon.stop()
        self.make(session, "one")
        daemon = self.start()
        session.quit()
        self.assert_texts(daemon, "127.0.0.1: 1 line of syslog was lost: No such file or directory")


class Jails(SyslogTest):

    options = SyslogTest.options + "json_log_file={events}\nchroot_local_user=YES\n"

    def setUp(self):
        self.events = pathlib.Path("/run/events.json")
        self.options = self.options.format(events=self.events)
        self.addCleanup(lambda: self.events.unlink(missing_ok=True))
        super().setUp()

    def anonymous(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER ftp", "331 Please specify the password.")
        session.expect("PASS me@example.org", "230 Login successful.")
        return session

    def get(self, session):
        self.assertEqual(session.retrieve("RETR /pub/hello.txt"), b"hello\n")

    DOWNLOAD = re.compile(r'\[ftp\] OK DOWNLOAD: Client "127.0.0.1", "/pub/hello.txt", 6 bytes')
    IN = [SyslogTest.CONNECT, '[ftp] OK LOGIN: Client "127.0.0.1", anon password "me@example.org"']

    def lost(self, lines):
        self.assertTrue(harness.wait_until(lambda: '"event":"end"' in self.events.read_text(), 2))
        self.assertEqual(re.findall(r'"event":"lost".*"log":"syslog","lines":(\d+)\}',
                                    self.events.read_text()), lines)

    def test_connected_before(self):
        daemon = self.start()
        session = self.anonymous()
        self.get(session)
        session.quit()
        self.assert_texts(daemon, *self.IN, self.DOWNLOAD)
        self.lost([])

    def test_gone(self):
        daemon = self.start()
        session = self.anonymous()
        self.assert_texts(daemon, *self.IN)
        daemon.stop()
        self.get(session)
        daemon = self.start()
        self.get(session)
        session.quit()
        self.assert_texts(daemon)
        self.lost(["2"])
        self.assertEqual(self.events.read_text().count('"event":"download","ok":true'), 2,
                         "the event log has them")

    def test_in_the_jail(self):
        """As the daemon's administrator may have made it: /dev and the socket are root's."""
        (ANONYMOUS / "dev").mkdir()
        inside = self.start(ANONYMOUS / "dev/log")
        daemon = self.start()
        session = self.anonymous()
        self.assert_texts(daemon, *self.IN)
        daemon.stop()
        self.get(session)
        session.quit()
        self.assert_texts(inside, self.DOWNLOAD)
        self.lost([])

    def test_planted(self):
        """What a user could have made or moved there is no daemon."""
        harness.give_directory(ALICE / "dev")
        trap = self.start(ALICE / "dev/log")
        harness.give(trap.path, "alice")
        for owner in "alice", "root":
            with self.subTest(owner=owner):
                harness.give(ALICE / "dev", owner)
                harness.give(trap.path, owner)
                daemon = self.start()
                server = self.serve(self.options + "allow_writeable_chroot=YES\n")
                session = self.login(server=server)
                daemon.stop()
                self.make(session, "one")
                session.expect("RMD one", "250 Remove directory operation successful.")
                session.quit()
                self.assert_texts(trap)
                self.lost(["2"])
                self.events.unlink()


class Slow(SyslogTest):

    def test_a_daemon_that_does_not_read(self):
        """It costs a tenth of a second once, and no command more."""
        daemon = self.start(reads=False)
        session = self.login()
        began = time.monotonic()
        for _ in range(60):
            session.expect("MKD d", re.compile("257 .*"))
            session.expect("RMD d", "250 Remove directory operation successful.")
        spent = time.monotonic() - began
        self.assertLess(spent, 1.5)
        daemon.read()
        self.assertTrue(harness.wait_until(lambda: len(daemon.lines) > 2, 2))
        time.sleep(0.1)
        before = len(daemon.lines)
        self.make(session, "last")
        session.quit()
        harness.wait_until(lambda: len(daemon.lines) == before + 2, 2)
        texts = daemon.texts()
        self.assertEqual(texts[before], self.line("MKDIR", "last"))
        count = re.fullmatch(r"127\.0\.0\.1: (\d+) lines of syslog were lost: "
                             r"Resource temporarily unavailable", texts[before + 1])
        self.assertTrue(count, texts[before + 1])
        self.assertEqual(before + int(count[1]), 122, "each line came or was counted")


class Streams(SyslogTest):

    def test_stream(self):
        daemon = self.start(kind=socket.SOCK_STREAM)
        session = self.login()
        self.make(session, "one")
        self.assert_texts(daemon, self.CONNECT, self.LOGIN, self.line("MKDIR", "one"))
        daemon.stop()
        self.make(session, "two")
        daemon = self.start(kind=socket.SOCK_STREAM)
        self.make(session, "three")
        self.assert_texts(daemon, self.line("MKDIR", "three"),
                          "127.0.0.1: 1 line of syslog was lost: No such file or directory")
        # and one that takes datagrams after it
        daemon.stop()
        daemon = self.start()
        self.make(session, "four")
        session.quit()
        self.assert_texts(daemon, self.line("MKDIR", "four"))


class Losses(SyslogTest):
    """Log files that take no lines: the transfers go on, and syslog tells."""

    options = "delay_failed_login=0\n"

    def test_full(self):
        daemon = self.start()
        server = self.serve("vsftpd_log_file=/dev/full\nxferlog_file=/dev/full\n", usual=harness.USUAL)
        session = self.login(server=server)
        for number in range(3):
            session.store(f"STOR {number}", b"x" * 1000)
        session.quit()
        for number in range(3):
            self.assertEqual((ALICE / str(number)).read_bytes(), b"x" * 1000)
        self.assert_texts(
            daemon,
            "127.0.0.1: 1 line of vsftpd_log_file was lost: No space left on device",
            "127.0.0.1: 1 line of xferlog_file was lost: No space left on device",
            "127.0.0.1: 5 lines of vsftpd_log_file were lost: No space left on device",
            "127.0.0.1: 3 lines of xferlog_file were lost: No space left on device")
