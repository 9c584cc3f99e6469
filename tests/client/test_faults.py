"""Faults of the system, of administrators and of the network, in the middle of sessions. FT1 to FT23 are the cases of
docs/hostile-input.md. Where TLS could change the outcome, each is tried in clear and with TLS."""

import contextlib
import os
import re
import socket

import hostile
import secure
from harness import ALICE, put, sample, wait_until

BEGUN = re.compile("150 .*")
DONE = "226 Transfer complete."
MIB = 1 << 20
# More than both ends of a connection keep for a client that does not read.
LARGE = 24 * MIB


class FaultTest(secure.FtpsTest):

    more = ("force_local_logins_ssl=NO\nforce_local_data_ssl=NO\nascii_download_enable=YES\n"
            "ascii_upload_enable=YES\ndelay_failed_login=0\n")
    ways = (("clear", False), ("TLS", True))

    def open(self, private, server=None, **how):
        """A session in TYPE I with both connections private, or neither."""
        if private:
            return self.login(server=server, **how)
        session = self.greeted(server, **how)
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.expect("TYPE I", hostile.BINARY)
        return session

    def begin(self, session, command):
        """A transfer that has begun: its data connection."""
        data = session.passive()
        self.addCleanup(data.close)
        session.expect(command, BEGUN)
        return session.secured(data) if session.private else data

    def read(self, data):
        return b"".join(iter(lambda: data.recv(1 << 18), b""))

    def end(self, session, data, reply=DONE):
        """The end of an upload, as a client should give it."""
        if session.private:
            data.finish()
        else:
            data.close()
        return session.expect_reply(reply)

    def drafts(self, place=ALICE):
        return sorted(path.name for path in place.iterdir() if path.name.startswith(".soloftpd-"))


class Urgent(FaultTest):
    """Urgent data (TCP's) are nothing that FTP knows on a data connection: they are no part of a file."""

    def test_ft20_in_an_upload(self):
        """Neither small nor large uploads end there, or turn round and round."""
        content = sample(2 * MIB)
        for first in (1000, MIB):
            with self.subTest(first):
                session = self.open(False)
                data = self.begin(session, "STOR f")
                data.sendall(content[:first])
                self.assertTrue(wait_until(lambda: self.drafts() and
                                           (ALICE / self.drafts()[0]).stat().st_size == first, 5))
                pid = self.session_pid()
                before = hostile.processor(pid)
                data.send(b"!", socket.MSG_OOB)
                data.sendall(content[first:MIB + first])
                wait_until(lambda: False, 0.3)
                self.assertLess(hostile.processor(pid) - before, 0.1)
                data.sendall(content[MIB + first:])
                self.end(session, data)
                self.assert_same_bytes((ALICE / "f").read_bytes(), content)
                session.quit()

    def test_ft20_in_a_download(self):
        """Nobody reads what a client sends there; so its connection ends by a reset, as TCP wants it (RFC 1122,
        4.2.2.13), and the session goes on."""
        content = sample(LARGE)
        put(ALICE / "f", content)
        session = self.open(False)
        data = self.begin(session, "RETR f")
        data.send(b"!", socket.MSG_OOB)
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while more := data.recv(1 << 18):
                got += more
        self.assertTrue(content.startswith(got))
        session.expect_reply(DONE)
        self.assert_same_bytes(session.retrieve("RETR f"), content)
        session.quit()


class Shrinking(FaultTest):
    """FT4: a file that loses bytes while it is sent."""

    def shrink(self, session, private, kept, content):
        """What came of it; the client begins to read when the file is short already."""
        put(ALICE / "f", content)
        data = self.begin(session, "RETR f")
        os.truncate(ALICE / "f", kept)
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while more := data.recv(1 << 18):
                got += more
        if private:
            self.assertNotEqual(data.ended, "close_notify", "it looks whole")
        session.expect_reply("451 Failure reading local file.")
        return bytes(got)

    def test_ft4_binary(self):
        content = sample(LARGE)
        for way, private in self.ways:
            session = self.open(private)
            for kept in (0, LARGE - 1):
                with self.subTest(way, kept=kept):
                    got = self.shrink(session, private, kept, content)
                    self.assertLess(len(got), LARGE)
                    self.assertTrue(content.startswith(got))
                    self.assert_same_bytes(session.retrieve("RETR f"), content[:kept])
            session.quit()

    def test_ft4_ascii(self):
        """Line ends grow on their way: as many bytes as the file had are no sign that it came whole."""
        content = b"\n" * LARGE
        for way, private in self.ways:
            session = self.open(private)
            session.expect("TYPE A", "200 Switching to ASCII mode.")
            for kept in (0, LARGE // 2 + 1, LARGE - 1):
                with self.subTest(way, kept=kept):
                    got = self.shrink(session, private, kept, content)
                    self.assertLess(len(got), 2 * LARGE)
                    self.assertTrue((b"\r\n" * LARGE).startswith(got))
            session.quit()

    def test_ft4_from_an_offset(self):
        """To the end of a page: the rest of one is emptied under what sendfile has queued already."""
        content = sample(LARGE)
        for way, private in self.ways:
            with self.subTest(way):
                session = self.open(private)
                session.expect("REST 1000", re.compile("350 .*"))
                self.assertTrue(content.startswith(self.shrink(session, private, 4096, content), 1000))
                session.quit()
