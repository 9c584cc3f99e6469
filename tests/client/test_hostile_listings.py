"""Hostile directories: GL of docs/hostile-input.md, as far as a talk can't say them."""

import os
import re
import subprocess
import threading
import time

import control
import harness
import hostile
from harness import ALICE

MANY = int(os.environ.get("HOSTILE_ENTRIES", "60000"))
LISTED = "150 Here comes the directory listing."
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
LINE = re.compile(r"[-dlbcps][-rwxsStT]{9} +\d+ \S+ +\S+ +\d+ " + MONTH + r" [ \d]\d (?: ?\d{4,12}|\d\d:\d\d) .+")


class ListingTest(hostile.HostileTest):

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clear)

    def clear(self):
        subprocess.run(["rm", "-rf", *ALICE.iterdir()], check=True)

    def cost(self, session, command):
        """A listing, and the processor time it took."""
        pid = self.session_pid()
        used = hostile.processor(pid)
        listing = session.list(command)
        return listing, hostile.processor(pid) - used


class Patterns(ListingTest):

    def test_gl1_many_stars(self):
        """Ten thousand names of 255 bytes; and patterns made to be tried in every way take time in proportion."""
        for folder, count in (("a", 10_000), ("b", 500)):
            harness.give_directory(ALICE / folder)
            for number in range(count):
                (ALICE / folder / f"{number:05}{'a' * 250}").touch()
        session = self.open()
        for pattern in ("a/*a*a*a*a*a*a*a*b", "b/*" + "a*" * 100 + "b", "b/" + "?" * 254 + "b", "b/" + "*" * 200 + "b",
                        "b/" + "*[a-z]" * 20 + "*b", "b/" + "*a" * 127 + "?"):
            listing, spent = self.cost(session, f"NLST {pattern}")
            self.assertEqual(listing.count("\n"), 500 if pattern.endswith("?") else 0)
            self.assertLess(spent, 1 * harness.SLOWNESS, pattern)
        session.quit()


class Sizes(ListingTest):

    def test_gl7_many_entries(self):
        """A very large directory costs memory for its names while it is sorted, and gives it back."""
        folder = harness.give_directory(ALICE / "many")
        for number in range(MANY):
            if number % 30_000 == 0:
                source = folder / f"{number:08}"
                source.touch()
            else:
                os.link(source, folder / f"{number:08}")
        session = self.open()
        pid = self.session_pid()
        before = hostile.resident(pid)
        for command, form, most in (("STAT many", rb"(?m)^-rw.*\r$", 64 << 10), ("LIST many", None, 64 << 10),
                                    ("MLSD many", None, 1 << 10), ("LIST -U many", None, 1 << 10),
                                    ("NLST -U many", None, 1 << 10)):
            # MLSD and -U sort nothing: they stream.
            peak, ended = [0], threading.Event()

            def watch():
                while not ended.wait(0.005):
                    peak[0] = max(peak[0], hostile.resident(pid))
            watcher = threading.Thread(target=watch)
            watcher.start()
            if form:
                got = hostile.pour(session, command.encode() + b"\r\n", MANY + 2)
                count = len(re.findall(form, got))
            else:
                count = session.list(command).count("\n") - 2 * command.startswith("MLSD")
            ended.set()
            watcher.join()
            self.assertEqual(count, MANY)
            self.assertLess(peak[0] - before, most, command)
            self.assertLess(hostile.resident(pid) - before, 1 << 10, command)
        session.quit()

    def test_gl13_large_and_strange(self):
        """Sizes at every border of a number's width, and owners that are no account's."""
        # What this file system can't hold it refuses; so does the server's listing not lie about it.
        sizes = {}
        for size in ((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, 1 << 53, (1 << 63) - 4096, (1 << 63) - 1):
            path = harness.put(ALICE / f"f{size}")
            try:
                os.truncate(path, size)
                sizes[path.name] = size
            except OSError:
                path.unlink()
        self.assertGreater(len(sizes), 5)
        for owner in (4294967294, 2147483648, 65534):
            os.chown(harness.put(ALICE / f"o{owner}"), owner, owner)
        session = self.open()
        listing = session.list()
        facts = session.list("MLSD")
        for name, size in sizes.items():
            self.assertRegex(listing, rf"(?m) {size} {MONTH} .* {name}\r$")
            self.assertRegex(facts, rf"(?m)^type=file;size={size};.* {name}\r$")
            session.expect(f"SIZE {name}", f"213 {size}")
            session.expect(f"REST {size - 1}", re.compile("350 .*"))
            self.assertEqual(session.retrieve(f"RETR {name}"), b"\0")
        for owner in (4294967294, 2147483648, 65534):
            self.assertRegex(listing, rf"(?m)^-rw-r--r--    1 {owner} +{owner} .* o{owner}\r$")
            self.assertRegex(facts, rf"(?m);UNIX.uid={owner};UNIX.gid={owner}; o{owner}\r$")
        session.quit()
        named = self.open(server=self.serve("text_userdb_names=YES\n"))
        self.assertRegex(named.list(), r"(?m)^-rw-r--r--    1 4294967294 +4294967294 .* o4294967294\r$")
        named.quit()

    def test_gl11_times(self):
        """Times that no clock ever had are text like any other."""
        moments = (-(1 << 31), -1, 0, (1 << 31) - 1, 1 << 31, 9_214_646_400, -2_177_452_800, (1 << 34) - 1, 1 << 36, 1 << 40, 1 << 55,
                   (1 << 62), (1 << 63) - 1, -(1 << 62), -(1 << 63))
        kept = []
        for number, moment in enumerate(moments):
            path = harness.put(ALICE / f"t{number}")
            # Python's own call takes nanoseconds in 64 bits; touch takes what the kernel does.
            if subprocess.run(["touch", "-d", f"@{moment}", path], capture_output=True, check=False).returncode == 0:
                kept.append(path.name)
        self.assertGreater(len(kept), 8)
        for options in ("", "use_localtime=YES\n"):
            session = self.open(server=self.serve(options))
            for line in session.list("LIST -t").split("\r\n")[:-1]:
                self.assertRegex(line, LINE)
            for line in session.list("MLSD").split("\r\n")[:-1]:
                self.assertRegex(line, r"(?:\A|;)modify=\d{14}(?:\.\d+)?;")
            for name in kept:
                session.expect(f"MDTM {name}", re.compile(r"213 \d{14}(\.\d+)?|550 .*"))
                session.expect(f"MLST {name}", re.compile(r"250-.*\n .*;modify=\d{14}.*\n250 End"))
            session.quit()


class Moving(ListingTest):

    def test_gl10_entries_come_and_go(self):
        """A listing of a directory that never rests has an end, and only whole lines."""
        folder = harness.give_directory(ALICE / "d")
        ended = threading.Event()

        def churn():
            number = 0
            while not ended.is_set():
                (folder / f"new{number}").touch()
                if number >= 500:
                    (folder / f"new{number - 500}").unlink()
                number += 1
        thread = threading.Thread(target=churn)
        thread.start()
        session = self.open()
        try:
            end = time.monotonic() + 1
            rounds = 0
            while time.monotonic() < end:
                for command in ("LIST d", "NLST d", "MLSD d", "LIST -t d", "LIST -U d", "LIST d/new*"):
                    with session.passive() as data:
                        session.expect(command, LISTED)
                        got = control.read_all(data).decode()
                    self.assertRegex(session.reply(), r"\A(226|451) ")
                    for line in got.split("\r\n")[:-1]:
                        self.assertRegex(line, r"(new\d+|[.][.]?)\Z")
                rounds += 1
        finally:
            ended.set()
            thread.join()
        self.assertGreater(rounds, 2)
        session.quit()

    def test_gl14_closed_while_listed(self):
        """The directory is closed, emptied or removed after the mark: the listing ends, the session lives."""
        changes = (lambda path: path.chmod(0), lambda path: subprocess.run(["rm", "-rf", path], check=True),
                   lambda path: os.chown(path, 0, 0) or path.chmod(0o700), lambda path: path.rename(ALICE / "elsewhere"))
        for change in changes:
            for command in ("LIST d", "MLSD d", "NLST d", "LIST -U d"):
                self.clear()
                folder = harness.give_directory(ALICE / "d")
                for entry in range(1000):
                    (folder / f"{entry:0200}").touch()
                session = self.open()
                with session.passive() as data:
                    session.expect(command, LISTED)
                    data.recv(1000)
                    change(folder)
                    control.read_all(data)
                self.assertRegex(session.reply(), r"\A(226|426|451) ")
                self.assert_lives(session)
                session.quit()
