"""wget."""

import os

import harness
from harness import ALICE, sample


class Wget(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.content = sample(1_500_000)
        harness.put(ALICE / "file.bin", self.content)

    def wget(self, *words, status=0):
        return self.run_client("wget", "-nv", "--tries=1", "--timeout=10", *words, status=status)

    def assert_got(self, name, content=None):
        self.assert_same_bytes((self.here / name).read_bytes(), content or self.content)

    def test_download(self):
        self.wget(self.url("file.bin"))
        self.assert_got("file.bin")

    def test_active(self):
        self.wget("--no-passive-ftp", self.url("file.bin"))
        self.assert_got("file.bin")

    def test_ipv6(self):
        server = self.serve(address="::1")
        self.wget(self.url("file.bin", server=server))
        self.wget("--no-passive-ftp", "-O", "again", self.url("file.bin", server=server))
        self.assert_got("file.bin")
        self.assert_got("again")

    def test_resume(self):
        (self.here / "file.bin").write_bytes(self.content[:600_000])
        self.wget("-c", self.url("file.bin"))
        self.assert_got("file.bin")

    def test_tree(self):
        harness.make_tree(ALICE / "tree", "alice")
        (ALICE / "tree/percent%41").unlink()  # wget decodes names of a listing a second time
        self.wget("-r", "-l", "10", "-nH", self.url("tree/"))
        for root in (ALICE / "tree", self.here / "tree"):
            for path in sorted(root.rglob("*"), reverse=True):
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()  # wget makes no directory without a file
        self.assert_same_tree(self.here / "tree", ALICE / "tree")

    def test_wildcard(self):
        for name in ("a.txt", "b.txt", "c.dat"):
            harness.put(ALICE / name, name.encode())
        self.wget(self.url("*.txt"))
        self.assertEqual(sorted(harness.tree_of(self.here)), ["a.txt", "b.txt"])

    def test_timestamps(self):
        os.utime(ALICE / "file.bin", (1_000_000_000, 1_000_000_000))
        self.wget("-N", self.url("file.bin"))
        self.assert_got("file.bin")
        day = 24 * 3600
        self.assertAlmostEqual((self.here / "file.bin").stat().st_mtime, 1_000_000_000, delta=day)
        before = len(self.server.lines("xferlog"))
        self.wget("-N", self.url("file.bin"))
        self.assertEqual(self.server.lines("xferlog")[before:], [])

    def test_anonymous(self):
        self.wget(f"ftp://127.0.0.1:{self.server.port}/pub/hello.txt")
        self.assert_got("hello.txt", b"hello\n")

    def test_errors(self):
        self.wget(self.url("missing"), status=8)
        self.wget(self.url("file.bin").replace("secret", "wrong"), status=6)
