"""Client certificates: asked for, demanded, validated, and whose they are."""

import re
import ssl

import harness
import secure
from secure import PLACE, V12, V13

ASK = f"ssl_request_cert=YES\nca_certs_file={PLACE}/ca.crt\n"
VALIDATE = ASK + "validate_cert=YES\n"
REQUIRE = f"require_cert=YES\nca_certs_file={PLACE}/ca.crt\n"
STRICT = REQUIRE + "validate_cert=YES\n"


def dated(first, last):
    """A change that makes a certificate valid between these two dates."""
    def change(signed):
        return re.sub(rb"\x17\x0d\d{12}Z\x17\x0d\d{12}Z",
                      b"\x17\x0d%sZ\x17\x0d%sZ" % (first, last), signed)
    return change


class CertificateTest(secure.FtpsTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if (PLACE / "expired.pem").exists():
            return
        secure.make_certificate("self", "alice")
        secure.forge("expired", "alice", dated(b"200101000000", b"210101000000"))
        secure.forge("early", "alice", dated(b"480101000000", b"490101000000"))
        secure.make_certificate("servers", "alice", "ca", more=["extendedKeyUsage=serverAuth"])
        secure.make_certificate("huge", "alice", "ca", more=["nsComment=" + "A" * 110_000])
        secure.make_certificate("longer", "alice#x.example", "ca")
        secure.forge("nul", "longer", lambda signed: signed.replace(b"alice#x", b"alice\0x"))
        secure.make_certificate("chained", "alice", "lower")
        secure.bundle("chained", "lower.crt", "middle.crt")

    def enters(self, server, certificate, version=V13, user=None):
        """Whether a client with that certificate (None: without) gets beyond the handshake, and in."""
        session = self.greeted(server)
        try:
            session.auth(secure.context(version, version, certificate=certificate))
            session.socket.sendall(b"SYST\r\n")
            if not (first := session.socket.recv(100)):
                return False
        except (ssl.SSLError, ConnectionError):
            return False
        self.assertEqual(first, b"215 UNIX Type: L8\r\n")
        if user:
            reply = session.expect(f"USER {user}", re.compile("331 .*|530 .*"))
            if reply.startswith("530"):
                session.expect_end()
                return False
            session.expect(f"PASS {harness.PASSWORD[user]}", "230 Login successful.")
        session.quit()
        return True


class Asked(CertificateTest):

    # What the options make of each certificate.
    TABLE = """\
               none  alice chained stranger self expired early servers
not asked       +     +     +       +       +     +       +     +
asked           +     +     +       +       +     +       +     +
validated       +     +     +       -       -     -       -     -
demanded        -     +     +       +       +     +       +     +
both            -     +     +       -       -     -       -     -
"""

    def test_table(self):
        """TABLE, with both versions."""
        head, *lines = self.TABLE.splitlines()
        for version in (V12, V13):
            found = [head]
            for line, options in zip(lines, ("", ASK, VALIDATE, REQUIRE, STRICT)):
                server = self.serve_tls(options)
                names = [None if name == "none" else name for name in head.split()]
                signs = ["+" if self.enters(server, name, version) else "-" for name in names]
                found.append("{}{}     {}     {}       {}       {}     {}       {}     {}".format(
                    line[:16], *signs))
            self.assertEqual("\n".join(found) + "\n", self.TABLE, version)

    def test_validated_against_nothing(self):
        """Without ca_certs_file no certificate is valid."""
        server = self.serve_tls("validate_cert=YES\nrequire_cert=YES\n")
        for certificate in (None, "alice", "stranger", "self"):
            self.assertFalse(self.enters(server, certificate))

    def test_no_such_authorities(self):
        for file in ("missing.crt", "server.key"):
            server = self.serve_tls(f"{REQUIRE}ca_certs_file={PLACE}/{file}\n")
            self.greeted(server).expect("AUTH TLS", "431 TLS is not available.")
            self.syslog(re.escape(f"{PLACE}/{file}: "))

    def test_tl9_long_chain(self):
        """Fifty authorities one below the other: nobody has that."""
        key, issuer, chain = "middle", "ca", []
        for number in range(50):
            name = f"deep{number}"
            (PLACE / f"{name}.key").write_bytes((PLACE / f"{key}.key").read_bytes())
            secure.openssl("req", "-x509", "-new", "-key", f"{name}.key", "-out", f"{name}.crt",
                           "-subj", f"/CN={name}", "-days", "30", "-CA", f"{issuer}.crt",
                           "-CAkey", f"{issuer}.key", "-addext", "basicConstraints=critical,CA:TRUE")
            issuer = name
            chain.insert(0, f"{name}.crt")
        secure.make_certificate("deepest", "alice", issuer)
        secure.bundle("deepest", *chain)
        self.assertFalse(self.enters(self.serve_tls(STRICT), "deepest"))

    def test_tl9_huge(self):
        """More than OpenSSL takes, 100 KB, whether anything is validated or not."""
        for options in (ASK, STRICT):
            server = self.serve_tls(options)
            for version in (V12, V13):
                self.assertFalse(self.enters(server, "huge", version))
            self.assertTrue(self.enters(server, "alice"))


class SameClient(CertificateTest):
    """Data connections show the control connection's certificate."""

    def store(self, session, settings, reply):
        with session.passive() as data:
            session.expect("STOR up", "150 Ok to send data.")
            try:
                secured = session.secured(data, settings)
                secured.sendall(b"content")
                secured.finish()
            except (ssl.SSLError, OSError):
                pass
        session.expect_reply(reply)

    def test_same(self):
        server = self.serve_tls(ASK)
        done = "226 Transfer complete."
        refused = "522 SSL connection failed: another client certificate"
        for version in (V12, V13):
            def fresh(name):
                return secure.context(version, version, certificate=name)
            for mine, wanted in (
                    ("alice", {"alice": done, "bob": refused, "stranger": refused, None: refused}),
                    (None, {None: done, "alice": refused})):
                session = self.login(server=server, settings=fresh(mine))
                for other, reply in wanted.items():
                    with self.subTest(mine=mine, other=other, version=version):
                        self.store(session, fresh(other), reply)
                self.store(session, None, done)  # resumed
                session.quit()

    def test_resumption(self):
        """Sessions that began with a certificate are resumed as well."""
        server = self.serve_tls(STRICT + "require_ssl_reuse=YES\n")
        for version in (V12, V13):
            for tickets in (True, False):
                session = self.login(server=server, settings=secure.context(
                    version, version, certificate="alice", tickets=tickets))
                session.store("STOR up", b"content")
                self.assertTrue(session.last.session_reused)
                self.assertEqual(session.retrieve("RETR up"), b"content")
                session.quit()

    def test_demanded_on_data(self):
        """A data connection without resumption must show it where it is required; 522 otherwise."""
        server = self.serve_tls(STRICT)
        for version in (V12, V13):
            session = self.login(server=server,
                                 settings=secure.context(version, version, certificate="alice"))
            for other in (None, "expired", "stranger"):
                self.store(session, secure.context(version, version, certificate=other),
                           re.compile("522 .*"))
            self.store(session, None, "226 Transfer complete.")
            session.quit()


class Users(CertificateTest):
    """ssl_cert_user: the certificate must be the user's."""

    def test_users(self):
        server = self.serve_tls(STRICT + "ssl_cert_user=YES\n")
        for version in (V12, V13):
            for certificate, user, wanted in (
                    ("alice", "alice", True), ("bob", "bob", True), ("alice", "bob", False),
                    ("bob", "alice", False), ("chained", "alice", True), ("longer", "alice", False),
                    ("nul", "alice", False), ("ca", "alice", False)):
                with self.subTest(certificate=certificate, user=user, version=version):
                    self.assertEqual(self.enters(server, certificate, version, user), wanted)

    def test_tl9_nul(self):
        """A name with a NUL in it is a valid certificate, of somebody else."""
        self.assertTrue(self.enters(self.serve_tls(STRICT), "nul", user="alice"))

    def test_none(self):
        """Only asked for: who shows none has no name."""
        server = self.serve_tls(VALIDATE + "ssl_cert_user=YES\n")
        self.assertFalse(self.enters(server, None, user="alice"))
        self.assertTrue(self.enters(server, "alice", user="alice"))
        self.syslog("The client certificate is not this user's")

    def test_alone(self):
        """It asks for certificates and checks them without being told to by other options."""
        server = self.serve_tls(f"ssl_cert_user=YES\nca_certs_file={PLACE}/ca.crt\n")
        for version in (V12, V13):
            for certificate, wanted in (("alice", True), (None, False), ("bob", False), ("nul", False),
                                        ("stranger", False), ("self", False), ("expired", False)):
                with self.subTest(certificate=certificate, version=version):
                    self.assertEqual(self.enters(server, certificate, version, "alice"), wanted)

    def test_not_validated(self):
        """The name in a certificate that anybody may have made is no proof of anything."""
        for options in (ASK, REQUIRE):
            server = self.serve_tls(options + "ssl_cert_user=YES\n")
            for certificate in ("stranger", "self", "expired"):
                with self.subTest(options, certificate=certificate):
                    try:
                        entered = self.enters(server, certificate, user="alice")
                    except AssertionError:
                        entered = False  # no service at all, or no TLS
                    self.assertFalse(entered)
