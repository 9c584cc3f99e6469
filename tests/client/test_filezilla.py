"""FileZilla itself, on a screen that nobody sees.

It takes a queue of transfers from its own file, as it left them when it was last closed, and starts
them on Ctrl-P.
"""

import os
import re
import sqlite3
import subprocess

import harness
from harness import ALICE, sample

# FileZilla's option names; 5 is "resume" of a file that exists.
SETTINGS = {"Greeting version": "9", "Update Check": "0", "Logging file": "{here}/filezilla.log",
            "Preserve timestamps": "1", "Ascii Binary mode": "2", "Number of Transfers": "2",
            "File exists action download": "5", "File exists action upload": "5"}
# The queue's file, version 7, as FileZilla 3.63 makes it.
QUEUE = """
CREATE TABLE servers (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, host TEXT NOT NULL,
  port INTEGER, user TEXT, password TEXT, account TEXT, keyfile TEXT, protocol INTEGER,
  type INTEGER, logontype INTEGER, timezone_offset INTEGER, transfer_mode TEXT,
  max_connections INTEGER, encoding TEXT, bypass_proxy INTEGER, post_login_commands TEXT,
  name TEXT, parameters TEXT, site_path TEXT DEFAULT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, server INTEGER NOT NULL,
  source_file TEXT, target_file TEXT, local_path INTEGER, remote_path INTEGER, size INTEGER,
  error_count INTEGER, priority INTEGER, flags INTEGER, default_exists_action INTEGER,
  extra_flags TEXT);
CREATE INDEX server_index ON files (server);
CREATE TABLE local_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
CREATE TABLE remote_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
PRAGMA user_version = 7;
"""
DOWNLOAD = 16  # among a file's flags


class FileZilla(harness.FtpTest):

    @classmethod
    def setUpClass(cls):
        """A screen by TCP, which in the sandbox is nobody else's, so that /tmp stays empty."""
        ready, ring = os.pipe()
        screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(ring), "-nolock", "-nolisten", "unix", "-nolisten", "local",
             "-listen", "tcp", "-ac", "-screen", "0", "1024x768x24"],
            pass_fds=[ring], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(ring)
        cls.addClassCleanup(screen.wait, 10)
        cls.addClassCleanup(screen.terminate)
        with os.fdopen(ready) as answer:
            cls.display = f"127.0.0.1:{int(answer.readline())}"

    def setUp(self):
        super().setUp()
        self.content = sample(3_000_000)
        (self.here / "local").mkdir()
        self.local = self.here / "local"
        self.queue = []
        self.encoding = "Auto"

    # ---- what FileZilla finds when it starts ----

    def download(self, directory, name, local):
        self.queue.append((name, local, directory, DOWNLOAD))

    def upload(self, local, directory, name):
        self.queue.append((local, name, directory, 0))

    def write_queue(self, path, server):
        """A directory is stored as its type and the lengths and names of its parts."""
        database = sqlite3.connect(path)
        database.executescript(QUEUE)
        database.execute(
            "INSERT INTO servers (host, port, user, password, protocol, type, logontype,"
            " timezone_offset, max_connections, bypass_proxy, encoding)"
            " VALUES (?, ?, 'alice', ?, 0, 0, 1, 0, 0, 0, ?)",
            (server.address, server.port, harness.PASSWORD["alice"], self.encoding))
        database.execute("INSERT INTO local_paths (path) VALUES (?)", (f"{self.local}/",))
        for source, target, directory, flags in self.queue:
            parts = [f"{len(part)} {part}" for part in str(directory).split("/") if part]
            remote = database.execute("INSERT INTO remote_paths (path) VALUES (?)",
                                      (" ".join(["1 0", *parts]),)).lastrowid
            database.execute(
                "INSERT INTO files (server, source_file, target_file, local_path, remote_path,"
                " error_count, priority, flags) VALUES (1, ?, ?, 1, ?, 0, 2, ?)",
                (source, target, remote, flags))
        database.commit()
        database.close()

    def write_configuration(self, server, settings):
        """A server without TLS is one that the user has already agreed to."""
        home = self.here / ".config/filezilla"
        home.mkdir(parents=True)
        options = {name: value.format(here=self.here)
                   for name, value in {**SETTINGS, **settings}.items()}
        lines = "".join(f'<Setting name="{name}">{value}</Setting>'
                        for name, value in options.items())
        (home / "filezilla.xml").write_text(f"<FileZilla3><Settings>{lines}</Settings></FileZilla3>")
        (home / "trustedcerts.xml").write_text(
            f'<FileZilla3><InsecureHosts><Host Port="{server.port}">{server.address}</Host>'
            "</InsecureHosts></FileZilla3>")
        self.write_queue(home / "queue.sqlite3", server)

    # ---- the program ----

    def log(self):
        path = self.here / "filezilla.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for(self, pattern, seconds=15, count=1):
        if not harness.wait_until(lambda: len(re.findall(pattern, self.log())) >= count, seconds):
            self.fail(f"FileZilla did not come to {pattern!r}\n{self.log()}")

    def xdotool(self, *words):
        done = subprocess.run(["xdotool", *words], env=self.environment(), timeout=10, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        return done.stdout.split()

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.here), "LC_ALL": "C.UTF-8",
                "DISPLAY": self.display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1",
                "GSETTINGS_BACKEND": "memory", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}

    def press(self, key):
        window = self.xdotool("search", "--onlyvisible", "--name", "FileZilla$")
        self.assertEqual(len(window), 1, f"one window is FileZilla's\n{self.log()}")
        self.xdotool("windowfocus", "--sync", window[0])
        self.xdotool("key", key)

    def run_queue(self, server=None, **settings):
        """Connects, lists the login directory and works the queue off. Returns FileZilla's log."""
        server = server or self.server
        self.write_configuration(server, {name.replace("_", " "): value
                                          for name, value in settings.items()})
        with open(self.here / "said.txt", "wb") as said:
            program = subprocess.Popen(
                ["filezilla", f"--local={self.local}", self.url("srv/home/alice", server=server)],
                env=self.environment(), cwd=self.here, stdin=subprocess.DEVNULL, stdout=said,
                stderr=said)
        self.addCleanup(program.wait, 10)
        self.addCleanup(program.kill)
        self.wait_for("Directory listing of .* successful")
        self.press("ctrl+p")
        if not harness.wait_until(lambda: "Starting " in self.log(), 5):
            self.press("ctrl+p")  # the window was not ready to hear it
        self.wait_for("File transfer (?:successful|failed|skipped)|Error:", count=len(self.queue))
        program.terminate()
        program.wait(10)
        self.assertNotRegex(self.log(), "Error:")
        return self.log()


class Sessions(FileZilla):

    def whole_session(self, server=None, **settings):
        harness.put(ALICE / "file.bin", self.content)
        harness.put(ALICE / "sub dir/Grüße ★.dat", b"inner")
        harness.put(ALICE / "empty")
        for path in (ALICE / "file.bin", ALICE / "empty"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        (self.local / "up.bin").write_bytes(self.content[::-1])
        os.utime(self.local / "up.bin", (1_100_000_000, 1_100_000_000))
        self.download(ALICE, "file.bin", "got.bin")
        self.download(ALICE / "sub dir", "Grüße ★.dat", "names.dat")
        self.download(ALICE, "empty", "hollow")
        self.upload("up.bin", ALICE, "up.bin")
        self.upload("up.bin", ALICE / "neu/ÆØÅ ß", "한글 이름.bin")
        log = self.run_queue(server, **settings)
        self.assert_same_bytes((self.local / "got.bin").read_bytes(), self.content)
        self.assertEqual((self.local / "names.dat").read_bytes(), b"inner")
        self.assertEqual((self.local / "hollow").read_bytes(), b"")
        self.assertEqual((self.local / "got.bin").stat().st_mtime, 1_000_000_000, log)
        for path in (ALICE / "up.bin", ALICE / "neu/ÆØÅ ß/한글 이름.bin"):
            self.assert_same_bytes(path.read_bytes(), self.content[::-1])
            self.assertEqual(path.stat().st_mtime, 1_100_000_000, log)
        self.assertRegex(log, "Command: MLSD")
        return log

    def test_passive(self):
        self.assertRegex(self.whole_session(), "Command: PASV")

    def test_active(self):
        self.assertRegex(self.whole_session(Use_Pasv_mode="0"), "Command: PORT")

    def test_ipv6(self):
        self.assertRegex(self.whole_session(self.serve(address="::1")), "Command: EPSV")

    def test_ipv6_active(self):
        log = self.whole_session(self.serve(address="::1"), Use_Pasv_mode="0")
        self.assertRegex(log, "Command: EPRT")

    def test_resume(self):
        harness.put(ALICE / "file.bin", self.content)
        (self.local / "file.bin").write_bytes(self.content[:1_000_000])
        (self.local / "up.bin").write_bytes(self.content)
        harness.put(ALICE / "up.bin", self.content[:700_000])
        self.download(ALICE, "file.bin", "file.bin")
        self.upload("up.bin", ALICE, "up.bin")
        log = self.run_queue()
        self.assert_same_bytes((self.local / "file.bin").read_bytes(), self.content)
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content)
        self.assertRegex(log, "Command: REST 1000000")

    def test_charset(self):
        """A site whose character set is CP949, and a server that knows of it: the disk has UTF-8."""
        server = self.serve("client_charset=CP949\n")
        harness.put(ALICE / "자료 모음/한글 ★.txt", self.content)
        (self.local / "up.bin").write_bytes(b"up")
        self.encoding = "CP949"
        self.download(ALICE / "자료 모음", "한글 ★.txt", "got.bin")
        self.upload("up.bin", ALICE / "자료 모음/새 폴더", "뷁쀍.bin")
        log = self.run_queue(server)
        self.assert_same_bytes((self.local / "got.bin").read_bytes(), self.content)
        self.assertEqual((ALICE / "자료 모음/새 폴더/뷁쀍.bin").read_bytes(), b"up", log)
        self.assertEqual(log.count("Command: OPTS UTF8 ON"), 1, "only for the other site, which"
                         " is the one of the command line")
