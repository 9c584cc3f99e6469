"""Files, directories and file systems that change or fail under a session."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess

import faults
import hostile
import test_uploads
from faults import BEGUN, DONE, LARGE, MIB, NEW, OLD, REFUSED
from harness import ALICE, give_directory, put, sample, wait_until


class Shrinking(faults.FaultTest):
    """FT4: a file that loses bytes while it is sent."""

    def shrink(self, session, private, kept, content):
        """What came of it; the client begins to read when the file is short already."""
        put(ALICE / "f", content)
        data = self.begin(session, "RETR f")
        os.truncate(ALICE / "f", kept)
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while more := data.recv(1 << 18):
                got += more
        if private:
            self.assertNotEqual(data.ended, "close_notify", "it looks whole")
        session.expect_reply("451 Failure reading local file.")
        return bytes(got)

    def test_ft4_binary(self):
        content = sample(LARGE)
        for way, private in self.ways:
            session = self.open(private)
            for kept in (0, LARGE - 1):
                with self.subTest(way, kept=kept):
                    got = self.shrink(session, private, kept, content)
                    self.assertLess(len(got), LARGE)
                    self.assertTrue(content.startswith(got))
                    self.assert_same_bytes(session.retrieve("RETR f"), content[:kept])
            session.quit()

    def test_ft4_ascii(self):
        """Line ends grow on their way: as many bytes as the file had are no sign that it came whole."""
        content = b"\n" * LARGE
        for way, private in self.ways:
            session = self.open(private)
            session.expect("TYPE A", "200 Switching to ASCII mode.")
            for kept in (0, LARGE // 2 + 1, LARGE - 1):
                with self.subTest(way, kept=kept):
                    got = self.shrink(session, private, kept, content)
                    self.assertLess(len(got), 2 * LARGE)
                    self.assertTrue((b"\r\n" * LARGE).startswith(got))
            session.quit()

    def test_ft4_from_an_offset(self):
        """To the end of a page: the rest of one is emptied under what sendfile has queued already."""
        content = sample(LARGE)
        for way, private in self.ways:
            with self.subTest(way):
                session = self.open(private)
                session.expect("REST 1000", re.compile("350 .*"))
                self.assertTrue(content.startswith(self.shrink(session, private, 4096, content), 1000))
                session.quit()


class Replaced(faults.FaultTest):
    """FT5: a file whose name goes away while it is sent."""

    def test_ft5_old_inode(self):
        content = sample(LARGE)
        f, other = ALICE / "f", ALICE / "other"
        changes = {"unlinked": f.unlink, "replaced": lambda: os.replace(put(other, NEW), f),
                   "renamed": lambda: f.rename(other)}
        for way, private in self.ways:
            session = self.open(private)
            for kind in ("I", "A"):
                session.expect(f"TYPE {kind}", re.compile("200 .*"))
                wanted = content if kind == "I" else re.sub(rb"\r?\n", b"\r\n", content)
                for name, change in changes.items():
                    with self.subTest(way, kind=kind, change=name):
                        put(f, content)
                        data = self.begin(session, "RETR f")
                        change()
                        self.assert_same_bytes(self.read(data), wanted)
                        session.expect_reply(DONE)
            session.quit()


class Directories(faults.FaultTest):
    """FT6: a directory that is closed, moved or removed while a file is uploaded into it."""

    def setUp(self):
        super().setUp()
        self.place = give_directory(ALICE / "d")
        put(self.place / "f", OLD)

    def assert_fails(self, change, restore):
        for way, private in self.ways:
            for command in ("STOR d/f", "APPE d/f", "STOR d/new"):
                with self.subTest(way, command=command):
                    session = self.open(private)
                    begun = self.begin(session, command)
                    begun.sendall(NEW)
                    self.assertTrue(wait_until(lambda: self.drafts(self.place) and (
                        self.place / self.drafts(self.place)[0]).stat().st_size >= len(NEW), 5))
                    change()
                    self.end(session, begun, REFUSED)
                    hostile.HostileTest.assert_lives(self, session)
                    restore()
                    self.assertEqual([path.name for path in self.place.iterdir()
                                      if path.name not in self.drafts(self.place)], ["f"])
                    self.assert_same_bytes((self.place / "f").read_bytes(), OLD)
                    # What could not be removed goes when the directory is looked at a week later.
                    for name in self.drafts(self.place):
                        test_uploads.make_old(self.place / name, 8 * test_uploads.DAY)
                    session.list("LIST d")
                    self.assertEqual(self.drafts(self.place), [])
                    session.quit()

    def test_ft6_closed(self):
        self.assert_fails(lambda: self.place.chmod(0), lambda: self.place.chmod(0o755))

    def test_ft6_not_writable(self):
        self.assert_fails(lambda: self.place.chmod(0o555), lambda: self.place.chmod(0o755))

    def test_ft6_moved(self):
        other = ALICE / "elsewhere"
        self.assert_fails(lambda: self.place.rename(other), lambda: other.rename(self.place))

    def test_ft6_removed(self):
        def restore():
            give_directory(self.place)
            put(self.place / "f", OLD)
        self.assert_fails(lambda: shutil.rmtree(self.place), restore)

    def test_ft6_moved_with_the_session_in_it(self):
        """It is still the same place."""
        session = self.open(False)
        session.expect("CWD d", re.compile("250 .*"))
        data = self.send(session, "STOR f", NEW, self.place)
        self.place.rename(ALICE / "elsewhere")
        self.end(session, data)
        self.assert_same_bytes((ALICE / "elsewhere/f").read_bytes(), NEW)
        session.quit()


class ReadOnly(test_uploads.UploadTest):
    """FT7: a file system that becomes read-only under a session."""

    def remount(self, place, how):
        subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)

    def test_ft7_between_commands(self):
        place = self.mounted("tmpfs", "disk", 1 << 20)
        f = put(place / "f", OLD)
        session = self.login()
        session.expect("RNFR disk/f", re.compile("350 .*"))
        self.remount(place, "ro")
        session.expect("RNTO disk/g", re.compile("550 .*"))
        for command in ("STOR disk/f", "APPE disk/f", "STOR disk/new", "STOU disk/new"):
            with self.subTest(command):
                self.refused(session, command, 553)
        for command in ("DELE disk/f", "MKD disk/d", "SITE CHMOD 600 disk/f", "MFMT 20200101000000 disk/f"):
            with self.subTest(command):
                session.expect(command, re.compile("550 .*"))
        self.assert_same_bytes(session.retrieve("RETR disk/f"), OLD)
        self.assertEqual(list(place.iterdir()), [f])
        self.remount(place, "rw")
        session.store("STOR disk/f", NEW)
        self.assert_same_bytes(f.read_bytes(), NEW)
        session.quit()

    def test_ft7_in_an_upload(self):
        """As ext4 makes itself read-only when its disk fails: nothing can be written or removed any more."""
        place = self.mounted("ext4", "disk", 8 << 20)
        if not place:
            return
        f = put(place / "f", OLD)
        session = self.login()
        data = self.begin(session, "STOR disk/f", NEW)
        self.assertTrue(wait_until(lambda: any(path.stat().st_size == len(NEW)
                                               for path in test_uploads.drafts(place)), 5))
        self.remount(place, "abort")
        self.end(session, data, NEW, REFUSED)
        self.assert_same_bytes(f.read_bytes(), OLD)
        session.store("STOR other", NEW)
        session.quit()

    def test_ft7_before_the_end_of_an_upload(self):
        """All is written; the draft can neither have its name nor be removed."""
        place = self.mounted("tmpfs", "disk", 1 << 20)
        f = put(place / "f", OLD)
        session = self.login()
        data = self.begin(session, "STOR disk/f", NEW)
        self.assertTrue(wait_until(lambda: any(path.stat().st_size == len(NEW)
                                               for path in test_uploads.drafts(place)), 5))
        # A file that is open for writing keeps the file system writable, but not what is mounted over it.
        subprocess.run(["mount", "--bind", place, place], check=True)
        try:
            self.remount(place, "bind,ro")
            self.end(session, data, b"", REFUSED)
            self.assert_same_bytes(f.read_bytes(), OLD)
        finally:
            subprocess.run(["umount", place], check=True)
        for path in test_uploads.drafts(place):
            test_uploads.make_old(path, 8 * test_uploads.DAY)
        session.list("LIST disk")
        self.assertEqual(list(place.iterdir()), [f])
        session.quit()


class Full(faults.FaultTest):
    """FT1: what tests/client/test_uploads.py says of a full disk, for STOU, and with TLS."""

    def test_ft1_tmpfs(self):
        place = test_uploads.UploadTest.mounted(self, "tmpfs", "small", MIB)
        f = put(place / "f", OLD)
        for way, private in self.ways:
            session = self.open(private)
            for command in ("STOR small/f", "APPE small/f", "STOU small/f"):
                with self.subTest(way, command=command):
                    data = session.passive()
                    session.expect(command, BEGUN)
                    with data, contextlib.suppress(OSError):
                        session.give(data, sample(2 * MIB))
                    session.expect_reply(re.compile("452 .*"))
                    self.assert_same_bytes(f.read_bytes(), OLD)
                    self.assertEqual(list(place.iterdir()), [f])
            session.quit()


class Busy(faults.FaultTest):
    """FT23: files that can't be replaced or moved just now, or not from there to there."""

    def test_ft23_running_program(self):
        program = put(ALICE / "program", pathlib.Path("/bin/sleep").read_bytes(), mode=0o755)
        running = subprocess.Popen([program, "60"])
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        before = program.read_bytes()
        session = self.open(False)
        for command in ("STOR program", "APPE program"):
            with self.subTest(command), session.passive():
                session.expect(command, re.compile("450 .*"))
        self.assert_same_bytes(program.read_bytes(), before)
        self.assertEqual(self.drafts(), [])
        session.quit()

    def bind(self, source, target):
        subprocess.run(["mount", "--bind", source, target], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", target], check=True)

    def test_ft23_mounts(self):
        f, there = put(ALICE / "f", OLD), give_directory(ALICE / "there")
        other = give_directory(ALICE / "other")
        self.bind(put(ALICE / "source", OLD), f)
        self.bind(other, there)
        put(ALICE / "g", NEW)
        for way, private in self.ways:
            with self.subTest(way):
                session = self.open(private)
                # A file that is mounted on can't be replaced: it is written itself.
                data = self.begin(session, "STOR f")
                data.sendall(NEW)
                self.end(session, data)
                self.assert_same_bytes(f.read_bytes(), NEW)
                self.assertEqual(self.drafts(), [])
                for old, new in (("g", "there/g"), ("g", "f"), ("there", "elsewhere"), ("f", "h")):
                    session.expect(f"RNFR {old}", re.compile("350 .*"))
                    session.expect(f"RNTO {new}", REFUSED)
                session.expect("RMD there", REFUSED)
                session.expect("DELE f", REFUSED)
                self.assert_same_bytes((ALICE / "g").read_bytes(), NEW)
                self.assertEqual(list(other.iterdir()), [])
                session.quit()
