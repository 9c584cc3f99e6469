"""Uploads beside other users, other clients and other files: whose they are, and whom they cost something."""

import os
import re
import struct

import harness
from harness import ALICE
from test_uploads import DAY, NEW, OLD, Tracer, UploadTest, drafts, make_old


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
