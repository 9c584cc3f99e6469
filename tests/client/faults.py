"""What tests share that break something in the middle of a session. FT1 to FT23 are the cases of docs/hostile-input.md;
where TLS could change the outcome, each is tried in clear and with TLS."""

import contextlib
import re

import hostile
import secure
from harness import ALICE, sample, wait_until

BEGUN = re.compile("150 .*")
DONE = "226 Transfer complete."
MIB = 1 << 20
# More than both ends of a connection keep for a client that does not read.
LARGE = 24 * MIB
OLD, NEW = sample(3000, b"old"), sample(50_000, b"new")
REFUSED = re.compile("[45].*")


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
        """The end of an upload, as a client should give it. A failure may come as a reset, too."""
        with contextlib.suppress(ConnectionResetError):
            if session.private:
                data.finish()
        data.close()
        return session.expect_reply(reply)

    def send(self, session, command, content, place=ALICE):
        """An upload of which so much is in a draft, where there is no other: its data connection."""
        for name in self.drafts(place):
            (place / name).unlink()
        data = self.begin(session, command)
        data.sendall(content)
        self.assertTrue(wait_until(lambda: [(place / name).stat().st_size for name in self.drafts(place)]
                                   == [len(content)], 5))
        return data

    def drafts(self, place=ALICE):
        return sorted(path.name for path in place.iterdir() if path.name.startswith(".soloftpd-"))
