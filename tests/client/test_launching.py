"""run_as_launching_user=YES: a super-server that starts soloftpd as somebody else than root."""

import pathlib
import re

import harness
from harness import ANONYMOUS

ANONYMOUS_ONLY = f"local_enable=NO\nanonymous_enable=YES\nanon_root={ANONYMOUS}\ntcp_wrappers=YES\n"
LAUNCHING = ANONYMOUS_ONLY + "run_as_launching_user=YES\n"


def as_ftp(server):
    """xinetd's entry with `user = ftp`, who may read the configuration and write to the logs."""
    command = harness.xinetd(server)
    entry = server.directory / "xinetd.conf"
    text, count = re.subn(r"(?m)^(\s*user\s*=) root$", r"\1 ftp", entry.read_text())
    assert count == 1
    entry.write_text(text)
    server.directory.chmod(0o711)
    for log in ("vsftpd.log", "xferlog"):
        harness.put(server.directory / log, user="ftp", mode=0o600)
    return command


class LaunchingUser(harness.FtpTest):

    def setUp(self):
        super().setUp()
        harness.put(ANONYMOUS / "pub/f", b"content", "ftp")

    def test_session(self):
        """It is that user, outside a jail and behind the other walls; nothing but anonymous logins are there."""
        server = self.serve(LAUNCHING, starter=as_ftp)
        session = self.login("ftp", server)
        status = pathlib.Path(f"/proc/{self.session_pid(server)}/status").read_text()
        for wanted in (r"Uid:\t921\t921\t921\t921\n", r"Gid:\t921\t921\t921\t921\n", r"CapPrm:\t0+\n", r"CapEff:\t0+\n",
                       r"NoNewPrivs:\t1\n", r"Seccomp:\t2\n"):
            self.assertRegex(status, wanted)
        session.expect("PWD", f'257 "{ANONYMOUS}" is the current directory')
        self.assertEqual(session.retrieve("RETR pub/f"), b"content")
        session.expect("CWD /etc", re.compile("250 .*"))
        session.expect("DELE passwd", "550 Permission denied.")
        session.quit()
        log = "\n".join(server.lines(count=3))
        self.assertIn('[ftp] OK LOGIN: Client "127.0.0.1"', log)
        self.assertIn('[ftp] OK DOWNLOAD: Client "127.0.0.1"', log)

    def test_upload(self):
        server = self.serve(LAUNCHING + "write_enable=YES\nanon_upload_enable=YES\n", starter=as_ftp)
        harness.give_directory(ANONYMOUS / "incoming", "ftp")
        session = self.login("ftp", server)
        session.expect("CWD incoming", re.compile("250 .*"))
        session.store("STOR new", b"content")
        session.quit()
        self.assertEqual((ANONYMOUS / "incoming/new").read_bytes(), b"content")

    def test_other_logins(self):
        server = self.serve(LAUNCHING, starter=as_ftp)
        session = self.connect(server)
        session.expect_reply(re.compile("220 .*"))
        session.expect("USER alice", re.compile("530 .*"))
        session.quit()

    def test_root_is_missing(self):
        server = self.serve(LAUNCHING.replace(str(ANONYMOUS), "/srv/nowhere"), starter=as_ftp)
        session = self.connect(server)
        session.expect_reply(re.compile("220 .*"))
        session.expect("USER ftp", re.compile("331 .*"))
        session.expect("PASS x", re.compile("(421|500|530) .*"))
        self.syslog(r"cannot change directory /srv/nowhere")

    def test_without_the_option(self):
        server = self.serve(ANONYMOUS_ONLY, starter=as_ftp)
        session = self.connect(server)
        session.expect_reply("421 Service not available.")
        session.expect_end()
        self.syslog(r"must be started as root \(or with run_as_launching_user\)")
