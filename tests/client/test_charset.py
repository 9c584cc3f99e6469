"""client_charset: clients that have not asked for UTF-8 see and send names in CP949, while the disk
has UTF-8."""

import ftplib
import io
import re

import harness
from harness import ALICE, sample

DIRECTORY = "자료 모음"
FILE = "한글 문서 ★.txt"
OTHER = "뷁쀍.bin"  # in CP949, and not in EUC-KR


def raw(name):
    """A name as a client that knows nothing of character sets has it: bytes of CP949."""
    return name.encode("cp949").decode(errors="surrogateescape")


def quoted(name):
    return "".join(f"%{byte:02X}" for byte in name.encode("cp949"))


class Charset(harness.FtpTest):

    options = "client_charset=CP949\n"

    def setUp(self):
        super().setUp()
        self.content = sample(200_000)
        harness.put(ALICE / DIRECTORY / FILE, self.content)
        (self.here / "local.bin").write_bytes(self.content[::-1])

    def assert_served(self, name=FILE, content=None):
        """The disk has a file of this name, in UTF-8, and no other but the first."""
        names = {path.name for path in (ALICE / DIRECTORY).iterdir()}
        self.assertEqual(names, {FILE, name})
        self.assert_same_bytes((ALICE / DIRECTORY / name).read_bytes(), content or self.content)


class Ftplib(Charset):

    def open(self, encoding="cp949", server=None):
        server = server or self.server
        ftp = ftplib.FTP(timeout=10, encoding=encoding)
        ftp.connect(server.address, server.port)
        self.addCleanup(ftp.close)
        ftp.login("alice", harness.PASSWORD["alice"])
        return ftp

    def fetch(self, ftp, name):
        got = io.BytesIO()
        ftp.retrbinary(f"RETR {name}", got.write)
        return got.getvalue()

    def whole_session(self, ftp, home):
        self.assertEqual(ftp.nlst(), [DIRECTORY])
        ftp.cwd(DIRECTORY)
        self.assertEqual(ftp.pwd(), f"{home}/{DIRECTORY}")
        self.assertEqual(ftp.nlst(), [FILE])
        self.assertEqual([name for name, facts in ftp.mlsd() if facts["type"] == "file"], [FILE])
        lines = []
        ftp.dir(lines.append)
        self.assertTrue(lines[0].endswith(f" {FILE}"), lines)
        self.assert_same_bytes(self.fetch(ftp, FILE), self.content)
        ftp.storbinary(f"STOR {OTHER}", io.BytesIO(b"other"))
        self.assert_served(OTHER, b"other")
        self.assertEqual(ftp.size(OTHER), 5)
        self.assertTrue(ftp.sendcmd(f"MLST {OTHER}").split("\n")[1].endswith(OTHER))
        self.assertEqual(ftp.mkd("새 폴더"), f"{home}/{DIRECTORY}/새 폴더")
        self.assertTrue((ALICE / DIRECTORY / "새 폴더").is_dir())
        ftp.rename(OTHER, "새 폴더/똠방.bin")
        self.assertEqual((ALICE / DIRECTORY / "새 폴더/똠방.bin").read_bytes(), b"other")
        ftp.delete("새 폴더/똠방.bin")
        ftp.rmd("새 폴더")
        self.assert_served()
        self.assertEqual(ftp.quit(), "221 Goodbye.")

    def test_session(self):
        self.whole_session(self.open(), "/srv/home/alice")

    def test_jail(self):
        """The tables are there in a jail that has none."""
        server = self.serve(self.options + "chroot_local_user=YES\nallow_writeable_chroot=YES\n")
        self.whole_session(self.open(server=server), "")

    def test_utf8(self):
        """Who asks for UTF-8 gets it."""
        ftp = self.open("utf-8")
        self.assertEqual(ftp.sendcmd("OPTS UTF8 ON"), "200 Always in UTF8 mode.")
        self.whole_session(ftp, "/srv/home/alice")

    def test_back_and_forth(self):
        ftp = self.open()
        ftp.sendcmd("OPTS UTF8 ON")
        ftp.encoding = "utf-8"
        self.assertEqual(ftp.nlst(), [DIRECTORY])
        ftp.sendcmd("OPTS UTF8 OFF")
        ftp.encoding = "cp949"
        self.assertEqual(ftp.nlst(), [DIRECTORY])
        self.assert_same_bytes(self.fetch(ftp, f"{DIRECTORY}/{FILE}"), self.content)

    def test_outside(self):
        """A name that CP949 does not have is shown escaped, and is taken so."""
        harness.put(ALICE / "café 100%.txt", b"1")
        ftp = self.open()
        self.assertEqual(sorted(ftp.nlst()), ["caf%C3%A9 100%.txt", DIRECTORY])
        self.assertEqual(self.fetch(ftp, "caf%C3%A9 100%.txt"), b"1")
        ftp.rename("caf%C3%A9 100%.txt", f"{DIRECTORY}/카페")
        self.assert_served("카페", b"1")

    def test_logs(self):
        """Logs have the names of the disk."""
        server = self.serve(self.options + "wc_logs_enable=YES\n")
        ftp = self.open(server=server)
        self.fetch(ftp, f"{DIRECTORY}/{FILE}")
        ftp.quit()
        self.assertRegex(server.lines(count=3)[-1], re.escape(f"{ALICE}/{DIRECTORY}/{FILE}"))


class Programs(Charset):

    def test_curl(self):
        got = self.here / "got.bin"
        at = self.url(f"{quoted(DIRECTORY)}/")
        for way in ([], ["-P", "-"], ["--ftp-method", "nocwd"]):
            self.run_client("curl", "-sS", *way, "-o", got, at + quoted(FILE))
            self.assert_same_bytes(got.read_bytes(), self.content)
        self.run_client("curl", "-sS", "-T", "local.bin", at + quoted(OTHER))
        self.assert_served(OTHER, self.content[::-1])
        self.run_client("curl", "-sS", "-l", "-o", got, at)
        self.assertEqual(set(got.read_bytes().decode("cp949").splitlines()), {FILE, OTHER})

    def shell_session(self, *command):
        """What tnftp and inetutils-ftp have in common."""
        login = f"user alice {harness.PASSWORD['alice']}\nbinary\n"
        self.run_client(*command, self.server.address, self.server.port, status=None, commands=(
            f"{login}cd \"{raw(DIRECTORY)}\"\nget \"{raw(FILE)}\" got.bin\nput local.bin {raw(OTHER)}\n"
            f"nlist . names.txt\nmkdir {raw('새폴더')}\nrename {raw(OTHER)} {raw('새폴더/똠방')}\nbye\n"))
        self.assert_same_bytes((self.here / "got.bin").read_bytes(), self.content)
        names = (self.here / "names.txt").read_bytes().decode("cp949")
        self.assertEqual(set(names.splitlines()), {FILE, OTHER})
        self.assert_same_bytes((ALICE / DIRECTORY / "새폴더/똠방").read_bytes(), self.content[::-1])

    def test_tnftp(self):
        self.shell_session("tnftp", "-inV")

    def test_inetutils(self):
        self.shell_session("inetutils-ftp", "-inv")

    def mirror(self, settings):
        sent = self.here / "sent"
        harness.put(sent / DIRECTORY / FILE, self.content, "root")
        harness.put(sent / OTHER, b"other", "root")
        self.run_client("lftp", "--norc", "-c", (
            f"set cmd:fail-exit yes\nset ftp:ssl-allow no\n{settings}"
            f"open -u alice,{harness.PASSWORD['alice']} -p {self.server.port} 127.0.0.1\n"
            "mirror -R sent up\nmirror up back\n"))
        self.assert_same_tree(ALICE / "up", sent)
        self.assert_same_tree(self.here / "back", sent)

    def test_lftp(self):
        """lftp asks for UTF-8 as soon as FEAT has it."""
        self.mirror("")

    def test_lftp_converting(self):
        """lftp converts by itself, once it is told what the server speaks. It sends LANG, as FEAT
        has it, and takes a 200 to that for UTF-8 (RFC 2640)."""
        self.mirror("set ftp:use-utf8 no\nset ftp:charset CP949\n")
