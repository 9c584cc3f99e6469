"""PAM's modules inside the walls of the time before the login: Debian's own, each as its manual page says."""

import dbm.ndbm
import os
import pathlib
import re
import shutil
import struct
import subprocess

import harness
from harness import ALICE

SERVICE = pathlib.Path("/etc/pam.d/stack")
PROGRAM = pathlib.Path("/run/pam-program")
MARK = pathlib.Path("/run/pam-mark")
UNIX = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n"
OPTIONS = "pam_service_name=stack\ndelay_failed_login=0\nmax_login_fails=9\n"
WRONG = "530 Login incorrect."
RIGHT = "230 Login successful."


class Stack(harness.FtpTest):
    """A service of PAM of its own, written by each test."""

    options = OPTIONS

    def setUp(self):
        self.addCleanup(SERVICE.unlink, missing_ok=True)
        super().setUp()

    def stack(self, *lines):
        SERVICE.write_text("\n".join(lines) + "\n")

    def install(self, path, text):
        """A file of the administrator's, until the test is over."""
        path = pathlib.Path(path)
        if path.exists():
            self.addCleanup(path.write_text, path.read_text())
        else:
            self.addCleanup(path.unlink, missing_ok=True)
        path.write_text(text)
        return path

    def attempt(self, user, password, answer, server=None, source=None):
        session = self.connect(server, source)
        session.expect_reply(re.compile("220 .*"))
        session.expect(f"USER {user}", "331 Please specify the password.")
        session.expect(f"PASS {password}", answer)
        session.quit()

    def admit(self, user="alice", **how):
        self.attempt(user, harness.PASSWORD[user], RIGHT, **how)

    def refuse(self, user="alice", password=None, **how):
        self.attempt(user, password or harness.PASSWORD[user], WRONG, **how)


class Checks(Stack):
    """Modules that only look."""

    def test_debian(self):
        """What Debian's own services include."""
        self.stack("@include common-auth", "@include common-account")
        self.admit()
        self.refuse(password="wrong")

    def test_listfile(self):
        denied = self.install("/etc/stack-users", "bob\n")
        self.stack(f"auth required pam_listfile.so item=user sense=deny file={denied} onerr=fail", UNIX)
        self.admit()
        self.refuse("bob")

    def test_shells(self):
        self.stack("auth required pam_shells.so", UNIX)
        self.admit()
        self.install("/etc/shells", "/bin/other\n")
        self.refuse()

    def test_access(self):
        """By the client's numeric address, and by user."""
        rules = self.install("/etc/stack-access",
                             "+:alice:127.0.0.0/255.255.255.254\n+:bob:127.0.0.2\n-:ALL:ALL\n")
        self.stack(UNIX, f"account required pam_access.so accessfile={rules}")
        self.admit()
        self.refuse("bob")
        self.admit("bob", source="127.0.0.2")
        self.refuse(source="127.0.0.2")
        self.syslog(r"access denied for user .alice. from .127\.0\.0\.2.")

    def test_time(self):
        self.stack(UNIX, "account required pam_time.so")
        self.install("/etc/security/time.conf", "stack;*;bob;!Al0000-2400\n")
        self.admit()
        self.refuse("bob")

    def test_succeed_if(self):
        self.stack("auth required pam_succeed_if.so quiet uid >= 1802", UNIX)
        self.refuse()
        self.admit("bob")

    def test_nologin(self):
        self.stack("auth required pam_nologin.so file=/etc/stack-nologin", UNIX)
        self.admit()
        self.install("/etc/stack-nologin", "Closed.\n")
        self.refuse()

    def test_env(self):
        """Read while credentials are made; nothing of it reaches the session."""
        variables = self.install("/etc/stack-env", "TZ DEFAULT=Asia/Tokyo\n")
        self.stack(f"auth required pam_env.so conffile={variables} readenv=0", UNIX)
        self.admit()

    def test_group(self):
        """It adds groups to the process: the session has the account's, and no others."""
        self.install("/etc/security/group.conf", "stack;*;alice;Al0000-2400;games\n")
        self.stack(UNIX, "auth optional pam_group.so")
        session = self.login()
        status = pathlib.Path(f"/proc/{self.session_pid()}/status").read_text()
        self.assertEqual(re.search(r"Groups:(.*)", status)[1].split(), ["1801"])
        session.quit()

    def test_several(self):
        self.stack("auth requisite pam_nologin.so", "auth required pam_shells.so",
                   "auth [success=1 default=ignore] pam_unix.so nodelay", "auth requisite pam_deny.so",
                   "auth required pam_permit.so", "auth optional pam_warn.so",
                   "account required pam_localuser.so", "account required pam_unix.so")
        self.admit()
        self.refuse(password="wrong")

    def test_expired(self):
        """As the shadow file says, which only root can read."""
        shadow = self.install("/etc/shadow", pathlib.Path("/etc/shadow").read_text())
        as_it_was = shadow.read_text()
        self.stack(UNIX)
        for field, value, reason in ((7, "1", "account has expired"), (2, "0", "token is no longer valid")):
            with self.subTest(reason):
                line = re.search("(?m)^bob:.*$", as_it_was)[0].split(":")
                line[field] = value
                shadow.write_text(re.sub("(?m)^bob:.*$", lambda _: ":".join(line), as_it_was))
                self.refuse("bob")
                self.syslog(f"login refused: PAM account: .*{reason}")


class Databases(Stack):
    """Names and passwords that the system does not know."""

    options = OPTIONS + harness.GUEST.replace("pam_service_name=ftp-virtual\n", "")

    def test_userdb(self):
        with dbm.ndbm.open("/etc/stack-users", "n", 0o600) as base:
            self.addCleanup(pathlib.Path("/etc/stack-users.db").unlink)
            base["tom"] = "foo"
        self.stack("auth required pam_userdb.so db=/etc/stack-users",
                   "account required pam_userdb.so db=/etc/stack-users")
        self.attempt("tom", "foo", RIGHT)
        self.attempt("tom", "bar", WRONG)
        self.attempt("alice", "foo", WRONG)

    def test_pwdfile(self):
        self.stack("auth required pam_pwdfile.so pwdfile=/etc/ftp.pwdfile nodelay",
                   "account required pam_permit.so")
        self.admit("vera")
        self.refuse("vera", "wrong")


class Faillock(Stack):
    """It counts in files of its own, which belong to the users: the walls leave them to it, and no owner is changed."""

    tally = pathlib.Path("/run/faillock")

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.tally, ignore_errors=True)
        self.addCleanup(shutil.rmtree, self.tally, ignore_errors=True)
        options = "deny=3 unlock_time=600"
        self.stack(f"auth required pam_faillock.so preauth silent {options}",
                   "auth [success=1 default=ignore] pam_unix.so nodelay",
                   f"auth [default=die] pam_faillock.so authfail {options}",
                   f"auth sufficient pam_faillock.so authsucc {options}",
                   "auth required pam_permit.so",
                   "account required pam_faillock.so", "account required pam_unix.so")

    def assert_counts(self):
        for _ in range(3):
            self.refuse(password="wrong")
        self.refuse()
        self.syslog(r"pam_faillock\(stack:auth\): Consecutive login failures for user alice")
        self.admit("bob")
        self.assertIn("127.0.0.1", subprocess.run(["faillock", "--user", "alice"], check=True,
                                                  stdout=subprocess.PIPE).stdout.decode())

    def test_locks(self):
        self.tally.mkdir(mode=0o755, exist_ok=True)
        self.assert_counts()

    def test_unlocks_after_its_time(self):
        self.tally.mkdir(mode=0o755, exist_ok=True)
        self.assert_counts()
        file = self.tally / "alice"
        records = [struct.unpack("=56sQ", file.read_bytes()[at:at + 64]) for at in range(0, file.stat().st_size, 64)]
        file.write_bytes(b"".join(struct.pack("=56sQ", rest, stamp - 601) for rest, stamp in records))
        self.admit()

    def test_unlocks_by_hand(self):
        self.tally.mkdir(mode=0o755, exist_ok=True)
        self.assert_counts()
        subprocess.run(["faillock", "--user", "alice", "--reset"], check=True)
        self.admit()

    def test_file_of_another_service(self):
        """sshd and the like give it to the user, and leave it to root's group."""
        self.tally.mkdir(mode=0o755, exist_ok=True)
        file = self.tally / "alice"
        file.touch()
        os.chown(file, 1801, 0)
        file.chmod(0o660)
        self.assert_counts()
        self.assertEqual(file.stat().st_uid, 1801)

    def test_directory_is_missing(self):
        """After the boot it is. The module could not make it inside the walls, and would count nothing."""
        self.assert_counts()
        self.assertEqual(self.tally.stat().st_mode & 0o7777, 0o755)


class GoogleAuthenticator(Stack):
    """It writes a file in the user's home, as the user: a counter, so that no code is good twice."""

    codes = "287082", "359152"  # RFC 4226, appendix D

    def setUp(self):
        super().setUp()
        self.stack("auth required pam_google_authenticator.so", "account required pam_unix.so")
        secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n" HOTP_COUNTER 1\n'
        self.file = harness.put(ALICE / ".google_authenticator", secret.encode(), mode=0o400)

    def assert_counts(self, server):
        for code in self.codes:
            self.attempt("alice", code, RIGHT, server)
        self.attempt("alice", self.codes[0], WRONG, server)

    def test_where_users_write(self):
        self.assert_counts(self.server)

    def test_where_nobody_writes(self):
        """A code that could not be crossed out lets nobody in. The file's mode is set, too."""
        for options in ("write_enable=NO\n", "chmod_enable=NO\nupload_atomic=NO\n"):
            with self.subTest(options):
                self.attempt("alice", self.codes[0], WRONG, self.serve(self.options + options))
        self.assert_counts(self.serve(self.options + "write_enable=NO\nlogin_sandbox=NO\n"))

    def test_in_a_named_place(self):
        self.assert_counts(self.serve(self.options + "write_enable=NO\nlogin_writable=/srv/home\n"))


class Programs(Stack):
    """pam_exec runs one, which the walls do not allow."""

    def setUp(self):
        super().setUp()
        self.addCleanup(PROGRAM.unlink)
        self.addCleanup(MARK.unlink, missing_ok=True)
        PROGRAM.write_text(f"#!/bin/sh\nread -r password\necho \"$PAM_USER $password\" >{MARK}\n")
        PROGRAM.chmod(0o755)
        self.stack(f"auth required pam_exec.so expose_authtok {PROGRAM}", UNIX)

    def test_inside(self):
        self.refuse()
        self.assertFalse(MARK.exists())
        self.syslog(r"soloftpd\[\d+\]: 127\.0\.0\.1: login refused: PAM authenticate: System error")

    def test_without_walls(self):
        server = self.serve(self.options + "login_sandbox=NO\n")
        self.admit(server=server)
        self.assertEqual(MARK.read_text().rstrip("\0\n"), "alice secret-alice")


class Sessions(Stack):
    """What session_support opens."""

    options = OPTIONS + "session_support=YES\n"
    HINT = r"login refused: PAM open_session: .*\(login_sandbox keeps modules from running programs"

    def assert_needs_no_walls(self, user="alice"):
        self.refuse(user)
        self.syslog(self.HINT)
        self.admit(user, server=self.serve(self.options + "login_sandbox=NO\n"))

    def test_inside(self):
        """Those that look, set limits, or write into the system's books."""
        limits = self.install("/etc/stack-limits", "alice hard data 2000000\n")
        self.stack(UNIX, f"session required pam_limits.so conf={limits}",
                   *(f"session required {module}" for module in (
                       "pam_env.so", "pam_loginuid.so", "pam_umask.so", "pam_mail.so", "pam_lastlog.so nowtmp",
                       "pam_namespace.so", "pam_unix.so", "pam_permit.so")))
        self.admit()
        self.assertRegex(self.syslog("session closed for user alice"), "session opened for user alice")
        self.assertNotIn("127.0.0.1: ", self.syslog())
        with open("/var/log/lastlog", "rb") as file:
            self.assertIn(b"127.0.0.1", file.read()[1801 * 292:1802 * 292])

    def test_mkhomedir(self):
        """Its helper is a program."""
        self.stack(UNIX, "session required pam_mkhomedir.so")
        harness.BOB.rmdir()
        self.addCleanup(harness.fresh_trees)
        self.addCleanup(harness.give_directory, harness.BOB, "bob")
        self.refuse("bob")
        self.syslog(self.HINT)
        self.assertFalse(harness.BOB.exists())
        self.admit("bob", server=self.serve(self.options + "login_sandbox=NO\n"))
        self.assertEqual(harness.BOB.owner(), "bob")
        self.addCleanup(shutil.rmtree, harness.BOB)

    def test_exec(self):
        self.stack(UNIX, "session required pam_exec.so /bin/true")
        self.assert_needs_no_walls()

    def test_keyinit(self):
        self.stack(UNIX, "session required pam_keyinit.so force revoke")
        self.assert_needs_no_walls()

    def test_namespace(self):
        """A directory of its own for each user is a mount."""
        for name in ("poly", "poly-instances"):
            directory = pathlib.Path("/srv", name)
            directory.mkdir()
            self.addCleanup(shutil.rmtree, directory)
        directory.chmod(0o000)
        self.install("/etc/security/namespace.conf", "/srv/poly /srv/poly-instances/ user root\n")
        self.stack(UNIX, "session required pam_namespace.so")
        self.assert_needs_no_walls()
