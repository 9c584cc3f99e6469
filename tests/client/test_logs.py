"""The transfer log and the native log, byte for byte: other programs read them."""

import fcntl
import os
import pathlib
import re
import threading
import time

import control
import harness
from harness import ALICE

DATE = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d 20\d\d"
CLIENT = 'Client "127.0.0.1"'
RATE = r"\d+\.\d\dKbyte/sec"


def native(user, event, *rest):
    """A pattern for a line of vsftpd.log. RATE in the rest is a pattern; everything else is text."""
    who = f"[{user}] " if user else ""
    text = ", ".join([f"{who}{event}: {CLIENT}", *rest])
    return rf"{DATE} \[pid \d+\] " + re.escape(text).replace(re.escape(RATE), RATE)


def transfer(size, path, kind, direction, mode, user, end):
    """A pattern for a line of xferlog."""
    return (rf"{DATE} [1-9]\d* " +
            re.escape(f"127.0.0.1 {size} {path} {kind} _ {direction} {mode} {user} ftp 0 * {end}"))


class LogTest(harness.FtpTest):

    def assert_log(self, name, *patterns, server=None):
        lines = (server or self.server).lines(name, len(patterns))
        for number, pattern in enumerate(patterns):
            if number >= len(lines) or not re.fullmatch(pattern, lines[number]):
                self.fail(f"{name}, line {number + 1}, is not {pattern}\n" + "\n".join(lines))
        self.assertEqual(lines[len(patterns):], [], "these lines are too many")


class Formats(LogTest):

    options = "anon_upload_enable=YES\nascii_upload_enable=YES\ndelay_failed_login=0\n"

    def test_transfers(self):
        harness.put(ALICE / "there", b"x" * 70_000)
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        session.store("STOR a b.txt", b"y" * 5000)
        session.store("STOR empty", b"")
        session.store("APPE a b.txt", b"z" * 10)
        session.retrieve("RETR there")
        session.expect("REST 69000", "350 Restart position accepted (69000).")
        session.retrieve("RETR there")
        with session.passive():
            session.expect("RETR nope", "550 Failed to open file.")
            session.expect("STOR no/way", "553 Could not create file.")
        session.expect("TYPE A", "200 Switching to ASCII mode.")
        session.store("STOR text", b"1\r\n2\r\n")
        session.quit()
        home = '"/srv/home/alice'
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("alice", "OK LOGIN"),
            native("alice", "OK UPLOAD", f'{home}/a b.txt"', "5000 bytes", RATE),
            native("alice", "OK UPLOAD", f'{home}/empty"', RATE),
            native("alice", "OK UPLOAD", f'{home}/a b.txt"', "10 bytes", RATE),
            native("alice", "OK DOWNLOAD", f'{home}/there"', "70000 bytes", RATE),
            native("alice", "OK DOWNLOAD", f'{home}/there"', "1000 bytes", RATE),
            native("alice", "FAIL DOWNLOAD", f'{home}/nope"', "0.00Kbyte/sec"),
            native("alice", "FAIL UPLOAD", f'{home}/no/way"', "0.00Kbyte/sec"),
            native("alice", "OK UPLOAD", f'{home}/text"', "6 bytes", RATE))
        home = "/srv/home/alice"
        self.assert_log(
            "xferlog",
            transfer(5000, f"{home}/a_b.txt", "b", "i", "r", "alice", "c"),
            transfer(0, f"{home}/empty", "b", "i", "r", "alice", "c"),
            transfer(10, f"{home}/a_b.txt", "b", "i", "r", "alice", "c"),
            transfer(70000, f"{home}/there", "b", "o", "r", "alice", "c"),
            transfer(1000, f"{home}/there", "b", "o", "r", "alice", "c"),
            transfer(0, f"{home}/nope", "b", "o", "r", "alice", "i"),
            transfer(0, f"{home}/no/way", "b", "i", "r", "alice", "i"),
            transfer(6, f"{home}/text", "a", "i", "r", "alice", "c"))

    def test_changes(self):
        harness.put(ALICE / "f", b"x")
        session = self.login()
        for command, code in (("MKD d", "257"), ("MKD d", "550"), ("RNFR f", "350"), ("RNTO g h", "250"),
                              ("SITE CHMOD 640 g h", "200"), ("DELE none", "550"),
                              ("DELE g h", "250"), ("RMD d", "250"), ("RMD none", "550")):
            session.expect(command, re.compile(f"{code} .*"))
        session.quit()
        home = "/srv/home/alice"
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("alice", "OK LOGIN"),
            native("alice", "OK MKDIR", f'"{home}/d"'),
            native("alice", "FAIL MKDIR", f'"{home}/d"'),
            native("alice", "OK RENAME", f'"{home}/f {home}/g h"'),
            native("alice", "OK CHMOD", f'"{home}/g h 640"'),
            native("alice", "FAIL DELETE", f'"{home}/none"'),
            native("alice", "OK DELETE", f'"{home}/g h"'),
            native("alice", "OK RMDIR", f'"{home}/d"'),
            native("alice", "FAIL RMDIR", f'"{home}/none"'))
        self.assert_log("xferlog")

    def test_logins(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER bob", "331 Please specify the password.")
        session.expect("PASS wrong", "530 Login incorrect.")
        session.expect("USER nobody-here", "331 Please specify the password.")
        session.expect("PASS wrong", "530 Login incorrect.")
        session.expect("USER bob", "331 Please specify the password.")
        session.expect("PASS secret-bob", "230 Login successful.")
        pid = self.session_pid()
        session.quit()
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("bob", "FAIL LOGIN"),
            native("nobody-here", "FAIL LOGIN"),
            native("bob", "OK LOGIN"))
        pids = set(re.findall(r"\[pid (\d+)\]", self.server.log()))
        self.assertEqual(pids, {str(pid)}, "all lines have the session's own pid")

    def test_anonymous(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER Anonymous", "331 Please specify the password.")
        session.expect("PASS me too@ex_ample", "230 Login successful.")
        session.expect("TYPE I", "200 Switching to Binary mode.")
        session.retrieve("RETR pub/hello.txt")
        session.store("STOR incoming/new", b"12345")
        session.quit()
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("ftp", "OK LOGIN", 'anon password "me_too@ex_ample"'),
            native("ftp", "OK DOWNLOAD", '"/pub/hello.txt"', "6 bytes", RATE),
            native("ftp", "OK UPLOAD", '"/incoming/new"', "5 bytes", RATE))
        self.assert_log(
            "xferlog",
            transfer(6, "/pub/hello.txt", "b", "o", "a", "me_too@ex_ample", "c"),
            transfer(5, "/incoming/new", "b", "i", "a", "me_too@ex_ample", "c"))

    def test_anonymous_without_a_password(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER ftp", "331 Please specify the password.")
        session.expect("PASS", "230 Login successful.")
        session.retrieve("RETR pub/hello.txt")
        session.quit()
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("ftp", "OK LOGIN", 'anon password "?"'),
            native("ftp", "OK DOWNLOAD", '"/pub/hello.txt"', "6 bytes", RATE))
        self.assert_log("xferlog", transfer(6, "/pub/hello.txt", "a", "o", "a", "?", "c"))

    def test_guest(self):
        server = self.serve(harness.GUEST)
        session = self.login("vera", server)
        session.expect("TYPE I", "200 Switching to Binary mode.")
        session.store("STOR new", b"12345")
        session.quit()
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("vera", "OK LOGIN"),
            native("vera", "OK UPLOAD", '"/new"', "5 bytes", RATE), server=server)
        self.assert_log("xferlog", transfer(5, "/new", "b", "i", "g", "vera", "c"), server=server)

    def test_one_log_at_a_time(self):
        """xferlog_std_format chooses; without xferlog_enable there is no log."""
        usual = harness.USUAL.replace("dual_log_enable=YES\n", "")
        for options, names in (("", []), ("xferlog_enable=YES\n", ["vsftpd.log"]),
                               ("xferlog_enable=YES\nxferlog_std_format=YES\n", ["xferlog"])):
            with self.subTest(options=options):
                server = self.serve(options, usual=usual)
                session = self.login(server=server)
                session.store("STOR f", b"x")
                session.quit()
                made = [name for name in ("vsftpd.log", "xferlog") if server.log(name)]
                self.assertEqual(made, names)
                for name in names:
                    mode = (server.directory / name).stat().st_mode
                    self.assertEqual(mode & 0o077 & ~0o040, 0, "nobody else reads the log")

    def test_protocol(self):
        server = self.serve("log_ftp_protocol=YES\n")
        session = self.connect(server)
        session.expect_reply("220 soloftpd ready.")
        session.expect("user alice", "331 Please specify the password.")
        session.expect("pass secret-alice", "230 Login successful.")
        session.expect("XYZZY \"]\x01", "500 Unknown command.")
        session.quit()
        self.assert_log(
            "vsftpd.log",
            native("", "CONNECT"),
            native("", "FTP response", '"220 soloftpd ready."'),
            native("", "FTP command", '"USER alice"'),
            native("alice", "FTP response", '"331 Please specify the password."'),
            native("alice", "FTP command", '"PASS <password>"'),
            native("alice", "OK LOGIN"),
            native("alice", "FTP response", '"230 Login successful."'),
            rf'{DATE} \[pid \d+\] \[alice\] FTP command: {CLIENT}, "XYZZY [^"]+"',
            native("alice", "FTP response", '"500 Unknown command."'),
            native("alice", "FTP command", '"QUIT"'),
            native("alice", "FTP response", '"221 Goodbye."'), server=server)

    def test_syslog(self):
        server = self.serve("syslog_enable=YES\nxferlog_enable=YES\n",
                            usual=harness.USUAL.replace("dual_log_enable=YES\n", ""))
        session = self.login(server=server)
        session.store("STOR f", b"123")
        session.quit()
        start = r"(?m)^<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d (?:vsftpd|soloftpd)\[\d+\]: "
        self.syslog(start + rf"\[alice\] OK LOGIN: {CLIENT}$")
        self.syslog(start + rf'\[alice\] OK UPLOAD: {CLIENT}, "/srv/home/alice/f", 3 bytes, {RATE}$')


class Injection(LogTest):
    """No name makes a line that means something else."""

    options = "delay_failed_login=0\n"

    # What fail2ban looks for; whatever it finds must be the client that there is.
    FAIL2BAN = re.compile(r"^(?:\s*\[pid \d+\] )\[[^\]]+\] FAIL LOGIN: Client \"(\S+?)\"(?:\s*$|,)")
    USERS = ("a]b", 'x] FAIL LOGIN: Client "8.8.8.8", y', 'x] OK LOGIN: Client "8.8.8.8"',
             "[root", '"', "] [", "tab\there", "esc\x1b[2J", "bell\x07", "high\udce9", "Grüße",
             "x\x7f", "\x01" * 100, "% %s %n", "back\\slash", "x" * 120)
    NAMES = ('", 1 bytes, 9.99Kbyte', 'x" OK UPLOAD: Client "8.8.8.8", "y', "two words",
             " leading", "trailing ", "_ i r root ftp 0 * c", "esc\x1b[2J", "cr\x0bvt", "Grüße",
             "\udce9\udcfc", "]", "%s%n", "back\\slash", "tab\tb")

    def test_users(self):
        # one failure a session: the third would end it
        for user in self.USERS:
            session = self.connect()
            session.expect_reply("220 soloftpd ready.")
            session.expect(f"USER {user}", re.compile("331 .*|5\\d\\d .*"))
            session.expect("PASS wrong", re.compile("5\\d\\d .*"))
            session.quit()
        lines = [line for line in self.server.lines() if "CONNECT" not in line]
        for user, line in zip(self.USERS, lines):
            self.assertRegex(line, rf'\A{DATE} \[pid \d+\] \[[^\]\[" ][^\]\["]*\] FAIL LOGIN: {CLIENT}\Z',
                             f"the line of user {user!r}")
            self.assertTrue(line.isprintable() and line.isascii(), line)
            found = self.FAIL2BAN.search(re.sub(f"^{DATE}", "", line))
            self.assertEqual(found and found[1], "127.0.0.1", line)
        self.assertEqual(len(lines), len(self.USERS), "one line for each failure")

    def test_files(self):
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        for name in self.NAMES:
            session.store(f"STOR {name}", b"12345")
        session.expect('MKD d" OK LOGIN', re.compile("257 .*"))
        session.expect('RNFR d" OK LOGIN', re.compile("350 .*"))
        session.expect('RNTO e", x', re.compile("250 .*"))
        session.quit()
        native_lines = self.server.lines()[2:]
        for line in native_lines:
            self.assertRegex(
                line, rf'\A{DATE} \[pid \d+\] \[alice\] OK (?:UPLOAD: {CLIENT}, "[^"]*", 5 bytes, {RATE}|'
                rf'(?:MKDIR|RENAME): {CLIENT}, "[^"]*")\Z')
            self.assertTrue(line.isprintable() and line.isascii(), line)
        self.assertEqual(len(native_lines), len(self.NAMES) + 2)
        transfers = self.server.lines("xferlog")
        for line in transfers:
            self.assertRegex(line, rf"\A{DATE} [1-9]\d* 127\.0\.0\.1 5 /srv/home/alice/[^ ]* b _ i r "
                             r"alice ftp 0 \* c\Z")
            self.assertTrue(line.isprintable() and line.isascii(), line)
        self.assertEqual(len(transfers), len(self.NAMES))

    def test_anonymous_password(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER ftp", "331 Please specify the password.")
        session.expect('PASS x" FAIL LOGIN: Client "8.8.8.8', "230 Login successful.")
        session.retrieve("RETR pub/hello.txt")
        session.quit()
        self.assertRegex(self.server.lines()[1],
                         rf'\A{DATE} \[pid \d+\] \[ftp\] OK LOGIN: {CLIENT}, anon password "[^"]*"\Z')
        self.assertEqual(len(self.server.lines("xferlog")[0].split(" ")), 18)


class Concurrency(LogTest):

    SESSIONS = 20
    UPLOADS = 50

    def session(self, number, troubles):
        try:
            connection = control.Control("127.0.0.1", self.server.port, timeout=30)
            connection.expect_reply("220 soloftpd ready.")
            connection.expect("USER alice", "331 Please specify the password.")
            connection.expect("PASS secret-alice", "230 Login successful.")
            connection.expect("TYPE I", "200 Switching to Binary mode.")
            for count in range(self.UPLOADS):
                connection.store(f"STOR {number}-{count}", b"x" * (1 + number * 100 + count))
            connection.quit()
            connection.close()
        except (AssertionError, OSError) as trouble:
            troubles.append(f"session {number}: {trouble}")

    def test_many_sessions(self):
        troubles = []
        threads = [threading.Thread(target=self.session, args=(number, troubles))
                   for number in range(self.SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        native_left, transfer_left = set(), set()
        for number in range(self.SESSIONS):
            for count in range(self.UPLOADS):
                size, path = 1 + number * 100 + count, f"/srv/home/alice/{number}-{count}"
                native_left.add(f'[alice] OK UPLOAD: {CLIENT}, "{path}", {size} bytes')
                transfer_left.add(f"127.0.0.1 {size} {path} b _ i r alice ftp 0 * c")
                self.assertEqual(pathlib.Path(path).stat().st_size, size)
        lines = self.server.lines()
        self.assertEqual(len(lines), self.SESSIONS * (self.UPLOADS + 2))
        for line in lines:
            self.assertRegex(line, rf"\A{DATE} \[pid \d+\] ")
            event = re.sub(rf"\A{DATE} \[pid \d+\] ", "", line)
            if "UPLOAD" in event:
                self.assertRegex(event, rf", {RATE}\Z")
                native_left.remove(event.rpartition(", ")[0])
            else:
                self.assertIn(event, (f"CONNECT: {CLIENT}", f"[alice] OK LOGIN: {CLIENT}"))
        self.assertEqual(native_left, set())
        for line in self.server.lines("xferlog"):
            self.assertRegex(line, rf"\A{DATE} [1-9]\d* ")
            transfer_left.remove(re.sub(rf"\A{DATE} [1-9]\d* ", "", line))
        self.assertEqual(transfer_left, set())


class Places(LogTest):

    def test_pipe(self):
        """A pipe is no log, though somebody reads it: a session must not wait for them."""
        pipe = self.here / "log"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        server = self.serve(f"vsftpd_log_file={pipe}\n")
        self.login(server=server).quit()
        self.syslog(re.escape(f"can't open log file {pipe}: Invalid argument"))
        self.assertEqual(os.read(reader, 100), b"")

    def test_held_by_another(self):
        """Whoever keeps the lock keeps no session from its end, nor its line from the log."""
        server = self.serve("dual_log_enable=NO\nxferlog_std_format=YES\nxferlog_enable=YES\n")
        harness.put(ALICE / "f", b"x")
        with harness.put(server.directory / "xferlog", user="root").open("r+b") as log:
            fcntl.lockf(log, fcntl.LOCK_EX)
            session = self.login(server=server)
            began = time.monotonic()
            session.retrieve("RETR f")
            session.quit()
            self.assert_log("xferlog", transfer(1, "/srv/home/alice/f", "a", "o", "r", "alice", "c"), server=server)
            self.assertLess(time.monotonic() - began, 3)
