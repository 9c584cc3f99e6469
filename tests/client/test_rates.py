"""Bandwidth limits: what the administrator grants is what a session gets, and no more."""

import re
import threading
import time

import harness
from harness import ALICE, ANONYMOUS

LOCAL = 1_000_000  # bytes a second
ANON = 250_000
SECONDS = 5.5
SLACK = 0.05


class Rates(harness.FtpTest):

    options = f"local_max_rate={LOCAL}\nanon_max_rate={ANON}\nanon_upload_enable=YES\n"

    def setUp(self):
        super().setUp()
        for path, rate in ((ALICE / "down", LOCAL), (ANONYMOUS / "pub/down", ANON)):
            harness.put(path, b"x" * int(rate * SECONDS))
        self.measured = {}

    def download(self, session, name, size):
        with session.passive() as data:
            session.expect(f"RETR {name}", re.compile("150 .*"))
            started = time.monotonic()
            while data.recv(1 << 16):
                pass
        session.expect_reply("226 Transfer complete.")
        return size / (time.monotonic() - started)

    def upload(self, session, name, size):
        """Until the server says that it has everything: the kernel's buffers are not the measure."""
        with session.passive() as data:
            session.expect(f"STOR {name}", re.compile("150 .*"))
            started = time.monotonic()
            data.sendall(b"x" * size)
        session.expect_reply("226 Transfer complete.")
        return size / (time.monotonic() - started)

    def measure(self, label, move, user, name, rate):
        try:
            session = self.login(user)
            session.expect("TYPE I", "200 Switching to Binary mode.")
            session.socket.settimeout(30)
            self.measured[label] = move(session, name, int(rate * SECONDS)) / rate
            session.quit()
        except (AssertionError, OSError) as trouble:
            self.measured[label] = str(trouble)

    def test_limits(self):
        """Four sessions at once, each limited on its own."""
        plans = (("local download", self.download, "alice", "down", LOCAL),
                 ("local upload", self.upload, "alice", "up", LOCAL),
                 ("anonymous download", self.download, "ftp", "pub/down", ANON),
                 ("anonymous upload", self.upload, "ftp", "incoming/up", ANON))
        threads = [threading.Thread(target=self.measure, args=plan) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for label, *_ in plans:
            with self.subTest(label):
                share = self.measured[label]
                self.assertIsInstance(share, float, share)
                self.assertTrue(1 - SLACK <= share <= 1 + SLACK,
                                f"{label}: {share:.3f} of the limit over {SECONDS} s")
