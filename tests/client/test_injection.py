"""Each step that builds the walls fails in turn (strace injects the error): nobody is let in without them."""

import os
import pathlib
import re
import subprocess

import harness
from harness import ALICE
from test_walls import ACTS, HERE, Actor, xinetd

STEPS = ("setgroups", "setresgid", "setresuid", "chroot", "chdir", "prctl", "capset", "capget", "prlimit64",
         "unshare", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp",
         "rt_sigaction")
WALLED = "walled"  # 230, with all the walls
REFUSED = "refused"  # no 230, and syslog says why
# Where a failure takes nothing away: call, errors, arguments.
HARMLESS = (
    # libc's own question; a core file needs PR_SET_DUMPABLE too.
    ("prlimit64", "", "0, (RLIMIT_STACK|RLIMIT_CORE)"),
    # The kernel sets it when a process changes its ids.
    ("prctl", "", "PR_SET_DUMPABLE"),
    # These signals would end the session.
    ("rt_sigaction", "", "SIGPIPE|SIGXFSZ|SIGHUP|SIGTERM"),
    # What no_new_privs forbids is forbidden anyway; EINVAL is how the kernel says that there are no more.
    ("prctl", "EPERM|EINVAL", "PR_CAPBSET_DROP"),
    # A PAM module's libcap looks around.
    ("prctl", "", "PR_CAPBSET_READ|PR_GET_SECUREBITS|PR_CAP_AMBIENT|PR_GET_NO_NEW_PRIVS"),
    # Must not succeed, and EINVAL is refused.
    ("unshare", "EPERM|ENOMEM", "CLONE_SIGHAND"),
    ("setresuid", "", "0, 0, 0"),
    ("setresgid", "", "0, 0, 0"),
    # Then fewer rights are asked for, as of a file that is no directory.
    ("landlock_add_rule", "EINVAL", "[0-9]+, LANDLOCK_RULE_PATH_BENEATH"),
    # A container may withhold Landlock, too.
    ("landlock_create_ruleset", "EPERM|EINVAL", "NULL, 0, LANDLOCK_CREATE_RULESET_VERSION"),
    # A container may withhold filters (sandbox_required=YES makes that a refusal). One of these only asks whether the jail's
    # root may be writable: other errors there are a no, and elsewhere the end.
    ("seccomp", "", "SECCOMP_SET_MODE_FILTER, 0, NULL"),
    # Older kernels do not know the flag.
    ("seccomp", "EINVAL", "SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
)


def is_harmless(name, error, rest):
    return any(name == call and re.fullmatch(errors or ".*", error) and re.match(arguments, rest)
               for call, errors, arguments in HARMLESS)


class Injection(harness.FtpTest):

    def setUp(self):
        super().setUp()
        harness.put(ALICE / "f", b"content", "alice")
        harness.put(harness.ANONYMOUS / "f", b"content", "ftp")

    def traced(self, options=""):
        """A service whose sessions run under strace, as the file `how` says."""
        script = pathlib.Path("/run/traced")
        self.how = pathlib.Path("/run/traced.how")
        self.trace = pathlib.Path("/run/traced.out")
        script.write_text(f"#!/bin/sh\nexec strace -qqq -f -o {self.trace} $(cat {self.how}) {ACTS} \"$@\"\n")
        script.chmod(0o755)
        self.addCleanup(script.unlink, missing_ok=True)
        return self.serve(f"write_enable=NO\nchroot_local_user=YES\n{options}", starter=xinetd, program=str(script))

    def steps(self, server, login):
        """What a login does: the steps' calls, in order, up to the 230."""
        self.how.write_text(f"-e trace={','.join(STEPS)},write,sendto")
        self.login(login, server).quit()
        calls = re.findall(r"^\d+ +(\w+)\((.*)", self.trace.read_text(), re.M)
        end = next(at for at, (_name, rest) in enumerate(calls) if '"230 ' in rest)
        return [call for call in calls[:end] if call[0] in STEPS]

    def walls_of(self, server, connection):
        """Logs in and looks at what holds the process: WALLED, or what is missing."""
        actor = Actor(self, server, connection=connection)
        status = pathlib.Path(f"/proc/{actor.pid}/status").read_text()
        missing = []
        for wanted in (r"Uid:\t([1-9]\d*)\t\1\t\1\t\1\n", r"Gid:\t([1-9]\d*)\t\1\t\1\t\1\n", r"CapPrm:\t0+\n",
                       r"CapEff:\t0+\n", r"NoNewPrivs:\t1\n", r"Seccomp:\t2\n"):
            if not re.search(wanted, status):
                missing.append(wanted.partition(":")[0])
        if actor.act(("openat", HERE, "f", os.O_WRONLY)) != "EACCES":
            missing.append("Landlock")
        if actor.act(("newfstatat", HERE, "/etc/passwd", bytes(144), 0)) != "ENOENT":
            missing.append("the jail")
        if actor.act(("newfstatat", HERE, "f", bytes(144), 0)) != "0":
            missing.append("the home")
        actor.connection.quit()
        return ", ".join(missing) + " missing" if missing else WALLED

    def try_login(self, server, login, inject=None):
        """The last reply to a login during which strace makes calls fail, and the connection if that is 230."""
        call = inject.partition(":")[0] if inject else "none"
        self.how.write_text(f"-e trace={call}" + (f" -e inject={inject}" if inject else ""))
        self.syslog_before = harness.SYSLOG.stat().st_size
        connection = self.connect(server)
        said = connection.reply()
        for command in (f"USER {login}", f"PASS {harness.PASSWORD[login]}"):
            if said.startswith("421"):
                return said, None
            connection.say(command)
            said = connection.reply()
            if said.startswith("220"):  # a 421 may come right behind the greeting
                said = connection.reply()
        return said, connection if said.startswith("230") else None

    def outcome(self, server, login, inject):
        try:
            said, connection = self.try_login(server, login, inject)
        except (AssertionError, OSError) as problem:
            said, connection = str(problem).splitlines()[0], None
        if connection is not None:
            return self.walls_of(server, connection)
        self.assertTrue(harness.wait_until(lambda: not server.sessions(), 5, 0.005), "it did not end")
        self.syslog(r"(: |Landlock|seccomp)[^:]*: (Operation not permitted|Invalid argument|Cannot allocate memory)"
                    r"|must not be writable")
        return REFUSED

    def assert_each(self, login, errors, options=""):
        server = self.traced(options)
        wrong, counts = [], {}
        steps = self.steps(server, login)
        self.assertEqual(set(STEPS) - {name for name, _rest in steps}, set())
        drops = [at for at, (_name, rest) in enumerate(steps) if rest.startswith("PR_CAPBSET_DROP")]
        for at, (name, rest) in enumerate(steps):
            counts[name] = counts.get(name, 0) + 1
            if at in drops[1:-2]:
                continue  # forty times the same
            for error in errors:
                got = self.outcome(server, login, f"{name}:error={error}:when={counts[name]}")
                if got != REFUSED and not (got == WALLED and is_harmless(name, error, rest)):
                    wrong.append(f"{name}({rest[:50]} fails with {error}: {got}")
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_local(self):
        self.assert_each("alice", ("EPERM", "EINVAL"))

    def test_anonymous(self):
        self.assert_each("ftp", ("ENOMEM",))

    # ---- kernels that have less ----

    def test_no_close_range(self):
        """What the super-server has left open is closed one by one."""
        server = self.traced()
        script = pathlib.Path(server.program)
        script.write_text(script.read_text().replace("exec strace", "exec 7</etc/hostname 9</etc/hostname\nexec strace"))
        for inject in (None, "close_range:error=ENOSYS"):
            said, connection = self.try_login(server, "alice", inject)
            actor = Actor(self, server, connection=connection)
            left = [os.readlink(entry) for entry in pathlib.Path(f"/proc/{actor.pid}/fd").iterdir()]
            self.assertTrue(left)
            self.assertNotIn("/etc/hostname", left)
            connection.quit()

    def test_no_landlock(self):
        """The jail and the filter are left."""
        inject = "landlock_create_ruleset:error=ENOSYS"
        server = self.traced()
        said, connection = self.try_login(server, "alice", inject)
        self.assertEqual(self.walls_of(server, connection), "Landlock missing")
        server = self.traced("sandbox_required=YES\n")
        self.assertEqual(self.try_login(server, "alice", inject)[0], harness.REFUSED)
        self.syslog("Landlock: Function not implemented")

    def test_landlock_switched_off(self):
        said, connection = self.try_login(self.traced(), "alice", "landlock_create_ruleset:error=EOPNOTSUPP")
        self.assertEqual(self.walls_of(self.server, connection), "Landlock missing")

    def test_no_filter(self):
        """The jail and Landlock are left; a root that its user can write to needs the option again."""
        inject = "seccomp:error=ENOSYS"
        server = self.traced()
        self.assertEqual(self.try_login(server, "alice", inject)[0], harness.REFUSED)
        self.syslog("must not be writable")
        server = self.traced("allow_writeable_chroot=YES\n")
        said, connection = self.try_login(server, "alice", inject)
        self.assertEqual(self.walls_of(server, connection), "Seccomp missing")
        server = self.traced("allow_writeable_chroot=YES\nsandbox_required=YES\n")
        self.assertEqual(self.try_login(server, "alice", inject)[0], harness.REFUSED)
        self.syslog("seccomp: Function not implemented")

    def version(self, number):
        """Every second call of a session asks for the version; all do, if the answer makes it leave Landlock out."""
        return f"landlock_create_ruleset:retval={abs(number)}" + (":when=1+2" if number > 0 else "")

    def test_versions_of_landlock(self):
        for version in range(1, 8):
            with self.subTest(version):
                server = self.traced()
                said, connection = self.try_login(server, "alice", self.version(version))
                self.assertEqual(self.walls_of(server, connection), WALLED)

    def test_files_move_on_all_versions(self):
        """Version 1 would forbid it, so it is not used then."""
        server = self.traced("write_enable=YES\n")
        harness.give_directory(ALICE / "d")
        for version in (-1, 2, 3, 4, 5, 6, 7):
            with self.subTest(version):
                said, session = self.try_login(server, "alice", self.version(version))
                session.store("STOR new", b"content")
                session.expect("RNFR new", re.compile("350 .*"))
                session.expect(f"RNTO d/{version}", re.compile("250 .*"))
                session.quit()
                self.assertTrue((ALICE / "d" / str(version)).exists())
        strict = self.traced("write_enable=YES\nsandbox_required=YES\n")
        self.assertEqual(self.try_login(strict, "alice", self.version(-1))[0], harness.REFUSED)
        self.assertIsNotNone(self.try_login(strict, "alice", self.version(2))[1])

    def test_implicit_tls(self):
        """The walls of the time before the login stand before a byte is read: without them there is no handshake."""
        pem = self.here / "implicit.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", pem, "-out", pem, "-subj", "/CN=localhost"], check=True, stderr=subprocess.DEVNULL)
        server = self.traced(f"ssl_enable=YES\nimplicit_ssl=YES\nrsa_cert_file={pem}\n")
        self.how.write_text("-e trace=landlock_restrict_self -e inject=landlock_restrict_self:error=EPERM")
        connection = self.connect(server)
        connection.expect_end()
        self.syslog("Landlock before the login: Operation not permitted")
