"""FTP over TLS as a conversation (RFC 4217, RFC 2228): explicit, implicit, and who may do what."""

import os
import re
import socket
import ssl
import time

import harness
import secure
from harness import ALICE, ANONYMOUS
from secure import V12, V13

FEATURES = {" AUTH TLS", " PBSZ", " PROT"}


def features(session):
    lines = session.expect("FEAT", re.compile("211-Features:\n( .*\n)+211 End")).splitlines()
    return {line for line in lines if line.split()[0] in ("AUTH", "PBSZ", "PROT", "CCC", "ADAT")}


class Dialogue(secure.FtpsTest):

    def test_features(self):
        """In FEAT where they are to be had: before AUTH, in TLS, after the login."""
        session = self.greeted()
        self.assertEqual(features(session), FEATURES)
        session.auth()
        self.assertEqual(features(session), FEATURES)
        self.enter(session)
        self.assertEqual(features(session), FEATURES)
        session.quit()

    def test_off(self):
        """Without ssl_enable there is none of it."""
        session = self.greeted(self.serve())
        self.assertEqual(features(session), set())
        for command in ("AUTH TLS", "PBSZ 0", "PROT P", "CCC"):
            session.expect(command, re.compile("502 .*"))
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        self.assertEqual(features(session), set())
        session.quit()

    def test_never(self):
        """The rest of RFC 2228 is for other mechanisms than TLS."""
        session = self.greeted().auth()
        for command in ("ADAT AAAA", "MIC AAAA", "CONF AAAA", "ENC AAAA"):
            session.expect(command, re.compile("502 .*"))
        session.quit()

    def test_mechanisms(self):
        """TLS and TLS-C begin with data in clear; SSL and TLS-P, of old drafts, with private ones."""
        server = self.serve_tls("force_local_data_ssl=NO\n")
        for name, private in (("TLS", False), ("tls", False), ("TLS-C", False), ("SSL", True),
                              ("TLS-P", True), ("ssl", True)):
            with self.subTest(name):
                session = self.greeted(server).auth(mechanism=name)
                session.expect("USER alice", "331 Please specify the password.")
                session.expect("PASS secret-alice", "230 Login successful.")
                session.private = private
                session.store("STOR up", b"content")
                session.protect("C" if private else "P")
                session.store("STOR up", b"content")
                session.quit()

    def test_arguments(self):
        session = self.greeted()
        for command, reply in (("AUTH", "501 .*"), ("AUTH GSSAPI", "504 Unknown AUTH type\\."),
                               ("AUTH TLSX", "504 Unknown AUTH type\\."), ("AUTH TLS-X", "504 .*"),
                               ("AUTH TLS C", "50[14] .*"), ("PBSZ", "50[13] .*"), ("PROT", "50[13] .*")):
            session.expect(command, re.compile(reply))
        session.auth().quit()

    def test_user_is_forgotten(self):
        """What was said in clear does not count in TLS."""
        session = self.greeted(self.serve_tls("force_local_logins_ssl=NO\n"))
        session.expect("USER alice", "331 Please specify the password.")
        session.auth()
        session.expect("PASS secret-alice", re.compile("503 .*"))
        self.enter(session)
        session.quit()

    def test_after_the_login(self):
        """No AUTH any more, whether the login was in clear or not."""
        session = self.greeted(self.serve_tls("force_local_logins_ssl=NO\nforce_local_data_ssl=NO\n"))
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.expect("AUTH TLS", re.compile("503 .*"))
        session.expect("PBSZ 0", re.compile("503 .*"))
        session.expect("PROT P", re.compile("503 .*"))
        session.store("STOR up", b"in clear")
        session.quit()

    def test_host_is_forgotten(self):
        """HOST before AUTH is (RFC 7151 section 3.3), with all that it brought; afterwards it is new."""
        hosts = self.here / "hosts"
        hosts.mkdir()
        (hosts / "one").write_text("ftpd_banner=This is one.\nwrite_enable=NO\n")
        server = self.serve_tls(f"host_config_dir={hosts}\n")
        session = self.greeted(server)
        session.expect("HOST one", "220 This is one.")
        session.auth()
        self.enter(session)
        session.store("STOR up", b"content")
        session.quit()
        session = self.greeted(server)
        session.auth()
        session.expect("HOST one", "220 This is one.")
        self.enter(session)
        with session.passive():
            session.expect("STOR up", re.compile("550 .*"))
        session.quit()

    def test_failures_are_not_forgotten(self):
        """AUTH gives nobody more tries at the password."""
        server = self.serve_tls("force_local_logins_ssl=NO\nmax_login_fails=3\ndelay_failed_login=0\n")
        session = self.greeted(server)
        for _ in range(2):
            session.expect("USER alice", "331 Please specify the password.")
            session.expect("PASS wrong", "530 Login incorrect.")
        session.auth()
        session.expect("USER alice", "331 Please specify the password.")
        session.say("PASS wrong")
        self.assertRegex(session.reply(), "^421 |^530 ")
        session.expect_end()

    def test_time_is_not_forgotten(self):
        """Nor more time: login_timeout is from the greeting."""
        session = self.greeted(self.serve_tls("login_timeout=1\n"))
        started = time.monotonic()
        time.sleep(0.6)
        session.auth()
        session.expect_reply("421 Timeout.")
        self.assertLess(time.monotonic() - started, 1.4)

    def test_wrong_password(self):
        """The delay after one is kept inside TLS as well; what waits in the same record comes after."""
        session = self.greeted(self.serve_tls("delay_failed_login=1\n")).auth()
        started = time.monotonic()
        session.say_all("USER alice", "PASS wrong", "USER alice", "PASS secret-alice", "SYST")
        session.expect_reply("331 Please specify the password.", "530 Login incorrect.")
        self.assertGreater(time.monotonic() - started, 0.9)
        session.expect_reply("331 Please specify the password.", "230 Login successful.",
                             "215 UNIX Type: L8")
        session.quit()

    def test_gone_in_the_delay(self):
        server = self.serve_tls("delay_failed_login=5\n")
        session = self.greeted(server).auth()
        session.say_all("USER alice", "PASS wrong")
        session.expect_reply("331 Please specify the password.")
        pid = self.session_pid(server)
        session.socket.notify()
        session.close()
        self.assert_gone(pid, 1)

    def test_long_replies(self):
        """Listings over the control connection take many records."""
        for number in range(2000):
            harness.put(ALICE / f"a rather long name of a file, number {number:04}")
        session = self.login()
        said = session.expect("STAT .", re.compile("213-.*", re.S))
        self.assertEqual(len(said.splitlines()), 2002)
        session.expect("HELP", re.compile("214-.*", re.S))
        session.quit()

    def test_address_families(self):
        for address in ("127.0.0.1", "::1"):
            session = self.login(server=self.serve_tls(address=address))
            session.store("STOR up", b"content")
            session.quit()


    def test_super_servers(self):
        """Whoever made the connection, and whatever the descriptors were."""
        for starter in (harness.openbsd_inetd, harness.systemd, harness.tcpserver):
            with self.subTest(starter.__name__):
                session = self.login(server=self.serve_tls(starter=starter))
                session.store("STOR up", b"content")
                self.assertEqual(session.retrieve("RETR up"), b"content")
                session.quit()


class Policy(secure.FtpsTest):
    """Who must use TLS, who may, and for what."""

    def in_clear(self, server, user, *replies):
        session = self.greeted(server)
        session.expect(f"USER {user}", *replies)
        return session

    def test_local_logins(self):
        """Forced by default: USER in clear is 530, and the end."""
        for user in ("alice", "nobody-like-this", "root"):
            self.in_clear(self.server, user,
                          "530 Non-anonymous sessions must use encryption.").expect_end()
        server = self.serve_tls("force_local_logins_ssl=NO\n")
        self.in_clear(server, "alice", "331 Please specify the password.").quit()

    def test_anonymous_logins(self):
        session = self.in_clear(self.server, "ftp", "331 Please specify the password.")
        session.expect("PASS me@example.org", "230 Login successful.")
        session.quit()
        server = self.serve_tls("force_anon_logins_ssl=YES\n")
        for user in ("ftp", "anonymous", "FTP"):
            self.in_clear(server, user, "530 Anonymous sessions must use encryption.").expect_end()
        self.login("ftp", server).quit()

    def test_anonymous_in_tls(self):
        """allow_anon_ssl: by default TLS is for local users."""
        server = self.serve_tls("allow_anon_ssl=NO\n")
        session = self.greeted(server).auth()
        session.expect("USER ftp", "530 Anonymous sessions may not use encryption.")
        self.enter(session)
        session.quit()

    def test_anonymous_data(self):
        for options, in_clear in (("", True), ("force_anon_data_ssl=YES\n", False)):
            server = self.serve_tls(options)
            session = self.login("ftp", server)
            self.assertEqual(session.retrieve("RETR pub/hello.txt"), b"hello\n")
            session.protect("C")
            if in_clear:
                self.assertEqual(session.retrieve("RETR pub/hello.txt"), b"hello\n")
            else:
                with session.passive():
                    session.expect("RETR pub/hello.txt", "522 Data connections must be encrypted.")
            session.quit()
            # Who never said AUTH at all
            session = self.in_clear(server, "ftp", "331 Please specify the password.")
            session.expect("PASS me@example.org", "230 Login successful.")
            if in_clear:
                self.assertIn("hello.txt", session.list("NLST pub"))
            else:
                session.passive_address()
                session.expect("NLST pub", "522 Data connections must be encrypted.")
            session.quit()

    def test_jails(self):
        """Nothing of TLS is needed from outside the jail once a session is in it."""
        for user, options in (("alice", "chroot_local_user=YES\nallow_writeable_chroot=YES\n"),
                              ("vera", harness.GUEST)):
            session = self.login(user, self.serve_tls(options))
            for session.reuse in (True, False):
                session.store("STOR up", b"content")
                self.assertEqual(session.retrieve("RETR /up"), b"content")
            session.quit()

    def test_each_user(self):
        """A user's own file may ask for more, or for less, than the rest of the configuration."""
        users = self.here / "users"
        users.mkdir()
        (users / "alice").write_text("force_local_data_ssl=NO\n")
        for user, allowed in (("alice", True), ("bob", False)):
            session = self.login(user, self.serve_tls(f"user_config_dir={users}\n"), level="C")
            if allowed:
                session.store("STOR up", b"content")
            else:
                session.passive_address()
                session.expect("STOR up", "522 Data connections must be encrypted.")
            session.quit()

    def test_denied_commands(self):
        """cmds_denied is about what comes after the login, and about FEAT there."""
        session = self.greeted(self.serve_tls("cmds_denied=PROT\n")).auth()
        self.assertEqual(features(session), FEATURES)
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        self.assertEqual(features(session), {" AUTH TLS", " PBSZ"})
        session.expect("PBSZ 0", "200 PBSZ set to 0.")
        session.expect("PROT P", "550 Permission denied.")
        session.quit()

    def test_anonymous_upload(self):
        session = self.login("ftp", self.serve_tls("anon_upload_enable=YES\n"))
        session.store("STOR incoming/up", b"content")
        self.assertEqual((ANONYMOUS / "incoming/up").read_bytes(), b"content")
        session.quit()

    def test_called_vsftpd(self):
        """By that name its defaults hold: resumption is required. Its default cipher list, which fits
        RSA keys alone, is not what anybody wished for."""
        (self.here / "vsftpd").symlink_to(harness.SOLOFTPD)
        server = self.serve_tls(program=str(self.here / "vsftpd"))
        for version in (V12, V13):
            session = self.connect(server)
            session.expect_reply(re.compile("220 .*"))
            session.auth(secure.context(version, version))
            session.expect("USER alice", "331 Please specify the password.")
            session.expect("PASS secret-alice", "230 Login successful.")
            session.protect()
            session.store("STOR up", b"content")
            session.reuse = False
            with session.passive() as data:
                session.expect("STOR up", "150 Ok to send data.")
                try:
                    session.secured(data, secure.context(version, version)).recv(1)
                except (OSError, ssl.SSLError):
                    pass
                session.expect_reply("522 SSL connection failed: session reuse required")
            session.quit()
            self.assertEqual((ALICE / "up").read_bytes(), b"content")


class Implicit(secure.FtpsTest):
    """TLS from the first byte (port 990)."""

    more = "implicit_ssl=YES\n"

    def begun(self, **how):
        session = self.connect(**how).encrypt()
        session.expect_reply("220 soloftpd ready.")
        return session

    def test_session(self):
        """Data are private from the start; PBSZ and PROT are answered all the same."""
        for version in (V12, V13):
            session = self.connect().encrypt(secure.context(version, version))
            session.expect_reply("220 soloftpd ready.")
            session.expect("AUTH TLS", "503 The control connection is encrypted already.")
            self.assertEqual(features(session) - {" AUTH TLS"}, {" PBSZ", " PROT"})
            session.expect("USER alice", "331 Please specify the password.")
            session.expect("PASS secret-alice", "230 Login successful.")
            session.private = True
            session.store("STOR up", b"content")
            session.protect("P")
            self.assertEqual(session.retrieve("RETR up"), b"content")
            session.protect("C")
            with session.passive():
                session.expect("RETR up", "522 Data connections must be encrypted.")
            session.expect("CCC", "534 The control connection stays encrypted.")
            session.quit()

    def test_nothing_in_clear(self):
        """The server waits for the ClientHello, and says nothing to what is none."""
        session = self.connect()
        session.plain.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            session.plain.recv(1)
        session.plain.sendall(b"USER alice\r\nPASS secret-alice\r\n")
        self.assertRegex(secure.everything(session.plain), rb"(?s)\A(\x15\x03.\x00\x02..)?\Z")

    def test_pipelined(self):
        """Commands right behind the handshake, before the greeting was read."""
        session = self.connect().encrypt()
        session.say_all("USER alice", "PASS secret-alice", "PWD", "QUIT")
        session.expect_reply("220 soloftpd ready.", "331 Please specify the password.",
                             "230 Login successful.", re.compile("257 .*"), "221 Goodbye.")
        session.expect_end()

    def test_features_protocol_log(self):
        """log_ftp_protocol: the log is there before the greeting, and the handshake as well."""
        server = self.serve_tls(self.more + "log_ftp_protocol=YES\ndebug_ssl=YES\n")
        session = self.begun(server=server)
        self.enter(session)
        session.quit()
        log = server.log()
        self.assertRegex(log, r'DEBUG: Client "127\.0\.0\.1", "SSL version: TLSv1\.3')
        self.assertRegex(log, r'FTP response: Client "127\.0\.0\.1", "220 soloftpd ready\."')
        self.assertIn('"PROT P"', log)

    def test_anonymous(self):
        session = self.begun()
        self.enter(session, "ftp")
        self.assertEqual(session.retrieve("RETR pub/hello.txt"), b"hello\n")
        session.quit()

    def test_gone(self):
        """Clients that connect and leave: scanners, monitors."""
        for _ in range(3):
            session = self.connect()
            session.plain.shutdown(socket.SHUT_WR)
            self.assertRegex(secure.everything(session.plain), rb"(?s)\A(\x15\x03.\x00\x02..)?\Z")
            session.close()

    def test_debug_without(self):
        """debug_ssl is off by default."""
        self.enter(session := self.begun())
        session.quit()
        self.assertNotIn("DEBUG", self.server.log())
        self.assertTrue(os.path.exists(self.server.directory / "vsftpd.log"))
