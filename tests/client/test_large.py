"""Files and offsets beyond 4 GiB, in holes that take no room."""

import ftplib

import harness
from harness import ALICE

SIZE = 5 << 30
FAR = 4_294_967_300  # four bytes beyond 4 GiB


def make_hole(size=SIZE, marks=()):
    path = harness.put(ALICE / "hole.bin")
    with path.open("r+b") as file:
        file.truncate(size)
        for offset, mark in marks:
            file.seek(offset)
            file.write(mark)
    return path


def look(path, offset, count):
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(count)


class Large(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.session = self.login()
        self.session.expect("TYPE I", "200 Switching to Binary mode.")

    def test_size_and_listing(self):
        make_hole()
        self.session.expect("SIZE hole.bin", "213 5368709120")
        self.assertRegex(self.session.list(), r"1801 +5368709120 .* hole\.bin\r\n$")
        self.session.quit()

    def test_size_in_the_mark(self):
        make_hole()
        with self.session.passive():
            self.session.expect("RETR hole.bin", "150 Opening BINARY mode data connection for "
                                "hole.bin (5368709120 bytes).")
        self.session.expect_reply("426 Failure writing network stream.")
        self.session.quit()

    def test_download_from_beyond(self):
        make_hole(marks=((FAR, b"after 4 GiB"), (SIZE - 4, b"last")))
        self.session.expect(f"REST {FAR}", f"350 Restart position accepted ({FAR}).")
        with self.session.passive() as data:
            self.session.expect("RETR hole.bin",
                                "150 Opening BINARY mode data connection for hole.bin.")
            first = data.recv(1 << 16)
            count = len(first)
            while part := data.recv(1 << 20):
                count += len(part)
                last = part
        self.session.expect_reply("226 Transfer complete.")
        self.assertEqual(first[:11], b"after 4 GiB")
        self.assertEqual(last[-4:], b"last")
        self.assertEqual(count, SIZE - FAR)
        self.session.quit()
        self.assertIn(f'"/srv/home/alice/hole.bin", {SIZE - FAR} bytes, ', self.server.log())

    def test_upload_beyond(self):
        path = make_hole(FAR)
        self.session.expect(f"REST {FAR}", f"350 Restart position accepted ({FAR}).")
        self.session.store("STOR hole.bin", b"beyond")
        self.assertEqual(path.stat().st_size, FAR + 6)
        self.assertEqual(look(path, FAR - 4, 20), b"\0\0\0\0beyond")
        self.session.quit()

    def test_append_beyond(self):
        path = make_hole()
        self.session.store("APPE hole.bin", b"appended")
        self.assertEqual(path.stat().st_size, SIZE + 8)
        self.assertEqual(look(path, SIZE, 8), b"appended")
        self.session.quit()

    def test_curl_resumes_an_upload(self):
        path = make_hole(FAR)
        local = self.here / "local.bin"
        with local.open("wb") as file:
            file.truncate(FAR)
            file.seek(FAR)
            file.write(b"the rest")
        self.run_client("curl", "-sS", "-C", "-", "-T", local, self.url("hole.bin"))
        self.assertEqual(path.stat().st_size, FAR + 8)
        self.assertEqual(look(path, FAR, 8), b"the rest")
        self.session.quit()

    def test_curl_range(self):
        make_hole(marks=((FAR, b"after 4 GiB"),))
        said = self.run_client("curl", "-sS", "-r", f"{FAR}-{FAR + 10}", self.url("hole.bin"))
        self.assertEqual(said, "after 4 GiB")
        self.session.quit()

    def test_ftplib(self):
        make_hole(marks=((SIZE - 10, b"0123456789"),))
        ftp = ftplib.FTP(timeout=10)
        ftp.connect(self.server.address, self.server.port)
        ftp.login("alice", "secret-alice")
        ftp.voidcmd("TYPE I")
        self.assertEqual(ftp.size("hole.bin"), SIZE)
        got = []
        ftp.retrbinary("RETR hole.bin", got.append, rest=SIZE - 10)
        self.assertEqual(b"".join(got), b"0123456789")
        ftp.quit()
        self.session.quit()
