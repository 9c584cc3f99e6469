"""Certificates and keys that are no good (TL16), and what of them is left in a session."""

import os
import pathlib
import re

import harness
import secure
import test_privilege
from secure import PLACE


class Keys(secure.FtpsTest):

    def refuses(self, options, reason):
        """AUTH is 431, syslog says why, and nobody gets in without TLS where it is forced."""
        server = self.serve_tls(options)
        session = self.greeted(server)
        session.expect("AUTH TLS", "431 TLS is not available.")
        session.expect("AUTH TLS", "431 TLS is not available.")
        session.expect("NOOP", re.compile("530 .*|200 .*"))
        session.expect("USER alice", "530 Non-anonymous sessions must use encryption.")
        session.expect_end()
        self.syslog(reason)

    def test_tl16_readable_by_others(self):
        for mode in (0o644, 0o604, 0o602, 0o660, 0o620):
            with self.subTest(mode=oct(mode)):
                path = self.here / "key.pem"
                path.write_bytes((PLACE / "server.pem").read_bytes())
                path.chmod(mode)
                self.refuses(f"rsa_cert_file={path}\n", "holds a private key, and others may")

    def test_tl16_key_apart(self):
        """The certificate may be everybody's when the key has a file of its own; the key may not."""
        certificate = self.here / "certificate.pem"
        certificate.write_bytes((PLACE / "server.crt").read_bytes())
        certificate.chmod(0o644)
        key = self.here / "key.pem"
        key.write_bytes((PLACE / "server.key").read_bytes())
        options = f"rsa_cert_file={certificate}\nrsa_private_key_file={key}\n"
        key.chmod(0o600)
        self.login(server=self.serve_tls(options)).quit()
        key.chmod(0o640)  # root and a group such as ssl-cert
        self.login(server=self.serve_tls(options)).quit()
        key.chmod(0o644)
        self.refuses(options, f"{key}: holds a private key")

    def test_tl16_owner(self):
        path = self.here / "key.pem"
        path.write_bytes((PLACE / "server.pem").read_bytes())
        path.chmod(0o600)
        harness.give(path, "alice")
        self.refuses(f"rsa_cert_file={path}\n", "belongs to somebody else")

    def test_tl16_mismatch(self):
        self.refuses(f"rsa_private_key_file={PLACE}/alice.key\n", "key")

    def test_tl16_nothing_usable(self):
        broken = self.here / "broken.pem"
        broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        broken.chmod(0o600)
        encrypted = self.here / "encrypted.pem"
        encrypted.write_bytes((PLACE / "server.crt").read_bytes() + secure.openssl(
            "pkcs8", "-topk8", "-in", "server.key", "-passout", "pass:word"))
        encrypted.chmod(0o600)
        os.mkfifo(self.here / "fifo", 0o600)
        for file in (self.here / "missing.pem", self.here, broken, encrypted, PLACE / "server.crt",
                     pathlib.Path("/dev/zero")):
            with self.subTest(file=file.name):
                self.refuses(f"rsa_cert_file={file}\n", "TLS is not available: ")
        self.refuses(f"rsa_private_key_file={self.here}/fifo\n", "TLS is not available: .*fifo")

    def test_tl16_forced_implicit(self):
        """With implicit TLS there is nothing to say in clear."""
        path = self.here / "key.pem"
        path.write_bytes((PLACE / "server.pem").read_bytes())
        path.chmod(0o644)
        server = self.serve_tls(f"implicit_ssl=YES\nrsa_cert_file={path}\n")
        session = self.connect(server)
        self.assertEqual(secure.everything(session.plain), b"")
        self.syslog("TLS is not available: ")

    def maps(self, pid):
        return pathlib.Path(f"/proc/{pid}/maps").read_text()

    def test_no_library_in_clear(self):
        """A session without AUTH pays nothing for TLS."""
        server = self.serve_tls("force_local_logins_ssl=NO\nforce_local_data_ssl=NO\n")
        session = self.greeted(server)
        session.expect("FEAT", re.compile("211-(.*\n)* AUTH TLS\n(.*\n)*211 End"))
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.list()
        self.assertNotRegex(self.maps(self.session_pid(server)), "libssl|libcrypto")
        session.quit()
        session = self.login(server=server)
        self.assertRegex(self.maps(self.session_pid(server)), "(?s)libcrypto.*libssl|libssl.*libcrypto")
        session.quit()

    def test_no_key_in_reach(self):
        """After the login: no file of the key open, none that the user could open, no environment."""
        session = self.login()
        session.store("STOR f", b"content")
        pid = self.session_pid()
        folder = f"/proc/{pid}/fd"
        held = [os.readlink(f"{folder}/{number}") for number in os.listdir(folder)]
        self.assertEqual([name for name in held if str(PLACE) in name], [])
        self.assertNotIn(str(PLACE), self.maps(pid))
        with session.passive():
            session.expect(f"RETR {PLACE}/server.pem", "550 Failed to open file.")
            session.expect(f"RETR {PLACE}/server.key", "550 Failed to open file.")
        session.quit()

    def test_environment(self):
        """What the super-server's environment says to OpenSSL is not heard."""
        evil = self.here / "evil.cnf"
        evil.write_text("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = one\n"
                        "[one]\nMinProtocol = TLSv1\nMaxProtocol = TLSv1.2\n")
        server = self.serve_tls(environment=(
            f"OPENSSL_CONF={evil} OPENSSL_MODULES=/nowhere SSL_CERT_FILE=/nowhere "
            f"SSLKEYLOGFILE={self.here}/keys QLOGDIR={self.here}"))
        session = self.login(server=server)
        self.assertEqual(session.socket.tls.version(), "TLSv1.3")
        session.quit()
        self.assertFalse((self.here / "keys").exists())

    def test_no_rights_left(self):
        """As without TLS: no root, no capability, no descriptor but the session's own."""
        session = self.login()
        session.store("STOR f", b"content")
        self.assertEqual(session.retrieve("RETR f"), b"content")
        pid = self.session_pid()
        status = test_privilege.status_of(pid)
        self.assertEqual(status["Uid"] + status["Gid"], ["1801"] * 8)
        self.assertEqual([status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")],
                         [["0" * 16]] * 4)
        self.assertEqual((status["NoNewPrivs"], status["Threads"]), (["1"], ["1"]))
        held = list(test_privilege.descriptors(pid).values())
        # The last data connection is there until the next one ends, for the client's close_notify.
        sockets = [what for what in held if what.startswith("socket:") and what != "socket: unix"]
        self.assertLessEqual(len(sockets), 2)
        logs = {str(self.server.directory / name) for name in ("vsftpd.log", "xferlog")} | {"/var/log/wtmp"}
        self.assertEqual(set(held) - set(sockets) - {"socket: unix"}, {"/dev/null"} | logs)
        session.quit()

    def test_logs_hold_no_secret(self):
        server = self.serve_tls("log_ftp_protocol=YES\ndebug_ssl=YES\n")
        self.login(server=server).quit()
        self.assertNotIn("secret-alice", server.log() + self.syslog())
