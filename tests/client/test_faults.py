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
