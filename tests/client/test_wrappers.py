"""TCP wrappers: the client's address decides what it gets."""

import os
import pathlib
import re

import harness

ALLOW = pathlib.Path("/etc/hosts.allow")
DENY = pathlib.Path("/etc/hosts.deny")
SECOND = pathlib.Path("/etc/ftp-2.conf")
THIRD = pathlib.Path("/etc/ftp-3.conf")
DATE = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"


class Wrappers(harness.FtpTest):

    files = (ALLOW, DENY, SECOND, THIRD)

    def setUp(self):
        super().setUp()
        for path in self.files:
            self.addCleanup(path.unlink, missing_ok=True)
        DENY.write_text("ALL: ALL\n")
        SECOND.write_text("ftpd_banner=second\nwrite_enable=NO\n")
        THIRD.write_text("ftpd_banner=third\ndownload_enable=NO\n")

    def assert_greeting(self, source, greeting, server=None):
        session = self.connect(server, source)
        session.expect_reply(greeting)
        return session

    def assert_denied(self, source, server=None):
        server = server or self.server
        session = self.connect(server, source)
        session.expect_reply(harness.REFUSED)
        session.expect_end()
        wanted = (rf'{DATE} \[pid \d+\] CONNECT: Client "{re.escape(source)}", '
                  r'"Connection refused: tcp_wrappers denial\."')
        self.assertRegex(server.lines(count=1)[-1], re.compile(rf"\A{wanted}\Z"))


class Rules(Wrappers):

    def test_a_file_that_can_not_be_read(self):
        """Nobody is let in by rules of which the end is missing (strace injects the error)."""
        for path in (ALLOW, DENY):
            with self.subTest(path):
                ALLOW.write_text("soloftpd: 127.0.0.2\n")
                script = self.server.write("traced", "#!/bin/sh\nexec strace -qqq -o /dev/null -P " +
                                           f"{path} -e inject=read:error=EIO {harness.SOLOFTPD} \"$@\"\n")
                script.chmod(0o755)
                server = self.serve(program=str(script))
                for source in ("127.0.0.2", "127.0.0.3"):
                    self.assert_denied(source, server)

    def test_rights_by_address(self):
        ALLOW.write_text(f"""\
soloftpd: 127.0.0.2 : setenv VSFTPD_LOAD_CONF {SECOND}
soloftpd: 127.0.0.3 : setenv SOLOFTPD_LOAD_CONF {THIRD}
soloftpd: 127.0.0.1
""")
        harness.put(harness.ALICE / "f", b"content")
        plain = self.login(source="127.0.0.1")
        plain.store("STOR up", b"1")
        self.assertEqual(plain.retrieve("RETR f"), b"content")
        plain.quit()
        readonly = self.assert_greeting("127.0.0.2", "220 second")
        readonly.expect("USER alice", "331 Please specify the password.")
        readonly.expect("PASS secret-alice", "230 Login successful.")
        readonly.expect("STOR up", "550 Permission denied.")
        readonly.expect("DELE f", "550 Permission denied.")
        readonly.quit()
        upload = self.assert_greeting("127.0.0.3", "220 third")
        upload.expect("USER alice", "331 Please specify the password.")
        upload.expect("PASS secret-alice", "230 Login successful.")
        upload.expect("RETR f", "550 Permission denied.")
        upload.quit()
        self.assert_denied("127.0.0.9")

    def test_ipv6(self):
        server = self.serve(address="::1")
        ALLOW.write_text(f"soloftpd: [::1] : setenv VSFTPD_LOAD_CONF {SECOND}\n")
        self.assert_greeting("::1", "220 second", server).quit()
        ALLOW.write_text("soloftpd: [::2]\n")
        self.assert_denied("::1", server)

    def test_mapped_ipv4(self):
        """To the rules, an IPv4 client of an IPv6 socket has an IPv4 address."""
        server = self.serve(address="::")
        ALLOW.write_text(f"soloftpd: 127.0.0.2 : setenv VSFTPD_LOAD_CONF {SECOND}\n")
        session = self.connect(server, "127.0.0.2", address="127.0.0.1")
        session.expect_reply("220 second")
        session.quit()

    def test_networks(self):
        ALLOW.write_text("soloftpd: 127.0.4.0/255.255.255.0 EXCEPT 127.0.4.9\n")
        self.assert_greeting("127.0.4.1", "220 soloftpd ready.").quit()
        self.assert_denied("127.0.4.9")
        self.assert_denied("127.0.5.1")

    def test_both_variables(self):
        """SOLOFTPD_LOAD_CONF wins."""
        ALLOW.write_text(f"soloftpd: ALL : setenv SOLOFTPD_LOAD_CONF {THIRD} : "
                         f"setenv VSFTPD_LOAD_CONF {SECOND}\n")
        self.assert_greeting("127.0.0.1", "220 third").quit()

    def test_address_in_the_path(self):
        path = pathlib.Path("/etc/ftp-127.0.0.7.conf")
        self.addCleanup(path.unlink)
        path.write_text("ftpd_banner=by address\n")
        ALLOW.write_text("soloftpd: ALL : setenv VSFTPD_LOAD_CONF /etc/ftp-%a.conf\n")
        self.assert_greeting("127.0.0.7", "220 by address").quit()

    def test_switched_off(self):
        server = self.serve("tcp_wrappers=NO\n")
        self.assert_greeting("127.0.0.9", "220 soloftpd ready.", server).quit()

    def test_a_bad_rule_denies(self):
        ALLOW.write_text("soloftpd: ALL : no_such_option yes\n")
        DENY.unlink()
        self.assert_denied("127.0.0.1")

    def test_no_files(self):
        DENY.unlink()
        self.assert_greeting("127.0.0.9", "220 soloftpd ready.").quit()

    def test_clients(self):
        """curl takes the refusal as a time-out, its word for any 421."""
        ALLOW.write_text("soloftpd: 127.0.0.1\n")
        self.run_client("curl", "-sS", "--interface", "127.0.0.9", self.url(), status=28)
        self.run_client("curl", "-sS", "--interface", "127.0.0.1", self.url())


class Name(Wrappers):
    """The daemon's name in the rules is the name that it was started by."""

    def link(self, name):
        path = self.here / name
        os.symlink(harness.SOLOFTPD, path)
        return str(path)

    def test_vsftpd(self):
        ALLOW.write_text("vsftpd: 127.0.0.2\nsoloftpd: 127.0.0.3\n")
        server = self.serve("tcp_wrappers=YES\n", program=self.link("vsftpd"))
        self.assert_greeting("127.0.0.2", re.compile("220 .*"), server).quit()
        self.assert_denied("127.0.0.3", server)
        self.assert_denied("127.0.0.2")
        self.assert_greeting("127.0.0.3", "220 soloftpd ready.").quit()

    def test_any(self):
        ALLOW.write_text("ftp-inside: 127.0.0.2\n")
        server = self.serve(program=self.link("ftp-inside"))
        self.assert_greeting("127.0.0.2", re.compile("220 .*"), server).quit()
        self.assert_denied("127.0.0.3", server)


class Environment(Wrappers):
    """Without any rule the super-server's environment can name the file."""

    def test_variable(self):
        DENY.unlink()
        for name in ("VSFTPD_LOAD_CONF", "SOLOFTPD_LOAD_CONF"):
            with self.subTest(name=name):
                server = self.serve(environment=f"{name}={SECOND}")
                self.assert_greeting("127.0.0.1", "220 second", server).quit()

    def test_a_rule_wins(self):
        ALLOW.write_text(f"soloftpd: ALL : setenv VSFTPD_LOAD_CONF {THIRD}\n")
        server = self.serve(environment=f"VSFTPD_LOAD_CONF={SECOND}")
        self.assert_greeting("127.0.0.1", "220 third", server).quit()
