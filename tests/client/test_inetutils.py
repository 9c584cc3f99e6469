"""inetutils-ftp."""

import harness
from harness import ALICE, sample


class Inetutils(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.content = sample(1_500_000)
        harness.put(ALICE / "file.bin", self.content)
        (self.here / "local.bin").write_bytes(self.content[::-1])

    def ftp(self, commands, *options, server=None, user="alice"):
        server = server or self.server
        login = f"user {user} {harness.PASSWORD[user]}\n"
        return self.run_client("inetutils-ftp", "-inv", *options, server.address, server.port,
                               commands=login + "binary\n" + commands + "bye\n", status=None)

    def whole_session(self, *options, server=None):
        said = self.ftp(
            "pwd\nget file.bin got.bin\nput local.bin up.bin\nmkdir new\nmkdir old\nrmdir old\n"
            "cd new\nput local.bin inner.bin\nrename inner.bin moved.bin\nappend local.bin moved.bin\n"
            "cdup\nls new listing.txt\ndir new dir.txt\nnlist new names.txt\nsize file.bin\n"
            "modtime file.bin\nchmod 640 up.bin\nsystem\nstatus\ndelete file.bin\n",
            *options, server=server)
        self.assert_same_bytes((self.here / "got.bin").read_bytes(), self.content)
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content[::-1])
        self.assert_same_bytes((ALICE / "new/moved.bin").read_bytes(), self.content[::-1] * 2)
        self.assertEqual((ALICE / "up.bin").stat().st_mode & 0o7777, 0o640, said)
        self.assertEqual(sorted(harness.tree_of(ALICE)), ["new", "new/moved.bin", "up.bin"], said)
        for name in ("listing.txt", "dir.txt"):
            self.assertRegex((self.here / name).read_text(),
                             r"\A-rw-r--r-- +1 1801 +1801 +3000000 .* moved\.bin\r?\n\Z")
        self.assertEqual((self.here / "names.txt").read_text().split(), ["new/moved.bin"])
        self.assertNotRegex(said, r"(?m)^(?:4|500|502|501|530|55[1-9])")

    def test_passive(self):
        self.whole_session("-p")

    def test_active(self):
        self.whole_session("-A")

    def test_ipv6(self):
        self.whole_session("-p", server=self.serve(address="::1"))

    def test_ipv6_active(self):
        self.whole_session("-A", server=self.serve(address="::1"))

    def test_active_without_eprt(self):
        """EPRT refused: it goes on with PORT."""
        self.whole_session("-A", server=self.serve("cmds_denied=EPRT\n"))

    def test_many(self):
        names = [f"{number:02}.dat" for number in range(18)]
        for name in names:
            (self.here / name).write_bytes(sample(3000, name.encode()))
        self.ftp("mkdir d\ncd d\nmput " + " ".join(names) + "\n", "-p")
        self.assertEqual(sorted(harness.tree_of(ALICE / "d")), names)
        for name in names:
            (self.here / name).rename(self.here / f"sent-{name}")
        self.ftp("cd d\nmget *.dat\nmdelete 0*.dat\n", "-p")
        for name in names:
            self.assert_same_bytes((self.here / name).read_bytes(), sample(3000, name.encode()))
        self.assertEqual(sorted(harness.tree_of(ALICE / "d")), names[10:])

    def test_names(self):
        """Names are bytes to it, in UTF-8 as in any other set."""
        names = ["zwei Wörter", "한글 ★", "a'quote", "percent%41", "#hash", "[brackets]", "semi;colon"]
        for name in names:
            (self.here / name).write_bytes(name.encode())
        self.ftp("mkdir \"Grüße ß\"\ncd \"Grüße ß\"\n" + "".join(
            f"put \"{name}\"\nget \"{name}\" \"back {name}\"\n" for name in names))
        self.assertEqual(sorted(harness.tree_of(ALICE / "Grüße ß")), sorted(names))
        for name in names:
            self.assertEqual((self.here / f"back {name}").read_bytes(), name.encode())

    def test_reget(self):
        (self.here / "file.bin").write_bytes(self.content[:500_000])
        self.ftp("reget file.bin\n", "-p")
        self.assert_same_bytes((self.here / "file.bin").read_bytes(), self.content)

    def test_unique_names(self):
        """sunique turns put into STOU."""
        self.ftp("sunique\nput local.bin file.bin\n", "-p")
        self.assert_same_bytes((ALICE / "file.bin").read_bytes(), self.content)
        others = [path for path in ALICE.iterdir() if path.name != "file.bin"]
        self.assertEqual(len(others), 1, others)
        self.assert_same_bytes(others[0].read_bytes(), self.content[::-1])

    def test_ascii(self):
        server = self.serve("ascii_download_enable=YES\nascii_upload_enable=YES\n")
        (self.here / "text").write_bytes(b"one\ntwo\n")
        self.ftp("ascii\nput text\nget text back\n", "-p", server=server)
        self.assertEqual((ALICE / "text").read_bytes(), b"one\ntwo\n")
        self.assertEqual((self.here / "back").read_bytes(), b"one\ntwo\n")
