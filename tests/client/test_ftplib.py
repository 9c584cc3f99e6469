"""Python's ftplib: every method, one by one."""

import contextlib
import ftplib
import io
import re
import time

import harness
from harness import ALICE, sample


class Ftplib(harness.FtpTest):

    passive = True
    options = "ascii_download_enable=YES\nascii_upload_enable=YES\n"

    def setUp(self):
        super().setUp()
        self.content = sample(900_000)
        harness.put(ALICE / "file.bin", self.content)
        self.ftp = self.open()

    def open(self, user="alice"):
        ftp = ftplib.FTP(timeout=10)
        self.greeting = ftp.connect(self.server.address, self.server.port)
        self.addCleanup(ftp.close)
        ftp.login(user, harness.PASSWORD[user])
        ftp.set_pasv(self.passive)
        return ftp

    def fetch(self, command, rest=None):
        got = io.BytesIO()
        self.assertEqual(self.ftp.retrbinary(command, got.write, rest=rest),
                         "226 Transfer complete.")
        return got.getvalue()

    def end(self):
        self.assertEqual(self.ftp.quit(), "221 Goodbye.")

    def test_binary(self):
        self.assertRegex(self.greeting, "^220 ")
        self.assertEqual(self.ftp.getwelcome(), self.greeting)
        self.assert_same_bytes(self.fetch("RETR file.bin"), self.content)
        said = self.ftp.storbinary("STOR up.bin", io.BytesIO(self.content[::-1]))
        self.assertEqual(said, "226 Transfer complete.")
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content[::-1])
        self.end()

    def test_restart(self):
        self.assert_same_bytes(self.fetch("RETR file.bin", rest=654_321), self.content[654_321:])
        self.assert_same_bytes(self.fetch("RETR file.bin"), self.content)
        self.ftp.storbinary("STOR file.bin", io.BytesIO(b"tail"), rest=899_990)
        self.assert_same_bytes((ALICE / "file.bin").read_bytes(),
                               self.content[:899_990] + b"tail" + self.content[899_994:])
        self.ftp.storbinary("APPE file.bin", io.BytesIO(b"more"))
        self.assertEqual((ALICE / "file.bin").stat().st_size, 900_004)
        self.end()

    def test_lines(self):
        self.ftp.storlines("STOR text", io.BytesIO(b"one\ntwo\n\nfour\n"))
        self.assertEqual((ALICE / "text").read_bytes(), b"one\ntwo\n\nfour\n")
        lines = []
        self.ftp.retrlines("RETR text", lines.append)
        self.assertEqual(lines, ["one", "two", "", "four"])
        self.ftp.voidcmd("TYPE A")
        with self.ftp.transfercmd("RETR text") as data:
            self.assertEqual(data.makefile("rb").read(), b"one\r\ntwo\r\n\r\nfour\r\n")
        self.ftp.voidresp()
        self.end()

    def test_listings(self):
        harness.put(ALICE / "sub/inner file", b"x")
        self.assertEqual(sorted(self.ftp.nlst()), ["file.bin", "sub"])
        self.assertEqual(self.ftp.nlst("sub"), ["sub/inner file"])
        lines = []
        self.ftp.dir(lines.append)
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^-rw-r--r-- +1 1801 +1801 +900000 \w{3} \d\d \d\d:\d\d file\.bin$")
        self.assertRegex(lines[1], r"^drwxr-xr-x +\d+ 1801 +1801 +\d+ \w{3} \d\d \d\d:\d\d sub$")
        lines = []
        self.ftp.dir("sub", lines.append)
        self.assertRegex(lines[0], r" inner file$")
        self.end()

    def test_directories(self):
        self.assertEqual(self.ftp.pwd(), "/srv/home/alice")
        self.assertEqual(self.ftp.mkd('say "hi"'), '/srv/home/alice/say "hi"')
        self.assertEqual(self.ftp.cwd('say "hi"'), "250 Directory successfully changed.")
        self.assertEqual(self.ftp.pwd(), '/srv/home/alice/say "hi"')
        self.ftp.cwd("..")
        self.assertEqual(self.ftp.pwd(), "/srv/home/alice")
        self.assertRegex(self.ftp.rmd('say "hi"'), "^250 ")
        self.assertRegex(self.ftp.rename("file.bin", "moved.bin"), "^250 ")
        self.ftp.voidcmd("TYPE I")
        self.assertEqual(self.ftp.size("moved.bin"), 900_000)
        self.assertRegex(self.ftp.sendcmd("MDTM moved.bin"), r"^213 \d{14}(\.\d{3})?$")
        self.assertRegex(self.ftp.delete("moved.bin"), "^250 ")
        self.assertEqual(harness.tree_of(ALICE), {})
        self.end()

    def test_errors(self):
        for call, code in ((lambda: self.ftp.size("none"), "550"),
                           (lambda: self.ftp.delete("none"), "550"),
                           (lambda: self.ftp.cwd("none"), "550 Failed to change directory."),
                           (lambda: self.ftp.rmd("none"), "550"),
                           (lambda: self.ftp.mkd("file.bin"), "550"),
                           (lambda: self.ftp.rename("none", "some"), "550"),
                           (lambda: self.fetch("RETR none"), "550 Failed to open file."),
                           (lambda: self.ftp.sendcmd("XYZZY"), "500 Unknown command."),
                           (lambda: self.ftp.storbinary("STOR no/such", io.BytesIO(b"")),
                            "553 Could not create file.")):
            with self.subTest(code=code):
                with self.assertRaisesRegex(ftplib.error_perm, "^" + re.escape(code)):
                    call()
        self.assertRegex(self.ftp.voidcmd("NOOP"), "^200 ")
        self.end()

    def test_sendcmd(self):
        self.assertEqual(self.ftp.sendcmd("SYST"), "215 UNIX Type: L8")
        self.assertRegex(self.ftp.sendcmd("FEAT"), re.compile("211-Features:\n( .*\n)+211 End"))
        self.assertRegex(self.ftp.sendcmd("STAT"), re.compile("211-(.*\n)+211 .*"))
        self.assertRegex(self.ftp.sendcmd("HELP"), re.compile("214-(.*\n)+214 .*"))
        self.assertEqual(self.ftp.sendcmd("OPTS UTF8 ON"), "200 Always in UTF8 mode.")
        self.end()

    def test_ntransfercmd(self):
        self.ftp.voidcmd("TYPE I")
        data, size = self.ftp.ntransfercmd("RETR file.bin")
        with data:
            self.assertEqual(size, 900_000)
            got = data.makefile("rb").read()
        self.ftp.voidresp()
        self.assert_same_bytes(got, self.content)
        self.end()

    def test_abort_in_transfer(self):
        """abort() sends ABOR as urgent data and takes 426, 225 or 226; then 226 or 225 is left."""
        harness.put(ALICE / "huge.bin", b"")
        with open(ALICE / "huge.bin", "r+b") as huge:
            huge.truncate(1 << 30)
        self.ftp.voidcmd("TYPE I")
        data = self.ftp.transfercmd("RETR huge.bin")
        data.recv(100_000)
        started = time.monotonic()
        self.assertRegex(self.ftp.abort(), "^426 ")
        self.assertLess(time.monotonic() - started, 2)
        self.assertRegex(self.ftp.getmultiline(), "^226 |^225 ")
        data.close()
        self.assertRegex(self.ftp.voidcmd("NOOP"), "^200 ")
        self.assert_same_bytes(self.fetch("RETR file.bin"), self.content)
        self.end()

    def test_abort_without_transfer(self):
        self.assertEqual(self.ftp.abort(), "225 No transfer to ABOR.")
        self.end()

    def test_abandoned_transfer(self):
        """Closing the data connection early costs one reply, and the session goes on."""
        harness.put(ALICE / "huge.bin", b"")
        with open(ALICE / "huge.bin", "r+b") as huge:
            huge.truncate(1 << 30)
        self.ftp.voidcmd("TYPE I")
        data = self.ftp.transfercmd("RETR huge.bin")
        data.recv(100_000)
        data.close()
        with self.assertRaisesRegex(ftplib.error_temp, "^426 "):
            self.ftp.voidresp()
        self.assert_same_bytes(self.fetch("RETR file.bin"), self.content)
        self.end()

    def test_anonymous(self):
        with contextlib.closing(self.open("ftp")) as ftp:
            self.assertEqual(ftp.pwd(), "/")
            self.assertEqual(ftp.nlst("pub"), ["pub/hello.txt"])
            with self.assertRaisesRegex(ftplib.error_perm, "^550 Permission denied."):
                ftp.storbinary("STOR incoming/no", io.BytesIO(b""))
        self.end()


class Active(Ftplib):
    passive = False


class Ipv6(Ftplib):
    address = "::1"


class Ipv6Active(Ftplib):
    address = "::1"
    passive = False
