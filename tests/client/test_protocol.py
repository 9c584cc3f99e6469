"""What the specifications want and one conversation can't show: two sessions at once, several addresses,
ports that can't be foreseen, time, and the end by a signal."""

import os
import re
import signal
import socket
import time

import control
import harness
from harness import ALICE

FIRST_PORT = 41000
LAST_PORT = 41999
# Below those that the kernel gives to connections, which could be any by then.
ALONE = 21999


class Addresses(harness.FtpTest):
    """A host with several addresses: data go where the control connection went (RFC 1123 4.1.2.12)."""

    address = "0.0.0.0"

    def open(self):
        session = self.login("ftp", address="127.0.0.5")
        session.expect("TYPE I", "200 Switching to Binary mode.")
        return session

    def test_passive(self):
        session = self.open()
        host, port = session.passive_address()
        self.assertEqual(host, "127.0.0.5")
        # The other addresses do not listen on that port.
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 2)
        session.quit()

    def test_active(self):
        session = self.open()
        with session.active() as listener:
            session.say("RETR pub/hello.txt")
            data, peer = listener.accept()
            with data:
                self.assertEqual(peer[0], "127.0.0.5")
                session.expect_reply(re.compile("150 .*"))
                self.assertEqual(control.read_all(data), b"hello\n")
        session.expect_reply("226 Transfer complete.")
        session.quit()


class Ports(harness.FtpTest):
    """Nobody can foresee the next passive port (RFC 2577 8)."""

    def assert_unforeseeable(self, ports):
        self.assertGreater(len(set(ports)), 20, ports)
        steps = {after - before for before, after in zip(ports, ports[1:])}
        self.assertGreater(len(steps), 20, ports)
        self.assertNotIn(ports, (sorted(ports), sorted(ports, reverse=True)))

    def ports(self, server=None):
        session = self.login("ftp", server=server)
        ports = [session.passive_address()[1] for _ in range(30)]
        session.quit()
        return ports

    def test_any(self):
        self.assert_unforeseeable(self.ports())

    def test_range(self):
        server = self.serve(f"pasv_min_port={FIRST_PORT}\npasv_max_port={LAST_PORT}\n")
        ports = self.ports(server)
        self.assert_unforeseeable(ports)
        self.assertTrue(all(FIRST_PORT <= port <= LAST_PORT for port in ports), ports)
        # Nor does the first of a session tell the first of the next.
        self.assertNotEqual(ports, self.ports(server))


    def test_none_is_free(self):
        """Two sessions and one port: 425 for the second, which may still use PORT, and try again."""
        server = self.serve(f"pasv_min_port={ALONE}\npasv_max_port={ALONE}\n")
        first, second = self.login("ftp", server=server), self.login("ftp", server=server)
        first.passive_address()
        for command in ("PASV", "EPSV"):
            second.expect(command, "425 No passive port is free.")
        with second.active() as listener:
            second.expect("RETR pub/hello.txt", re.compile("150 .*"))
            with listener.accept()[0] as data:
                self.assertEqual(control.read_all(data), b"hello\n")
        second.expect_reply("226 Transfer complete.")
        first.quit()
        self.assertEqual(second.list("NLST pub"), "pub/hello.txt\r\n")
        second.quit()


class Locks(harness.FtpTest):
    """A file in transfer is busy: 450, at once, and nobody's bytes are mixed with another's."""

    options = "upload_atomic=NO\n"

    def open(self):
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        return session

    def test_upload_keeps_others_out(self):
        first, second = self.open(), self.open()
        with first.passive() as data:
            first.expect("STOR file", "150 Ok to send data.")
            data.sendall(b"half")
            busy = "450 The file is being transferred by someone else."
            second.passive_address()
            for command in ("STOR file", "APPE file"):
                second.expect(command, busy)
            second.expect("RETR file", re.compile("450 .*"))
            second.expect("HASH file", re.compile("450 .*"))
            data.sendall(b" and half")
        first.expect_reply("226 Transfer complete.")
        self.assertEqual(second.retrieve("RETR file"), b"half and half")
        first.quit()
        second.quit()

    def test_downloads_go_together(self):
        harness.put(ALICE / "file", b"x" * 5_000_000)
        first, second = self.open(), self.open()
        with first.passive() as data:
            first.expect("RETR file", re.compile("150 .*"))
            self.assertEqual(len(second.retrieve("RETR file")), 5_000_000)
            second.passive_address()
            second.expect("STOR file", re.compile("450 .*"))
            self.assertEqual(len(control.read_all(data)), 5_000_000)
        first.expect_reply("226 Transfer complete.")
        second.store("STOR file", b"new")
        self.assertEqual((ALICE / "file").read_bytes(), b"new")
        first.quit()
        second.quit()


class Marks(harness.FtpTest):
    """150 leaves with 226 where nothing lies between them, and at once where something has to be waited for."""

    options = "local_max_rate=20000\n"

    def begin(self, size):
        harness.put(ALICE / "file", b"x" * size)
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        return session

    def test_together(self):
        session = self.begin(1000)
        with session.passive() as data:
            session.say("RETR file")
            self.assertEqual(session.socket.recv(4096), b"150 Opening BINARY mode data connection for file (1000 bytes)."
                             b"\r\n226 Transfer complete.\r\n")
            self.assertEqual(control.read_all(data), b"x" * 1000)
        session.quit()

    def test_before_a_wait(self):
        session = self.begin(12_000)
        with session.passive() as data:
            started = time.monotonic()
            session.expect("RETR file", re.compile("150 .*"))
            marked = time.monotonic() - started
            self.assertEqual(control.read_all(data), b"x" * 12_000)
            session.expect_reply("226 Transfer complete.")
            self.assertLess(marked, (time.monotonic() - started) / 2)
        session.quit()


class Time(harness.FtpTest):
    """A refusal takes the same time, whether the name exists or not (RFC 2577 5 and 7)."""

    options = "max_login_fails=9\n"

    def refusal(self, user, password):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        started = time.monotonic()
        session.expect(f"USER {user}", "331 Please specify the password.")
        asked = time.monotonic()
        session.expect(f"PASS {password}", "530 Login incorrect.")
        refused = time.monotonic()
        session.quit()
        return asked - started, refused - asked

    def test_names(self):
        known, unknown = self.refusal("alice", "wrong"), self.refusal("nobody-here", "wrong")
        for times in (known, unknown):
            self.assertLess(times[0], 0.3)
            self.assertTrue(1.0 <= times[1] < 1.5, times)
        self.assertLess(abs(known[1] - unknown[1]), 0.2)


class Termination(harness.FtpTest):
    """SIGTERM: 421 and the end, in whatever the session is doing (RFC 959 4.2, 421)."""

    gone = "421 Service not available, closing control connection."

    def end(self):
        os.kill(self.session_pid(), signal.SIGTERM)

    def test_waiting(self):
        session = self.login()
        self.end()
        session.expect_reply(self.gone)
        session.expect_end()

    def test_before_the_login(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        self.end()
        session.expect_reply(self.gone)
        session.expect_end()

    def test_in_a_download(self):
        with harness.put(ALICE / "huge").open("r+b") as huge:
            huge.truncate(1 << 30)
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        with session.passive():
            session.expect("RETR huge", re.compile("150 .*"))
            self.end()
            session.expect_reply(self.gone)
            session.expect_end()

    def test_in_an_upload(self):
        server = self.serve("upload_atomic=NO\n")
        session = self.login(server=server)
        with session.passive() as data:
            session.expect("STOR up", re.compile("150 .*"))
            data.sendall(b"some")
            self.assertTrue(harness.wait_until(lambda: (ALICE / "up").stat().st_size == 4, 2))
            os.kill(self.session_pid(server), signal.SIGTERM)
            session.expect_reply(self.gone)
            session.expect_end()
        self.assertEqual((ALICE / "up").read_bytes(), b"some")

    def test_waiting_for_data(self):
        session = self.login()
        session.passive_address()
        session.say("LIST")
        self.end()
        session.expect_reply(self.gone)
        session.expect_end()
