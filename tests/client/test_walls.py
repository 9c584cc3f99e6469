"""What a session could do if its client had taken it over: every row is an act, tried by soloftpd-acts under xinetd."""

import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import typing

import harness
from harness import ALICE

ACTS = os.environ["SOLOFTPD_ACTS"]
HERE = -100  # AT_FDCWD
EMPTY = 0x1000  # AT_EMPTY_PATH
LOADER = "/lib/ld-linux-aarch64.so.1" if os.uname().machine == "aarch64" else "/lib64/ld-linux-x86-64.so.2"
MOVED = pathlib.Path("/usr/local")  # a place of the system's, in which nothing else is during a test

# ---- what the steps of an act can name ----


def known(name):
    return lambda session: session.known(name)


LAST = known("last")  # what the step before had as its result
SELF, OTHER, XINETD = known("self"), known("other"), known("xinetd")
# The session's own descriptors.
LOG, XFERLOG, JSON, WTMP, UTMP = known("log"), known("xferlog"), known("json"), known("wtmp"), known("utmp")
SLOT = known("slot")  # where its record in utmp is
WHERE = known("where")  # the address of the first bytes of a step


def tcp(address, port):
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8)


def elsewhere(session):
    return tcp("127.0.0.1", session.known("elsewhere"))


def unix(path):
    return struct.pack("=H", socket.AF_UNIX) + path.encode() + b"\0"


def vectors(session):
    """An iovec that is its own target."""
    return struct.pack("=QQ", session.known("where"), 16)


TCP = ("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
UNIX = ("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0)
RECORD = bytes(384)
EVENTS = "/run/walls.json"


def allowing_filter(session):
    """A sock_fprog, and behind it its one instruction."""
    return (struct.pack("=HxxxxxxQ", 1, session.known("where") + 16) +
            struct.pack("=HBBI", 6, 0, 0, 0x7fff0000))


class Row(typing.NamedTuple):
    """An act, and what becomes of it: "done", the name of an error, "stopped" (the filter ends the session and says so),
    "killed" (by the kernel), or "gone" (the session is no more, but not by a wall).

    before: before USER. loose: then, with login_sandbox=NO; None is not tried. jailed: after the login of a local user in
    a jail; and of a guest, and of an anonymous one if there is nothing else in that column. unjailed: of a local user
    without a jail, if it is not the same."""

    name: str
    steps: list
    before: str
    jailed: str
    unjailed: str = None
    anonymous: str = None
    loose: str = None


STOPPED = "stopped"
DONE = "done"

PROGRAMS = [
    Row("execve", [("execve", "/bin/true", 0, 0)], "EACCES", STOPPED, loose="gone"),
    Row("execve of the loader", [("execve", LOADER, 0, 0)], "gone", STOPPED),  # unix_chkpwd needs it
    Row("execveat of a file in memory", [("memfd_create", "x", 0), ("execveat", LAST, "", 0, 0, EMPTY)],
        "EPERM", None),
    Row("execveat", [("execveat", HERE, "/bin/true", 0, 0, 0)], "EPERM", STOPPED),
    Row("memfd_create", [("memfd_create", "x", 0)], DONE, STOPPED),
    Row("fork", [("fork",)], DONE, STOPPED, loose=DONE),
    Row("vfork", [("vfork",)], "EPERM", STOPPED),
    Row("clone", [("clone", signal.SIGCHLD, 0, 0, 0, 0)], DONE, STOPPED),
    Row("clone3", [("clone3", struct.pack("=4QQ6Q", 0, 0, 0, 0, signal.SIGCHLD, *[0] * 6), 88)],
        "EPERM", STOPPED),
    Row("memory that is code: mmap", [("mmap", 0, 4096, 7, 0x22, -1, 0)], DONE, STOPPED),
    Row("memory that is code: a file", [("openat", HERE, "f", 0), ("mmap", 0, 4096, 5, 2, LAST, 0)],
        None, STOPPED),
    Row("memory that becomes code", [("mmap", 0, 4096, 3, 0x22, -1, 0), ("mprotect", LAST, 4096, 7)],
        DONE, STOPPED),
    Row("memory that becomes code: pkey_mprotect", [("mmap", 0, 4096, 3, 0x22, -1, 0), ("pkey_mprotect", LAST, 4096, 7, -1)],
        DONE, STOPPED),
    Row("personality: all memory is code", [("personality", 0x400000)], "EPERM", STOPPED),
]

FILES = [
    Row("read a file of the system's", [("openat", HERE, "/etc/passwd", os.O_RDONLY)], DONE, "ENOENT", DONE),
    Row("read it by ..", [("openat", HERE, "../../../../etc/passwd", os.O_RDONLY)], DONE, "ENOENT", DONE),
    Row("read it by a link", [("openat", HERE, "link", os.O_RDONLY)], None, "ENOENT", DONE),
    Row("read it by /proc/self/root", [("openat", HERE, "/proc/self/root/etc/passwd", os.O_RDONLY)],
        DONE, "ENOENT", DONE),
    Row("read it by openat2", [("openat2", HERE, "/etc/passwd", bytes(24), 24)], "EPERM", STOPPED),
    Row("read /etc/shadow", [("openat", HERE, "/etc/shadow", os.O_RDONLY)], DONE, "ENOENT", "EACCES"),
    Row("stat outside", [("newfstatat", HERE, "/etc/shadow", bytes(144), 0)], DONE, "ENOENT", DONE),
    Row("read by handle", [("open_by_handle_at", HERE, bytes(136), 0)], "EPERM", STOPPED),
    Row("write /etc/passwd", [("openat", HERE, "/etc/passwd", os.O_WRONLY)],
        "EACCES", "ENOENT", "EACCES", loose=DONE),
    Row("write a new file in /etc/cron.d", [("openat", HERE, "/etc/cron.d/walls", os.O_WRONLY | os.O_CREAT, 0o644)],
        "EACCES", "ENOENT", "EACCES", loose=DONE),
    Row("write a new file in /root", [("openat", HERE, "/root/walls", os.O_WRONLY | os.O_CREAT, 0o644)],
        "EACCES", "ENOENT", "EACCES", loose=DONE),
    Row("write a new file in /usr", [("openat", HERE, f"{MOVED}/walls", os.O_WRONLY | os.O_CREAT, 0o644)],
        "EACCES", "ENOENT", "EACCES", loose=DONE),
    Row("write a new file in /run", [("openat", HERE, "/run/walls", os.O_WRONLY | os.O_CREAT, 0o644)],
        "EACCES", "ENOENT", "EACCES", loose=DONE),
    Row("a new directory in /etc", [("mkdirat", HERE, "/etc/walls", 0o755)], "EACCES", "ENOENT", "EACCES"),
    Row("rename /etc/passwd", [("renameat2", HERE, "/etc/passwd", HERE, "/etc/walls", 0)],
        "EACCES", "ENOENT", "EACCES"),
    Row("link /etc/shadow to a home", [("linkat", HERE, "/etc/shadow", HERE, "/srv/home/bob/walls", 0)],
        "EXDEV", STOPPED),
    Row("remove /etc/passwd", [("unlinkat", HERE, "/etc/passwd", 0)], "EACCES", "ENOENT", "EACCES"),
    Row("truncate /etc/passwd", [("truncate", "/etc/passwd", 0)], "EPERM", STOPPED),
    # What SITE CHMOD and MFMT will need: DONE is EPERM with chmod_enable=NO, mdtm_write=NO (test_less_is_allowed).
    Row("chmod outside", [("fchmodat", HERE, "/etc/shadow", 0o644)], DONE, "ENOENT", "EPERM", STOPPED, DONE),
    Row("chmod 4755 outside", [("fchmodat", HERE, "/etc/walls-program", 0o4755)], "EPERM", STOPPED, loose=DONE),
    Row("chmod 0600 inside", [("fchmodat", HERE, "f", 0o600)], None, DONE, None, STOPPED),
    Row("chmod 4755 inside", [("fchmodat", HERE, "f", 0o4755)], None, STOPPED),
    Row("chmod 2755 of an open file", [("openat", HERE, "f", 0), ("fchmod", LAST, 0o2755)], None, STOPPED),
    Row("a new file of mode 4755", [("openat", HERE, "new", os.O_WRONLY | os.O_CREAT, 0o4755)], None, STOPPED),
    Row("a file in a user's home", [("openat", HERE, "/srv/home/bob/walls", os.O_WRONLY | os.O_CREAT, 0o644)],
        "EACCES", "ENOENT", "EACCES"),
    Row("a file in a user's home, as that user", [("setresuid", 1802, 1802, 1802),
        ("openat", HERE, "/srv/home/bob/walls", os.O_WRONLY | os.O_CREAT, 0o644)], DONE, None),
    Row("chown", [("fchownat", HERE, "/etc/passwd", 1801, 1801, 0)], "EPERM", STOPPED),
    Row("chown of an open file", [("openat", HERE, "/", 0), ("fchown", LAST, 1801, 1801)], "EPERM", None),
    Row("setxattr", [("setxattr", "/etc/walls-program", "security.capability", bytes(20), 20, 0)],
        "EPERM", STOPPED),
    Row("the times of /etc/passwd", [("utimensat", HERE, "/etc/passwd", bytes(32), 0)], DONE, "ENOENT", "EPERM",
        STOPPED),
    Row("mknod", [("mknodat", HERE, "node", 0o20666, 0x103)], "EPERM", STOPPED),
    Row("symlink", [("symlinkat", "/etc/passwd", HERE, "new")], None, STOPPED),
    Row("link", [("linkat", HERE, "f", HERE, "new", 0)], None, STOPPED),
    Row("mount", [("mount", "none", "/srv", "tmpfs", 0, 0)], "EPERM", STOPPED),
    Row("umount", [("umount2", "/dev/shm", 0)], "EPERM", STOPPED),
    Row("pivot_root", [("pivot_root", ".", ".")], "EPERM", STOPPED),
    Row("chroot", [("chroot", ".")], DONE, STOPPED),
    Row("unshare", [("unshare", 0x10000000)], "EPERM", STOPPED),
    Row("setns", [("setns", 0, 0)], "EPERM", STOPPED),
    Row("swapon", [("swapon", "/etc/passwd", 0)], "EPERM", STOPPED),
    Row("core_pattern", [("openat", HERE, "/proc/sys/kernel/core_pattern", os.O_WRONLY)],
        "EACCES", "ENOENT", "EACCES"),
]

PROCESSES = [
    Row("ptrace xinetd", [("ptrace", 16, XINETD, 0, 0)], "EPERM", STOPPED),
    Row("read xinetd's memory", [("process_vm_readv", XINETD, vectors, 1, WHERE, 1, 0)], "EPERM", STOPPED),
    Row("write its memory", [("process_vm_writev", XINETD, vectors, 1, WHERE, 1, 0)], "EPERM", STOPPED),
    Row("open its memory", [("openat", HERE, lambda s: f"/proc/{s.known('xinetd')}/mem", os.O_RDONLY)],
        "EACCES", "ENOENT", "EACCES"),
    Row("open another session's memory", [("openat", HERE, lambda s: f"/proc/{s.known('other')}/mem", os.O_RDONLY)],
        "EACCES", "ENOENT", "EACCES"),
    Row("open its own memory to write", [("openat", HERE, "/proc/self/mem", os.O_RDWR)],
        "EACCES", "ENOENT", "EACCES"),
    Row("take xinetd's socket", [("pidfd_getfd", 3, 3, 0)], "EPERM", STOPPED),
    Row("pidfd_open", [("pidfd_open", XINETD, 0)], DONE, STOPPED),
    Row("kill xinetd", [("kill", XINETD, 9)], "EPERM", STOPPED),
    Row("kill another session", [("kill", OTHER, 9)], "EPERM", STOPPED),
    Row("tkill", [("tkill", OTHER, 9)], "EPERM", STOPPED),
    Row("tgkill", [("tgkill", OTHER, OTHER, 9)], "EPERM", STOPPED),
    Row("rt_sigqueueinfo", [("rt_sigqueueinfo", OTHER, 9, bytes(128))], "EPERM", STOPPED),
    Row("pidfd_send_signal", [("pidfd_send_signal", 3, 9, 0, 0)], "EPERM", STOPPED),
    Row("F_SETOWN", [TCP, ("fcntl", LAST, 8, OTHER)], "EPERM", STOPPED),
    Row("F_SETSIG", [TCP, ("fcntl", LAST, 10, 9)], "EPERM", STOPPED),
    Row("limits of xinetd", [("prlimit64", XINETD, 0, struct.pack("=QQ", 1, 1), 0)], "EPERM", STOPPED),
    Row("priority of xinetd", [("setpriority", 0, XINETD, 19)], "EPERM", STOPPED),
    Row("kcmp", [("kcmp", SELF, XINETD, 0, 0, 0)], "EPERM", STOPPED),
]

IDENTITY = [
    Row("setuid 0", [("setuid", 0)], DONE, STOPPED),
    Row("setresuid 0", [("setresuid", 0, 0, 0)], DONE, STOPPED),
    Row("setgid 0", [("setgid", 0)], DONE, STOPPED),
    Row("setgroups", [("setgroups", 1, struct.pack("=I", 0))], DONE, STOPPED),
    Row("capset: all", [("capset", struct.pack("=Ii", 0x20080522, 0), b"\xff" * 8 + bytes(4) + b"\xff" * 8 + bytes(4))],
        "EPERM", STOPPED),
    Row("PR_SET_DUMPABLE", [("prctl", 4, 1, 0, 0, 0)], DONE, STOPPED),
    Row("PR_SET_NO_NEW_PRIVS off", [("prctl", 38, 0, 0, 0, 0)], "EINVAL", STOPPED),
    Row("a filter that allows all", [("seccomp", 1, 0, allowing_filter)], DONE, STOPPED),
    Row("rt_sigaction of SIGSYS", [("rt_sigaction", 31, bytes(32), 0, 8)], DONE, STOPPED),
    Row("SIGSYS blocked, and then setuid", [
        ("rt_sigprocmask", 0, struct.pack("=Q", 1 << 30), 0, 8), ("setuid", 0)], DONE, "killed"),
    Row("the calls of 32-bit programs", [("int80:getpid",)], "killed", "killed"),
    Row("the calls of x32", [("x32:getpid",)], "ENOSYS", STOPPED),
]

NETWORK = [
    Row("unix socket", [UNIX], "EAFNOSUPPORT", STOPPED),
    Row("unix datagram socket", [("socket", socket.AF_UNIX, socket.SOCK_DGRAM, 0)], DONE, STOPPED),
    Row("UDP socket", [("socket", socket.AF_INET, socket.SOCK_DGRAM, 0)], DONE, STOPPED),
    Row("raw socket", [("socket", socket.AF_INET, socket.SOCK_RAW, 1)], "EPERM", STOPPED),
    Row("packet socket", [("socket", socket.AF_PACKET, socket.SOCK_RAW, 0)], "EAFNOSUPPORT", STOPPED),
    Row("netlink socket", [("socket", socket.AF_NETLINK, socket.SOCK_RAW, 0)], DONE, STOPPED),
    Row("vsock socket", [("socket", 40, socket.SOCK_STREAM, 0)], "EAFNOSUPPORT", STOPPED),
    Row("MPTCP socket", [("socket", socket.AF_INET, socket.SOCK_STREAM, 262)], DONE, STOPPED),
    Row("socketpair", [("socketpair", socket.AF_UNIX, socket.SOCK_STREAM, 0, bytes(8))], DONE, STOPPED),
    Row("listen on a low port", [TCP, ("bind", LAST, tcp("127.0.0.1", 25), 16)], DONE, "EACCES"),
    Row("listen on a high port", [TCP, ("bind", LAST, tcp("127.0.0.1", 9999), 16)], DONE, "EACCES"),
    Row("listen on any port", [TCP, ("bind", LAST, tcp("127.0.0.1", 0), 16)], DONE, DONE),
    Row("connect elsewhere", [TCP, ("connect", LAST, elsewhere, 16)], DONE, DONE),
]

DESCRIPTORS = [
    Row("dup", [("dup", 0)], DONE, STOPPED),
    Row("dup2", [("dup2", 0, 40)], DONE, STOPPED),
    Row("dup3", [("dup3", 0, 40, 0)], DONE, STOPPED),
    Row("F_DUPFD", [("fcntl", 0, 0, 40)], DONE, STOPPED),
    Row("F_SETFL: a log without O_APPEND", [("fcntl", LOG, 4, 0)], DONE, STOPPED),
    Row("ftruncate a log", [("ftruncate", LOG, 0)], DONE, STOPPED),
    Row("ftruncate the other log", [("ftruncate", XFERLOG, 0)], DONE, STOPPED),
    Row("fallocate a log: a hole", [("fallocate", LOG, 3, 0, 100)], DONE, STOPPED),
    Row("fallocate the other log", [("fallocate", XFERLOG, 3, 0, 100)], DONE, STOPPED),
    Row("pwrite a log", [("pwrite64", LOG, b"x", 1, 0)], DONE, STOPPED),
    Row("pwritev a log", [("pwritev", LOG, vectors, 1, 0)], DONE, STOPPED),
    Row("ftruncate the event log", [("ftruncate", JSON, 0)], DONE, STOPPED),
    Row("ftruncate wtmp", [("ftruncate", WTMP, 0)], None, STOPPED),
    Row("fallocate wtmp: a hole", [("fallocate", WTMP, 3, 0, 100)], None, STOPPED),
    Row("F_SETFL: wtmp without O_APPEND", [("fcntl", WTMP, 4, 0)], None, STOPPED),
    Row("pwritev2 of wtmp, as without O_APPEND", [("pwritev2", WTMP, vectors, 1, 0, 0, 0x20)], None, STOPPED),
    Row("ftruncate utmp", [("ftruncate", UTMP, 0)], None, STOPPED),
    Row("write to utmp", [("write", UTMP, RECORD, 384)], None, STOPPED),
    Row("writev to utmp", [("writev", UTMP, vectors, 1)], None, STOPPED),
    Row("sendfile to utmp", [("openat", HERE, "f", 0), ("sendfile", UTMP, LAST, 0, 7)], None, STOPPED),
    Row("another's record in utmp", [("pwrite64", UTMP, RECORD, 384, 0)], None, STOPPED),
    Row("more than its record in utmp", [("pwrite64", UTMP, RECORD * 2, 768, SLOT)], None, STOPPED),
    Row("its own record in utmp", [("pwrite64", UTMP, RECORD, 384, SLOT)], None, DONE),
    Row("map utmp", [("mmap", 0, 4096, 3, 1, UTMP, 0)], None, "EACCES"),
    Row("map a log", [("mmap", 0, 4096, 3, 1, LOG, 0)], "EACCES", "EACCES"),
    Row("read a log", [("pread64", LOG, bytes(100), 100, 0)], "EBADF", "EBADF"),
    Row("lock a log", [("fcntl", LOG, 6, struct.pack("=hhxxxxqqi4x", 1, 0, 0, 0, 0))], DONE, DONE),
    Row("vmsplice", [("vmsplice", 0, vectors, 1, 0)], "EBADF", STOPPED),
    Row("ioctl", [("ioctl", 0, 0x5401, bytes(64))], "ENOTTY", STOPPED),
]

KERNEL = [
    Row("io_uring", [("io_uring_setup", 1, bytes(120))], "EPERM", STOPPED),
    Row("bpf", [("bpf", 5, bytes(128), 128)], "EPERM", STOPPED),
    Row("userfaultfd", [("userfaultfd", 0)], "EPERM", STOPPED),
    Row("keyctl", [("keyctl", 0, -3, 0)], "EPERM", STOPPED),
    Row("add_key", [("add_key", "user", "walls", "x", 1, -3)], "EPERM", STOPPED),
    Row("perf_event_open", [("perf_event_open", bytes(128), 0, -1, -1, 0)], "EPERM", STOPPED),
    Row("init_module", [("init_module", b"\0", 0, "")], "EPERM", STOPPED),
    Row("reboot", [("reboot", 0, 0, 0, 0)], "EPERM", STOPPED),
    Row("settimeofday", [("settimeofday", bytes(16), 0)], "EPERM", STOPPED),
    Row("clock_settime", [("clock_settime", 0, bytes(16))], "EPERM", STOPPED),
    Row("sethostname", [("sethostname", "walls", 5)], "EPERM", STOPPED),
    Row("acct", [("acct", "/srv/acct")], "EPERM", STOPPED),
    Row("shmget", [("shmget", 0, 4096, 0o600)], "EPERM", STOPPED),
]

GROUPS = {"Programs and code": PROGRAMS, "Files": FILES, "Other processes": PROCESSES,
          "Identity and the walls themselves": IDENTITY, "Network": NETWORK, "Descriptors": DESCRIPTORS,
          "The kernel": KERNEL}
ROWS = [row for group in GROUPS.values() for row in group]


def expected(row, column):
    value = getattr(row, "jailed" if column == "guest" else column)
    if value is None and column in ("unjailed", "anonymous"):
        return row.jailed
    return value


# ---- a session that acts ----


def xinetd(server):
    """As the harness has it, and each session's end is told: its exit status or signal."""
    command = harness.xinetd(server)
    path = server.directory / "xinetd.conf"
    path.write_text(path.read_text().replace("    wait ", f"""\
    log_type     = FILE {server.directory}/ends
    log_on_success = EXIT PID
    wait """))
    return command


def how_it_ended(server, pid):
    """("status", 4) or ("signal", 31), as xinetd saw it."""
    found = []

    def look():
        path = server.directory / "ends"
        text = path.read_text() if path.exists() else ""
        found[:] = re.findall(rf"EXIT: \S+ (status|signal)=(\d+) pid={pid}\b", text)
        return found
    if not harness.wait_until(look, 5, 0.005):
        raise AssertionError(f"session {pid} did not end")
    return found[0][0], int(found[0][1])


class Actor:
    """One session, in which system calls are made."""

    def __init__(self, test, server, login=None, connection=None):
        if connection is None:
            connection = test.login(login, server) if login else test.connect(server)
            if not login:
                connection.expect_reply(re.compile("220 .*"))
        self.connection = connection
        self.values = {"xinetd": server.process.pid, "elsewhere": getattr(test, "elsewhere", 0), "other": getattr(test, "other", 0),
                       "self": int(self.ask("call getpid")), "where": int(self.ask("where")), "last": 0}
        self.pid = self.values["self"]
        for number in os.listdir(f"/proc/{self.pid}/fd"):
            target = os.readlink(f"/proc/{self.pid}/fd/{number}")
            for name, file in (("log", server.directory / "vsftpd.log"), ("xferlog", server.directory / "xferlog"),
                               ("json", EVENTS), ("wtmp", "/var/log/wtmp"), ("utmp", "/run/utmp")):
                if target == str(file):
                    self.values[name] = int(number)
        book = pathlib.Path("/run/utmp").read_bytes()
        for at in range(0, len(book), len(RECORD)):
            if struct.unpack_from("=hxxi", book, at)[1] == self.pid:
                self.values["slot"] = at

    def known(self, name):
        return self.values[name]

    def ask(self, text):
        return self.connection.expect(f"CLNT {text}", re.compile("200 .*")).removeprefix("200 ")

    def word(self, value):
        if callable(value):
            value = value(self)
        if isinstance(value, bytes):
            return f"={value.hex()}"
        return f"'{value}" if isinstance(value, str) else str(int(value))

    def number(self, step):
        return int(self.ask(f"number {step[0].rpartition(':')[2]}"))

    def act(self, step):
        """The result, or the name of the error, or None when the session is over."""
        way, _, name = step[0].rpartition(":")
        words = " ".join([way or "call", name, *map(self.word, step[1:])])
        self.connection.say(f"CLNT {words}")
        try:
            answer = self.connection.reply()
        except AssertionError:
            return None
        if not re.fullmatch(r"200 (-?\d+|E[A-Z0-9]+)", answer):
            raise AssertionError(f"{step}: {answer}")
        result = answer.removeprefix("200 ")
        self.values["last"] = result if result.startswith("E") else int(result)
        return result


# ---- the world outside, which must stay as it is ----

PLACES = ("/etc/cron.d", "/root", "/srv", str(MOVED), "/srv/home/bob")
KEPT = ("/etc/passwd", "/etc/shadow", "/etc/walls-program", "/run", "/etc")


class Walls(harness.FtpTest):

    stops_sessions = True  # and says so in syslog, which fails other tests

    def setUp(self):
        super().setUp()
        for place in ("/root", str(MOVED)):
            subprocess.run(["mount", "-t", "tmpfs", "walls", place], check=True)
            self.addCleanup(subprocess.run, ["umount", place], check=True)
        pathlib.Path("/etc/cron.d").mkdir(exist_ok=True)
        self.program = pathlib.Path("/etc/walls-program")
        self.addCleanup(self.program.unlink, missing_ok=True)
        self.service = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.service.close)
        self.service.bind("/run/walls.sock")
        self.addCleanup(os.unlink, "/run/walls.sock")
        os.chmod("/run/walls.sock", 0o600)
        self.service.listen()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.listener.setblocking(False)
        self.elsewhere = self.listener.getsockname()[1]
        self.furnish()

    def furnish(self):
        """What the acts are about, as it was before the first."""
        harness.fresh_trees()
        for place in PLACES:
            for entry in pathlib.Path(place).glob("walls*"):
                entry.unlink()
        self.program.write_bytes(b"#!/bin/sh\n")
        self.program.chmod(0o755)
        os.chmod("/etc/shadow", 0o640)
        for root, user in ((ALICE, "alice"), (harness.VIRTUAL, "virtual"), (harness.ANONYMOUS, "ftp")):
            harness.put(root / "f", b"content", user)
            os.symlink("/etc/passwd", root / "link")

    def world(self, server):
        """What no act that is refused may change."""
        facts = {place: sorted(os.listdir(place)) for place in PLACES}
        for path in KEPT:
            state = os.stat(path)
            facts[path] = (state.st_mode, state.st_uid, state.st_gid, state.st_size, state.st_mtime_ns)
        facts["alive"] = [harness.alive(pid) for pid in (server.process.pid, self.other)]
        facts["mounts"] = pathlib.Path("/proc/mounts").read_text()
        facts["name"] = os.uname().nodename
        facts["processes"] = server.sessions()
        facts["books"] = [os.stat(path).st_size > 0 for path in ("/var/log/wtmp", EVENTS)]
        facts["the other in utmp"] = pathlib.Path("/run/utmp").read_bytes()[:384]
        facts["logs begin with"] = [server.log(name)[:1] for name in ("vsftpd.log", "xferlog")]
        return facts

    def wall(self, options="", login=None):
        """A server whose sessions act, with the others' session in it."""
        server = self.serve(f"utmp_enable=YES\njson_log_file={EVENTS}\n{options}", starter=xinetd, program=ACTS)
        pathlib.Path("/run/utmp").write_bytes(b"")
        self.other = 0
        other = self.login(login or "alice", server)
        self.other = self.session_pid(server)
        return server, other

    def outcome(self, server, row, login):
        """What becomes of the act, by what client, xinetd, and syslog see."""
        self.syslog_before = harness.SYSLOG.stat().st_size
        actor = Actor(self, server, login)
        number = actor.number(row.steps[-1])
        for step in row.steps[:-1]:
            self.assertRegex(str(actor.act(step)), r"^-?\d+$", f"{step}, on the way to the act")
        result = actor.act(row.steps[-1])
        if result is not None:
            actor.connection.quit()
            how_it_ended(server, actor.pid)
            return result if result.startswith("E") else DONE
        kind, value = how_it_ended(server, actor.pid)
        if (kind, value) == ("status", 4):
            self.syslog(rf"{actor.connection.peer}: stopped by seccomp_sandbox: system call ({number}|10737\d+)\b")
            return STOPPED
        return "killed" if kind == "signal" else "gone"

    def try_all(self, column, options="", login=None, before=True):
        """Every act of the column, each in a session of its own."""
        server, other = self.wall(options, login)
        start = self.world(server)
        wrong = []
        for row in ROWS:
            wanted = expected(row, column)
            if wanted is None:
                continue
            try:
                got = self.outcome(server, row, None if before else login)
            except AssertionError as error:
                got = str(error)
            if got != wanted:
                wrong.append(f"{row.name}: {got}, not {wanted}")
            now = self.world(server)
            changed = sorted(key for key in start if start[key] != now[key])
            if changed and got != DONE:
                wrong.append(f"{row.name}: changed {changed}")
            if changed:
                self.furnish()
                start = self.world(server)
        other.quit()
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_before_the_login(self):
        self.try_all("before")

    def test_before_the_login_without_its_walls(self):
        self.try_all("loose", "login_sandbox=NO\n")

    def test_unjailed(self):
        self.try_all("unjailed", login="alice", before=False)

    def test_jailed(self):
        self.try_all("jailed", "chroot_local_user=YES\n", "alice", before=False)

    def test_guest(self):
        self.try_all("guest", harness.GUEST, "vera", before=False)

    def test_anonymous(self):
        self.try_all("anonymous", login="ftp", before=False)

    # ---- with less allowed, the kernel refuses more ----

    def assert_acts(self, options, rows, login="alice", before=False):
        server, other = self.wall(f"chroot_local_user=YES\n{options}", login)
        for row in rows:
            with self.subTest(row.name):
                self.assertEqual(self.outcome(server, row, None if before else login), row.jailed)
        other.quit()

    def test_nothing_may_be_written(self):
        self.assert_acts("write_enable=NO\n", [
            Row("open", [("openat", HERE, "f", os.O_WRONLY)], None, "EACCES"),
            Row("create", [("openat", HERE, "new", os.O_WRONLY | os.O_CREAT, 0o644)], None, "EACCES"),
            Row("truncate", [("openat", HERE, "f", os.O_RDONLY | os.O_TRUNC)], None, STOPPED),
            Row("mkdir", [("mkdirat", HERE, "new", 0o755)], None, "EACCES"),
            Row("unlink", [("unlinkat", HERE, "f", 0)], None, "EACCES"),
            Row("rename", [("renameat2", HERE, "f", HERE, "new", 0)], None, "EACCES"),
            Row("chmod", [("fchmodat", HERE, "f", 0o600)], None, STOPPED),
            Row("times", [("utimensat", HERE, "f", bytes(32), 0)], None, STOPPED),
            Row("read", [("openat", HERE, "f", os.O_RDONLY)], None, DONE)])
        self.assertEqual((ALICE / "f").read_bytes(), b"content")

    def test_nothing_may_be_listed(self):
        self.assert_acts("dirlist_enable=NO\n", [
            Row("opendir", [("openat", HERE, ".", os.O_RDONLY | os.O_DIRECTORY)], None, "EACCES"),
            Row("read", [("openat", HERE, "f", os.O_RDONLY)], None, DONE)])

    def test_nothing_may_be_read(self):
        self.assert_acts("download_enable=NO\n", [
            Row("read", [("openat", HERE, "f", os.O_RDONLY)], None, "EACCES"),
            Row("opendir", [("openat", HERE, ".", os.O_RDONLY | os.O_DIRECTORY)], None, DONE)])

    def test_no_active_connections(self):
        self.assert_acts("port_enable=NO\n", [
            Row("connect", [TCP, ("connect", LAST, elsewhere, 16)], None, "EACCES"),
            Row("connect with data", [TCP, ("sendto", LAST, "x", 1, 0x20000000, elsewhere, 16)], None, STOPPED),
            Row("bind", [TCP, ("bind", LAST, tcp("127.0.0.1", 0), 16)], None, DONE)])
        with self.assertRaises(BlockingIOError):
            self.listener.accept()

    def test_no_passive_connections(self):
        """To listen without having bound is not Landlock's: the kernel then chooses a port."""
        self.assert_acts("pasv_enable=NO\nport_enable=NO\n", [
            Row("bind", [TCP, ("bind", LAST, tcp("127.0.0.1", 0), 16)], None, "EACCES"),
            Row("listen without bind", [TCP, ("listen", LAST, 1)], None, DONE)])

    def test_passive_ports(self):
        self.assert_acts("pasv_min_port=9000\npasv_max_port=9002\nport_enable=NO\n", [
            Row("inside", [TCP, ("bind", LAST, tcp("127.0.0.1", 9001), 16)], None, DONE),
            Row("outside", [TCP, ("bind", LAST, tcp("127.0.0.1", 9003), 16)], None, "EACCES"),
            Row("listen without bind", [TCP, ("listen", LAST, 1)], None, DONE),
            Row("any", [TCP, ("bind", LAST, tcp("127.0.0.1", 0), 16)], None, "EACCES")])

    def test_less_is_allowed(self):
        """Before the login."""
        self.assert_acts("chmod_enable=NO\nmdtm_write=NO\n", [
            Row("chmod", [("fchmodat", HERE, "/etc/shadow", 0o644)], None, "EPERM"),
            Row("times", [("utimensat", HERE, "/etc/passwd", bytes(32), 0)], None, "EPERM")], before=True)
        self.assert_acts("write_enable=NO\n", [
            Row("a home", [("openat", HERE, "/srv/walls", os.O_WRONLY | os.O_CREAT, 0o644)], None, "EACCES")], before=True)

    def test_a_program_of_roots_before_the_login(self):
        """A file can be made with the set-user-ID bit, but its first byte takes that away."""
        server, other = self.wall()
        actor = Actor(self, server, None)
        actor.act(("umask", 0))
        actor.act(("openat", HERE, "/srv/walls", os.O_RDWR | os.O_CREAT, 0o4755))
        made = actor.values["last"]
        self.assertEqual(actor.act(("write", made, "x", 1)), "1")
        self.assertEqual(os.stat("/srv/walls").st_mode & 0o7777, 0o755)
        actor.act(("openat", HERE, "/srv/walls-two", os.O_RDWR | os.O_CREAT, 0o4755))
        self.assertEqual(actor.act(("ftruncate", actor.values["last"], 4096)), "0")
        self.assertEqual(os.stat("/srv/walls-two").st_mode & 0o7777, 0o755)
        actor.connection.quit()
        other.quit()

    def test_no_directory_is_held(self):
        """Nothing that was opened outside the jail leads back to it."""
        server, other = self.wall("chroot_local_user=YES\ntext_userdb_names=YES\nsyslog_enable=YES\n")
        actor = Actor(self, server, "alice")
        for number in range(64):
            self.assertIn(actor.act(("openat", number, "..", os.O_RDONLY | os.O_DIRECTORY)), ("EBADF", "ENOTDIR"))
        actor.connection.quit()
        other.quit()


class Document(harness.FtpTest):
    """docs/security.md has these results."""

    COLUMNS = ("before", "jailed", "unjailed", "anonymous")

    def setUp(self):
        pass

    def test_table(self):
        page = (pathlib.Path(__file__).resolve().parent.parent.parent / "docs/security.md").read_text()
        section = page.split("### Forbidden acts\n")[1].split("\n### ")[0]
        told = {cells[0]: cells[1:] for cells in re.findall(r"(?m)^\| ([^|*]+) \|" + r" ([^|]+) \|" * 4 + "$", section)}
        rest = section.split("for all: ")[1].split(".\n\n")[0]
        told.update({name: ("EPERM", *[STOPPED] * 3) for name in " ".join(rest.split()).split(", ")})
        told = {name: tuple(None if cell == "—" else cell for cell in cells) for name, cells in told.items()
                if not name.startswith(("act", "---"))}
        self.assertEqual(told, {row.name: tuple(expected(row, column) for column in self.COLUMNS) for row in ROWS})
