"""curl."""

import os
import re

import harness
from harness import ALICE, sample


class Curl(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.content = sample(1_234_567)
        harness.put(ALICE / "file.bin", self.content)

    def curl(self, *words, status=0):
        return self.run_client("curl", "-sS", "--max-time", "20", *words, status=status)

    def local(self, content, name="local.bin"):
        path = self.here / name
        path.write_bytes(content)
        return path

    def assert_download(self, *words, url=None, wanted=None):
        got = self.here / "got.bin"
        self.curl(*words, "-o", got, url or self.url("file.bin"))
        self.assert_same_bytes(got.read_bytes(), self.content if wanted is None else wanted)
        got.unlink()

    def assert_upload(self, *words, url=None):
        content = sample(777_777, b"up")
        self.curl(*words, "-T", self.local(content), url or self.url("up.bin"))
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), content)
        (ALICE / "up.bin").unlink()


class Transfers(Curl):

    WAYS = ([], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"],
            ["--ftp-method", "nocwd"], ["--ftp-method", "singlecwd"],
            ["--ftp-skip-pasv-ip"])

    def test_download(self):
        for way in self.WAYS:
            with self.subTest(way=way):
                self.assert_download(*way)

    def test_upload(self):
        for way in self.WAYS:
            with self.subTest(way=way):
                self.assert_upload(*way)

    def test_ipv6(self):
        server = self.serve(address="::1")
        for way in ([], ["-P", "-"]):
            with self.subTest(way=way):
                self.assert_download("-g", *way, url=self.url("file.bin", server=server))
                self.assert_upload("-g", *way, url=self.url("up.bin", server=server))

    def test_anonymous(self):
        self.assertEqual(self.curl(f"ftp://127.0.0.1:{self.server.port}/pub/hello.txt"), "hello\n")

    def test_absolute_path(self):
        self.assert_download(url=self.url("%2Fsrv/home/alice/file.bin"))

    def test_empty_file(self):
        harness.put(ALICE / "empty")
        self.assert_download(url=self.url("empty"), wanted=b"")
        self.curl("-T", self.local(b""), self.url("nothing"))
        self.assertEqual((ALICE / "nothing").read_bytes(), b"")

    def test_names(self):
        for name in ("two words", "Grüße ★", "a'quote", "#hash", "percent%41", "?what", "semi;colon",
                     "[brackets]", "{braces}", "-dash", "~tilde"):
            with self.subTest(name=name):
                content = name.encode() * 3
                harness.put(ALICE / name, content)
                quoted = "".join(f"%{byte:02X}" for byte in name.encode())
                self.assert_download(url=self.url(quoted), wanted=content)
                self.curl("-T", self.local(content), self.url("up-" + quoted))
                self.assert_same_bytes((ALICE / f"up-{name}").read_bytes(), content)

    def test_several_in_one_session(self):
        for number in range(5):
            harness.put(ALICE / f"d/{number}", b"%d" % number)
        self.assertEqual(self.curl(self.url("d/[0-4]")), "01234")
        self.assertEqual(len(self.server.lines()), 7, "one CONNECT, one login, five downloads")

    def test_ascii(self):
        server = self.serve("ascii_download_enable=YES\nascii_upload_enable=YES\n")
        harness.put(ALICE / "text", b"one\ntwo\n")
        self.assertEqual(self.curl("--use-ascii", self.url("text", server=server)), "one\ntwo\n")
        self.curl("--use-ascii", "-T", self.local(b"three\nfour\n"),
                  self.url("up", server=server))
        self.assertEqual((ALICE / "up").read_bytes(), b"three\nfour\n")


class Resume(Curl):

    def test_download(self):
        part = self.local(self.content[:500_000])
        self.curl("-C", "-", "-o", part, self.url("file.bin"))
        self.assert_same_bytes(part.read_bytes(), self.content)

    def test_complete_download(self):
        whole = self.local(self.content)
        self.curl("-C", "-", "-o", whole, self.url("file.bin"))
        self.assert_same_bytes(whole.read_bytes(), self.content)

    def test_upload(self):
        harness.put(ALICE / "up.bin", self.content[:400_000])
        self.curl("-C", "-", "-T", self.local(self.content), self.url("up.bin"))
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content)

    def test_append(self):
        harness.put(ALICE / "up.bin", b"before ")
        self.curl("-a", "-T", self.local(b"after"), self.url("up.bin"))
        self.assertEqual((ALICE / "up.bin").read_bytes(), b"before after")

    def test_ranges(self):
        size = len(self.content)
        for words, wanted in (("5-9", self.content[5:10]), ("0-0", self.content[:1]),
                              ("1000000-", self.content[1_000_000:]),
                              ("-17", self.content[size - 17:])):
            with self.subTest(range=words):
                self.assert_download("-r", words, wanted=wanted)


class Commands(Curl):

    def test_head(self):
        said = self.curl("-I", self.url("file.bin"))
        self.assertIn("Content-Length: 1234567", said)
        self.assertRegex(said, "Last-Modified: [A-Z][a-z][a-z], .* GMT")
        self.assertIn("Accept-ranges: bytes", said)

    def test_listing(self):
        harness.put(ALICE / "sub/inner")
        said = self.curl(self.url())
        self.assertRegex(said, re.compile(
            r"\A-rw-r--r-- +1 1801 +1801 +1234567 \w{3} \d\d \d\d:\d\d file\.bin\r?\n"
            r"drwxr-xr-x +2 1801 +1801 +\d+ \w{3} \d\d \d\d:\d\d sub\r?\n\Z"))
        self.assertEqual(self.curl("-l", self.url()).split(), ["file.bin", "sub"])
        self.assertEqual(self.curl("-l", self.url("sub/")).split(), ["inner"])

    def test_empty_listing(self):
        harness.give_directory(ALICE / "hollow")
        self.assertEqual(self.curl(self.url("hollow/")), "")

    def test_create_dirs(self):
        self.curl("--ftp-create-dirs", "-T", self.local(b"deep"), self.url("a/b%20c/d/leaf"))
        self.assertEqual((ALICE / "a/b c/d/leaf").read_bytes(), b"deep")
        self.curl("-T", self.local(b"deep"), self.url("no/such/leaf"), status=9)

    def test_quote(self):
        self.curl("-Q", "RNFR file.bin", "-Q", "RNTO moved.bin", self.url(), "-o", "/dev/null")
        self.assert_same_bytes((ALICE / "moved.bin").read_bytes(), self.content)
        self.curl("-Q", "MKD new dir", "-Q", "DELE moved.bin", self.url(), "-o", "/dev/null")
        self.assertEqual(harness.tree_of(ALICE), {"new dir": "directory"})
        self.curl("-Q", "-RMD new dir", self.url(), "-o", "/dev/null")
        self.assertEqual(harness.tree_of(ALICE), {})

    def test_time(self):
        os.utime(ALICE / "file.bin", (1_000_000_000, 1_000_000_000))
        got = self.here / "got.bin"
        self.curl("-R", "-o", got, self.url("file.bin"))
        self.assertEqual(got.stat().st_mtime, 1_000_000_000)
        self.assertEqual(self.curl("-z", "1 Jan 2020", self.url("file.bin")), "")

    def test_errors(self):
        self.curl(self.url("missing"), status=78)
        self.curl(self.url("missing/"), status=9)
        wrong = self.url().replace("secret", "wrong")
        self.curl(wrong, status=67)
        self.curl("-Q", "DELE missing", self.url(), status=21)
