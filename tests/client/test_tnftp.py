"""tnftp, which is FreeBSD's and macOS's ftp."""

import harness
from harness import ALICE, sample


class Tnftp(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.content = sample(1_500_000)
        harness.put(ALICE / "file.bin", self.content)
        (self.here / "local.bin").write_bytes(self.content[::-1])

    def tnftp(self, commands, *options, server=None, user="alice"):
        server = server or self.server
        login = f"user {user} {harness.PASSWORD[user]}\n"
        return self.run_client("tnftp", "-inV", *options, server.address, server.port,
                               commands=login + "binary\n" + commands + "bye\n", status=None)


class Sessions(Tnftp):

    def whole_session(self, *options, server=None):
        said = self.tnftp(
            "get file.bin got.bin\nput local.bin up.bin\nmkdir new\ncd new\n"
            "put local.bin inner.bin\nrename inner.bin moved.bin\ncd ..\n"
            "size file.bin\nmodtime file.bin\nchmod 640 up.bin\nls new listing.txt\n"
            "nlist . names.txt\ndelete file.bin\n", *options, server=server)
        self.assert_same_bytes((self.here / "got.bin").read_bytes(), self.content)
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content[::-1])
        self.assertEqual((ALICE / "up.bin").stat().st_mode & 0o7777, 0o640, said)
        self.assertEqual(sorted(harness.tree_of(ALICE)), ["new", "new/moved.bin", "up.bin"], said)
        self.assertIn("file.bin\t1500000", said)
        self.assertRegex((self.here / "listing.txt").read_text(),
                         r"\A-rw-r--r-- +1 1801 +1801 +1500000 .* moved\.bin\r?\n\Z")
        self.assertEqual(sorted((self.here / "names.txt").read_text().split()),
                         ["file.bin", "new", "up.bin"])

    def test_passive(self):
        self.whole_session("-p")

    def test_active(self):
        self.whole_session("-A")

    def test_ipv6(self):
        self.whole_session("-p", server=self.serve(address="::1"))

    def test_ipv6_active(self):
        self.whole_session("-A", server=self.serve(address="::1"))

    def test_pasv_after_epsv_is_refused(self):
        """A server without EPSV makes it fall back to PASV in the same session."""
        self.whole_session("-p", server=self.serve("cmds_denied=EPSV\n"))


class Files(Tnftp):

    def test_many(self):
        names = [f"{number:02}.dat" for number in range(25)]
        for name in names:
            (self.here / name).write_bytes(sample(3000, name.encode()))
        self.tnftp("mkdir d\ncd d\nmput *.dat\n")
        self.assertEqual(sorted(harness.tree_of(ALICE / "d")), names)
        for name in names:
            (self.here / name).rename(self.here / f"sent-{name}")
        self.tnftp("cd d\nmget *\nmdelete 0*\n")
        for name in names:
            self.assert_same_bytes((self.here / name).read_bytes(), sample(3000, name.encode()))
        self.assertEqual(sorted(harness.tree_of(ALICE / "d")), names[10:])

    def test_names(self):
        """Names are bytes to it, in UTF-8 as in any other set."""
        names = ["zwei Wörter", "한글 ★", "a'quote", "percent%41", "#hash", "[brackets]", "semi;colon"]
        for name in names:
            (self.here / name).write_bytes(name.encode())
        self.tnftp("mkdir \"Grüße ß\"\ncd \"Grüße ß\"\n" + "".join(
            f"put \"{name}\"\nget \"{name}\" \"back {name}\"\n" for name in names))
        self.assertEqual(sorted(harness.tree_of(ALICE / "Grüße ß")), sorted(names))
        for name in names:
            self.assertEqual((self.here / f"back {name}").read_bytes(), name.encode())

    def test_machine_listings(self):
        """MLSD and MLST, and OPTS MLST by which it chooses facts."""
        said = self.tnftp("features\nremopts MLST size;type;\nmlst file.bin\nmlsd .\n")
        self.assertIn(" MLST type*;size*;", said)
        self.assertRegex(said, r"(?m)^250-.*\n type=file;size=1500000; .*file\.bin\n250 ")
        self.assertRegex(said, r"(?m)^type=file;size=1500000; file\.bin\r?$")

    def test_reget(self):
        (self.here / "file.bin").write_bytes(self.content[:500_000])
        self.tnftp("reget file.bin\n")
        self.assert_same_bytes((self.here / "file.bin").read_bytes(), self.content)

    def test_append(self):
        self.tnftp("append local.bin file.bin\n")
        self.assert_same_bytes((ALICE / "file.bin").read_bytes(), self.content + self.content[::-1])

    def test_url(self):
        self.run_client("tnftp", "-V", "-o", "got.bin", self.url("file.bin"))
        self.assert_same_bytes((self.here / "got.bin").read_bytes(), self.content)

    def test_upload_url(self):
        self.run_client("tnftp", "-V", "-u", self.url("up.bin"), "local.bin")
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content[::-1])

    def test_ascii(self):
        server = self.serve("ascii_download_enable=YES\nascii_upload_enable=YES\n")
        (self.here / "text").write_bytes(b"one\ntwo\n")
        self.tnftp("ascii\nput text\nget text back\n", server=server)
        self.assertEqual((ALICE / "text").read_bytes(), b"one\ntwo\n")
        self.assertEqual((self.here / "back").read_bytes(), b"one\ntwo\n")

    def test_anonymous(self):
        self.tnftp("cd pub\nget hello.txt\n", user="ftp")
        self.assertEqual((self.here / "hello.txt").read_bytes(), b"hello\n")
