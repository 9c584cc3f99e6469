"""Configuration errors: a service that is not configured right serves nobody, and says why."""

import os
import pathlib
import re

import harness


class ErrorTest(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.extra = pathlib.Path("/etc/ftp-extra.conf")
        self.addCleanup(self.extra.unlink, missing_ok=True)
        self.addCleanup(pathlib.Path("/etc/hosts.allow").unlink, missing_ok=True)

    def assert_refused(self, server, place, reason):
        """The client learns nothing but 421; the syslog has the place and the reason."""
        with self.subTest(reason=reason):
            session = self.connect(server)
            session.expect_reply(harness.REFUSED)
            session.expect_end()
            self.assert_explained(place, reason)

    def assert_explained(self, place, reason):
        self.syslog(rf"(?m)soloftpd\[\d+\]: .*{re.escape(str(place))}.*{reason}")


class Errors(ErrorTest):

    def refused_line(self, line, reason):
        server = self.serve("# the next line is the one\n" + line + "\n")
        number = server.config.read_text().splitlines().index(line) + 1
        self.assert_refused(server, f"{server.config}:{number}", reason)

    def test_unknown_option(self):
        self.refused_line("no_such_option=YES", "no_such_option")
        self.refused_line("Write_Enable=YES", "Write_Enable")

    def test_bad_values(self):
        self.refused_line("write_enable=on", "write_enable")
        self.refused_line("write_enable=", "write_enable")
        self.refused_line("write_enable", "write_enable")

    def test_not_built(self):
        """What asks for more security than there is must not be taken for granted."""
        self.refused_line("ptrace_sandbox=YES", "ptrace_sandbox")
        server = self.serve("chown_uploads=YES\nseccomp_sandbox=NO\n")
        self.assert_refused(server, f"{server.config}:8", "chown_uploads")
        self.refused_line("http_enable=YES", "http_enable")

    def test_nobody_may_log_in(self):
        server = self.serve(usual="write_enable=YES\n")
        self.assert_refused(server, "", "(?=.*local_enable)(?=.*anonymous_enable)")

    def test_missing_file(self):
        server = self.serve()
        server.config.unlink()
        self.assert_refused(server, server.config, "")

    def test_not_a_file(self):
        server = self.serve()
        server.config.unlink()
        server.config.mkdir()
        self.assert_refused(server, server.config, "")

    def test_someone_elses_file(self):
        """A file that somebody other than root owns is no configuration."""
        server = self.serve()
        os.chown(server.config, 1801, 1801)
        self.assert_refused(server, server.config, "")

    def test_unknown_users(self):
        """Accounts are looked up when somebody is to become one of them, not before the greeting."""
        for lines, user, option in (
                ("anonymous_enable=YES\nftp_username=nosuchuser\n", "ftp", "ftp_username"),
                ("guest_enable=YES\nguest_username=nosuchuser\n", "alice", "guest_username")):
            with self.subTest(option=option):
                server = self.serve(lines)
                number = server.config.read_text().splitlines().index(option + "=nosuchuser") + 1
                session = self.connect(server)
                session.expect_reply("220 soloftpd ready.")
                session.expect("USER " + user, "331 Please specify the password.")
                if user == "ftp":
                    session.expect("PASS secret-alice", harness.REFUSED)
                    session.expect_end()
                else:  # like any other refusal of a password
                    session.expect("PASS secret-alice", "530 Login incorrect.")
                    session.quit()
                self.assert_explained(f"{server.config}:{number}", option + ".*nosuchuser")


class Logs(harness.FtpTest):
    """A log that can't be opened does not stop the service, and nothing goes unlogged."""

    def syslog_instead(self, lines, name):
        server = self.serve(lines)
        session = self.login(server=server)
        session.store("STOR new", b"12345")
        session.quit()
        self.syslog(rf"(?m)soloftpd\[\d+\]: .*can't open log file {name}: No such file or directory")
        self.syslog(r'(?m)soloftpd\[\d+\]: \[alice\] OK LOGIN: Client "127\.0\.0\.1"$')
        self.syslog(r'(?m)soloftpd\[\d+\]: \[alice\] OK UPLOAD: Client "127\.0\.0\.1", '
                    r'"/srv/home/alice/new", 5 bytes, ')

    def test_native_log(self):
        self.syslog_instead("vsftpd_log_file=/no/such/directory/vsftpd.log\n",
                            "/no/such/directory/vsftpd.log")

    def test_transfer_log(self):
        self.syslog_instead("dual_log_enable=NO\nxferlog_enable=YES\nxferlog_std_format=YES\nxferlog_file=/no/such/directory/xferlog\n",
                            "/no/such/directory/xferlog")


class Layers(ErrorTest):
    """Errors in the files that come on top of the first."""

    def by_rule(self, path):
        pathlib.Path("/etc/hosts.allow").write_text(
            f"soloftpd: ALL : setenv VSFTPD_LOAD_CONF {path}\n")

    def test_file_for_an_address_is_missing(self):
        self.by_rule("/etc/no-such-file.conf")
        self.assert_refused(self.server, "/etc/no-such-file.conf", "")

    def test_file_for_an_address_is_wrong(self):
        self.extra.write_text("write_enable=NO\n\nbogus=1\n")
        self.by_rule(self.extra)
        self.assert_refused(self.server, f"{self.extra}:3", "bogus")

    def users(self, text):
        """A service with a file for alice."""
        directory = self.here / "users"
        directory.mkdir(exist_ok=True)
        if text is not None:
            (directory / "alice").write_text(text)
        return self.serve(f"user_config_dir={directory}\n"), directory

    def test_file_for_a_user(self):
        server, _ = self.users("write_enable=NO\n")
        session = self.login(server=server)
        session.expect("MKD d", "550 Permission denied.")
        session.quit()
        session = self.login("bob", server)
        session.expect("MKD d", '257 "/srv/home/bob/d" created')
        session.quit()

    def test_no_file_for_a_user(self):
        server, _ = self.users(None)
        self.login(server=server).quit()

    def refused_login(self, server, place, reason):
        session = self.connect(server)
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", harness.REFUSED)
        session.expect_end()
        self.assert_explained(place, reason)

    def test_file_for_a_user_is_wrong(self):
        for text, number in (("nonsense=YES\n", 1), ("# a\n\nwrite_enable=maybe\n", 3)):
            with self.subTest(text=text):
                server, directory = self.users(text)
                word = text.splitlines()[number - 1].split("=")[0]
                self.refused_login(server, f"{directory}/alice:{number}", word)

    def test_file_for_a_user_is_somebody_elses(self):
        server, directory = self.users("write_enable=YES\n")
        os.chown(directory / "alice", 1801, 1801)
        self.refused_login(server, f"{directory}/alice", "")


class Accepted(harness.FtpTest):
    """What vsftpd takes is taken, and a few slips besides."""

    def test_standalone_configuration(self):
        """The super-server's affairs are not errors."""
        server = self.serve("listen=YES\nlisten_ipv6=NO\nlisten_port=2121\nmax_clients=9\n"
                            "background=YES\nmax_per_ip=3\nsecure_chroot_dir=/run/vsftpd/empty\n"
                            "nopriv_user=nobody\nisolate=NO\nseccomp_sandbox=NO\n")
        self.login(server=server).quit()

    def test_slips(self):
        server = self.serve("  # a comment behind blanks\n  write_enable=NO \r\n\r\n"
                            "ftpd_banner=  two words  \nlocal_umask=077\n")
        session = self.connect(server)
        session.expect_reply("220 two words")
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.expect("MKD d", "550 Permission denied.")
        session.quit()

    def test_last_line_wins(self):
        session = self.login(server=self.serve("write_enable=YES\nwrite_enable=0\n"))
        session.expect("MKD d", "550 Permission denied.")
        session.quit()
