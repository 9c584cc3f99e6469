"""Uploads beside other users, other clients and other files: whose they are, and whom they cost something."""

import os
import re
import struct
import subprocess

import harness
from harness import ALICE, ANONYMOUS
from test_uploads import BEGUN, DAY, DONE, NEW, OLD, Tracer, UploadTest, drafts, make_old

GIVES = """\
anon_root=/srv/ftp
anon_upload_enable=YES
chown_uploads=YES
chown_username=bob
"""


class Walls(UploadTest):

    def test_only_uploads(self):
        """Where nothing may be downloaded, Landlock lets nothing be opened for reading."""
        session = self.login(server=self.serve("download_enable=NO\n"))
        session.store("STOR f", OLD)
        session.store("STOR f", NEW)
        self.interrupt(session, "STOR g", NEW[:1000])
        session.expect("TYPE I", re.compile("200 .*"))
        session.expect("SIZE g", "213 1000")
        session.store("APPE g", NEW[1000:])
        session.quit()
        for name in ("f", "g"):
            self.assert_same_bytes((ALICE / name).read_bytes(), NEW)

    def test_only_given_away(self):
        """The filter lets anonymous uploads be given to one user, and no old file have its group."""
        f = harness.put(ANONYMOUS / "incoming/f", OLD, "ftp")
        os.chown(f, -1, 1890)
        was = f.stat()
        session = self.login("ftp", self.serve(GIVES + "anon_other_write_enable=YES\n"))
        session.store("STOR incoming/f", NEW)
        session.store("STOR incoming/new", NEW)
        session.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)
        now, new = f.stat(), (ANONYMOUS / "incoming/new").stat()
        self.assertEqual((now.st_uid, now.st_gid, now.st_mode), (was.st_uid, was.st_gid, was.st_mode))
        self.assertEqual((new.st_uid, new.st_gid, new.st_mode & 0o777), (1802, 1802, 0o600))

    def test_killed_before_given_away(self):
        """What was to be given away is still the anonymous user's to remove."""
        server = self.serve(GIVES)
        incoming = ANONYMOUS / "incoming"
        session = self.login("ftp", server)
        self.begin(session, "STOR incoming/f", NEW[:1000])
        self.assertTrue(harness.wait_until(lambda: [path.stat().st_size for path in drafts(incoming)] == [1000], 5))
        pid = self.session_pid(server)
        os.kill(pid, 9)
        self.assert_gone(pid)
        make_old(drafts(incoming)[0], 2 * 60)
        session = self.login("ftp", server)
        session.list("LIST -a incoming")
        session.quit()
        self.assertEqual(list(incoming.iterdir()), [])


class Shared(UploadTest):
    """A directory in which others write, too."""

    def test_kept_by_another(self):
        place = harness.give_directory(ALICE / "shared", mode=0o777)
        session = self.login()
        self.interrupt(session, "STOR shared/f", NEW[:1000], place)
        session.quit()
        kept = drafts(place)
        session = self.login("bob")
        session.expect(f"DELE {place}/f", re.compile("550 .*"))
        session.store(f"STOR {place}/f", OLD)
        session.quit()
        self.assertEqual(drafts(place), kept)


class Rights(UploadTest):
    """What replaces a file is for the same people."""

    def test_default_list(self):
        """What a directory grants on new files is not granted on old ones."""
        place = self.mounted("ext4", "ext4", 8 << 20) or self.mounted("tmpfs", "tmpfs", 8 << 20)
        entries = ((1, 7, -1), (2, 6, 1802), (4, 5, -1), (0x10, 7, -1), (0x20, 5, -1))
        os.setxattr(place, "system.posix_acl_default",
                    struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries))
        f = harness.put(place / "f", OLD)
        os.removexattr(f, "system.posix_acl_access")
        f.chmod(0o642)
        session = self.login()
        was = f.stat()
        session.store(f"STOR {place.name}/f", NEW)
        self.assertNotEqual(f.stat().st_ino, was.st_ino)
        self.assertNotIn("system.posix_acl_access", os.listxattr(f))
        self.assertEqual(f.stat().st_mode & 0o777, 0o642)
        session.store(f"STOR {place.name}/new", NEW)
        self.assertIn("system.posix_acl_access", os.listxattr(place / "new"))
        session.quit()

    def test_never_wider(self):
        """Who opens a file keeps it open: it is closed to others until it is like the old one."""
        harness.put(ALICE / "f", OLD, mode=0o640)
        session = self.login()
        tracer = Tracer(self.session_pid(), self.here / "trace", "-e", "trace=open,openat,fchmod")
        session.store("STOR f", NEW)
        session.close()
        calls = [f"{name} {rest}" for name, rest in tracer.calls()]
        made, = (text for text in calls if ".soloftpd-" in text)
        self.assertIn("O_EXCL", made)
        self.assertRegex(made, r", 0600\) ")
        self.assertEqual((ALICE / "f").stat().st_mode & 0o777, 0o640)


class Names(UploadTest):
    """Those of drafts are not a client's, and vsftpd has none."""

    def test_reserved(self):
        """What would neither be shown nor stay is not taken."""
        mine = harness.put(ALICE / "mine", OLD)
        session = self.login()
        for command in ("STOR .soloftpd-x", "APPE d/.soloftpd-part-x", "STOU .soloftpd-x"):
            self.refused(session, command, 550)
        session.expect("MKD .soloftpd-x", "550 Permission denied.")
        session.expect("RNFR mine", re.compile("350 .*"))
        session.expect("RNTO .soloftpd-x", "550 Permission denied.")
        session.store("STOR soloftpd-x", NEW)
        session.quit()
        self.assertEqual(drafts(), [])
        self.assertTrue(mine.exists())

    def test_in_place(self):
        """Without drafts, names that look like theirs are as others."""
        session = self.login(server=self.serve("upload_atomic=NO\n"))
        session.expect("MKD d", re.compile("257 .*"))
        session.store("STOR d/.soloftpd-mine", NEW)
        path = ALICE / "d/.soloftpd-mine"
        make_old(path, 30 * DAY)
        for command in ("LIST -a d", "MLSD d", "NLST -a d"):
            self.assertIn(".soloftpd-mine", session.list(command))
        session.expect("RMD d", re.compile("550 .*"))
        session.quit()
        self.assert_same_bytes(path.read_bytes(), NEW)


class Removed(UploadTest):

    def test_directory_that_stays(self):
        """It is refused for its files, and keeps what was kept."""
        harness.put(ALICE / "d/f", OLD)
        session = self.login()
        self.interrupt(session, "STOR d/g", NEW[:1000], ALICE / "d")
        session.expect("RMD d", re.compile("550 .*"))
        session.expect("TYPE I", re.compile("200 .*"))
        session.expect("SIZE d/g", "213 1000")
        session.expect("DELE d/f", re.compile("250 .*"))
        session.expect("RMD d", re.compile("250 .*"))
        session.quit()


class Overtaken(UploadTest):
    """What was kept for a name that has got another content since."""

    def assert_size(self, session, size):
        session.expect("TYPE I", re.compile("200 .*"))
        session.expect("SIZE f", f"213 {size}")

    def test_renamed(self):
        session = self.login()
        self.interrupt(session, "STOR f", NEW[:1000])
        session.store("STOR g", OLD)
        make_old(ALICE / "g", DAY)
        session.expect("RNFR g", re.compile("350 .*"))
        session.expect("RNTO f", re.compile("250 .*"))
        self.assert_size(session, len(OLD))
        session.quit()
        self.assertEqual(drafts(), [])

    def test_written(self):
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        self.interrupt(session, "STOR f", NEW[:1000])
        self.assert_size(session, 1000)
        f.write_bytes(OLD + OLD)
        self.assert_size(session, 2 * len(OLD))
        session.store("APPE f", NEW)
        session.quit()
        self.assert_same_bytes(f.read_bytes(), OLD + OLD + NEW)
        self.assertEqual(drafts(), [])


class Known(UploadTest):
    """What was kept is gone on with by who knows of it, or not at all."""

    def interrupted(self, session):
        session.expect("TYPE I", re.compile("200 .*"))
        self.interrupt(session, "STOR f", NEW[:4000])
        session.expect("SIZE f", "213 4000")

    def test_asked_long_ago(self):
        """A client with a queue asks about all of it first."""
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        self.interrupted(session)
        session.expect("SIZE g", re.compile("550 .*"))
        session.expect("REST 4000", re.compile("350 .*"))
        session.store("STOR f", NEW[4000:])
        session.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)

    def test_taken(self):
        """Another session goes on with it just now."""
        first, second = self.login(), self.login()
        self.interrupted(first)
        second.expect("TYPE I", re.compile("200 .*"))
        second.expect("SIZE f", "213 4000")
        first.expect("REST 4000", re.compile("350 .*"))
        data = self.begin(first, "STOR f", b"")
        second.expect("REST 4000", re.compile("350 .*"))
        self.refused(second, "STOR f", 450)
        self.end(first, data, NEW[4000:])
        first.quit()
        second.quit()
        self.assert_same_bytes((ALICE / "f").read_bytes(), NEW)

    def test_not_writable(self):
        """What can't be gone on with is not told of."""
        session = self.login(server=self.serve("local_umask=0222\n"))
        session.expect("TYPE I", re.compile("200 .*"))
        self.interrupt(session, "STOR f", NEW[:4000])
        session.expect("SIZE f", re.compile("550 .*"))
        session.store("STOR f", NEW)
        session.quit()
        self.assert_same_bytes((ALICE / "f").read_bytes(), NEW)
        self.assertEqual(drafts(), [])


class Added(UploadTest):
    """What is added to a file costs nobody what somebody else has added to it."""

    def test_two_clients(self):
        f = harness.put(ALICE / "f", OLD)
        first, second = self.login(), self.login()
        data = self.begin(first, "APPE f", b"first")
        self.refused(second, "APPE f", 450)
        self.end(first, data)
        second.store("APPE f", b"second")
        first.quit()
        second.quit()
        self.assert_same_bytes(f.read_bytes(), OLD + b"first" + b"second")

    def test_end_of_another_file(self):
        """A client whose connection is lost comes back before the server knows: it must not add to the old file what
        belongs to the new one. Others may read, and write a whole one."""
        f = harness.put(ALICE / "f", OLD)
        first, second = self.login(), self.login()
        data = self.begin(first, "STOR f", NEW[:4000])
        second.expect("TYPE I", re.compile("200 .*"))
        second.expect("SIZE f", f"213 {len(OLD)}")
        second.expect(f"REST {len(OLD)}", re.compile("350 .*"))
        self.refused(second, "STOR f", 450)
        self.refused(second, "APPE f", 450)
        self.assert_same_bytes(second.retrieve("RETR f"), OLD)
        first.close()
        data.close()
        self.assertTrue(harness.wait_until(lambda: len(self.server.sessions()) == 1, 2))
        second.expect("SIZE f", "213 4000")
        second.store("APPE f", NEW[4000:])
        second.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)

    def test_program(self):
        """A log that goes on; a file that another took the place of."""
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        data = self.begin(session, "APPE f", b"client")
        with f.open("ab") as file:
            file.write(b"program")
        self.end(session, data, done=re.compile("451 .*"))
        self.assert_same_bytes(f.read_bytes(), OLD + b"program")
        data = self.begin(session, "APPE f", b"client")
        harness.put(ALICE / "g", NEW).rename(f)
        self.end(session, data, done=re.compile("451 .*"))
        self.assert_same_bytes(f.read_bytes(), NEW)
        session.store("APPE f", b"client")
        self.assert_same_bytes(f.read_bytes(), NEW + b"client")
        session.quit()
        self.assertEqual(drafts(), [])


class Places(UploadTest):
    """Names that lead elsewhere, or can't be taken."""

    def test_mounted_on(self):
        real, f = harness.put(ALICE / "real", OLD), harness.put(ALICE / "f")
        subprocess.run(["mount", "--bind", real, f], check=True)
        self.addCleanup(subprocess.run, ["umount", f], check=True)
        session = self.login()
        session.store("STOR f", NEW)
        session.store("APPE f", OLD)
        session.quit()
        self.assert_same_bytes(real.read_bytes(), NEW + OLD)
        self.assertEqual(drafts(), [])

    def test_slash(self):
        session = self.login()
        self.refused(session, "STOR f/", 553)
        session.quit()
        self.assertEqual(list(ALICE.iterdir()), [])

    def test_resumed_through_a_link(self):
        """A client that is told the old size would put the end of the new content behind the old."""
        f = harness.put(ALICE / "d/f", OLD)
        (ALICE / "link").symlink_to("d/f")
        session = self.login()
        self.interrupt(session, "STOR link", NEW[:4000], ALICE / "d")
        session.quit()
        local = self.here / "link"
        local.write_bytes(NEW)
        self.run_client("curl", "-sS", "-C", "-", "-T", local, self.url("link"))
        self.assert_same_bytes(f.read_bytes(), NEW)
        self.assertEqual(drafts(ALICE / "d"), [])

    def test_links_of_others(self):
        """In a directory like /tmp, others' links and files are followed and written as the system would have it."""
        place = harness.give_directory(ALICE / "place", "root", 0o1777)
        mine = harness.put(ALICE / "mine", OLD)
        for name, target in (("link", "../mine"), ("loose", "../new")):
            (place / name).symlink_to(target)
            harness.give(place / name, "bob")
        harness.put(place / "theirs", OLD, "bob", 0o666)
        session = self.login()
        links, files = (open(f"/proc/sys/fs/protected_{kind}").read() != "0\n" for kind in ("symlinks", "regular"))
        for name, refused in (("link", links), ("loose", links), ("theirs", files)):
            with self.subTest(name):
                if refused:
                    self.refused(session, f"STOR place/{name}", 553)
                else:
                    session.store(f"STOR place/{name}", NEW)
        session.quit()
        self.assert_same_bytes(mine.read_bytes(), OLD if links else NEW)
        self.assertEqual((ALICE / "new").exists(), not links)
        self.assert_same_bytes((place / "theirs").read_bytes(), OLD if files else NEW)


class Dated(UploadTest):

    def test_time_to_come(self):
        """The date that a client has given the old file does not make it newer than what came since."""
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        session.expect("MFMT 20370101000000 f", re.compile("213 .*"))
        session.expect("TYPE I", re.compile("200 .*"))
        self.interrupt(session, "STOR f", NEW[:4000])
        session.expect("SIZE f", "213 4000")
        session.store("APPE f", NEW[4000:])
        session.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)


class Killed(UploadTest):

    def test_gone_on_with(self):
        """A client that is told the size of the old file, behind which it puts the end of its own, has made neither."""
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        self.begin(session, "STOR f", NEW[:4000])
        self.assertTrue(harness.wait_until(lambda: [path.stat().st_size for path in drafts()] == [4000], 5))
        pid = self.session_pid()
        os.kill(pid, 9)
        self.assert_gone(pid)
        local = self.here / "f"
        local.write_bytes(NEW)
        self.run_client("curl", "-sS", "-C", "-", "-T", local, self.url("f"), status=None)
        self.assert_same_bytes(f.read_bytes(), NEW)
        self.assertEqual(drafts(), [])

    def test_twice(self):
        """What an earlier try left is not mistaken for what this one did."""
        f = harness.put(ALICE / "f", OLD)
        session = self.login()
        self.interrupt(session, "STOR f", OLD[1000:2000])
        self.begin(session, "STOR f", NEW[:4000])
        self.assertTrue(harness.wait_until(lambda: [path.stat().st_size for path in drafts()] == [4000], 5))
        pid = self.session_pid()
        os.kill(pid, 9)
        self.assert_gone(pid)
        session = self.login()
        session.expect("TYPE I", re.compile("200 .*"))
        session.expect("SIZE f", "213 4000")
        session.expect("REST 4000", re.compile("350 .*"))
        session.store("STOR f", NEW[4000:])
        session.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)
        self.assertEqual(drafts(), [])

    def test_still_written(self):
        """A client that comes back before its lost connection has been noticed."""
        f = harness.put(ALICE / "f", OLD)
        first, second = self.login(), self.login()
        data = self.begin(first, "STOR f", NEW[:4000])
        self.assertTrue(harness.wait_until(lambda: [path.stat().st_size for path in drafts()] == [4000], 5))
        second.expect("TYPE I", re.compile("200 .*"))
        second.expect("SIZE f", f"213 {len(OLD)}")
        second.expect(f"REST {len(OLD)}", re.compile("350 .*"))
        self.refused(second, "STOR f", 450)
        second.expect("DELE f", re.compile("250 .*"))
        self.end(first, data, NEW[4000:])
        first.quit()
        second.quit()
        self.assert_same_bytes(f.read_bytes(), NEW)
        self.assertEqual(drafts(), [])
