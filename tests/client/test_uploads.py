"""Uploads are whole or not there: killed sessions, full disks, two clients at once, and what goes on later."""

import concurrent.futures
import fcntl
import hashlib
import os
import pathlib
import re
import stat
import struct
import subprocess
import threading
import time

import control
import harness
from harness import ALICE, ANONYMOUS, sample

OLD = sample(3000, b"old")
NEW = sample(5000, b"new")
BEGUN = re.compile("150 .*")
DONE = "226 Transfer complete."
DAY = 24 * 3600


def drafts(directory=ALICE):
    return sorted(path for path in pathlib.Path(directory).iterdir() if path.name.startswith(".soloftpd-"))


def make_old(path, seconds):
    when = time.time() - seconds
    os.utime(path, (when, when), follow_symlinks=False)


class UploadTest(harness.FtpTest):

    def begin(self, session, command, content):
        """The data connection of an upload of which so much has come."""
        data = session.passive()
        self.addCleanup(data.close)
        session.expect(command, BEGUN)
        data.sendall(content)
        return data

    def end(self, session, data, content=b"", done=DONE):
        data.sendall(content)
        data.close()
        session.expect_reply(done)

    def interrupt(self, session, command, content, directory=ALICE):
        """An upload that ends after so many bytes, by ABOR."""
        data = self.begin(session, command, content)
        offset = int(command.split()[1]) if command.startswith("REST") else 0
        self.assertTrue(harness.wait_until(
            lambda: any(path.stat().st_size == len(content) + offset for path in drafts(directory)), 5))
        session.expect("ABOR", re.compile("426 .*"), re.compile("226 .*"))
        data.close()

    def refused(self, session, command, code):
        """It is refused before a byte is sent."""
        with session.passive():
            session.expect(command, re.compile(f"{code} .*"))

    def too_much(self, session, command, content, code):
        """It begins, and fails when there is too much."""
        with session.passive() as data:
            session.expect(command, BEGUN)
            try:
                data.sendall(content)
            except OSError:
                pass  # the server has had enough
        session.expect_reply(re.compile(f"{code} .*"))

    def mounted(self, kind, name, size):
        """A file system below alice's home, that she may write to; None if this machine does not have it."""
        place = harness.give_directory(ALICE / name)
        if kind in ("tmpfs", "overlay"):
            options = f"size={size}"
            if kind == "overlay":
                options = ",".join(f"{part}dir={self.below(part)}" for part in ("lower", "upper", "work"))
            subprocess.run(["mount", "-t", kind, "-o", options, kind, place], check=True)
        elif not self.mount_image(kind, place, size):
            return None
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        place.chmod(0o755)
        return harness.give(place, "alice")

    def below(self, part):
        """A part of an overlay; the writable two must be on one file system, which is not itself one."""
        path = pathlib.Path("/run/overlay", self.id(), part)
        path.mkdir(parents=True)
        return path

    def mount_image(self, kind, place, size):
        for number, node in enumerate(("loop-control", *(f"loop{number}" for number in range(8)))):
            path = pathlib.Path("/dev", node)
            if not path.exists() and number == 0:
                os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(10, 237))
            elif not path.exists():
                os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, number - 1))
        image = self.here / f"{kind}.img"
        with image.open("wb") as file:
            file.truncate(size)
        quiet = {"ext4": ["-q", "-F", "-m", "0"], "xfs": ["-q"], "btrfs": ["-q"]}[kind]
        subprocess.run([f"mkfs.{kind}", *quiet, image], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        command = ["mount", "-t", kind, "-o", "loop", image, place]
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


class Tracer:
    """strace beside a session that has logged in."""

    def __init__(self, pid, output, *words):
        self.output = output
        self.process = subprocess.Popen(["strace", "-f", "-o", output, *words, "-p", str(pid)],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if "attached" not in self.process.stderr.readline():
            raise AssertionError("strace did not attach")

    def calls(self):
        """(name, the rest of the line), once the session has ended."""
        self.process.wait(10)
        self.process.stderr.close()
        return re.findall(r"^\d+ +(\w+)\((.*)", self.output.read_text(), re.M)


class Kills(UploadTest):
    """SIGKILL at every system call from the command to the 226: afterwards it is the old file or the new one."""

    def setUp(self):
        super().setUp()
        self.logins = threading.Lock()

    def traced(self, name, *words):
        """A session in a directory of its own, and strace beside it."""
        with self.logins:
            before = set(self.server.sessions())
            session = self.login()
            pid, = set(self.server.sessions()) - before
        session.expect(f"CWD {name}", re.compile("250 .*"))
        return session, words and (pid, self.here / f"{name}.trace", *words)

    def upload(self, name, command, words, content=NEW):
        """What the client was told at the end (None: nothing), and the system calls."""
        session, how = self.traced(name, *words)
        if command.startswith("RNTO"):
            session.expect("RNFR from", re.compile("350 .*"))
            data = None
        else:
            # All of a small one waits for the server, so that each session makes the same calls.
            data = session.passive()
            data.sendall(content[:len(NEW)])
            if content == NEW:
                data.close()
        tracer = Tracer(*how)
        session.say(command)
        said = None
        try:
            if data and content != NEW:
                data.sendall(content[len(NEW):])
                data.close()
            said = session.reply()
            if said.startswith("150"):
                said = None
                said = session.reply()
        except (AssertionError, OSError):
            pass
        session.close()
        return said, tracer.calls()

    def prepare(self, name, old, command):
        directory = harness.give_directory(ALICE / name)
        if old is not None:
            harness.put(directory / "f", old)
        if command.startswith("RNTO"):
            harness.put(directory / "from", NEW)
        return directory

    def points(self, command, old):
        """(name, ordinal) of the calls that count."""
        directory = self.prepare("clean", old, command)
        said, calls = self.upload("clean", command, ["-e", "trace=all"])
        self.assertRegex(said or "", "^2")
        self.assertEqual(drafts(directory), [])
        counts, points = {}, []
        for name, rest in calls:
            counts[name] = counts.get(name, 0) + 1
            if name != "restart_syscall":
                points.append((name, counts[name]))
            if '"226 ' in rest or '"250 ' in rest:
                return points
        self.fail(f"no reply among {calls}")

    def wrong_after_kill(self, number, point, command, old, new, content=NEW):
        name, ordinal = point
        directory = self.prepare(str(number), old, command)
        said, calls = self.upload(directory.name, command, [
            "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={ordinal}"], content)
        f, source = directory / "f", directory / "from"
        held = f.read_bytes() if f.exists() else None
        left = drafts(directory)
        wrong = []
        if held not in (old, new) or (said and held != new):
            wrong.append(f"{None if held is None else len(held)} bytes after {said}")
        if len(left) > 1:
            wrong.append(f"left {left}")
        if command.startswith("RNTO") and source.exists() == (held == new):
            wrong.append("the file under both names or under none")
        for path in left:
            path.rename(ALICE / f"{path.name}-{number}")
        return said, [f"{name} {ordinal}: {text}" for text in wrong]

    def assert_whole(self, command, old, new, content=NEW, points=None):
        points = points or self.points(command, old)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda at: self.wrong_after_kill(at, points[at], command, old, new, content),
                                  range(len(points))))
        self.assertEqual([text for _said, wrong in found for text in wrong], [])
        killed = [said for said, _wrong in found if said is None]
        self.assertGreater(len(killed) * 2, len(points), f"few were killed: {found}")
        self.assertEqual(drafts() != [], not command.startswith("RNTO"))
        for path in drafts():
            make_old(path, 8 * DAY)
        self.login().quit()
        self.assertEqual(drafts(), [])

    def test_new(self):
        self.assert_whole("STOR f", None, NEW)

    def test_over(self):
        self.assert_whole("STOR f", OLD, NEW)

    def test_added(self):
        self.assert_whole("APPE f", OLD, OLD + NEW)

    def test_inside_the_kernel(self):
        """What is large is spliced; how often depends."""
        content = sample(1 << 20, b"large")
        points = [(name, number) for number in range(1, 6) for name in ("write", "splice")]
        self.assert_whole("STOR f", OLD, content, content, points)
        fresh = [("copy_file_range", 1), *points]
        self.assert_whole("APPE f", OLD, OLD + content, content, fresh)

    def test_rename(self):
        self.assert_whole("RNTO f", OLD, NEW)


class InPlace(UploadTest):

    options = "upload_atomic=NO\n"

    def test_size_is_asked_for_under_the_lock(self):
        """A download that opens the file during an upload, and locks it after its end, sends all there is then."""
        for command in ("RETR f", "HASH f"):
            with self.subTest(command):
                harness.put(ALICE / "f", OLD)
                reader = self.login()
                reader.expect("TYPE I", re.compile("200 .*"))
                trace = self.here / command[:4]
                pid = self.session_pid()
                writer = self.login()
                data = self.begin(writer, "STOR f", NEW[:10])
                self.assertTrue(harness.wait_until(lambda: (ALICE / "f").stat().st_size == 10, 5))
                link = reader.passive()
                self.addCleanup(link.close)
                tracer = Tracer(pid, trace, "-e", "trace=openat,open,fcntl", "-e",
                                "inject=fcntl:delay_enter=1000000")
                reader.say(command)
                self.assertTrue(harness.wait_until(lambda: b'"f"' in trace.read_bytes(), 5))
                self.end(writer, data, NEW[10:])
                writer.close()
                if command.startswith("HASH"):
                    digest = hashlib.sha256(NEW).hexdigest()
                    reader.expect_reply(f"213 SHA-256 0-{len(NEW) - 1} {digest} f")
                else:
                    reader.expect_reply(re.compile(rf"150 .* \({len(NEW)} bytes\)\."))
                    self.assert_same_bytes(control.read_all(link), NEW)
                    reader.expect_reply(DONE)
                reader.close()
                self.assertIn("F_SETLK", "".join(rest for _, rest in tracer.calls()))
                self.assert_gone(pid)


class Sync(UploadTest):

    # The filter takes a call that strace makes fail for one that it does not know.
    options = "upload_sync=YES\nseccomp_sandbox=NO\n"

    def store(self, *words, done):
        session = self.login()
        tracer = Tracer(self.session_pid(), self.here / "trace", "-y", "-e", "trace=fsync,rename,renameat2,write,"
                        "sendto", *words)
        session.store("STOR f", NEW, done=done)
        session.close()
        return tracer.calls()

    def steps(self, *words):
        harness.put(ALICE / "f", OLD)
        calls = self.store(*words, done=DONE)
        told = []
        for name, rest in calls:
            if name == "fsync":
                told.append("draft" if "/.soloftpd-" in rest else "directory")
            elif name.startswith("rename"):
                told.append("rename")
            elif '"226 ' in rest:
                told.append("226")
        return told

    def test_before_the_reply(self):
        """The draft is whole before it gets its name; its lock keeps others from it until then."""
        self.assertEqual(self.steps(), ["draft", "rename", "directory", "226"])

    def test_before_the_reply_where_closing_fails(self):
        """Where closing may fail it comes first, and without its lock the draft must not be found any more."""
        self.assertEqual(self.steps("-e", "trace=fsync,rename,renameat2,write,sendto,fstatfs", "-e",
                                    "inject=fstatfs:error=ENOSYS"), ["draft", "rename", "rename", "directory", "226"])

    def test_fails(self):
        """Of the file: the old one stays. Of the directory: the new one is whole, but nobody was promised it."""
        for ordinal, content in ((1, OLD), (2, NEW)):
            with self.subTest(ordinal):
                harness.put(ALICE / "f", OLD)
                self.store("-e", f"inject=fsync:error=EIO:when={ordinal}", done=re.compile("451 .*"))
                self.assert_same_bytes((ALICE / "f").read_bytes(), content)
                self.assertEqual(drafts(), [])
                self.assertTrue(harness.wait_until(lambda: not self.server.sessions(), 2))

    def test_in_place(self):
        self.server = self.serve(self.options + "upload_atomic=NO\n")
        names = [name if name == "fsync" else "226" for name, rest in self.store(done=DONE)
                 if name == "fsync" or '"226 ' in rest]
        self.assertEqual(names, ["fsync", "226"])
        self.store("-e", "inject=fsync:error=EIO", done=re.compile("451 .*"))


class Lacking(UploadTest):
    """What a file system or a kernel does not have is done in another way."""

    # As for Sync; and nobody may replace a file.
    options = "seccomp_sandbox=NO\nanon_upload_enable=YES\nanon_root=/srv/ftp\n"

    def tracer(self, *inject):
        return Tracer(self.session_pid(), self.here / "trace", "-e", "trace=copy_file_range,renameat2,flistxattr",
                      *(word for one in inject for word in ("-e", f"inject={one}")))

    def test_copied_through_memory(self):
        """From the beginning on, and from where the kernel gives up. The old part takes several pieces of memory."""
        old = sample(200_000, b"old")
        for error in ("EXDEV", "ENOSYS", "EOPNOTSUPP"):
            harness.put(ALICE / "f", old)
            session = self.login()
            tracer = self.tracer(f"copy_file_range:error={error}")
            session.store("APPE f", NEW)
            session.close()
            self.assertIn("copy_file_range", [name for name, _rest in tracer.calls()])
            self.assert_same_bytes((ALICE / "f").read_bytes(), old + NEW)
            self.assertEqual(drafts(), [])

    def test_not_inside_the_kernel(self):
        """From the connection into the file: not at all, not from the first piece on, or not from a later one on."""
        content = sample(3 << 20)
        for inject in ("pipe2:error=EMFILE", "splice:error=EINVAL", "splice:error=EINVAL:when=2+", "splice:error=ENOSYS:when=4+",
                       "splice:error=EINTR:when=2", "splice:error=EINTR:when=5+4"):
            with self.subTest(inject):
                session = self.login()
                session.expect("TYPE I", re.compile("200 .*"))
                tracer = Tracer(self.session_pid(), self.here / "trace", "-e", "trace=splice,pipe2", "-e", f"inject={inject}")
                session.store("STOR f", content)
                session.close()
                self.assertIn("INJECTED", str(tracer.calls()))
                self.assert_same_bytes((ALICE / "f").read_bytes(), content)

    def test_without_attributes(self):
        harness.put(ALICE / "f", OLD, mode=0o640)
        session = self.login()
        tracer = self.tracer("flistxattr:error=EOPNOTSUPP")
        session.store("STOR f", NEW)
        session.close()
        self.assertIn("flistxattr", [name for name, _rest in tracer.calls()])
        self.assert_same_bytes((ALICE / "f").read_bytes(), NEW)
        self.assertEqual(stat.S_IMODE((ALICE / "f").stat().st_mode), 0o640)

    def test_no_place_in_the_file(self):
        harness.put(ALICE / "f", OLD)
        session = self.login()
        session.expect("TYPE I", re.compile("200 .*"))
        tracer = Tracer(self.session_pid(), self.here / "trace", "-e", "trace=lseek,ftruncate", "-e",
                        "inject=lseek,ftruncate:error=EIO")
        session.expect("REST 1000", re.compile("350 .*"))
        with session.passive():
            session.expect("STOR f", BEGUN, re.compile("451 .*|550 .*"))
        session.expect("NOOP", "200 NOOP ok.")
        session.close()
        tracer.calls()
        self.assert_same_bytes((ALICE / "f").read_bytes(), OLD)
        self.assertEqual(drafts(), [])

    def upload_beside(self, *inject, other):
        """A guest's upload, during which somebody else may make a file of that name."""
        target = ANONYMOUS / "incoming/f"
        session = self.login("ftp")
        tracer = self.tracer(*inject)
        data = self.begin(session, "STOR incoming/f", NEW)
        if other:
            target.write_bytes(OLD)
        self.end(session, data, done=re.compile("553 .*" if other else DONE))
        session.close()
        self.assertIn("renameat2", [name for name, _rest in tracer.calls()])
        self.assert_same_bytes(target.read_bytes(), OLD if other else NEW)
        self.assertEqual(drafts(target.parent), [])
        target.unlink()

    def test_first_come(self):
        """What must not be replaced is not, with a kernel that promises it and one that can't."""
        for inject in ([], ["renameat2:error=EINVAL"], ["renameat2:error=ENOSYS"]):
            for other in (False, True):
                with self.subTest(inject=inject, other=other):
                    self.upload_beside(*inject, other=other)


class Replaced(UploadTest):
    """What the new file has of the old one, and which old ones are written themselves."""

    def test_attributes(self):
        place = self.mounted("ext4", "ext4", 8 << 20) or self.mounted("tmpfs", "tmpfs", 8 << 20)
        users = pathlib.Path("/etc/group").read_text()
        self.addCleanup(pathlib.Path("/etc/group").write_text, users)
        pathlib.Path("/etc/group").write_text(users + "crew:x:1890:alice\n")
        f = harness.put(place / "f", OLD, mode=0o640)
        os.chown(f, -1, 1890)
        entries = ((1, 6, -1), (2, 4, 1802), (4, 0, -1), (0x10, 4, -1), (0x20, 0, -1))
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        os.setxattr(f, "system.posix_acl_access", acl)
        os.setxattr(f, "user.colour", b"blue")
        session = self.login()
        for command, content in (("STOR", NEW), ("APPE", NEW + NEW)):
            with self.subTest(command):
                was = f.stat()
                session.store(f"{command} {place.name}/f", NEW)
                self.assert_same_bytes(f.read_bytes(), content)
                now = f.stat()
                self.assertEqual((now.st_mode, now.st_uid, now.st_gid), (was.st_mode, was.st_uid, 1890))
                self.assertNotEqual(now.st_ino, was.st_ino, "written in place")
                self.assertEqual(os.getxattr(f, "system.posix_acl_access"), acl)
                self.assertEqual(os.getxattr(f, "user.colour"), b"blue")
        session.quit()

    def assert_in_place(self, f):
        was = f.stat()
        session = self.login()
        session.store(f"STOR {f.relative_to(ALICE)}", NEW)
        session.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)
        now = f.stat()
        self.assertEqual((now.st_ino, now.st_uid, now.st_mode), (was.st_ino, was.st_uid, was.st_mode))
        self.assertEqual(drafts(f.parent), [])

    def test_hard_link(self):
        f = harness.put(ALICE / "f", OLD)
        os.link(f, ALICE / "other")
        self.assert_in_place(f)
        self.assert_same_bytes((ALICE / "other").read_bytes(), NEW)

    def test_of_another(self):
        self.assert_in_place(harness.put(ALICE / "f", OLD, "bob", 0o666))

    def test_directory_not_writable(self):
        f = harness.put(ALICE / "d/f", OLD)
        f.parent.chmod(0o555)
        self.assert_in_place(f)

    def test_symbolic_link(self):
        f = harness.put(ALICE / "d/f", OLD)
        link = ALICE / "link"
        link.symlink_to("d/f")
        session = self.login()
        session.store("STOR link", NEW)
        session.store("APPE link", OLD)
        session.quit()
        self.assertEqual(os.readlink(link), "d/f")
        self.assert_same_bytes(f.read_bytes(), NEW + OLD)
        self.assertEqual(drafts() + drafts(f.parent), [])

    def test_refused(self):
        """Whoever may not write the file may not replace it."""
        f = harness.put(ALICE / "f", OLD, mode=0o444)
        session = self.login()
        self.refused(session, "STOR f", 553)
        session.quit()
        self.assert_same_bytes(f.read_bytes(), OLD)
        self.assertEqual(drafts(), [])


class Together(UploadTest):

    def test_two_writers(self):
        """Each has a whole file; that of the last to end stays."""
        for old in (None, OLD):
            with self.subTest(old is not None):
                first, second = self.login(), self.login()
                if old:
                    harness.put(ALICE / "f", old)
                one, other = sample(70000, b"one"), sample(50000, b"other")
                data = self.begin(first, "STOR f", one[:30000])
                behind = self.begin(second, "STOR f", other[:20000])
                self.end(second, behind, other[20000:])
                self.assert_same_bytes((ALICE / "f").read_bytes(), other)
                self.end(first, data, one[30000:])
                self.assert_same_bytes((ALICE / "f").read_bytes(), one)
                first.quit()
                second.quit()
                self.assertEqual(drafts(), [])
                (ALICE / "f").unlink()

    def test_reader_and_writer(self):
        """A download that began before goes on with the old content; one during the upload is not refused."""
        old = sample(12_000_000, b"old")
        harness.put(ALICE / "f", old)
        early, late, writer = self.login(), self.login(), self.login()
        reading = early.passive()
        early.expect("RETR f", BEGUN)
        data = self.begin(writer, "STOR f", NEW[:1000])
        self.assert_same_bytes(late.retrieve("RETR f"), old)
        self.end(writer, data, NEW[1000:])
        self.assert_same_bytes(late.retrieve("RETR f"), NEW)
        with reading:
            got = b"".join(iter(lambda: reading.recv(1 << 18), b""))
        early.expect_reply(DONE)
        self.assert_same_bytes(got, old)
        for session in (early, late, writer):
            session.quit()


class Interrupted(UploadTest):

    CONTENT = sample(200_000, b"whole")

    def local(self):
        path = self.here / "up.bin"
        path.write_bytes(self.CONTENT)
        return path

    def assert_goes_on(self, go_on):
        for old in (None, OLD):
            with self.subTest(old is not None):
                f = ALICE / "up.bin"
                if old:
                    harness.put(f, old)
                session = self.login()
                self.interrupt(session, "STOR up.bin", self.CONTENT[:70_000])
                self.assertEqual(f.read_bytes() if f.exists() else None, old)
                self.assertEqual([path.name for path in drafts()], [".soloftpd-part-up.bin"])
                go_on(session)
                session.quit()
                self.assert_same_bytes(f.read_bytes(), self.CONTENT)
                self.assertEqual(drafts(), [])
                f.unlink()

    def test_nobody_listens(self):
        """Going on comes to nothing before a byte: what was kept is kept on."""
        def go_on(session):
            session.expect("TYPE I", re.compile("200 .*"))
            for command in ("STOR up.bin", "APPE up.bin"):
                session.active().close()
                session.expect("REST 70000", re.compile("350 .*"))
                session.expect(command, re.compile("425 .*"))
                self.assertEqual([path.stat().st_size for path in drafts()], [70_000])
            session.expect("SIZE up.bin", "213 70000")
            session.expect("REST 70000", re.compile("350 .*"))
            session.store("STOR up.bin", self.CONTENT[70_000:])
        self.assert_goes_on(go_on)

    def test_rest(self):
        def go_on(session):
            session.expect("TYPE I", re.compile("200 .*"))
            session.expect("SIZE up.bin", "213 70000")
            session.expect("REST 70000", re.compile("350 .*"))
            session.store("STOR up.bin", self.CONTENT[70_000:])
        self.assert_goes_on(go_on)

    def test_appe(self):
        def go_on(session):
            session.expect("TYPE I", re.compile("200 .*"))
            session.expect("SIZE up.bin", "213 70000")
            session.store("APPE up.bin", self.CONTENT[70_000:])
        self.assert_goes_on(go_on)

    def test_curl(self):
        self.assert_goes_on(lambda _session: self.run_client(
            "curl", "-sS", "-C", "-", "-T", self.local(), self.url("up.bin")))

    def test_lftp(self):
        self.local()
        self.assert_goes_on(lambda _session: self.run_client(
            "lftp", "-e", "set ftp:ssl-allow no; reput up.bin; exit", self.url()))

    def test_twice(self):
        """What was gone on with and interrupted again goes on from there."""
        session = self.login()
        session.expect("TYPE I", re.compile("200 .*"))
        self.interrupt(session, "STOR up.bin", self.CONTENT[:1000])
        session.expect("REST 1000", re.compile("350 .*"))
        with session.passive() as data:
            session.expect("STOR up.bin", BEGUN)
            data.sendall(self.CONTENT[1000:3000])
            self.assertTrue(harness.wait_until(lambda: drafts()[0].stat().st_size == 3000, 5))
            session.expect("ABOR", re.compile("426 .*"), re.compile("226 .*"))
        session.expect("SIZE up.bin", "213 3000")
        session.store("APPE up.bin", self.CONTENT[3000:])
        session.quit()
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.CONTENT)

    def test_old_file_changed(self):
        """What is gone on with takes after the file that it will replace, and may not replace what may not be written."""
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        session.expect("TYPE I", re.compile("200 .*"))
        self.interrupt(session, "STOR f", NEW[:1000])
        session.expect("SIZE f", "213 1000")
        f.chmod(0o440)
        with session.passive():
            session.expect("APPE f", re.compile("55[03] .*"))
        self.assert_same_bytes(f.read_bytes(), OLD)
        f.chmod(0o640)
        session.store("APPE f", NEW[1000:])
        session.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)
        self.assertEqual(f.stat().st_mode & 0o777, 0o640)
        self.assertEqual(drafts(), [])

    def test_hidden(self):
        session = self.login()
        self.interrupt(session, "STOR x", NEW[:1000])
        for command in ("LIST -a", "NLST -a", "NLST", "MLSD"):
            with self.subTest(command):
                self.assertNotIn("soloftpd", session.list(command))
        session.expect("MLST .soloftpd-part-x", re.compile("550 .*"))
        session.quit()

    def test_deleted(self):
        for option in ("delete_failed_uploads=YES\n", "upload_keep_partial=NO\n"):
            with self.subTest(option):
                session = self.login(server=self.serve(option))
                self.interrupt(session, "STOR x", NEW[:1000])
                session.expect("SIZE x", re.compile("550 .*"))
                session.quit()
                self.assertEqual(list(ALICE.iterdir()), [])

    def test_anonymous(self):
        session = self.login("ftp", self.serve("anon_upload_enable=YES\nanon_root=/srv/ftp\n"))
        incoming = ANONYMOUS / "incoming"
        self.interrupt(session, "STOR incoming/x", NEW[:1000], incoming)
        session.expect("TYPE I", re.compile("200 .*"))
        session.expect("SIZE incoming/x", re.compile("550 .*"))
        session.quit()
        self.assertEqual(list(incoming.iterdir()), [])

    def test_swept(self):
        """At the login: what nobody writes or will come back for."""
        def draft(name, seconds, user="alice"):
            path = harness.put(ALICE / f".soloftpd-{name}", b"x", user)
            make_old(path, seconds)
            return path
        draft("part-stale", 7 * DAY + 60)
        draft("part-2", 400 * DAY)
        draft("aaaaaaaaaaaaa", 2 * 60)
        stay = [draft("part-young", 7 * DAY - 60), draft("bbbbbbbbbbbbb", 5), draft("part-new", 0),
                draft("ccccccccccccc", 30 * DAY, "bob"), draft("ddddddddddddd", 30 * DAY),
                draft("part-linked", 30 * DAY), ALICE / ".soloftpd-link", ALICE / ".soloftpd-directory"]
        os.link(ALICE / ".soloftpd-part-linked", ALICE / "linked")
        (ALICE / ".soloftpd-link").symlink_to("linked")
        make_old(harness.give(ALICE / ".soloftpd-link", "alice"), 30 * DAY)
        make_old(harness.give_directory(ALICE / ".soloftpd-directory"), 30 * DAY)
        with (ALICE / ".soloftpd-ddddddddddddd").open("r+b") as locked:
            fcntl.lockf(locked, fcntl.LOCK_EX)
            self.login().quit()
            self.assertEqual(drafts(), sorted(stay))
        make_old(stay[4], 30 * DAY)
        self.login().quit()
        self.assertEqual(drafts(), sorted(set(stay) - {stay[4]}))


class Space(UploadTest):

    def test_full(self):
        place = self.mounted("tmpfs", "small", 1 << 20)
        f = harness.put(place / "f", sample(400 << 10))
        session = self.login()
        for command in ("STOR small/f", "APPE small/f", "STOR small/new"):
            with self.subTest(command):
                self.too_much(session, command, sample(1200 << 10, b"more"), 452)
                self.assert_same_bytes(f.read_bytes(), sample(400 << 10))
                self.assertEqual(list(place.iterdir()), [f])
        session.quit()

    def test_full_again(self):
        """What was kept before stays, without what the disk had no room for."""
        place = self.mounted("tmpfs", "small", 1 << 20)
        session = self.login()
        session.expect("TYPE I", re.compile("200 .*"))
        self.interrupt(session, "STOR small/f", sample(400 << 10), place)
        session.expect(f"REST {400 << 10}", re.compile("350 .*"))
        self.too_much(session, "STOR small/f", sample(1200 << 10), 452)
        session.expect("SIZE small/f", f"213 {400 << 10}")
        self.assert_same_bytes(drafts(place)[0].read_bytes(), sample(400 << 10))
        session.quit()

    def test_announced(self):
        place = self.mounted("tmpfs", "small", 1 << 20)
        f = harness.put(place / "f", OLD)
        session = self.login()
        session.expect("ALLO 2000000", re.compile("200 .*"))
        self.refused(session, "STOR small/f", 452)
        self.assertEqual(list(place.iterdir()), [f])
        # It was for that one only.
        session.store("STOR small/f", NEW)
        session.expect("ALLO 5000", re.compile("200 .*"))
        session.store("STOR small/g", NEW)
        session.quit()

    def test_kept_free(self):
        place = self.mounted("tmpfs", "small", 1 << 20)
        f = harness.put(place / "f", OLD)
        session = self.login(server=self.serve("upload_min_free=512\n"))
        self.too_much(session, "STOR small/f", sample(600 << 10), 452)
        self.assert_same_bytes(f.read_bytes(), OLD)
        self.assertEqual(list(place.iterdir()), [f])
        session.expect(f"ALLO {600 << 10}", re.compile("200 .*"))
        self.refused(session, "STOR small/f", 452)
        session.store("STOR small/g", sample(400 << 10))
        harness.put(place / "h", sample(200 << 10))
        self.refused(session, "STOR small/f", 452)
        self.assert_same_bytes(f.read_bytes(), OLD)
        self.assertEqual(drafts(place), [])
        session.quit()

    def test_limit_of_the_process(self):
        """RLIMIT_FSIZE, as the super-server may have set it."""
        script = self.server.write("limited", f'#!/bin/sh\nexec prlimit --fsize=100000 {harness.SOLOFTPD} "$@"\n')
        script.chmod(0o755)
        f = harness.put(ALICE / "f", OLD)
        session = self.login(server=self.serve(program=str(script)))
        session.store("STOR exact", sample(100_000))
        self.too_much(session, "STOR f", sample(100_001), 552)
        self.too_much(session, "APPE f", sample(100_001), 552)
        session.quit()
        self.assert_same_bytes(f.read_bytes(), OLD)
        self.assertEqual(drafts(), [])

    def assert_limit(self, session, command, kept, most, wire=lambda content: content, rest=None):
        """A file of so many bytes to begin with may come to `most`."""
        for excess in (-1, 0, 1):
            with self.subTest(command=command, excess=excess, rest=rest):
                f = harness.put(ALICE / "f", b"\n" * kept)
                if rest is not None:
                    session.expect(f"REST {rest}", re.compile("350 .*"))
                content = b"\n" * (most + excess - (kept if rest is None else rest))
                if excess == 1:
                    self.too_much(session, command, wire(content), 552)
                    self.assertEqual(f.stat().st_size, kept)
                else:
                    session.store(command, wire(content))
                    self.assertEqual(f.stat().st_size, most + excess)
                self.assertEqual(drafts(), [])

    def test_largest(self):
        session = self.login(server=self.serve("upload_max_size=8\nascii_upload_enable=YES\n"))
        session.expect("TYPE I", re.compile("200 .*"))
        self.assert_limit(session, "STOR f", 0, 8192)
        self.assert_limit(session, "APPE f", 5000, 8192)
        self.assert_limit(session, "STOR f", 5000, 8192, rest=4000)
        self.assert_limit(session, "APPE f", 5000, 8192, rest=4000)
        session.expect("REST 8193", re.compile("350 .*"))
        self.refused(session, "STOR f", 552)
        session.expect("TYPE A", re.compile("200 .*"))
        # The file counts, not what it took to send it.
        self.assert_limit(session, "STOR f", 0, 8192, lambda content: content.replace(b"\n", b"\r\n"))
        self.assert_limit(session, "APPE f", 5000, 8192, lambda content: content.replace(b"\n", b"\r\n"))
        session.quit()


class FileSystems(UploadTest):
    """The same on each that this machine has."""

    def assert_uploads(self, kind, size):
        place = self.mounted(kind, kind, size)
        if not place:
            return
        f = place / "f"
        session = self.login()
        session.expect("TYPE I", re.compile("200 .*"))
        session.store(f"STOR {kind}/f", OLD)
        f.chmod(0o600)
        session.store(f"STOR {kind}/f", NEW)
        session.store(f"APPE {kind}/f", OLD)
        self.assert_same_bytes(f.read_bytes(), NEW + OLD)
        self.assertEqual(f.stat().st_mode & 0o777, 0o600)
        session.expect(f"REST {len(NEW)}", re.compile("350 .*"))
        session.store(f"STOR {kind}/f", NEW)
        self.assert_same_bytes(f.read_bytes(), NEW + NEW)
        self.interrupt(session, f"STOR {kind}/f", OLD[:1000], place)
        session.expect(f"SIZE {kind}/f", "213 1000")
        session.store(f"APPE {kind}/f", OLD[1000:])
        self.assert_same_bytes(f.read_bytes(), OLD)
        session.expect(f"ALLO {1 << 50}", re.compile("200 .*"))
        self.refused(session, f"STOR {kind}/f", 452)
        session.expect(f"RNFR {kind}/f", re.compile("350 .*"))
        session.expect(f"RNTO {kind}/g", re.compile("250 .*"))
        session.store(f"STOU {kind}/f", NEW, re.compile("150 FILE: .*"))
        session.quit()
        self.assertEqual(drafts(place), [])

    def test_tmpfs(self):
        self.assert_uploads("tmpfs", 1 << 20)

    def test_overlay(self):
        self.assert_uploads("overlay", 0)

    def test_ext4(self):
        self.assert_uploads("ext4", 8 << 20)

    def test_xfs(self):
        self.assert_uploads("xfs", 320 << 20)

    def test_btrfs(self):
        self.assert_uploads("btrfs", 320 << 20)

    def test_ext4_full(self):
        """Blocks that are only found missing when they are written or closed."""
        place = self.mounted("ext4", "ext4", 1 << 20)
        if not place:
            return
        f = harness.put(place / "f", OLD)
        session = self.login(server=self.serve("upload_sync=YES\n"))
        for _ in range(2):
            self.too_much(session, "STOR ext4/f", sample(2 << 20), 452)
            self.assert_same_bytes(f.read_bytes(), OLD)
            self.assertEqual(drafts(place), [])
        session.quit()
