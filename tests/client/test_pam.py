"""PAM stacks that ask more than one question, or have sessions: real modules, and one of our own (pam_ask.c)
for what those don't do."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import harness
from harness import ALICE

HERE = pathlib.Path(__file__).resolve().parent
SECRET = "3132333435363738393031323334353637383930"
ASK = pathlib.Path("/run/pam_ask.so")
ACCOUNT = "account required pam_permit.so\n"
USER_OK = ("USER alice", "331 Please specify the password.")
IN = "230 Login successful."
WRONG = "530 Login incorrect."


class PamTest(harness.FtpTest):

    options = "pam_service_name=stack\ndelay_failed_login=0\n"

    @classmethod
    def setUpClass(cls):
        if not ASK.exists():
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", ASK, HERE / "pam_ask.c", "-lpam"], check=True)

    def stack(self, text):
        pathlib.Path("/etc/pam.d/stack").write_text(text)

    def ask(self, *arguments, more=ACCOUNT):
        """A stack of our own module alone."""
        self.stack(f"auth required {ASK} " + " ".join(f"[{one}]" for one in arguments) + "\n" + more)

    def named(self, server=None):
        session = self.connect(server)
        session.expect_reply(re.compile("220 .*"))
        session.expect(*USER_OK)
        return session


class OneTime(PamTest):
    """pam_oath, with counters instead of the time of day. It keeps them in a file that it makes anew each time."""

    options = PamTest.options + "login_writable=/run/oath\n"
    QUESTION = "331 One-time password (OATH) for `alice':"

    def setUp(self):
        self.folder = pathlib.Path("/run/oath")
        self.folder.mkdir(exist_ok=True, mode=0o700)
        super().setUp()
        self.users = self.folder / "users"
        self.users.write_text(f"HOTP alice - {SECRET}\nHOTP bob - {SECRET}\n")
        self.users.chmod(0o600)
        self.oath = f"auth required pam_oath.so usersfile={self.users} window=5 digits=6\n"

    def password(self, counter):
        return subprocess.run(["oathtool", "-c", str(counter), SECRET], check=True, text=True,
                              capture_output=True).stdout.strip()

    def test_password_then_code(self):
        self.stack("auth required pam_unix.so nodelay\n" + self.oath + "account required pam_unix.so\n")
        session = self.named()
        session.expect("PASS secret-alice", self.QUESTION)
        session.expect(f"PASS {self.password(0)}", IN)
        session.expect("PWD", re.compile("257 .*"))
        session.quit()
        # Not twice, and not with either alone.
        session = self.named()
        session.expect("PASS secret-alice", self.QUESTION)
        session.expect(f"PASS {self.password(0)}", WRONG)
        session.expect(*USER_OK)
        session.expect("PASS wrong", self.QUESTION)
        session.expect(f"PASS {self.password(1)}", WRONG)
        session.quit()
        session = self.named()
        session.expect("PASS secret-alice", self.QUESTION)
        session.expect("PASS secret-alice", WRONG)
        session.quit()

    def test_code_then_password(self):
        self.stack(self.oath + "auth required pam_unix.so nodelay\naccount required pam_unix.so\n")
        session = self.named()
        session.expect(f"PASS {self.password(0)}", "331 Password:")
        session.expect("PASS secret-alice", IN)
        session.quit()

    def test_the_log(self):
        """Neither answer is in it."""
        self.stack("auth required pam_unix.so nodelay\n" + self.oath + "account required pam_unix.so\n")
        server = self.serve(self.options + "log_ftp_protocol=YES\n")
        session = self.named(server)
        session.expect("PASS secret-alice", self.QUESTION)
        code = self.password(0)
        session.expect(f"PASS {code}", IN)
        session.quit()
        log = server.log()
        self.assertEqual(log.count('"PASS <password>"'), 2)
        for secret in ("secret-alice", code):
            self.assertNotIn(secret, log)
            self.assertNotIn(secret, self.syslog())


class Helper(PamTest):
    """pam_unix has a program of its own look at the password: always from Linux-PAM 1.6 on, here by our own module."""

    def check(self, *answers):
        for password, answer in answers:
            session = self.named()
            session.expect(f"PASS {password}", answer)
            session.quit()

    def test_the_program(self):
        for path in ("/sbin", "/usr/sbin"):
            self.ask("off=Password: ", f"run={path}/unix_chkpwd")
            self.check(("secret-alice", IN), ("wrong", WRONG))

    def test_shadow_for_nobody(self):
        """As Fedora has it: root reads it by a privilege."""
        os.chmod("/etc/shadow", 0)
        self.addCleanup(os.chmod, "/etc/shadow", 0o640)
        self.test_the_program()

    def test_no_other_program(self):
        self.ask("off=Password: ", "run=/usr/bin/true")
        self.check(("secret-alice", WRONG))
        self.options += "login_sandbox=NO\n"
        server = self.serve(self.options)
        session = self.named(server)
        session.expect("PASS secret-alice", IN)
        session.quit()

    def test_pam_exec(self):
        made = self.here / "made"
        self.stack(f"auth required pam_exec.so expose_authtok /usr/bin/touch {made}\n{ACCOUNT}")
        self.check(("secret-alice", WRONG))
        self.assertFalse(made.exists())


class Daemon(PamTest):
    """Modules that ask a daemon on this machine: where one is that has accounts, and nowhere else."""

    def attempt(self, path, answer):
        self.ask("off=Password: ", f"daemon={path}")
        session = self.named()
        session.expect("PASS secret-alice", answer)
        session.quit()

    def listen(self, path):
        path.parent.mkdir(exist_ok=True)
        self.addCleanup(path.unlink)
        daemon = socket.socket(socket.AF_UNIX)
        self.addCleanup(daemon.close)
        daemon.bind(str(path))
        daemon.listen()
        return path

    def test_some_daemon(self):
        self.attempt(self.listen(self.here / "daemon"), WRONG)

    def test_data_base(self):
        """pam_mysql and its like."""
        self.addCleanup(pathlib.Path("/run/mysqld").rmdir)
        self.attempt(self.listen(pathlib.Path("/run/mysqld/mysqld.sock")), IN)


class TwoModules(PamTest):
    """Clients have one password, and no idea that two modules ask for it."""

    def both(self, second):
        self.stack(f"auth required pam_unix.so nodelay\n{second}\naccount required pam_unix.so\n")
        session = self.named()
        session.expect("PASS secret-alice", IN)
        session.quit()
        session = self.named()
        session.expect("PASS wrong", WRONG)
        session.quit()

    def test_unix_twice(self):
        self.both("auth required pam_unix.so nodelay")

    def test_pwdfile(self):
        entry = next(line for line in pathlib.Path("/etc/shadow").read_text().splitlines()
                     if line.startswith("alice:"))
        listed = self.here / "passwords"
        listed.write_text(":".join(entry.split(":")[:2]) + "\n")
        self.both(f"auth required pam_pwdfile.so pwdfile={listed} nodelay")

    def test_userdb(self):
        subprocess.run(["db5.3_load", "-T", "-t", "hash", self.here / "users.db"], check=True,
                       input=b"alice\nsecret-alice\n")
        self.both(f"auth required pam_userdb.so db={self.here}/users")


class Questions(PamTest):

    def test_kinds(self):
        self.ask("off=Password: ", "on=Colour%3f", "off=Password", "off=Token: ", "want=p/red/p/1 2/")
        session = self.named()
        session.expect("PASS p", "331 Colour?")
        session.expect("PASS red", "331 Token:")
        session.expect("PASS 1 2", IN)
        session.quit()

    def test_shown_first(self):
        """The password is for the first prompt that hides it."""
        self.ask("on=Realm", "off=Password: ", "want=example/p/")
        session = self.named()
        session.expect("PASS p", "331 Realm")
        session.expect("PASS example", IN)
        session.quit()

    def test_prompts(self):
        """One line of plain characters each."""
        cases = {"two%0d%0alines%0a": "331 two? lines", "%1b[31mred%07": "331 ?[31mred?", "%c3%84": "331 ??",
                 "": "331 Answer required.", "%0a": "331 Answer required.", "%0a230 Login successful.":
                 "331  230 Login successful.", "x" * 500: "331 " + "x" * 255}
        for prompt, line in cases.items():
            with self.subTest(prompt=prompt):
                self.ask("off=", f"on={prompt}", "want=p/a/")
                session = self.named()
                session.expect("PASS p", line)
                session.expect("PASS a", IN)
                session.quit()

    def test_answers(self):
        """Any text that a password may be, and nothing longer."""
        for answer in ("", " ", " a b ", "PASS", "x" * 128):
            with self.subTest(answer=answer):
                self.ask("off=", "on=Q", f"want=p/{answer}/")
                session = self.named()
                session.expect("PASS p", "331 Q")
                session.expect(f"PASS {answer}", IN)
                session.quit()
        for answer in ("x" * 129, "x" * 4000, "x" * 10_000):
            with self.subTest(size=len(answer)):
                session = self.named()
                session.expect("PASS p", "331 Q")
                session.expect(f"PASS {answer}", WRONG)
                session.expect("NOOP", re.compile("200 .*"))
                session.quit()

    def test_other_commands(self):
        self.ask("off=", "on=Q", "want=p/a/")
        session = self.named()
        session.expect("PASS p", "331 Q")
        for command in ("NOOP", "USER bob", "FEAT", "AUTH TLS", "RETR x", "ABOR", "passx a", "GET / HTTP/1.1"):
            session.expect(command, "503 Answer the question with PASS.")
        session.expect("PASS a\0b", "501 NUL in command.")
        session.say("")
        session.expect("pass a", IN)
        session.expect("PWD", '257 "/srv/home/alice" is the current directory')
        session.quit()

    def test_pipelined(self):
        self.ask("off=", "on=Q", "want=p/a/")
        session = self.named()
        session.socket.sendall(b"PASS p\r\nPASS a\r\nPWD\r\n")
        session.expect_reply("331 Q", IN, re.compile("257 .*"))
        session.quit()

    def test_too_many(self):
        self.ask("off=", *[f"on=Q{number}" for number in range(9)])
        session = self.named()
        session.expect("PASS p", "331 Q0")
        for number in range(1, 8):
            session.expect(f"PASS {number}", f"331 Q{number}")
        session.expect("PASS 8", WRONG)
        session.quit()

    def test_user_again(self):
        """AU9: the last USER counts; the questions of a login that failed are over."""
        self.ask("off=", "on=Q", "want=p/a/")
        session = self.named()
        session.expect("PASS p", "331 Q")
        session.expect("PASS wrong", WRONG)
        session.expect("PASS a", "503 Login with USER first.")
        session.expect("USER bob", "331 Please specify the password.")
        session.expect(*USER_OK)
        session.expect("PASS p", "331 Q")
        session.expect("PASS a", IN)
        session.expect("PWD", '257 "/srv/home/alice" is the current directory')
        session.quit()

    def test_texts(self):
        """What modules tell goes to syslog, not to the client."""
        self.ask("info=Welcome%0aback", "off=", "error=Your password expires", "want=p/")
        session = self.named()
        session.expect("PASS p", IN)
        session.quit()
        self.syslog(r"127\.0\.0\.1: PAM says: Welcome\?back")
        self.syslog(r"127\.0\.0\.1: PAM says: Your password expires")

    def test_items(self):
        """PAM_RUSER is nobody's to tell; the others as they always were."""
        self.ask("off=", more="account required pam_warn.so\n" + ACCOUNT)
        self.named().expect("PASS p", IN)
        said = self.syslog("service=.stack.")
        line = next(line for line in said.splitlines() if "service=" in line)
        self.assertRegex(line, r"terminal=.ftp. user=.alice. ruser=.<unknown>. rhost=.127\.0\.0\.1.")


class Ends(PamTest):
    """A session ends in the middle of a question as it does anywhere else."""

    def start(self, options=""):
        self.ask("off=", "on=Q", "want=p/a/")
        server = self.serve(self.options + options)
        session = self.named(server)
        session.expect("PASS p", "331 Q")
        return server, session, self.session_pid(server)

    def finish(self, server, session, pid, seconds=2):
        session.expect_end()
        self.assert_gone(pid, seconds)
        self.assertEqual(server.log().count("FAIL LOGIN"), 1)
        self.assertNotIn("OK LOGIN", server.log())

    def test_quit(self):
        server, session, pid = self.start()
        session.expect("QUIT", "221 Goodbye.")
        self.finish(server, session, pid)

    def test_gone(self):
        for end in (lambda one: one.close(), lambda one: one.socket.shutdown(socket.SHUT_WR)):
            server, session, pid = self.start()
            end(session)
            self.assert_gone(pid, 1)
            self.assertEqual(server.log().count("FAIL LOGIN"), 1)

    def test_idle(self):
        server, session, pid = self.start("idle_session_timeout=1\n")
        session.expect_reply("421 Timeout.")
        self.finish(server, session, pid)

    def test_login_timeout(self):
        server, session, pid = self.start("login_timeout=1\n")
        session.expect("NOOP", re.compile("503 .*"))
        session.expect_reply("421 Timeout.")
        self.finish(server, session, pid)

    def test_terminated(self):
        server, session, pid = self.start()
        os.kill(pid, signal.SIGTERM)
        session.expect_reply("421 Service not available, closing control connection.")
        self.finish(server, session, pid)

    def test_flood(self):
        server, session, pid = self.start()
        session.socket.sendall(b"PASS " + b"x" * 5000)
        session.expect_reply(WRONG)
        session.socket.sendall(b"x" * 70_000)
        session.expect_reply("421 Input line too long.")
        self.assert_gone(pid)
        self.assertEqual(server.log().count("FAIL LOGIN"), 1)


class Hints(PamTest):
    """Modules that need more than login_sandbox leaves them."""

    HINT = r"\(login_sandbox keeps modules from running programs and from making files\)"

    def refused(self, status, options=""):
        self.ask("off=", f"status={status}")
        server = self.serve(self.options + options)
        self.syslog_before = harness.SYSLOG.stat().st_size
        self.named(server).expect("PASS p", WRONG)
        return self.syslog("login refused: PAM authenticate: ")

    def test_hint(self):
        for status in (4, 26, 6):  # system error, abort, permission denied
            self.assertRegex(self.refused(status), self.HINT)
        for status in (7, 10, 11):
            self.assertNotIn("login_sandbox", self.refused(status))
        self.assertNotIn("login_sandbox", self.refused(4, "login_sandbox=NO\n"))

    def test_programs(self):
        """pam_exec works when it is asked for, and not otherwise."""
        self.stack("auth required pam_exec.so quiet /bin/true\nauth required pam_permit.so\n" + ACCOUNT)
        self.named().expect("PASS p", WRONG)
        self.syslog(self.HINT)
        server = self.serve(self.options + "login_sandbox=NO\n")
        self.named(server).expect("PASS p", IN)


class Sessions(PamTest):

    def setUp(self):
        super().setUp()
        self.log = self.here / "log"

    def sessions(self, *arguments, options="", session=None):
        log = f"[log={self.log}]"
        self.stack(f"auth required {ASK} {log} off=\n"
                   f"account required {ASK} {log}\n"
                   f"session required {session or ASK} {log} " + " ".join(arguments) + "\n")
        return self.serve(f"{self.options}session_support=YES\nlogin_writable={self.here}\n{options}")

    def logged(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    ROOT = ["authenticate 0 0", "account 0 0", "establish 0 0"]

    def test_order(self):
        """Opened as root, closed as the user at the very end."""
        server = self.sessions()
        session = self.named(server)
        session.expect("PASS p", IN)
        self.assertEqual(self.logged(), self.ROOT + ["open 0 0"])
        pid = self.session_pid(server)
        session.quit()
        self.assert_gone(pid)
        self.assertEqual(self.logged(), self.ROOT + ["open 0 0", "close 1801 1801", "delete 1801 1801"])

    def test_ends(self):
        for end in (lambda one, pid: one.close(), lambda one, pid: os.kill(pid, signal.SIGTERM)):
            self.log.unlink(missing_ok=True)
            server = self.sessions(options="chroot_local_user=YES\nallow_writeable_chroot=YES\n")
            session = self.named(server)
            session.expect("PASS p", IN)
            pid = self.session_pid(server)
            end(session, pid)
            self.assert_gone(pid)
            self.assertEqual(self.logged()[4:], ["close 1801 1801", "delete 1801 1801"])

    def test_none(self):
        server = self.sessions(options="session_support=NO\n")
        session = self.named(server)
        session.expect("PASS p", IN)
        session.quit()
        self.assertEqual(self.logged(), self.ROOT)

    def test_refused(self):
        """A session that can't be opened is a login that failed; the next may be better."""
        server = self.sessions("status=14")
        session = self.named(server)
        session.expect("PASS p", WRONG)
        session.expect("PWD", "530 Please login with USER and PASS.")
        self.syslog("login refused: PAM open_session: ")
        self.assertEqual(self.logged(), self.ROOT + ["open 0 0", "delete 0 0"])
        session.expect(*USER_OK)
        session.expect("PASS p", WRONG)
        session.quit()
        self.assertEqual(server.log().count("FAIL LOGIN"), 2)

    def test_no_account(self):
        """Admitted by PAM, and not by the system: the session is closed again, as root."""
        server = self.sessions()
        session = self.connect(server)
        session.expect_reply(re.compile("220 .*"))
        session.expect("USER nobody-here", "331 Please specify the password.")
        session.expect("PASS p", WRONG)
        session.quit()
        self.assertEqual(self.logged()[3:], ["open 0 0", "close 0 0", "delete 0 0"])

    def test_real_modules(self):
        """A usual stack: limits count, and nothing is complained about."""
        limits = self.here / "limits"
        limits.write_text("alice hard data 2000000\n")
        self.stack("auth required pam_unix.so nodelay\naccount required pam_unix.so\n"
                   f"session required pam_limits.so conf={limits}\nsession required pam_unix.so\n"
                   "session optional pam_umask.so umask=077\n")
        server = self.serve(self.options + "session_support=YES\n")
        session = self.named(server)
        session.expect("PASS secret-alice", IN)
        pid = self.session_pid(server)
        self.assertRegex(pathlib.Path(f"/proc/{pid}/limits").read_text(), r"Max data size +2048000000 +2048000000 ")
        session.store("STOR f", b"x")
        self.assertEqual((ALICE / "f").stat().st_mode & 0o777, 0o644, "local_umask is what counts")
        session.quit()
        self.assert_gone(pid)
        self.syslog("session opened for user alice")
        self.syslog("session closed for user alice")
        self.assertNotIn("soloftpd: 127.0.0.1", self.syslog())

    def test_missing_module(self):
        server = self.sessions("\nsession required pam_no_such_module.so")
        session = self.named(server)
        session.expect("PASS p", WRONG)
        session.quit()

    def test_close_fails(self):
        """Too late for anybody but the administrator."""
        server = self.sessions("close=14")
        session = self.named(server)
        session.expect("PASS p", IN)
        session.quit()
        self.syslog(r"127\.0\.0\.1: PAM close_session: ")
        self.assertEqual(self.logged()[4:], ["close 1801 1801", "delete 1801 1801"])


class Broken(PamTest):

    def refused(self, reason):
        session = self.named()
        session.expect("PASS secret-alice", WRONG)
        session.expect("PWD", "530 Please login with USER and PASS.")
        session.quit()
        self.syslog(reason)

    def test_broken(self):
        """AU16: whatever is wrong with PAM, nobody gets in."""
        pathlib.Path("/etc/pam.d/stack").unlink(missing_ok=True)
        pathlib.Path("/etc/pam.d/other").write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
        self.refused("login refused: PAM authenticate")
        for text in ("", "nonsense\n", "auth required\n", "auth requierd pam_permit.so\n" + ACCOUNT,
                     "auth required pam_no_such_module.so\n" + ACCOUNT, "auth required /dev/null\n" + ACCOUNT,
                     "auth include no-such-file\n" + ACCOUNT, "auth required pam_permit.so\n",
                     "@include no-such-file\n"):
            with self.subTest(text=text):
                self.stack(text)
                self.syslog_before = harness.SYSLOG.stat().st_size
                session = self.named()
                session.say("PASS secret-alice")
                self.assertRegex(session.reply(), "^(530 Login incorrect|421 Service not available)")
                session.close()
                self.syslog("soloftpd")

    def test_expired(self):
        """AU10: the client hears what it always hears, syslog has the reason."""
        self.stack("auth required pam_unix.so nodelay\naccount required pam_unix.so\n")
        shadow = pathlib.Path("/etc/shadow")
        before = shadow.read_text()
        self.addCleanup(shadow.write_text, before)
        days = int(time.time()) // 86400
        for change, reason in (({"lstchg": "0"}, "new one required"),
                               ({"lstchg": str(days - 40), "max": "10"}, "new one required"),
                               ({"expire": str(days - 1)}, "account has expired"),
                               ({"lock": True}, "Authentication failure")):
            with self.subTest(change):
                shadow.write_text(self.changed(before, change))
                self.refused(f"login refused: PAM .*{reason}")

    def changed(self, text, change):
        lines = text.splitlines()
        for at, line in enumerate(lines):
            fields = line.split(":")
            if fields[0] == "alice":
                fields[1] = "!" + fields[1] if "lock" in change else fields[1]
                fields[2] = change.get("lstchg", fields[2])
                fields[4] = change.get("max", fields[4])
                fields[7] = change.get("expire", fields[7])
                lines[at] = ":".join(fields)
        return "\n".join(lines) + "\n"
