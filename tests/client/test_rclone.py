"""rclone. It is always passive: there is no other way in it."""

import os
import re

import harness
from harness import ALICE, sample

OLD = 1_000_000_000  # the time of all files that are sent


def make_many(root):
    """200 files and more: every name, size and depth that the common tree has, and then some."""
    harness.make_tree(root, "root")
    for number in range(150):
        harness.put(root / f"many more/{number % 7} ★/{number:03} Wörter.dat",
                    sample(number * 131, b"%d" % number), "root")
    harness.put(root / ("deep d" + "/d" * 30) / "leaf", b"leaf", "root")
    for path in root.rglob("*"):
        os.utime(path, (OLD, OLD))
    return root


class Rclone(harness.FtpTest):

    def rclone(self, *words, server=None, **how):
        """Runs one command; a remote is :ftp:PATH. It keeps no configuration and tries once."""
        server = server or self.server
        host = f"[{server.address}]" if ":" in server.address else server.address
        if not hasattr(self, "password"):
            self.password = self.run_client("rclone", "obscure", harness.PASSWORD["alice"]).strip()
        return self.run_client(
            "rclone", "--config", "", "--retries", "1", "--low-level-retries", "1", "--contimeout",
            "10s", "--ftp-host", host, "--ftp-port", server.port, "--ftp-user", "alice",
            "--ftp-pass", self.password, *words, **how)

    def stored(self, server=None):
        """How many files have been stored so far."""
        lines = (server or self.server).lines("xferlog")
        return len([line for line in lines if " _ i " in line])


class Sync(Rclone):

    def test_tree(self):
        """Up, checked, up again with nothing to do, and down."""
        sent = make_many(self.here / "sent")
        files = sum(path.is_file() for path in sent.rglob("*"))
        self.assertGreater(files, 200)
        self.rclone("sync", "--create-empty-src-dirs", "--transfers", "8", "sent", ":ftp:up")
        self.assert_same_tree(ALICE / "up", sent)
        wrong = [str(path) for path in (ALICE / "up").rglob("*")
                 if path.is_file() and path.stat().st_mtime != OLD]
        self.assertEqual(wrong, [], "the times of files are kept")
        self.assertEqual(self.stored(), files)
        self.assertIn("0 differences found", self.rclone("check", "--download", "sent", ":ftp:up"))
        self.rclone("sync", "--create-empty-src-dirs", "--transfers", "8", "sent", ":ftp:up")
        self.assertEqual(self.stored(), files, "a second run has nothing to do")
        self.rclone("copy", "--create-empty-src-dirs", "--transfers", "8", ":ftp:up", "back")
        self.assert_same_tree(self.here / "back", sent)
        self.assertEqual((self.here / "back/plain.txt").stat().st_mtime, OLD)

    def test_changes(self):
        """What is new or newer is sent, what is gone is deleted."""
        sent = harness.make_tree(self.here / "sent", "root")
        self.rclone("sync", "sent", ":ftp:up")
        before = self.stored()
        (sent / "plain.txt").write_bytes(b"changed")
        (sent / "new ★").write_bytes(b"new")
        (sent / "two words.bin").unlink()
        self.rclone("sync", "--create-empty-src-dirs", "sent", ":ftp:up")
        self.assert_same_tree(ALICE / "up", sent)
        self.assertEqual(self.stored() - before, 2)

    def round_trip(self, *options, server=None):
        sent = harness.make_tree(self.here / "sent", "root")
        for path in sent.rglob("*"):
            os.utime(path, (OLD, OLD))
        self.rclone("copy", "--create-empty-src-dirs", *options, "sent", ":ftp:up", server=server)
        self.assert_same_tree(ALICE / "up", sent)
        self.rclone("copy", "--create-empty-src-dirs", *options, ":ftp:up", "back", server=server)
        self.assert_same_tree(self.here / "back", sent)

    def test_list_only(self):
        """Without MLSD the tree is what LIST says, hidden files as the server has it."""
        self.round_trip("--ftp-disable-mlsd", server=self.serve("force_dot_files=YES\n"))

    def test_pasv(self):
        server = self.serve("log_ftp_protocol=YES\n")
        self.round_trip("--ftp-disable-epsv", server=server)
        self.assertNotIn('"EPSV', server.log())

    def test_epsv_refused(self):
        """A server without EPSV makes it ask for PASV in the same session."""
        self.round_trip(server=self.serve("cmds_denied=EPSV\n"))

    def test_mdtm(self):
        """A server without MFMT has its times set by MDTM, if rclone is told to."""
        self.round_trip("--ftp-writing-mdtm", server=self.serve("cmds_denied=MFMT\n"))
        self.assertEqual((ALICE / "up/plain.txt").stat().st_mtime, OLD)

    def test_ipv6(self):
        self.round_trip(server=self.serve(address="::1"))


class Files(Rclone):

    def setUp(self):
        super().setUp()
        self.content = sample(6_000_000)
        harness.put(ALICE / "file.bin", self.content)

    def test_one_stream(self):
        """rclone 1.60 takes the 426 of a download that it breaks off itself for a failure: what it
        would fetch in several parts, beyond 250 MB unless told, it must fetch in one."""
        self.rclone("copy", "--multi-thread-cutoff", "1M", "--multi-thread-streams", "0",
                    ":ftp:file.bin", ".")
        self.assert_same_bytes((self.here / "file.bin").read_bytes(), self.content)

    def test_part(self):
        self.assertEqual(self.rclone("cat", "--offset", "256", "--count", "4", ":ftp:file.bin"),
                         "\r\n\r\n")

    def test_rcat(self):
        self.rclone("rcat", ":ftp:neu/Grüße ★", commands="from a pipe\n")
        self.assertEqual((ALICE / "neu/Grüße ★").read_bytes(), b"from a pipe\n")

    def test_moves(self):
        harness.put(ALICE / "a b/한글", b"inner")
        self.rclone("moveto", ":ftp:file.bin", ":ftp:new dir/deep/moved ★.bin")
        self.rclone("moveto", ":ftp:a b", ":ftp:c d")
        self.assertEqual(set(harness.tree_of(ALICE)),
                         {"new dir", "new dir/deep", "new dir/deep/moved ★.bin", "c d", "c d/한글"})
        self.assert_same_bytes((ALICE / "new dir/deep/moved ★.bin").read_bytes(), self.content)
        self.assertEqual(self.stored(), 0, "the server moves, nothing is copied")

    def test_deletions(self):
        harness.make_tree(ALICE / "tree", "alice")
        harness.make_tree(ALICE / "emptied", "alice")
        self.rclone("deletefile", ":ftp:file.bin")
        self.rclone("purge", ":ftp:tree")
        self.rclone("delete", "--rmdirs", ":ftp:emptied")
        self.rclone("mkdir", ":ftp:made/deep")
        self.rclone("rmdir", ":ftp:made/deep")
        left = harness.tree_of(ALICE)
        self.assertEqual({name: left[name] for name in left if "/" not in name},
                         {"emptied": "directory", "made": "directory"})
        self.assertFalse([name for name in left if left[name] != "directory"])

    def test_listings(self):
        harness.put(ALICE / "sub dir/Grüße", b"12345")
        harness.put(ALICE / ".hidden")
        harness.give_directory(ALICE / "hollow")
        os.utime(ALICE / "sub dir/Grüße", (OLD, OLD))
        self.assertEqual(sorted(self.rclone("lsf", ":ftp:").splitlines()),
                         [".hidden", "file.bin", "hollow/", "sub dir/"])
        self.assertEqual(self.rclone("lsf", ":ftp:hollow"), "")
        said = self.rclone("lsf", "-R", "--format", "pst", "--files-only", ":ftp:sub dir")
        self.assertRegex(said, re.compile(r"\AGrüße;5;2001-09-09 01:46:40\n\Z"))

    def test_touch(self):
        self.rclone("touch", "--timestamp", "2001-09-09T01:46:40", ":ftp:file.bin")
        self.assertEqual((ALICE / "file.bin").stat().st_mtime, OLD)

    def test_errors(self):
        self.assertIn("directory not found", self.rclone("lsf", ":ftp:missing", status=3))
        self.password = self.run_client("rclone", "obscure", "wrong").strip()
        self.assertIn("530 Login incorrect", self.rclone("lsf", ":ftp:", status=1))
