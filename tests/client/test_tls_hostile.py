"""What an enemy can do to TLS, before it, in its place and after it. TL1 to TL16 are a catalogue."""

import os
import re
import socket
import struct
import time

import harness
import secure
from harness import ALICE, sample
from secure import PLACE, V12, V13

RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes close() a reset


def hello(version=0x0303, ciphers=(0xc02b, 0xc02f, 0x1301), extensions=b""):
    """A ClientHello made by hand, for what no library would send any more."""
    if version >= 0x0303 and not extensions:
        groups = struct.pack(">HHHHH", 10, 6, 4, 0x001d, 0x0017)
        signatures = struct.pack(">HHHHHH", 13, 8, 6, 0x0403, 0x0804, 0x0401)
        extensions = groups + signatures
    suites = b"".join(struct.pack(">H", cipher) for cipher in ciphers)
    body = (struct.pack(">H", version) + bytes(range(32)) + b"\0" +
            struct.pack(">H", len(suites)) + suites + b"\1\0")
    if extensions:
        body += struct.pack(">H", len(extensions)) + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16" + struct.pack(">HH", min(version, 0x0301), len(message)) + message


class Before(secure.FtpsTest):
    """Between AUTH and the handshake."""

    def assert_no_clear_text(self, said):
        """Nothing, or one alert record: RFC 4217 has no way back to clear text."""
        self.assertRegex(said, rb"(?s)\A(\x15\x03.\x00\x02..)?\Z")

    def test_tl1_pipelined(self):
        """What comes in one segment with AUTH was said in clear; it is never run."""
        for behind in (b"NOOP\r\n", b"USER alice\r\nPASS secret-alice\r\n", b"N", hello()):
            with self.subTest(behind=behind):
                session = self.greeted()
                pid = self.session_pid()
                session.plain.sendall(b"AUTH TLS\r\n" + behind)
                session.expect_reply("503 Nothing may follow AUTH before the handshake.")
                session.expect_end()
                self.assert_gone(pid)

    def test_tl1_telnet(self):
        """Nor does half a Telnet command reach into what comes encrypted, where it would swallow the
        first bytes."""
        for behind in (b"\xff", b"\xff\xf1", b"\xff\xfb", b"\xff\xfb\1", b"\xff\xff", b"\r", b"\n", b"\0"):
            with self.subTest(behind=behind):
                session = self.greeted()
                session.plain.sendall(b"AUTH TLS\r\n" + behind)
                # Telnet's own answer may come first, in clear as the question was.
                if "234 Proceed" in session.line():
                    session.encrypt()
                    session.expect("SYST", "215 UNIX Type: L8")
                    session.quit()
                else:
                    session.expect_end()

    def test_tl2_much_pipelined(self):
        session = self.greeted()
        pid = self.session_pid()
        session.plain.sendall(b"AUTH TLS\r\n" + b"STAT\r\n" * 2731)
        said = secure.everything(session.plain)
        self.assertRegex(said, rb"\A(503 Nothing may follow AUTH before the handshake\.\r\n)?\Z")
        self.assert_gone(pid)

    def test_tl3_stalls(self):
        """Silence, and a ClientHello cut at many places: all are ended by login_timeout."""
        whole = secure.TlsSocket(None, secure.context(), "127.0.0.1")
        with self.assertRaises(secure.ssl.SSLWantReadError):
            whole.tls.do_handshake()
        whole = whole.out.read()
        explicit = self.serve_tls("login_timeout=1\n")
        implicit = self.serve_tls("login_timeout=1\nimplicit_ssl=YES\n")
        sessions, started = [], time.monotonic()
        for size in (0, 1, 3, 5, 6, 9, 43, len(whole) // 2, len(whole) - 1):
            for server in (explicit, implicit):
                session = self.connect(server)
                if server is explicit:
                    session.expect_reply("220 soloftpd ready.")
                    session.expect("AUTH TLS", "234 Proceed with negotiation.")
                session.plain.sendall(whole[:size])
                sessions.append(session)
        for session in sessions[:2]:  # a byte now and then does not move the deadline
            for byte in whole[:3]:
                session.plain.sendall(bytes([byte]))
                time.sleep(0.1)
        for session in sessions:
            self.assert_no_clear_text(secure.everything(session.plain, 3))
        self.assertTrue(0.8 < time.monotonic() - started < 2.5)

    def test_tl3_something_else(self):
        """HTTP, FTP in clear, SSLv2, zeros, noise and a huge record in place of a ClientHello."""
        for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"USER alice\r\nPASS secret-alice\r\n",
                     b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37), bytes(1000),
                     sample(70_000), b"\x16\x03\x01\xff\xff" + bytes(66_000),
                     b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + b"\x16\x03\x01\x40\0" + bytes(16384),
                     b"\x16\x03\x01\x00\x00" * 1000, b"\x15\x03\x01\x00\x02\x01\x00" * 1000,
                     b"\x17\x03\x03\x00\x05AAAAA", b"\x14\x03\x03\x00\x01\x01" * 1000):
            with self.subTest(sent=sent[:20]):
                session = self.greeted()
                pid = self.session_pid()
                session.expect("AUTH TLS", "234 Proceed with negotiation.")
                try:
                    session.plain.sendall(sent)
                    session.plain.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                self.assert_no_clear_text(secure.everything(session.plain))
                self.assert_gone(pid)
        self.syslog("TLS handshake failed")

    def test_tl3_gone(self):
        """The client leaves, by FIN and by reset, after AUTH and in the middle of its ClientHello."""
        for reset in (False, True):
            for sent in (b"", hello()[:20], hello()):
                with self.subTest(reset=reset, sent=len(sent)):
                    session = self.greeted()
                    pid = self.session_pid()
                    session.expect("AUTH TLS", "234 Proceed with negotiation.")
                    session.plain.sendall(sent)
                    if reset:
                        session.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    session.close()
                    self.assert_gone(pid)

    def test_tl4_old(self):
        """SSL 3.0, TLS 1.0, 1.1, and ciphers with no, weak or anonymous keys: an alert."""
        rsa = self.serve_tls(f"rsa_cert_file={PLACE}/server-rsa.pem\n")
        for name, version, ciphers in (
                ("SSL 3.0", 0x0300, (0x002f, 0xc013, 0xc009)),
                ("TLS 1.0", 0x0301, (0x002f, 0xc013, 0xc009)),
                ("TLS 1.1", 0x0302, (0x002f, 0xc013, 0xc009)),
                ("NULL", 0x0303, (0x0001, 0x0002, 0x003b, 0xc006, 0xc010)),
                ("EXPORT", 0x0303, (0x0003, 0x0006, 0x0008, 0x0014)),
                ("RC4", 0x0303, (0x0004, 0x0005, 0xc007, 0xc011)),
                ("3DES", 0x0303, (0x000a, 0x0016, 0xc008, 0xc012)),
                ("DES", 0x0303, (0x0009, 0x0015)),
                ("anonymous", 0x0303, (0x0018, 0x0034, 0x003a, 0x006c, 0x00a6, 0xc018, 0xc019))):
            for server in (self.server, rsa):
                with self.subTest(name, rsa=server is rsa):
                    session = self.greeted(server)
                    session.expect("AUTH TLS", "234 Proceed with negotiation.")
                    session.plain.sendall(hello(version, ciphers))
                    # handshake_failure or protocol_version, both fatal
                    self.assertRegex(secure.everything(session.plain),
                                     rb"(?s)\A\x15\x03.\x00\x02\x02[\x28\x46]\Z")

    def test_tl4_hello_by_hand(self):
        """The same ClientHello with a good cipher is answered: it was the cipher that was refused."""
        session = self.greeted()
        session.expect("AUTH TLS", "234 Proceed with negotiation.")
        session.plain.sendall(hello())
        self.assertRegex(session.plain.recv(4096), rb"(?s)\A\x16\x03\x03..\x02")

    def test_fallback(self):
        """TLS_FALLBACK_SCSV from a client that claims to know no more than 1.2 (RFC 7507)."""
        session = self.greeted()
        session.expect("AUTH TLS", "234 Proceed with negotiation.")
        session.plain.sendall(hello(0x0303, (0xc02b, 0x5600)))
        self.assertRegex(secure.everything(session.plain), rb"(?s)\A\x15\x03.\x00\x02\x02\x56\Z")

    def test_tl5_tl6_out_of_place(self):
        session = self.greeted()
        session.expect("PBSZ 0", "503 PBSZ needs a secure connection.")
        session.expect("PROT P", "503 PROT needs a secure connection.")
        session.expect("CCC", "533 The control connection is not encrypted.")
        session.expect("AUTH KERBEROS_V4", "504 Unknown AUTH type.")
        session.auth()
        session.expect("AUTH TLS", "503 The control connection is encrypted already.")
        session.expect("PROT P", "503 PBSZ comes before PROT.")
        for junk in ("x", "-1", "0x", "1 2", "4294967296", ""):
            session.expect("PBSZ " + junk, re.compile("501 .*"))
        session.expect("PROT P", "503 PBSZ comes before PROT.")
        session.expect("PBSZ 16384", "200 PBSZ set to 0.")
        for level, reply in (("S", "536 PROT is C or P with TLS."), ("E", "536 PROT is C or P with TLS."),
                             ("X", "504 PROT not recognized."), ("PP", "504 PROT not recognized."),
                             ("C", "200 PROT now Clear."), ("p", "200 PROT now Private.")):
            session.expect("PROT " + level, reply)
        session.expect("CCC", "534 The control connection stays encrypted.")
        session.expect("NOOP", re.compile("530 .*|200 .*"))
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", "230 Login successful.")
        session.expect("AUTH TLS", "503 The control connection is encrypted already.")
        session.expect("CCC", "534 The control connection stays encrypted.")
        session.quit()


class After(secure.FtpsTest):
    """In an established session."""

    def test_tl8_renegotiation(self):
        """Refused by a warning, at which this client gives up."""
        session = self.greeted()
        pid = self.session_pid()
        session.expect("AUTH TLS", "234 Proceed with negotiation.")
        client = secure.Library(session.plain, 0x0303)
        self.addCleanup(client.close)
        self.assertTrue(client.send(b"SYST\r\n"))
        self.assertEqual(client.receive(), b"215 UNIX Type: L8\r\n")
        self.assertFalse(client.renegotiate())
        self.assert_gone(pid)

    def test_tl8_key_update(self):
        """Some are answered, and a session goes on with the new keys."""
        for requested in (False, True):
            with self.subTest(requested=requested):
                session = self.greeted()
                session.expect("AUTH TLS", "234 Proceed with negotiation.")
                client = secure.Library(session.plain)
                self.addCleanup(client.close)
                for _ in range(4):
                    self.assertEqual(client.update_key(10, requested), 10)
                    self.assertTrue(client.send(b"SYST\r\n"))
                    self.assertEqual(client.receive(), b"215 UNIX Type: L8\r\n")

    def test_tl8_key_update_flood(self):
        """10 000 end the session, and nothing behind them is run."""
        for requested in (False, True):
            with self.subTest(requested=requested):
                session = self.greeted()
                pid = self.session_pid()
                session.expect("AUTH TLS", "234 Proceed with negotiation.")
                client = secure.Library(session.plain)
                self.addCleanup(client.close)
                if client.update_key(10_000, requested) == 10_000:
                    client.send(b"SYST\r\n")
                self.assert_gone(pid)

    def test_tl8_key_update_flood_in_data(self):
        """On a data connection it is that which ends."""
        session = self.login()
        with session.passive() as data:
            session.expect("STOR up", "150 Ok to send data.")
            client = secure.Library(data)
            client.send(b"some")
            client.update_key(10_000)
            client.send(b"more")
            client.close()
        session.expect_reply("426 Failure reading network stream.")
        session.quit()

    def test_empty_records(self):
        """Records without content, which OpenSSL counts."""
        session = self.login()
        pid = self.session_pid()
        session.plain.sendall(b"\x17\x03\x03\x00\x00" * 100)
        secure.everything(session.plain)
        self.assert_gone(pid)

    def test_clear_text_inside(self):
        """Commands in clear in the middle of a session end it, and none is run."""
        session = self.login()
        pid = self.session_pid()
        session.plain.sendall(b"MKD clear\r\n" * 10)
        secure.everything(session.plain)
        self.assert_gone(pid)
        self.assertFalse((ALICE / "clear").exists())

    def test_changed_record(self):
        """A record that somebody has changed on the way ends the session by an alert."""
        session = self.login()
        pid = self.session_pid()
        record = bytearray(session.socket.record(b"MKD changed\r\n"))
        record[20] ^= 1
        session.plain.sendall(record)
        session.plain.settimeout(5)
        self.assertRaises(secure.ssl.SSLError, session.socket.run, session.socket.tls.read, 100)
        self.assert_gone(pid)
        self.assertFalse((ALICE / "changed").exists())

    def test_repeated_record(self):
        """One that is sent twice as well."""
        session = self.login()
        pid = self.session_pid()
        session.plain.sendall(session.socket.record(b"STOU\r\n") * 2)
        session.expect_reply("425 Use PORT or PASV first.")
        self.assertRaises(secure.ssl.SSLError, session.socket.run, session.socket.tls.read, 100)
        self.assert_gone(pid)

    def test_cut_control(self):
        """A command cut by FIN without close_notify is not run; neither is one without its end."""
        for sent in (lambda s: s.record(b"MKD cut\r\n")[:-1], lambda s: s.record(b"MKD cut")):
            session = self.login()
            pid = self.session_pid()
            session.plain.sendall(sent(session.socket))
            session.plain.shutdown(socket.SHUT_WR)
            secure.everything(session.plain)
            self.assert_gone(pid)
            self.assertFalse((ALICE / "cut").exists())


class Data(secure.FtpsTest):
    """The data connection under PROT P. What came of an upload is looked at under its own name."""

    more = "upload_atomic=NO\n"

    def assert_old_file(self, session, command="STOR old"):
        """The refused upload has neither made nor changed a file, and the session goes on."""
        self.assertEqual((ALICE / "old").read_bytes(), b"old content")
        self.assertEqual(sorted(harness.tree_of(ALICE)), ["old"])
        self.assertEqual(session.retrieve("RETR old"), b"old content")
        session.quit()

    def setUp(self):
        super().setUp()
        harness.put(ALICE / "old", b"old content")

    def refused(self, session, command, deed, reply):
        with session.passive() as data:
            session.expect(command, re.compile("150 .*"))
            deed(data)
            session.expect_reply(reply)

    def test_tl10_reuse_required(self):
        """Without resumption: 522, nothing made, nothing cut, nothing sent."""
        server = self.serve_tls("require_ssl_reuse=YES\n")
        for version in (V12, V13):
            with self.subTest(version=version):
                settings = secure.context(highest=version)
                session = self.login(server=server, settings=settings)

                def fresh(data):
                    try:
                        secured = session.secured(data, secure.context(highest=version))
                        self.assertEqual(secured.recv(100), b"")
                    except (OSError, secure.ssl.SSLError):
                        pass
                for command in ("STOR old", "STOR new", "APPE old", "APPE new", "STOU", "RETR old",
                                "LIST", "NLST", "MLSD"):
                    self.refused(session, command, fresh,
                                 "522 SSL connection failed: session reuse required")
                self.assert_old_file(session)

    def test_tl11_ticket_of_another_process(self):
        """It leads to a full handshake, which is refused where TL10 applies."""
        for version in (V12, V13):
            for tickets in (True, False):
                with self.subTest(version=version, tickets=tickets):
                    self.another_process(version, tickets)

    def another_process(self, version, tickets):
        server = self.serve_tls("require_ssl_reuse=YES\n")
        settings = secure.context(highest=version, tickets=tickets)
        other = self.login(server=server, settings=settings)
        foreign = other.session
        session = self.login(server=server, settings=settings)

        def with_foreign(data):
            try:
                secured = session.secured(data, session=foreign)
                self.assertFalse(secured.tls.session_reused)
                self.assertEqual(secured.recv(100), b"")
            except (OSError, secure.ssl.SSLError):
                pass
        self.refused(session, "STOR old", with_foreign,
                     "522 SSL connection failed: session reuse required")
        self.assert_old_file(session)
        other.quit()

    def test_tl11_control_with_foreign_ticket(self):
        """Offered for the control connection itself: a full handshake, and all is well."""
        settings = secure.context()
        other = self.login(settings=settings)
        session = self.greeted().auth(settings, session=other.session)
        self.assertFalse(session.socket.tls.session_reused)
        self.enter(session)
        self.assertEqual(session.retrieve("RETR old"), b"old content")
        self.assertTrue(session.last.session_reused)

    def test_tl12_client_never_reads(self):
        """8 MiB up, and closed with whatever the server had to say unread: the whole file."""
        content = sample(8 << 20)
        for version in (V12, V13):
            for reuse in (True, False):
                with self.subTest(version=version, reuse=reuse):
                    session = self.login(settings=secure.context(highest=version))
                    with session.passive() as data:
                        session.expect("STOR up", "150 Ok to send data.")
                        session.reuse = reuse
                        secured = session.secured(data, None if reuse else
                                                  secure.context(highest=version))
                        secured.sendall(content)
                        secured.notify()
                        secured.close()
                    session.expect_reply("226 Transfer complete.")
                    self.assert_same_bytes((ALICE / "up").read_bytes(), content)
                    session.quit()

    def upload_ending(self, end, reply, server=None):
        session = self.login(server=server)
        content = sample(100_000)
        with session.passive() as data:
            session.expect("STOR up", "150 Ok to send data.")
            secured = session.secured(data)
            secured.sendall(content)
            end(secured)
            session.expect_reply(reply)
        got = (ALICE / "up").read_bytes()
        self.assert_same_bytes(got, content[:len(got)])
        session.quit()
        return len(got)

    FAILED = "426 Failure reading network stream."

    def test_tl13_fin_without_close_notify(self):
        end = lambda secured: secured.cut()
        self.upload_ending(end, self.FAILED)
        self.assertIn("FAIL UPLOAD", self.server.log())
        server = self.serve_tls("strict_ssl_read_eof=NO\n")
        self.assertEqual(self.upload_ending(end, "226 Transfer complete.", server), 100_000)
        self.assertIn("OK UPLOAD", server.log())

    def test_tl13_fin_inside_a_record(self):
        """426 in any case: the client has not even sent what it had begun."""
        lenient = self.serve_tls("strict_ssl_read_eof=NO\n")
        for size in (1, 4, 5, 6, 500, 1021):
            for server in (self.server, lenient):
                with self.subTest(size=size, lenient=server is lenient):
                    def end(secured):
                        record = secured.record(b"x" * 1000)
                        self.assertEqual(len(record), 1022)
                        secured.plain.sendall(record[:size])
                        secured.cut()
                    self.upload_ending(end, self.FAILED, server)

    def test_tl13_reset(self):
        def end(secured):
            secured.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            secured.close()
        lenient = self.serve_tls("strict_ssl_read_eof=NO\n")
        for server in (self.server, lenient):
            with self.subTest(lenient=server is lenient):
                self.upload_ending(end, self.FAILED, server)

    def test_tl13_alert(self):
        """A fatal alert of the client's in place of close_notify, rightly encrypted or not."""
        lenient = self.serve_tls("strict_ssl_read_eof=NO\n")
        for server in (self.server, lenient):
            self.upload_ending(lambda secured: secured.plain.sendall(b"\x15\x03\x03\x00\x02\x02\x50"),
                               self.FAILED, server)

    def test_tl13_changed(self):
        """A changed record, followed by a right end of TCP."""
        def end(secured):
            record = bytearray(secured.record(b"x" * 1000))
            record[-1] ^= 1
            secured.plain.sendall(record)
            secured.cut()
        lenient = self.serve_tls("strict_ssl_read_eof=NO\n")
        for server in (self.server, lenient):
            self.upload_ending(end, self.FAILED, server)

    def test_tl13_cut_download(self):
        """A client that leaves in the middle of a download, by FIN or reset."""
        harness.put(ALICE / "huge").open("r+b").truncate(1 << 30)
        for reset in (False, True):
            session = self.login()
            with session.passive() as data:
                session.expect("RETR huge", re.compile("150 .*"))
                secured = session.secured(data)
                secured.recv(100_000)
                if reset:
                    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            session.expect_reply("426 Failure writing network stream.")
            session.quit()

    def test_tl14_clear_text(self):
        """Data in clear under PROT P: 522, nothing stored, nothing sent."""
        session = self.login()

        def clear(data):
            try:
                data.sendall(b"content in clear\n" * 1000)
                data.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.assertNotIn(b"old content", secure.everything(data))
        failed = "522 TLS handshake failed on the data connection."
        for command in ("STOR old", "STOR new", "APPE old", "STOU", "RETR old", "LIST"):
            self.refused(session, command, clear, failed)
        self.refused(session, "STOR old", lambda data: data.shutdown(socket.SHUT_WR), failed)
        self.refused(session, "STOR old", lambda data: data.sendall(b"GET / HTTP/1.1\r\n\r\n"), failed)
        self.assert_old_file(session)

    def test_tl14_reset(self):
        session = self.login()

        def reset(data):
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            data.close()
        self.refused(session, "STOR old", reset, "522 TLS handshake failed on the data connection.")
        self.assert_old_file(session)

    def test_stalled_handshake(self):
        """A data connection that never shakes hands costs accept_timeout, and the session lives."""
        server = self.serve_tls("accept_timeout=1\n")
        started, waiting = time.monotonic(), []
        for command, sent in (("STOR old", b""), ("STOR new", hello()[:50])):
            session = self.login(server=server)
            data = session.passive()
            self.addCleanup(data.close)
            session.expect(command, "150 Ok to send data.")
            data.sendall(sent)
            waiting.append(session)
        for session in waiting:
            session.expect_reply("522 TLS handshake failed on the data connection.")
        self.assertTrue(0.8 < time.monotonic() - started < 2)
        for session in waiting:
            self.assert_old_file(session)

    def test_many_failures(self):
        """Failed handshakes leave nothing behind."""
        session = self.login()
        folder = f"/proc/{self.session_pid()}/fd"
        before = len(os.listdir(folder))
        for command in ("STOR new", "RETR old", "LIST") * 20:
            with session.passive() as data:
                session.expect(command, re.compile("150 .*"))
                data.sendall(b"content in clear")
                session.expect_reply("522 TLS handshake failed on the data connection.")
        self.assertEqual(len(os.listdir(folder)), before)
        self.assert_old_file(session)

    def test_stranger(self):
        """A data connection of another client with a valid TLS client of its own, where resumption
        is required: it gets nothing."""
        server = self.serve_tls("require_ssl_reuse=YES\npasv_promiscuous=YES\n")
        session = self.login(server=server)
        address = session.passive_address()
        with socket.create_connection(address, 10, source_address=("127.0.0.9", 0)) as thief:
            session.expect("RETR old", re.compile("150 .*"))
            try:
                stolen = secure.TlsSocket(thief, secure.context(check=False))
                stolen.handshake()
                self.assertEqual(stolen.recv(100), b"")
            except (OSError, secure.ssl.SSLError):
                pass
            session.expect_reply("522 SSL connection failed: session reuse required")
        self.assert_old_file(session)
