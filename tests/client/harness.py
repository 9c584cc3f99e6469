"""Real super-servers, the trees they serve, and what they leave in logs and in /proc."""

import hashlib
import itertools
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import control

SOLOFTPD = os.environ["SOLOFTPD"]
# Sanitizers and counters, whose builds have a dash in their names, cost processor time.
SLOWNESS = 4 if "-" in pathlib.Path(SOLOFTPD).parent.name else 1
# A sanitizer asks for what the filter does not allow when it looks for leaks.
SANITIZER = "env += ASAN_OPTIONS=detect_leaks=0" if "address" in pathlib.Path(SOLOFTPD).parent.name else ""
ALICE = pathlib.Path("/srv/home/alice")
BOB = pathlib.Path("/srv/home/bob")
VIRTUAL = pathlib.Path("/srv/virtual")
ANONYMOUS = pathlib.Path("/srv/ftp")
SYSLOG = pathlib.Path("/run/syslog.txt")
PASSWORD = {"alice": "secret-alice", "bob": "secret-bob", "vera": "secret-vera",
            "ftp": "me@example.org"}
# An address that is not the loopback's: lftp uses IPv6 only where there is one.
IPV6 = "fd00:736f:6c6f::1"
REFUSED = "421 Service not available."

# What most tests want; a test's own lines come after these and win.
USUAL = """\
local_enable=YES
anonymous_enable=YES
write_enable=YES
local_umask=022
dual_log_enable=YES
vsftpd_log_file={directory}/vsftpd.log
xferlog_file={directory}/xferlog
"""
GUEST = """\
guest_enable=YES
guest_username=virtual
pam_service_name=ftp-virtual
virtual_use_local_privs=YES
chroot_local_user=YES
allow_writeable_chroot=YES
"""

ports = itertools.count(2101)


# ---- super-servers: the words that start each, for a program and its arguments ----


def xinetd(server):
    """The entry is what xinetd.d/soloftpd says, less its limits and with a port of its own."""
    arguments = " ".join(server.arguments)
    server.write("xinetd.conf", f"""\
service soloftpd
{{
    type         = UNLISTED
    port         = {server.port}
    bind         = {server.address}
    flags        = NOLIBWRAP NODELAY KEEPALIVE {"IPv6" if ":" in server.address else "IPv4"}
    socket_type  = stream
    protocol     = tcp
    wait         = no
    user         = root
    server       = {server.program}
    server_args  = {arguments}
    instances    = UNLIMITED
    per_source   = UNLIMITED
    cps          = 10000 1
    {f"env = {server.environment}" if server.environment else ""}
    {SANITIZER}
}}
""")
    return xinetd_command(server.directory)


def xinetd_command(directory):
    return ["xinetd", "-dontfork", "-f", f"{directory}/xinetd.conf",
            "-filelog", f"{directory}/xinetd.log", "-pidfile", f"{directory}/xinetd.pid"]


def openbsd_inetd(server):
    family = "tcp6" if ":" in server.address else "tcp4"
    host = f"[{server.address}]" if ":" in server.address else server.address
    name = os.path.basename(server.program)
    words = [f"{host}:{server.port}", "stream", family, "nowait", "root", server.program, name]
    server.write("inetd.conf", " ".join(words + server.arguments) + "\n")
    return [os.environ["OPENBSD_INETD"], "-i", f"{server.directory}/inetd.conf"]


def systemd(server):
    host = f"[{server.address}]" if ":" in server.address else server.address
    return ["systemd-socket-activate", "--accept", "--inetd", f"--listen={host}:{server.port}",
            server.program, *server.arguments]


def tcpserver(server):
    return ["tcpserver", "-RHDl0", server.address, str(server.port), server.program,
            *server.arguments]


# ---- processes ----


def process_table():
    """pid -> parent's pid, of every process in the sandbox."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(entry)] = int(parent)
    return parents


def descendants(ancestor):
    parents = process_table()
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found - {ancestor})
        found |= more


def alive(pid):
    return pid in process_table()


def wait_until(true, seconds, step=0.02):
    """Whether true() came to hold within so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True


def end_process(pid):
    """Ends one process, ours or not, by its number."""
    for number in (15, 9):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if wait_until(lambda: not alive(pid), 1):
            return


def listening(port):
    """Whether someone listens on the port, without connecting to it."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                return True
    return False


class Server:
    """One soloftpd service of one super-server, from the start of that to its end."""

    def __init__(self, options="", starter=xinetd, address="127.0.0.1", usual=USUAL,
                 program=SOLOFTPD, environment="", port=None):
        self.address = address
        self.port = port or next(ports)
        self.program = program
        self.environment = environment
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="service-", dir="/run"))
        self.config = self.write("soloftpd.conf", usual.format(directory=self.directory) + options)
        self.arguments = [str(self.config)]
        self.output = open(self.directory / "output.txt", "wb")
        self.process = subprocess.Popen(
            starter(self), stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            cwd="/")
        if not wait_until(lambda: listening(self.port) or self.process.poll() is not None, 10):
            raise AssertionError("the super-server does not listen\n" + self.told())
        if self.process.poll() is not None:
            raise AssertionError("the super-server ended\n" + self.told())

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def told(self):
        """What the super-server said."""
        files = [self.directory / "output.txt", self.directory / "xinetd.log"]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def sessions(self):
        """The numbers of the processes that serve clients now."""
        return descendants(self.process.pid)

    def log(self, name="vsftpd.log"):
        path = self.directory / name
        return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""

    def lines(self, name="vsftpd.log", count=None):
        """The log's lines; with a count, once there are so many (the last is written late)."""
        if count is not None:
            wait_until(lambda: self.log(name).count("\n") >= count, 2)
        return self.log(name).splitlines()

    def stop(self):
        """Ends the super-server. Names the sessions that were still there, 2 s after their clients."""
        wait_until(lambda: not self.sessions(), 2)
        left = self.sessions()
        end_process(self.process.pid)
        self.process.wait(10)
        self.output.close()
        for pid in left:
            end_process(pid)
        return left


# ---- trees ----


def give(path, user):
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    return path


def put(path, content=b"", user="alice", mode=0o644):
    """A file with its owner, and the directories above it."""
    path = pathlib.Path(path)
    for parent in reversed(path.parents):
        if not parent.exists():
            give_directory(parent, user)
    path.write_bytes(content)
    path.chmod(mode)
    return give(path, user)


def give_directory(path, user="alice", mode=0o755):
    path = pathlib.Path(path)
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    return give(path, user)


def fresh_trees():
    """Empty homes, and an anonymous root that only root can write, but for incoming/."""
    for root in (ALICE, BOB, VIRTUAL, ANONYMOUS):
        for entry in root.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    give_directory(ANONYMOUS / "pub", "root")
    put(ANONYMOUS / "pub/hello.txt", b"hello\n", "root")
    give_directory(ANONYMOUS / "incoming", "ftp")


def sample(size, seed=b"soloftpd"):
    """Bytes that no codec leaves alone: every value, CRs and LFs among them."""
    block = b"".join(hashlib.sha256(seed + bytes([i])).digest() for i in range(256))
    block = bytes(range(256)) + b"\r\n\r\n\n\r\r\0\xff\xff" + block
    return (block * (size // len(block) + 1))[:size]


def make_tree(root, user):
    """A tree with what trips clients: spaces, UTF-8, empty files and directories, depth."""
    root = give_directory(root, user)
    names = {"plain.txt": 700, "empty": 0, "two words.bin": 70000, "Grüße ünd ★.dat": 4096,
             "sub dir/inner file": 1, "sub dir/deep/deeper/deepest/leaf.bin": 300000,
             "ÆØÅ/ß": 5, "many/.keep": 0, "-dash": 12, "a'quote": 13, "semi;colon": 14, "#hash": 15,
             "percent%41": 16, "plus+and&": 17, "tilde~": 18, "[brackets]": 19, "{braces}": 20}
    names.update({f"many/{number:03}": number * 97 for number in range(40)})
    for name, size in names.items():
        put(root / name, sample(size, name.encode()), user)
    for name in ("empty directory", "sub dir/hollow", "ÆØÅ/tom"):
        give_directory(root / name, user)
    return root


def tree_of(root):
    """What a tree holds: relative name -> "directory", or the contents' SHA-256."""
    held = {}
    for path in sorted(pathlib.Path(root).rglob("*")):
        name = str(path.relative_to(root))
        held[name] = "directory" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return held


# ---- tests ----


class FtpTest(unittest.TestCase):
    """A test with fresh trees, a service of its own, and a place for the client's files."""

    maxDiff = None
    options = ""
    address = "127.0.0.1"

    def setUp(self):
        fresh_trees()
        self.syslog_before = SYSLOG.stat().st_size
        self.here = pathlib.Path(tempfile.mkdtemp(prefix="client-", dir="/run"))
        self.addCleanup(shutil.rmtree, self.here)
        self.server = self.serve(self.options, address=self.address)

    def serve(self, options="", **how):
        server = Server(options, **how)
        self.addCleanup(self.stop, server)
        return server

    def stop(self, server):
        left = server.stop()
        self.assertEqual(left, [], "sessions outlived their clients")

    def connect(self, server=None, source=None, address=None):
        server = server or self.server
        connection = control.Control(address or server.address, server.port, source)
        self.addCleanup(connection.close)
        return connection

    def login(self, user="alice", server=None, **how):
        connection = self.connect(server, **how)
        connection.expect_reply(re.compile("220 .*"))
        connection.expect(f"USER {user}", "331 Please specify the password.")
        connection.expect(f"PASS {PASSWORD[user]}", "230 Login successful.")
        return connection

    def url(self, path="", user="alice", server=None):
        """Relative to the login directory, as a client takes it; %2F leads to the root."""
        server = server or self.server
        host = f"[{server.address}]" if ":" in server.address else server.address
        who = f"{user}:{PASSWORD[user].replace('@', '%40')}@"
        return f"ftp://{who}{host}:{server.port}/{path}"

    def run_client(self, *command, commands="", status=0, seconds=30):
        """Runs a client to its end. Its transcript is in the failure when its status is wrong."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.here), "LC_ALL": "C.UTF-8",
                       "TERM": "dumb"}
        done = subprocess.run(
            [str(word) for word in command], input=commands.encode(errors="surrogateescape"),
            timeout=seconds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.here,
            env=environment, check=False)
        said = done.stdout.decode(errors="replace")
        if status is not None and done.returncode != status:
            self.fail(f"{command[0]}: exit status {done.returncode}, not {status}\n"
                      f"commands:\n{commands}\noutput:\n{said}")
        return said

    def syslog(self, wanted=None):
        """The syslog since the test began; with a pattern, once it is there."""
        def text():
            with SYSLOG.open("rb") as file:
                file.seek(self.syslog_before)
                return file.read().decode(errors="replace")
        if wanted is not None and not wait_until(lambda: re.search(wanted, text()), 2):
            self.fail(f"syslog has no {wanted!r}:\n{text()}")
        return text()

    def session_pid(self, server=None):
        """The process of the one session that there is."""
        server = server or self.server
        pids = server.sessions()
        self.assertEqual(len(pids), 1, f"one session is one process; here are {pids}")
        return pids[0]

    def assert_gone(self, pid, seconds=2):
        self.assertTrue(wait_until(lambda: not alive(pid), seconds),
                        f"process {pid} is still there after {seconds} s")

    def assert_same_tree(self, got, wanted):
        got, wanted = tree_of(got), tree_of(wanted)
        wrong = [f"{name}: {got.get(name, 'missing')}, not {wanted.get(name, 'there')}"
                 for name in sorted(got.keys() | wanted.keys()) if got.get(name) != wanted.get(name)]
        self.assertEqual(wrong, [])

    def assert_same_bytes(self, got, wanted):
        if got != wanted:
            first = next((at for at, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]),
                         min(len(got), len(wanted)))
            self.fail(f"{len(got)} bytes, not {len(wanted)}; they differ from offset {first}: "
                      f"{got[first:first + 24]!r}, not {wanted[first:first + 24]!r}")
