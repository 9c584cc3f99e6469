"""What the two sides agree on: versions, ciphers, parameters, names, protocols, client certificates."""

import re
import ssl
import struct

import harness
import secure
from harness import ALICE
from secure import PLACE, V10, V11, V12, V13

# What is accepted (+) and refused (-): by default, and with the old versions switched on; each with
# an ECDSA and with an RSA key. A cipher is offered alone.
TABLE = """\
version  cipher                               default      old
                                             EC   RSA    EC   RSA
TLS 1.0  c009 ECDHE-ECDSA-AES128-SHA          -    -     +    -
TLS 1.0  c013 ECDHE-RSA-AES128-SHA            -    -     -    +
TLS 1.0  002f AES128-SHA                      -    -     -    +
TLS 1.0  0033 DHE-RSA-AES128-SHA              -    -     -    +
TLS 1.1  c009 ECDHE-ECDSA-AES128-SHA          -    -     +    -
TLS 1.1  c013 ECDHE-RSA-AES128-SHA            -    -     -    +
TLS 1.1  002f AES128-SHA                      -    -     -    +
TLS 1.1  c02b ECDHE-ECDSA-AES128-GCM-SHA256   -    -     -    -
TLS 1.2  c02b ECDHE-ECDSA-AES128-GCM-SHA256   +    -     +    -
TLS 1.2  c02c ECDHE-ECDSA-AES256-GCM-SHA384   +    -     +    -
TLS 1.2  cca9 ECDHE-ECDSA-CHACHA20-POLY1305   +    -     +    -
TLS 1.2  c009 ECDHE-ECDSA-AES128-SHA          +    -     +    -
TLS 1.2  c02f ECDHE-RSA-AES128-GCM-SHA256     -    +     -    +
TLS 1.2  c030 ECDHE-RSA-AES256-GCM-SHA384     -    +     -    +
TLS 1.2  cca8 ECDHE-RSA-CHACHA20-POLY1305     -    +     -    +
TLS 1.2  009e DHE-RSA-AES128-GCM-SHA256       -    +     -    +
TLS 1.2  0033 DHE-RSA-AES128-SHA              -    +     -    +
TLS 1.2  009c AES128-GCM-SHA256               -    -     -    +
TLS 1.2  002f AES128-SHA                      -    -     -    +
TLS 1.2  0041 CAMELLIA128-SHA                 -    -     -    -
TLS 1.2  000a DES-CBC3-SHA                    -    -     -    -
TLS 1.2  0005 RC4-SHA                         -    -     -    -
TLS 1.2  003b NULL-SHA256                     -    -     -    -
TLS 1.2  0003 EXP-RC4-MD5                     -    -     -    -
TLS 1.2  00a6 ADH-AES128-GCM-SHA256           -    -     -    -
TLS 1.2  c018 AECDH-AES128-SHA                -    -     -    -
TLS 1.2  1301 TLS_AES_128_GCM_SHA256          -    -     -    -
TLS 1.3  1301 TLS_AES_128_GCM_SHA256          +    +     +    +
TLS 1.3  1302 TLS_AES_256_GCM_SHA384          +    +     +    +
TLS 1.3  1303 TLS_CHACHA20_POLY1305_SHA256    +    +     +    +
TLS 1.3  c02b ECDHE-ECDSA-AES128-GCM-SHA256   -    -     -    -
"""
NUMBERS = {"TLS 1.0": 0x0301, "TLS 1.1": 0x0302, "TLS 1.2": 0x0303, "TLS 1.3": 0x0304}
OLD = "ssl_tlsv1=YES\nssl_tlsv11=YES\n"
RSA = f"rsa_cert_file={PLACE}/server-rsa.pem\n"


def extension(number, content):
    return struct.pack(">HH", number, len(content)) + content


def offer(version, cipher, groups=(0x001d, 0x0017, 0x0018, 0x0100, 0x0101)):
    """A ClientHello for one version and one cipher."""
    listed = b"".join(struct.pack(">H", group) for group in groups)
    signatures = b"".join(struct.pack(">H", scheme) for scheme in (
        0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0203, 0x0201))
    extensions = extension(10, struct.pack(">H", len(listed)) + listed) + extension(11, b"\1\0")
    if version >= 0x0303:
        extensions += extension(13, struct.pack(">H", len(signatures)) + signatures)
    if version == 0x0304:  # with no key share the answer is a HelloRetryRequest
        extensions += extension(43, b"\2\3\4") + extension(51, b"\0\0")
    suites = struct.pack(">H", cipher)
    body = (struct.pack(">H", min(version, 0x0303)) + bytes(range(32)) + b"\0" +
            struct.pack(">H", len(suites)) + suites + b"\1\0" +
            struct.pack(">H", len(extensions)) + extensions)
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


class Negotiation(secure.FtpsTest):

    def answer(self, server, hello):
        """The server's first handshake messages, type and content, or the number of its alert."""
        session = self.greeted(server)
        session.expect("AUTH TLS", "234 Proceed with negotiation.")
        session.plain.sendall(hello)
        said = b""
        while True:
            messages = self.messages(said)
            if isinstance(messages, int) or 14 in messages or 2 in messages and \
                    b"\x2b\0\2\3\4" in messages[2]:
                session.close()
                return messages
            more = session.plain.recv(65536)
            if not more:
                self.fail("the server ended the connection without an alert")
            said += more

    def messages(self, said):
        inside = b""
        while len(said) >= 5 and len(said) >= 5 + (size := struct.unpack(">H", said[3:5])[0]):
            if said[0] == 0x15:
                return said[6]
            inside += said[5:5 + size]
            said = said[5 + size:]
        found = {}
        while len(inside) >= 4 and len(inside) >= 4 + (size := int.from_bytes(inside[1:4], "big")):
            found[inside[0]] = inside[4:4 + size]
            inside = inside[4 + size:]
        return found

    def is_accepted(self, server, version, cipher, **how):
        messages = self.answer(server, offer(version, cipher, **how))
        if isinstance(messages, int):
            self.assertIn(messages, (40, 70, 47), "handshake_failure or protocol_version")
            return False
        chosen = messages[2]
        if struct.unpack(">H", chosen[:2])[0] != min(version, 0x0303):
            return False  # an older one
        at = 35 + chosen[34]
        self.assertEqual(struct.unpack(">H", chosen[at:at + 2])[0], cipher)
        return True


class Versions(Negotiation):

    def test_table(self):
        """TABLE above, line by line."""
        servers = [self.serve_tls(options) for options in ("", RSA, OLD, RSA + OLD)]
        found = TABLE.splitlines()[:2]
        for line in TABLE.splitlines()[2:]:
            version, cipher = NUMBERS[line[:7]], int(line[9:13], 16)
            signs = ["+" if self.is_accepted(server, version, cipher) else "-" for server in servers]
            found.append("{}{}    {}     {}    {}".format(line[:46], *signs))
        self.assertEqual("\n".join(found) + "\n", TABLE)

    def highest(self, server, lowest=V10, highest=V13, **how):
        """The version of a whole handshake with a session in it, or None."""
        session = self.greeted(server)
        try:
            session.auth(secure.context(lowest, highest, **how))
        except (ssl.SSLError, ConnectionError):
            return None
        self.enter(session)
        session.store("STOR up", b"content")
        self.assertEqual(session.retrieve("RETR up"), b"content")
        self.assertEqual(session.last.version(), session.socket.tls.version())
        session.quit()
        return session.socket.tls.version()

    def test_sessions(self):
        """Both ends choose the highest they have in common; sessions work with each version."""
        old = self.serve_tls(OLD)
        for server, highest, wanted in (
                (self.server, V13, "TLSv1.3"), (self.server, V12, "TLSv1.2"),
                (self.server, V11, None), (self.server, V10, None), (old, V13, "TLSv1.3"),
                (old, V12, "TLSv1.2"), (old, V11, "TLSv1.1"), (old, V10, "TLSv1")):
            with self.subTest(old=server is old, highest=highest):
                self.assertEqual(self.highest(server, highest=highest), wanted)

    def test_spellings(self):
        """ssl_tlsv11 and ssl_tlsv1_1 are one option, as are the others."""
        for options, wanted in (
                ("ssl_tlsv13=NO\n", "--+-"), ("ssl_tlsv1_3=NO\n", "--+-"),
                ("ssl_tlsv12=NO\n", "---+"), ("ssl_tlsv1_2=NO\n", "---+"),
                ("ssl_tlsv11=YES\n", "-+++"), ("ssl_tlsv1_1=YES\n", "-+++"),
                ("ssl_tlsv1=YES\n", "+-++"), ("ssl_tlsv1=YES\nssl_tlsv1_1=YES\n", "++++"),
                ("ssl_tlsv12=NO\nssl_tlsv1_1=YES\n", "-+-+"),
                ("ssl_tlsv1_2=NO\nssl_tlsv13=YES\n", "---+"),
                ("ssl_sslv2=YES\nssl_sslv3=YES\n", "--++")):
            with self.subTest(options):
                server = self.serve_tls(options)
                ciphers = ((0x0301, 0xc009), (0x0302, 0xc009), (0x0303, 0xc02b), (0x0304, 0x1301))
                self.assertEqual("".join("+" if self.is_accepted(server, *one) else "-"
                                         for one in ciphers), wanted)

    def test_no_version_left(self):
        """Which is a mistake, and told as one; or else no handshake succeeds."""
        server = self.serve_tls("ssl_tlsv12=NO\nssl_tlsv13=NO\n")
        session = self.connect(server)
        if session.reply().startswith("421 "):
            return
        if session.expect("AUTH TLS", re.compile("234 .*|431 .*")).startswith("234"):
            self.assert_refused(session.encrypt)

    def test_two_certificates(self):
        """rsa_cert_file and dsa_cert_file: one of each kind, and each client gets what it can use."""
        server = self.serve_tls(f"{RSA}dsa_cert_file={PLACE}/server.pem\n")
        self.assertTrue(self.is_accepted(server, 0x0303, 0xc02b))
        self.assertTrue(self.is_accepted(server, 0x0303, 0xc02f))
        self.assertEqual(self.highest(server), "TLSv1.3")
        separate = self.serve_tls(f"rsa_cert_file={PLACE}/server-rsa.crt\n"
                                  f"rsa_private_key_file={PLACE}/server-rsa.key\n"
                                  f"dsa_cert_file={PLACE}/server.crt\n"
                                  f"dsa_private_key_file={PLACE}/server.key\n")
        self.assertTrue(self.is_accepted(separate, 0x0303, 0xc02b))
        self.assertTrue(self.is_accepted(separate, 0x0303, 0xc02f))

    def test_chain(self):
        """A client that knows the root alone is given the certificates in between."""
        server = self.serve_tls(f"rsa_cert_file={PLACE}/server-chained.pem\n")
        for version in (V12, V13):
            self.login(server=server, settings=secure.context(version, version)).quit()


class Parameters(Negotiation):

    def test_ciphers(self):
        server = self.serve_tls(f"{RSA}ssl_ciphers=ECDHE-RSA-AES256-GCM-SHA384\n")
        self.assertTrue(self.is_accepted(server, 0x0303, 0xc030))
        self.assertFalse(self.is_accepted(server, 0x0303, 0xc02f))
        self.assertTrue(self.is_accepted(server, 0x0304, 0x1301), "TLS 1.3 has ciphers of its own")
        server = self.serve_tls(f"{RSA}ssl_ciphers=HIGH:!kRSA\n")
        self.assertTrue(self.is_accepted(server, 0x0303, 0xc02f))
        self.assertFalse(self.is_accepted(server, 0x0303, 0x009c))

    def test_server_chooses(self):
        """The server's order counts: the client puts the weakest first."""
        session = self.greeted().auth(secure.context(V12, V12, ciphers=(
            "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")))
        self.assertEqual(session.socket.tls.cipher()[0], "ECDHE-ECDSA-AES256-GCM-SHA384")
        session.quit()

    def test_unknown_ciphers(self):
        server = self.serve_tls("ssl_ciphers=NO-SUCH-CIPHER\n")
        self.greeted(server).expect("AUTH TLS", "431 TLS is not available.")
        self.syslog("NO-SUCH-CIPHER: no such ciphers")

    def test_fedora_profile(self):
        """Fedora's word for its system-wide policy means the default here."""
        server = self.serve_tls("ssl_ciphers=PROFILE=SYSTEM\n")
        self.assertTrue(self.is_accepted(server, 0x0303, 0xc02b))

    def prime_bytes(self, server):
        exchange = self.answer(server, offer(0x0303, 0x009e, groups=(0x0017,)))[12]
        size = struct.unpack(">H", exchange[:2])[0]
        return exchange[2:2 + size]

    def test_dh_parameters(self):
        """dh_param_file: its prime is the one used; without, one that fits the key."""
        path = self.here / "dh.pem"
        path.write_bytes(secure.openssl("genpkey", "-genparam", "-algorithm", "DH",
                                        "-pkeyopt", "group:ffdhe3072"))
        self.assertEqual(len(self.prime_bytes(self.serve_tls(RSA))), 256)
        server = self.serve_tls(f"{RSA}dh_param_file={path}\n")
        self.assertEqual(len(self.prime_bytes(server)), 384)

    def test_classic_dh_parameters(self):
        """As `openssl dhparam` has always written them: a prime of nobody's standard."""
        path = self.here / "dh.pem"
        path.write_bytes(secure.openssl("dhparam", "-dsaparam", "2048"))
        prime = self.prime_bytes(self.serve_tls(f"{RSA}dh_param_file={path}\n"))
        self.assertEqual(len(prime), 256)
        self.assertIn(prime, secure.pem_bytes(path))

    def test_curve(self):
        """ecdh_param_file: the only curve."""
        path = self.here / "curve.pem"
        path.write_bytes(secure.openssl("ecparam", "-name", "secp384r1"))
        server = self.serve_tls(f"{RSA}ecdh_param_file={path}\n")
        for version, cipher in ((0x0303, 0xc02f), (0x0304, 0x1301)):
            self.assertTrue(self.is_accepted(server, version, cipher, groups=(0x0018,)))
            self.assertFalse(self.is_accepted(server, version, cipher, groups=(0x0017, 0x001d)))

    def test_wrong_parameters(self):
        for option in ("dh_param_file", "ecdh_param_file"):
            for path in (PLACE / "server.crt", self.here / "missing", self.here):
                with self.subTest(option, path=path.name):
                    server = self.serve_tls(f"{option}={path}\n")
                    self.greeted(server).expect("AUTH TLS", "431 TLS is not available.")
                    self.syslog(f"TLS is not available: {path}: no ")


class Names(Negotiation):
    """SNI (RFC 6066), HOST beside it (RFC 7151), ALPN (RFC 7301)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not (PLACE / "sni").exists():
            for name, kind in (("one", "ec"), ("two", "rsa")):
                secure.make_certificate(name, f"{name}.example.net", "ca", kind=kind,
                                        names=f"DNS:{name}.example.net")
            (PLACE / "sni").mkdir()
            for name in ("one", "two"):
                path = PLACE / "sni" / f"{name}.example.net.pem"
                path.write_bytes((PLACE / f"{name}.pem").read_bytes())
                path.chmod(0o600)

    SNI = f"ssl_sni_dir={PLACE}/sni\n"

    def whole(self, server, name, version=V13, **how):
        """A session of that name, whose certificates are checked on both connections."""
        settings = secure.context(version, version)
        for reuse in (True, False):
            session = self.greeted(server).auth(settings, name)
            self.enter(session)
            session.reuse = reuse
            with session.passive() as data:
                session.expect("STOR up", re.compile("150 .*"))
                secured = session.secured(data, None if reuse else settings)
                self.assertEqual(secured.tls.session_reused, reuse)
                secured.sendall(b"content")
                secured.finish()
            session.expect_reply("226 Transfer complete.")
            session.quit()

    def test_directory(self):
        """Each name has its certificate, of either kind, whatever the server's own; others get that."""
        for own in ("", RSA):
            server = self.serve_tls(self.SNI + own)
            for name in ("one.example.net", "two.example.net", "TWO.Example.NET", secure.NAME,
                         "localhost"):
                for version in (V12, V13):
                    with self.subTest(name, rsa=bool(own), version=version):
                        self.whole(server, name, version)

    def test_odd_names(self):
        """Names that are no host names lead nowhere: the server's own certificate."""
        harness.put(ALICE / "evil.pem", (PLACE / "one.pem").read_bytes(), "root", 0o600)
        server = self.serve_tls(self.SNI)
        for name in (b"../../../../srv/home/alice/evil", b"/srv/home/alice/evil", b"..", b".",
                     b"a" * 300, b"one.example.net.", b"one.example.net/", b"\xff\xfe", b"-",
                     b"one.example.net\nx", b"."):
            with self.subTest(name=name[:20]):
                listed = b"\0" + struct.pack(">H", len(name)) + name
                hello = offer(0x0303, 0xc02b)
                added = extension(0, struct.pack(">H", len(listed)) + listed)
                hello = self.with_extension(hello, added)
                messages = self.answer(server, hello)
                if not isinstance(messages, int):
                    self.assertIn(secure.pem_bytes(PLACE / "server.crt"), messages[11])
                    self.assertNotIn(secure.pem_bytes(PLACE / "one.crt"), messages[11])

    def with_extension(self, hello, added):
        """The ClientHello with one more extension at its end; all the lengths around it grow."""
        inside = hello[9:]
        at = 2 + 32 + 1 + 2 + 2 + 2
        size = struct.unpack(">H", inside[at:at + 2])[0] + len(added)
        inside = inside[:at] + struct.pack(">H", size) + inside[at + 2:] + added
        message = b"\1" + len(inside).to_bytes(3, "big") + inside
        return hello[:3] + struct.pack(">H", len(message)) + message

    def test_unusable_file(self):
        """A name whose file is no good, or can be read by others, is refused; the others are not."""
        directory = self.here / "sni"
        directory.mkdir()
        good = (PLACE / "one.pem").read_bytes()
        mismatch = (PLACE / "two.crt").read_bytes() + (PLACE / "one.key").read_bytes()
        for name, content, mode in (("empty", b"", 0o600), ("open", good, 0o644),
                                    ("mismatch", mismatch, 0o600)):
            path = directory / f"{name}.example.net.pem"
            path.write_bytes(content)
            path.chmod(mode)
        server = self.serve_tls(f"ssl_sni_dir={directory}\n")
        for name in ("empty", "open", "mismatch"):
            with self.subTest(name):
                session = self.greeted(server)
                self.assert_refused(lambda: session.auth(secure.context(check=False),
                                                         f"{name}.example.net"))
        self.whole(server, secure.NAME)

    def test_name_in_the_log(self):
        """debug_ssl writes the name that the client asked for, which may be anything, as one line."""
        server = self.serve_tls("debug_ssl=YES\n")
        session = self.greeted(server)
        session.expect("AUTH TLS", "234 Proceed with negotiation.")
        name = b'one"\r\nMon Jan  1 00:00:00 2024 [pid 1] [root] OK LOGIN: \x1b[2J\xff' + b"x" * 150
        client = secure.Library(session.plain, name=name)
        self.addCleanup(client.close)
        self.assertTrue(client.send(b"QUIT\r\n"))
        self.assertEqual(client.receive(), b"221 Goodbye.\r\n")
        lines = server.lines(count=2)
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r"DEBUG: .*server name: one")
        self.assertNotRegex(lines[1], "[\0-\x1f\x7f-\udcff]")

    def test_only_name(self):
        """ssl_sni_hostname: any other, and none, are alerted."""
        server = self.serve_tls(f"ssl_sni_hostname={secure.NAME}\n")
        for version in (V12, V13):
            settings = secure.context(version, version)
            self.whole(server, secure.NAME, version)
            self.whole(server, secure.NAME.upper(), version)
            for name in ("localhost", "127.0.0.1"):  # an address is not sent
                session = self.greeted(server)
                self.assert_refused(lambda: session.auth(settings, name))
                self.assertEqual(session.socket.alert, 112, "unrecognized_name")

    def test_host(self):
        """HOST must be the name that TLS was asked for; without a name it is free."""
        hosts = self.here / "hosts"
        hosts.mkdir()
        for name in ("one.example.net", "two.example.net"):
            (hosts / name).write_text(f"ftpd_banner=This is {name}.\n")
        server = self.serve_tls(f"{self.SNI}host_config_dir={hosts}\n")
        session = self.greeted(server).auth(name="one.example.net")
        session.expect("HOST two.example.net", re.compile("504 .*"))
        session.expect("HOST none.example.net", re.compile("504 .*"))
        session.expect("HOST ONE.example.net", "220 This is one.example.net.")
        self.enter(session)
        session.store("STOR up", b"content")
        session.quit()
        session = self.greeted(server).auth()
        session.expect("HOST two.example.net", "220 This is two.example.net.")
        session.expect("HOST one.example.net", "220 This is one.example.net.")
        self.enter(session)
        session.quit()

    def test_tl7_alpn(self):
        """No list, or one with ftp in it; a list without is a client led astray (ALPACA)."""
        for version in (V12, V13):
            for offered, chosen in (((), None), (("ftp",), "ftp"), (("x-filezilla-ftp", "ftp"), "ftp"),
                                    (("ftp", "x-filezilla-ftp"), "ftp"), (("http/1.1", "ftp"), "ftp")):
                with self.subTest(offered=offered, version=version):
                    session = self.login(settings=secure.context(version, version, protocols=offered))
                    self.assertEqual(session.socket.tls.selected_alpn_protocol(), chosen)
                    session.store("STOR up", b"content")
                    session.quit()
            for offered in (("http/1.1",), ("h2", "http/1.1"), ("imap",), ("x-filezilla-ftp",), ("FTP",),
                            ("ftp-data",), ("ftps",), ("ft",)):
                with self.subTest(offered=offered, version=version):
                    session = self.greeted()
                    settings = secure.context(version, version, protocols=offered)
                    self.assert_refused(lambda: session.auth(settings))
                    self.assertEqual(session.socket.alert, 120, "no_application_protocol")

    def test_alpn_on_data(self):
        """There ftp-data is right as well."""
        session = self.login()
        for offered, chosen in ((("ftp-data",), "ftp-data"), (("ftp",), "ftp"), ((), None)):
            with session.passive() as data:
                session.expect("STOR up", "150 Ok to send data.")
                secured = session.secured(data, secure.context(protocols=offered))
                self.assertEqual(secured.tls.selected_alpn_protocol(), chosen)
                secured.sendall(b"content")
                secured.finish()
            session.expect_reply("226 Transfer complete.")
        with session.passive() as data:
            session.expect("STOR up", "150 Ok to send data.")
            settings = secure.context(protocols=("http/1.1",))
            self.assert_refused(lambda: session.secured(data, settings))
        session.expect_reply("522 TLS handshake failed on the data connection.")
        session.quit()
