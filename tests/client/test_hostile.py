"""Hostile lines and logins: LR and AU of docs/hostile-input.md, as far as a talk can't say them."""

import pathlib
import re
import time

import harness
import hostile
from hostile import pour

ANY = {"USER", "PASS", "HELP", "FEAT", "NOOP", "QUIT", "SYST", "OPTS", "CLNT", "CSID", "LANG", "HOST",
       "AUTH", "PBSZ", "PROT", "CCC", "ADAT", "CONF", "ENC", "MIC", "ACCT", "REIN", "SMNT", "LPRT",
       "LPSV", "MFCT"}


class Lines(hostile.HostileTest):
    """LR: the reader of lines."""

    def test_lr1_a_mebibyte(self):
        """One 500, then the end of the connection: 64 KiB of a line are read and no more."""
        for login in (False, True):
            session = self.open() if login else self.greeted()
            pid = self.session_pid()
            got = pour(session, b"USER " + b"A" * (1 << 20) + b"\r\nNOOP\r\n", 99)
            self.assertEqual(got, b"500 Input line too long.\r\n421 Input line too long.\r\n")
            self.assert_gone(pid)

    def test_lr3_no_end(self):
        """Whoever sends 100 MiB without a line's end does not get rid of them."""
        session = self.greeted()
        pid = self.session_pid()
        self.assert_lives(session)  # the walls are up
        before = hostile.resident(pid)
        # A sanitizer has a shadow of all that the session's end touches, too.
        most = 512 if harness.SANITIZER else 64
        session.socket.settimeout(5)
        began, sent = time.monotonic(), 0
        try:
            while sent < 100 << 20:
                sent += session.socket.send(b"A" * 65536)
                if harness.alive(pid):
                    self.assertLess(hostile.resident(pid), before + most)
        except (ConnectionResetError, BrokenPipeError, FileNotFoundError, ProcessLookupError):
            pass
        self.assertLess(sent, 100 << 20)
        self.assertLess(time.monotonic() - began, 5)
        self.assert_gone(pid)

    def test_lr4_every_length(self):
        session = self.open()
        lines = [b"NOOP" if size == 4 else b"NOOP " + b"x" * (size - 5) if size > 4 else b"N" * size
                 for size in range(1, 4201)]
        got = hostile.answers(pour(session, b"\r\n".join(lines) + b"\r\n", len(lines)))
        wanted = ["500 Unknown command." if len(line) < 4 else "200 NOOP ok." if len(line) <= 4160 else
                  "500 Input line too long." for line in lines]
        self.assertEqual(got, wanted)
        self.assert_lives(session)
        session.quit()

    def test_lr5_every_pair_of_bytes(self):
        """65536 lines, and a NOOP behind each that shows where its answer ends."""
        session = self.open()
        for first in range(256):
            sent = b"".join(bytes((first, second)) + b"\r\nNOOP\r\n" for second in range(256))
            session.socket.sendall(sent)
            got = b""
            while got.count(b"200 NOOP ok.\r\n") < 256:
                part = session.socket.recv(1 << 16)
                self.assertNotEqual(part, b"", (first, got[-200:]))
                got += part
            # Answers to Telnet's options come when these are read, ahead of replies.
            pieces = re.sub(rb"\xff[\xfc\xfe].", b"", got, flags=re.S).split(b"200 NOOP ok.\r\n")
            self.assertEqual(pieces.pop(), b"")
            for second, piece in enumerate(pieces):
                self.assertRegex(piece, rb"\A(50[01] [^\r\n]*\r\n){0,2}\Z", (first, second))
                if first not in (10, 13, 255) and second not in (10, 13, 255):
                    self.assertEqual(piece, b"501 NUL in command.\r\n" if 0 in (first, second) else
                                     b"500 Unknown command.\r\n", (first, second))
        session.quit()

    def test_lr8_telnet(self):
        """10 MiB of WILL ECHO are declined one by one; IAC at the limit of a line is no way over it."""
        for login in (False, True):
            session = self.open() if login else self.greeted()
            pid = self.session_pid()
            before = hostile.resident(pid)
            size = 10 << 20
            # In portions, since a client that does not read is not read either.
            portion = b"\xff\xfb\x01" * 20_000
            answer = b"\xff\xfe\x01" * 20_000
            for _ in range(size // len(portion)):
                session.socket.sendall(portion)
                self.assertEqual(hostile.read_some(session.socket, len(answer)), answer)
            self.assertLessEqual(hostile.resident(pid), before + 64)
            self.assert_lives(session)
            session.socket.sendall(b"\xff" * 4096 + b"\r\n")
            session.expect_reply("500 Unknown command.")
            # A byte 255 as the last that a line can hold, and as the first that it can't.
            for length, reply in ((4155, "200 NOOP ok."), (4156, "500 Input line too long.")):
                session.socket.sendall(b"NOOP " + b"x" * (length - 1) + b"\xff\xff\r\n")
                session.expect_reply(reply)
                session.socket.sendall(b"NOOP " + b"x" * (length - 1) + b"\xff")
                time.sleep(0.02)
                session.socket.sendall(b"\xf1y\r\n")
                session.expect_reply(reply)
            session.quit()

    def test_lr14_replies_are_not_read(self):
        """10 000 commands whose replies nobody reads: the server waits, and grows by nothing."""
        session = self.open()
        pid = self.session_pid()
        before = hostile.resident(pid)
        session.socket.setblocking(False)
        commands, at = b"STAT\r\n" * 10_000, 0
        end = time.monotonic() + 1
        while at < len(commands) and time.monotonic() < end:
            try:
                at += session.socket.send(commands[at:])
            except BlockingIOError:
                time.sleep(0.01)
        used = hostile.processor(pid)
        time.sleep(0.3)
        self.assertLess(hostile.processor(pid) - used, 0.1, "it does not wait, it spins")
        self.assertLessEqual(hostile.resident(pid), before + 64)
        hostile.reset(session.socket)
        self.assert_gone(pid)

    def test_lr14_before_the_login(self):
        """Before the login the time for that is the time for the login."""
        server = self.serve("login_timeout=1\n")
        session = self.greeted(server)
        pid = self.session_pid(server)
        session.socket.setblocking(False)
        commands, at = b"HELP\r\n" * 200_000, 0
        end = time.monotonic() + 0.5
        while at < len(commands) and time.monotonic() < end:
            try:
                at += session.socket.send(commands[at:at + 65536])
            except BlockingIOError:
                time.sleep(0.01)
        self.assert_gone(pid, 3)

    def test_lr15_spellings(self):
        """One rule for all verbs: letters of any case, one blank or tab, and the rest is the argument."""
        session = self.greeted()
        verbs = self.verbs(session)
        self.assertGreater(len(verbs), 60)
        session.socket.close()
        session = self.open(user="ftp")
        for verb in verbs:
            if verb in ("QUIT", "ABOR", "USER", "PASS", "HOST"):
                continue
            with self.subTest(verb=verb):
                session.say(verb)
                plain = session.reply()
                for spelling in (verb.lower(), verb.capitalize(), verb[:2].lower() + verb[2:]):
                    self.assertEqual(self.asked(session, spelling), self.same(plain))
                for blank in " \t":
                    self.assertEqual(self.asked(session, verb + blank), self.same(plain))
                    self.assertEqual(self.asked(session, f"{verb}{blank}\x7f"), self.asked(session, f"{verb} \x7f"))
                # Nothing stands in front, and nothing is a verb that only begins like one.
                for wrong in (" " + verb, "\t" + verb, verb + "x" * 60, verb + "\v", verb + "\xa0"):
                    session.expect(wrong, "500 Unknown command.")
                session.expect("ABOR", "225 No transfer to ABOR.")  # nor does a port stay open
        session.quit()

    def asked(self, session, line):
        session.say(line)
        return self.same(session.reply())

    def same(self, reply):
        """A reply without what differs each time: ports, and what is free."""
        return re.sub(r"\d+", "#", reply)

    def verbs(self, session):
        session.say("HELP")
        return re.findall(r"\b[A-Z][A-Z0-9]{2,6}\b", session.reply().split("\n", 1)[1].rpartition("\n")[0])

    def test_lr16_empty_lines(self):
        """They are clients' keepalives and have no answers, however many come."""
        for login in (False, True):
            session = self.open() if login else self.greeted()
            self.assertEqual(pour(session, b"\r\n" * 10_000 + b"\n" * 10_000 + b"NOOP\r\n", 1), b"200 NOOP ok.\r\n")
            session.quit()


class Logins(hostile.HostileTest):
    """AU: before the login, and at it."""

    options = "delay_failed_login=0\nmax_login_fails=99\n"

    def verbs(self):
        book = pathlib.Path(__file__).resolve().parents[2] / "include/commands.def"
        return re.findall(r"^COMMAND\(([A-Z0-9]+),", book.read_text(), re.M)

    def test_au1_every_verb(self):
        """All that could do something wants a login, before USER and between USER and PASS."""
        verbs = self.verbs()
        self.assertGreater(len(verbs), 60)
        for user in ("", "alice", "nobody-here", "ftp"):
            session = self.greeted()
            for verb in verbs:
                if verb in ANY:
                    continue
                for argument in ("", " x", " /etc/passwd", " 1 x"):
                    if user:
                        session.expect(f"USER {user}", "331 Please specify the password.")
                    session.expect(verb + argument, "530 Please login with USER and PASS.")
            session.quit()

    def test_au2_nothing_is_looked_at(self):
        """No file of anybody's is opened for those who have not logged in."""
        harness.put(harness.ALICE / "f", b"x")
        watch = hostile.Watch("/etc", "/srv", harness.ALICE, harness.ANONYMOUS, harness.ANONYMOUS / "pub")
        self.addCleanup(watch.close)
        session = self.greeted()
        self.assert_lives(session)  # the session's own start is over
        watch.seen()
        for place in ("/", "/etc", "/etc/passwd", str(harness.ALICE / "f"), "/srv/ftp/pub/hello.txt"):
            for verb in ("MLST", "STAT", "SIZE", "MDTM", "SITE CHMOD 777", "MLSD", "LIST", "NLST", "RETR", "STOR", "APPE",
                         "DELE", "RMD", "MKD", "CWD", "RNFR", "RNTO", "HASH", "XCRC", "AVBL", "MFMT 20200101000000",
                         "MFF modify=20200101000000;"):
                session.expect(f"{verb} {place}", "530 Please login with USER and PASS.")
        self.assertEqual(watch.seen(), set())
        session.quit()

    def test_au8_no_other_user(self):
        session = self.open()
        pid = self.session_pid()

        def rights():
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            return re.findall(r"^(?:Uid|Gid|Groups|Cap\w+|Seccomp|NoNewPrivs):.*", text, re.M)
        before = rights()
        for user in ("root", "bob", "ftp", "anonymous", "ALICE", "alice "):
            session.expect(f"USER {user}", re.compile("530 .*"))
            session.say(f"PASS secret-{user}")
            session.reply()
            self.assertEqual(rights(), before)
        session.expect("PWD", '257 "/srv/home/alice" is the current directory')
        session.quit()

    def test_au14_clear_passwords(self):
        """Refused where they are refused, passwords are in no log all the same."""
        server = self.serve("log_ftp_protocol=YES\nxferlog_enable=YES\n")
        session = self.greeted(server)
        for line in ("PASS hunter2", "pass  hunter2", "PaSs hunter2", "USER alice", "PASS hunter2", "PASS\thunter2"):
            session.say(line)
            session.reply()
        session.quit()
        text = server.log() + self.syslog()
        self.assertIn("<password>", text)
        self.assertNotIn("hunter2", text.replace('"PASS?hunter2"', ""))


class Memory(hostile.HostileTest):
    """LI6: where a password is looked for once it was given."""

    def images(self, pid):
        """Everything in the process that can be read, as a core dump would have it."""
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
                span, rights, rest = line.split(maxsplit=2)
                if "r" in rights and not rest.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                    start, end = (int(part, 16) for part in span.split("-"))
                    memory.seek(start)
                    try:
                        yield memory.read(end - start)
                    except OSError:
                        pass

    def test_li6_passwords(self):
        for user, options in (("alice", ""), ("vera", harness.GUEST), ("alice", "session_support=YES\n")):
            with self.subTest(user=user, options=options):
                server = self.serve("log_ftp_protocol=YES\n" + options)
                session = self.open(user, server=server)
                pid = self.session_pid(server)
                secret = harness.PASSWORD[user].encode()
                self.assertTrue(any(b"Switching to Binary" in image for image in self.images(pid)))
                self.assertFalse(any(secret in image for image in self.images(pid)), "it is in the memory")
                for name in ("environ", "cmdline"):
                    self.assertNotIn(secret, pathlib.Path(f"/proc/{pid}/{name}").read_bytes())
                session.quit()
                self.assertNotIn(secret.decode(), server.log() + server.log("xferlog") + self.syslog())
