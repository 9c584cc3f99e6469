"""Commands inside TLS: during transfers, and however they lie in records and segments."""

import os
import re
import select
import signal
import socket
import time

import control
import harness
import secure
from harness import ALICE, sample

# The server may still be at the end of its handshake, for all that the client knows.
ABORTED = (re.compile("426 (Failure (writ|read)ing network stream|Transfer aborted)\\."),
           "226 ABOR successful.")


class Meanwhile(secure.FtpsTest):
    """The control connection during transfers: no urgent data in TLS, only lines."""

    def abort(self, session, *replies):
        started = time.monotonic()
        session.expect("ABOR", *replies)
        self.assertLess(time.monotonic() - started, 1)
        self.still_works(session)

    def test_abort_before_the_connection(self):
        session = self.login()
        session.passive_address()
        session.say("RETR " + self.huge_name())
        self.abort(session, "426 Transfer aborted.", "226 ABOR successful.")

    def huge_name(self):
        self.huge()
        return "huge"

    def test_abort_in_the_handshake(self):
        harness.put(ALICE / "old", b"old content")
        for command in ("STOR old", "RETR old", "LIST"):
            session = self.login()
            with session.passive() as data:
                session.expect(command, re.compile("150 .*"))
                data.sendall(b"\x16\x03\x01\x02\x00\x01")  # as a ClientHello begins
                self.abort(session, "426 Transfer aborted.", "226 ABOR successful.")
            self.assertEqual((ALICE / "old").read_bytes(), b"old content")

    def test_abort_a_download(self):
        """One that nobody reads, so that nothing moves any more."""
        self.huge()
        session = self.login()
        self.begin(session, "RETR huge")
        time.sleep(0.1)
        self.abort(session, *ABORTED)

    def test_abort_an_upload(self):
        """One that stalls in the middle of a record."""
        session = self.login()
        data = self.begin(session, "STOR up")
        data.sendall(b"content")
        data.plain.sendall(data.record(b"x" * 1000)[:500])
        self.abort(session, *ABORTED)

    def test_abort_in_one_record(self):
        """With the command that it ends, and behind others."""
        self.huge()
        session = self.login()
        session.passive_address()
        session.say_all("RETR huge", "ABOR")
        session.expect_reply("426 Transfer aborted.", "226 ABOR successful.")
        self.begin(session, "RETR huge")
        session.say_all("SYST", "PWD", "ABOR")
        session.expect_reply(ABORTED[0], "215 UNIX Type: L8",
                             re.compile("257 .*"), "226 ABOR successful.")
        self.still_works(session)

    def test_abort_at_rest(self):
        session = self.login()
        session.expect("ABOR", "225 No transfer to ABOR.")
        self.still_works(session)

    def test_status(self):
        """STAT is answered while data stand still; NOOP and QUIT wait for the end of the transfer."""
        content = sample(20_000_000)
        harness.put(ALICE / "file", content)
        session = self.login()
        data = self.begin(session, "RETR file")
        for _ in range(3):
            session.expect("STAT", re.compile("211-FTP server status:\n(.*\n)*211 End of status"))
        session.say("NOOP")
        session.say("QUIT")
        self.assert_same_bytes(control.read_all(data), content)
        data.notify()
        session.expect_reply("226 Transfer complete.", "200 NOOP ok.", "221 Goodbye.")
        session.expect_end()

    def test_status_in_an_upload(self):
        session = self.login()
        data = self.begin(session, "STOR up")
        data.sendall(b"some")
        session.expect("STAT", re.compile("211-FTP server status:\n(.*\n)*211 End of status"))
        session.say_all("STAT", "STAT", "NOOP", "PWD")
        for _ in range(2):
            session.expect_reply(re.compile("211-FTP server status:\n(.*\n)*211 End of status"))
        data.sendall(b" content")
        data.finish()
        session.expect_reply("226 Transfer complete.", "200 NOOP ok.", re.compile("257 .*"))
        self.assertEqual((ALICE / "up").read_bytes(), b"some content")
        session.quit()

    def test_many_commands(self):
        """More than a line buffer holds, in large records, in the middle of transfers."""
        content = sample(20_000_000)
        harness.put(ALICE / "file", content)
        session = self.login()
        data = self.begin(session, "RETR file")
        session.say_all(*["NOOP"] * 2700)
        self.assert_same_bytes(control.read_all(data), content)
        data.finish()
        session.expect_reply("226 Transfer complete.", *["200 NOOP ok."] * 2700)
        data = self.begin(session, "STOR up")
        data.sendall(b"some")
        session.say_all(*["SYST"] * 2700)
        data.sendall(b" content")
        data.finish()
        session.expect_reply("226 Transfer complete.", *["215 UNIX Type: L8"] * 2700)
        self.assertEqual((ALICE / "up").read_bytes(), b"some content")
        session.quit()

    def test_half_closed(self):
        """A client that has said all that it will say still gets its file, and the replies."""
        content = sample(5_000_000)
        harness.put(ALICE / "file", content)
        session = self.login()
        data = session.passive()
        self.addCleanup(data.close)
        session.say_all("RETR file", "QUIT")
        session.socket.notify()
        session.socket.cut()
        session.expect_reply(re.compile("150 .*"))
        self.assert_same_bytes(session.fetch(data), content)
        session.expect_reply("226 Transfer complete.", "221 Goodbye.")

    def test_control_gone(self):
        """The control connection ends during an upload, with and without close_notify."""
        for notify in (True, False):
            session = self.login()
            pid = self.session_pid()
            data = self.begin(session, "STOR up")
            data.sendall(b"some")
            if notify:
                session.socket.notify()
            session.close()
            self.assert_gone(pid)

    def test_terminated(self):
        """SIGTERM: 421 inside TLS, and close_notify, at rest and in stalled transfers."""
        self.huge()
        for begin in (lambda session: None, lambda session: self.begin(session, "RETR huge"),
                      lambda session: self.begin(session, "STOR up")):
            session = self.login()
            pid = self.session_pid()
            begin(session)
            os.kill(pid, signal.SIGTERM)
            session.expect_reply("421 Service not available, closing control connection.")
            session.expect_end()
            self.assert_gone(pid, 1)

    def test_timeouts(self):
        """421 inside TLS: before the login, at rest, in stalled transfers."""
        self.huge()
        server = self.serve_tls("login_timeout=1\nidle_session_timeout=1\ndata_connection_timeout=1\n")
        fresh = self.greeted(server).auth()
        idle, down, up = (self.login(server=server) for _ in range(3))
        self.begin(down, "RETR huge")
        self.begin(up, "STOR up").sendall(b"some")
        started = time.monotonic()
        for session, reply in ((fresh, "421 Timeout."), (idle, "421 Timeout."),
                               (down, "421 Data timeout. Reconnect. Sorry."),
                               (up, "421 Data timeout. Reconnect. Sorry.")):
            session.expect_reply(reply)
            session.expect_end()
        self.assertLess(time.monotonic() - started, 2.5)


class Records(secure.FtpsTest):
    """Commands and how they lie in records and segments."""

    def test_pipelined(self):
        session = self.login()
        session.say_all("PWD", "SYST", "NOOP", "XYZZY")
        session.expect_reply(re.compile("257 .*"), "215 UNIX Type: L8", "200 NOOP ok.",
                             "500 Unknown command.")
        session.say_all(*["NOOP"] * 2730, "SYST")  # fills a record of 16 KiB
        session.expect_reply(*["200 NOOP ok."] * 2730, "215 UNIX Type: L8")
        session.quit()

    def test_a_byte_a_record(self):
        session = self.login()
        for byte in b"PWD\r\nSYST\r\n":
            session.socket.sendall(bytes([byte]))
        session.expect_reply(re.compile("257 .*"), "215 UNIX Type: L8")
        whole = b"".join(session.socket.record(bytes([byte])) for byte in b"NOOP\r\nSYST\r\n")
        session.plain.sendall(whole)
        session.expect_reply("200 NOOP ok.", "215 UNIX Type: L8")
        session.quit()

    def test_a_byte_a_segment(self):
        session = self.login()
        session.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in session.socket.record(b"SYST\r\nPWD\r\n"):
            session.plain.sendall(bytes([byte]))
        session.expect_reply("215 UNIX Type: L8", re.compile("257 .*"))
        session.quit()

    def test_a_trickle_is_idle(self):
        """A record that comes byte by byte does not keep a session."""
        server = self.serve_tls("idle_session_timeout=1\n")
        session = self.login(server=server)
        started = time.monotonic()
        for byte in session.socket.record(b"NOOP\r\n"):
            session.plain.sendall(bytes([byte]))
            if select.select([session.plain], [], [], 0.2)[0]:
                break
        session.expect_reply("421 Timeout.")
        session.expect_end()
        self.assertTrue(0.9 < time.monotonic() - started < 2)

    def test_telnet(self):
        """Telnet's commands as in clear (RFC 4217 section 14): in any place, parted by records, IP and
        DM without a mark; options are declined inside TLS."""
        self.huge()
        session = self.login()
        for command in (b"\xff\xf1SYST\r\n", b"SY\xff\xf1ST\r\n", b"SYST\xff\xfe\x01\r\n"):
            session.socket.sendall(command)
            session.expect_reply("215 UNIX Type: L8")
        for byte in b"SY\xff\xf6ST\r\n":
            session.socket.sendall(bytes([byte]))
        session.expect_reply("215 UNIX Type: L8")
        session.socket.sendall(b"\xff\xfd\x06")
        self.assertEqual(session.socket.recv(100), b"\xff\xfc\x06")
        self.begin(session, "RETR huge")
        session.socket.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
        session.expect_reply(*ABORTED)
        self.still_works(session)

    def test_long_lines(self):
        session = self.login()
        for size in (8000, 20_000, 60_000):
            session.socket.sendall(b"STAT " + b"A" * size + b"\r\n")
            session.expect_reply("500 Input line too long.")
        session.expect("NOOP", "200 NOOP ok.")
        session.socket.sendall(b"STAT " + b"A" * 66_000)
        session.expect_reply("500 Input line too long.", "421 Input line too long.")
        session.expect_end()
