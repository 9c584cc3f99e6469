"""What comes in the middle of a transfer: lines without end, a file that loses bytes, a client that leaves the rest."""

import os
import re
import socket
import struct
import time

import control
import harness
import hostile
from harness import ALICE
from hostile import pour

BEGUN = re.compile("150 .*")
NOOPS = b"NOOP\r\n" * 20_000  # more than a session keeps


class Middle(hostile.HostileTest):

    def hole(self, size, name="down"):
        with harness.put(ALICE / name).open("r+b") as down:
            down.truncate(size)
        return ALICE / name

    def small_window(self, session):
        """A data connection whose client takes nearly nothing: the rest stays with the server's kernel."""
        data = socket.socket()
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        data.settimeout(10)
        data.connect(session.passive_address())
        self.addCleanup(data.close)
        return data


class Lines(Middle):

    def flooded(self, **how):
        """A download during which so many lines have come that the session has left the rest with the kernel."""
        self.hole(8 << 20)
        session = self.open(**how)
        data = self.small_window(session)
        session.expect("RETR down", BEGUN)
        session.socket.setblocking(False)
        sent = 0
        try:
            while sent < len(NOOPS):
                sent += session.socket.send(NOOPS[sent:])
        except BlockingIOError:
            pass
        session.socket.settimeout(session.timeout)
        return session, data, sent

    def test_are_answered_behind_it(self):
        session, data, sent = self.flooded()
        left = 8 << 20
        while left > 0 and (got := data.recv(1 << 18)):
            left -= len(got)
        self.assertEqual(left, 0)
        data.close()
        lines = hostile.answers(pour(session, NOOPS[sent:], 20_001))
        self.assertEqual(lines, ["226 Transfer complete."] + ["200 NOOP ok."] * 20_000)
        session.quit()

    def test_and_then_a_reset(self):
        """Only the end of the connection is still heard then, and ends the transfer."""
        session, data, _sent = self.flooded()
        pid = self.session_pid()
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        session.close()
        self.assert_gone(pid)
        data.close()


class File(Middle):

    def assert_short(self, session):
        """It loses half of its bytes, and the client must not take what is left for the whole: neither reply nor end
        of the connection are in good order."""
        down = self.hole(64 << 20)
        with session.passive() as data:
            session.expect("RETR down", BEGUN)
            data.recv(1)
            os.truncate(down, 32 << 20)
            with self.assertRaises(ConnectionResetError):
                control.read_all(data)
        session.expect_reply("451 Failure reading local file.")

    def test_loses_bytes(self):
        session = self.open()
        self.assert_short(session)
        session.quit()
        self.assertRegex(self.server.lines("xferlog", 1)[-1], r" b _ o r alice ftp 0 \* i$")

    def test_loses_bytes_that_are_copied(self):
        """The same without sendfile."""
        session = self.open(server=self.serve("use_sendfile=NO\n"))
        self.assert_short(session)
        session.quit()


class Rest(Middle):
    """All has been sent, and some of it is still on its way: a transfer that is not over."""

    SIZE = 400_000

    def begun(self, options=""):
        self.hole(self.SIZE)
        session = self.open(server=self.serve(options))
        data = self.small_window(session)
        session.expect("RETR down", BEGUN)
        # Nothing more is to be written; the session waits for the client.
        return session, data

    def test_is_taken(self):
        session, data = self.begun()
        session.socket.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            session.socket.recv(1)
        session.socket.settimeout(10)
        self.assertEqual(len(control.read_all(data)), self.SIZE)
        session.expect_reply("226 Transfer complete.")
        session.quit()

    def test_is_aborted(self):
        session, data = self.begun()
        session.socket.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            session.socket.recv(1)
        session.socket.settimeout(10)
        session.expect("ABOR", re.compile("426 .*"), "226 ABOR successful.")
        session.quit()

    def test_is_not_taken(self):
        session, _data = self.begun("data_connection_timeout=1\n")
        session.expect_reply("421 Data timeout. Reconnect. Sorry.")
        session.expect_end()


class Upload(Middle):

    def test_grows_too_large(self):
        """What goes from the connection into the file inside the kernel is counted, too."""
        content = harness.sample(3 << 20)
        session = self.open(server=self.serve("upload_max_size=2048\n"))
        with session.passive() as data:
            session.expect("STOR up", BEGUN)
            try:
                data.sendall(content)
            except OSError:
                pass  # the server has had enough
        session.expect_reply(re.compile("552 .*"))
        session.store("STOR up", content[:2 << 20])
        session.quit()
        self.assert_same_bytes((ALICE / "up").read_bytes(), content[:2 << 20])

    def test_trickles_after_it_was_fast(self):
        """A session that waits for much takes little, too, if no more comes: at once for who looks at the file, and in time
        for data_connection_timeout."""
        content = harness.sample(24 << 20)
        session = self.open(server=self.serve("upload_atomic=NO\ndata_connection_timeout=2\n"))
        with session.passive() as data:
            session.expect("STOR up", BEGUN)
            data.sendall(content)
            for _ in range(5):
                data.sendall(b"slow")
                content += b"slow"
                self.assertTrue(harness.wait_until(
                    lambda: (ALICE / "up").stat().st_size == len(content), 0.4))
                time.sleep(0.5)
            session.expect_reply("421 Data timeout. Reconnect. Sorry.")
        self.assert_same_bytes((ALICE / "up").read_bytes(), content)

    def test_is_slowed_down_and_aborted(self):
        """While a session waits for its rate it hears ABOR."""
        session = self.open(server=self.serve("local_max_rate=100000\n"))
        with session.passive() as data:
            session.expect("STOR up", BEGUN)
            data.sendall(harness.sample(1_000_000))
            session.expect("ABOR", re.compile("426 .*"), "226 ABOR successful.")
        session.quit()
        self.assertFalse((ALICE / "up").exists())

    def test_download_is_slowed_down_and_aborted(self):
        self.hole(8 << 20)
        session = self.open(server=self.serve("local_max_rate=100000\n"))
        for kind in ("A", "I"):
            session.expect(f"TYPE {kind}", re.compile("200 .*"))
            with session.passive() as data:
                session.expect("RETR down", BEGUN)
                data.recv(1)
                session.expect("ABOR", re.compile("426 .*"), "226 ABOR successful.")
        session.quit()
