"""What a session's process still is and has after the login."""

import errno
import os
import pathlib
import re

import harness
from harness import ALICE


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


def descriptors(pid):
    """Number -> what it refers to; sockets as tcp, unix or other."""
    kinds = {}
    for table, kind, column in (("tcp", "tcp", 9), ("tcp6", "tcp", 9), ("unix", "unix", 6)):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            kinds[f"socket:[{line.split()[column]}]"] = f"socket: {kind}"
    folder = f"/proc/{pid}/fd"
    links = {int(number): os.readlink(f"{folder}/{number}") for number in os.listdir(folder)}
    return {number: kinds.get(link, link) for number, link in links.items()}


class Privilege(harness.FtpTest):

    def setUp(self):
        super().setUp()
        groups = pathlib.Path("/etc/group")
        self.addCleanup(groups.write_text, groups.read_text())
        with groups.open("a") as file:
            file.write("team:x:5001:alice,bob\nother:x:5002:bob\n")

    def assert_powerless(self, pid, user, more_groups=()):
        status = status_of(pid)
        entry = harness.pwd.getpwnam(user)
        self.assertEqual(status["Uid"], [str(entry.pw_uid)] * 4)
        self.assertEqual(status["Gid"], [str(entry.pw_gid)] * 4)
        self.assertEqual(sorted(map(int, status["Groups"])), sorted([entry.pw_gid, *more_groups]))
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name][0], 16), 0, name)
        self.assertEqual(status["Threads"], ["1"])
        self.assertEqual(status["NoNewPrivs"], ["1"])
        self.assertEqual(status["Seccomp"], ["2"])
        self.assertEqual(status["TracerPid"], ["0"])
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        self.assertEqual(os.stat(f"/proc/{pid}/fd").st_uid, 0, "the process can be dumped: " + stat[0])

    def assert_descriptors(self, pid, server):
        held = descriptors(pid)
        self.assertEqual({held.pop(number, None) for number in (0, 1, 2)}, {"/dev/null"})
        logs = {str(server.directory / "vsftpd.log"), str(server.directory / "xferlog"),
                "/var/log/wtmp"}
        rest = sorted(what for what in held.values() if what not in logs and what != "socket: unix")
        self.assertEqual(rest, ["socket: tcp"], f"the control connection and logs only: {held}")
        for number in held:
            flags = pathlib.Path(f"/proc/{pid}/fdinfo/{number}").read_text()
            mode = int(re.search(r"flags:\s*(\d+)", flags)[1], 8)
            if held[number] in logs:
                self.assertEqual(mode & os.O_ACCMODE, os.O_WRONLY, held[number])
                self.assertTrue(mode & os.O_APPEND, held[number])

    def use(self, session):
        """A little of everything, after which the descriptors are what they were."""
        session.expect("TYPE I", "200 Switching to Binary mode.")
        session.list()
        session.store("STOR f", b"content")
        session.retrieve("RETR f")
        with session.active() as listener:
            session.expect("RETR f", re.compile("150 .*"))
            listener.accept()[0].close()
        session.expect_reply("226 Transfer complete.")
        session.expect("RETR f", "425 Use PORT or PASV first.")
        session.expect("CWD none", "550 Failed to change directory.")
        session.expect("DELE f", re.compile("250 .*"))

    def assert_session(self, server, login, user, root, more_groups=(), use=True):
        session = self.login(login, server)
        pid = self.session_pid(server)
        self.assert_powerless(pid, user, more_groups)
        self.assertEqual(os.readlink(f"/proc/{pid}/root"), root)
        self.assert_descriptors(pid, server)
        before = descriptors(pid)
        if use:
            self.use(session)
            self.assertEqual(descriptors(pid), before)
            self.assert_powerless(pid, user, more_groups)
        self.assertEqual(self.session_pid(server), pid, "the same one process")
        session.quit()

    def test_local(self):
        self.assert_session(self.server, "alice", "alice", "/", (5001,))
        self.assert_session(self.server, "bob", "bob", "/", (5001, 5002))

    def test_chrooted(self):
        server = self.serve("chroot_local_user=YES\nallow_writeable_chroot=YES\n")
        self.assert_session(server, "alice", "alice", str(ALICE), (5001,))

    def test_anonymous(self):
        self.assert_session(self.server, "ftp", "ftp", "/srv/ftp", use=False)

    def test_guest(self):
        server = self.serve(harness.GUEST)
        self.assert_session(server, "vera", "virtual", "/srv/virtual")

    def test_too_many_groups(self):
        """Who is in more groups than can be taken on is refused, not let in with some of them."""
        groups = pathlib.Path("/etc/group")
        before = groups.read_text()
        self.addCleanup(groups.write_text, before)
        # Beside the two that alice is in anyway.
        groups.write_text(before + "".join(f"g{number}:x:{number}:alice\n" for number in range(8000, 9022)))
        self.login().quit()
        groups.write_text(groups.read_text() + "one_more:x:9022:alice\n")
        session = self.connect()
        session.expect_reply(re.compile("220 .*"))
        session.expect("USER alice", re.compile("331 .*"))
        session.expect("PASS secret-alice", re.compile("421 .*"))
        self.syslog("Argument list too long")

    def test_before_the_login(self):
        """Still root, but one process, with the client's socket away from 0-2."""
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        pid = self.session_pid()
        held = descriptors(pid)
        self.assertEqual({held[number] for number in (0, 1, 2)}, {"/dev/null"})
        self.assertEqual([what for what in held.values() if what == "socket: tcp"], ["socket: tcp"])
        session.quit()

    def test_jail(self):
        """Names cannot leave it, links do not either."""
        server = self.serve("chroot_local_user=YES\nallow_writeable_chroot=YES\n")
        os.symlink("/etc/passwd", ALICE / "link")
        os.symlink("../../..", ALICE / "up")
        session = self.login(server=server)
        session.expect("PWD", '257 "/" is the current directory')
        session.expect("CWD ../../..", "250 Directory successfully changed.")
        session.expect("PWD", '257 "/" is the current directory')
        with session.passive():
            session.expect("RETR link", "550 Failed to open file.")
            session.expect("RETR /etc/passwd", "550 Failed to open file.")
            session.expect("RETR ../../../etc/passwd", "550 Failed to open file.")
        session.expect("CWD /srv", "550 Failed to change directory.")
        session.quit()

    def test_files_belong_to_the_user(self):
        session = self.login()
        session.store("STOR new", b"x")
        session.expect("MKD dir", re.compile("257 .*"))
        for name, mode in (("new", 0o644), ("dir", 0o755)):
            state = (ALICE / name).stat()
            self.assertEqual((state.st_uid, state.st_gid, state.st_mode & 0o7777), (1801, 1801, mode))
        with session.passive():
            session.expect("RETR /etc/shadow", "550 Failed to open file.")
            session.expect("STOR /etc/new", "553 Could not create file.")
        session.quit()


# A container that answers one system call with an error, and the server in it.
CONTAINER = """#!/usr/bin/python3 -IB
import ctypes, os, struct, sys
program = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, {call}, 6, 0, 0, 0x50000 | {error}, 6, 0, 0, 0x7fff0000)
code = ctypes.create_string_buffer(program)
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_char_p(struct.pack("HxxxxxxP", 4, ctypes.addressof(code))), 0, 0) == 0
os.execv("{server}", ["soloftpd", *sys.argv[1:]])
"""
LANDLOCK = 444
SECCOMP = 277 if os.uname().machine == "aarch64" else 317


class WithoutWalls(harness.FtpTest):
    """Kernels without Landlock or filters say that they do not know them; containers say something else."""

    def inside(self, call, error, options=""):
        def starter(server):
            script = server.directory / "container"
            script.write_text(CONTAINER.format(call=call, error=int(error), server=harness.SOLOFTPD))
            script.chmod(0o755)
            server.program = script
            return harness.xinetd(server)
        return self.serve(options, starter=starter)

    def test_what_is_missing(self):
        for call, error in ((LANDLOCK, errno.ENOSYS), (LANDLOCK, errno.EOPNOTSUPP), (LANDLOCK, errno.EPERM),
                            (SECCOMP, errno.ENOSYS), (SECCOMP, errno.EINVAL), (SECCOMP, errno.EPERM)):
            with self.subTest(call=call, error=error):
                session = self.login(server=self.inside(call, error))
                session.quit()
                session = self.connect(self.inside(call, error, "sandbox_required=YES\n"))
                session.expect_reply(re.compile("220 .*"), "421 Service not available.")
                session.close()
