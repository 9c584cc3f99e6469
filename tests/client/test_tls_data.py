"""Data connections with TLS: resumption, how they begin and end, logs."""

import os
import pathlib
import re
import signal
import socket
import time

import control
import harness
import secure
from harness import ALICE, sample
from secure import V12, V13

class Reuse(secure.FtpsTest):
    """Resumption of the control connection's session, as often as there are data connections."""

    more = "require_ssl_reuse=YES\n"

    def every_way(self, settings):
        session = self.login(settings=settings)
        content = sample(200_000)
        for number in range(3):
            session.store(f"STOR {number}", content)
            self.assertTrue(session.last.session_reused)
            self.assert_same_bytes(session.retrieve(f"RETR {number}"), content)
            self.assertTrue(session.last.session_reused)
            self.assertEqual(len(session.list("NLST").split()), number + 1)
            self.assertTrue(session.last.session_reused)
        session.quit()
        harness.fresh_trees()

    def test_ticket(self):
        """TLS 1.3, and 1.2 with a ticket (RFC 5077)."""
        for version in (V12, V13):
            with self.subTest(version=version):
                self.every_way(secure.context(version, version))

    def test_session_id(self):
        """TLS 1.2 without tickets, and 1.3 with those that hold but a name (as for old clients)."""
        for version in (V12, V13):
            with self.subTest(version=version):
                self.every_way(secure.context(version, version, tickets=version == V13))

    def test_both_keys(self):
        server = self.serve_tls(f"rsa_cert_file={secure.PLACE}/server-rsa.pem\n" + self.more)
        for version in (V12, V13):
            session = self.login(server=server, settings=secure.context(version, version))
            session.store("STOR up", b"content")
            self.assertTrue(session.last.session_reused)
            session.quit()

    def test_with_server_name(self):
        for version in (V12, V13):
            session = self.login(settings=secure.context(version, version), name=secure.NAME)
            session.store("STOR up", b"content")
            self.assertTrue(session.last.session_reused)
            session.quit()

    def test_with_another_server_name(self):
        """Names on data connections change nothing: the session is good there, whatever they are."""
        for version in (V12, V13):
            settings = secure.context(version, version)
            session = self.login(settings=settings, name=secure.NAME)
            for session.name in ("127.0.0.1", "localhost"):
                session.store("STOR up", b"content")
                self.assertTrue(session.last.session_reused)
            session.quit()

    def test_without(self):
        """Where it is not asked for, a data connection may be without, or change from one to the other."""
        server = self.serve_tls()
        for version in (V12, V13):
            session = self.login(server=server, settings=secure.context(version, version))
            for session.reuse in (True, False, True, False):
                session.store("STOR up", b"content")
                self.assertEqual(session.last.session_reused, session.reuse)
            session.quit()

    def test_no_tickets_on_data(self):
        """A ticket on a data connection would be read by nobody (and end in a reset): not even after
        a full handshake there is one."""
        server = self.serve_tls()
        session = self.login(server=server, settings=secure.context(V13))
        session.reuse = False
        harness.put(ALICE / "file", b"content")
        self.assertEqual(session.retrieve("RETR file"), b"content")
        self.assertFalse(session.last.session.has_ticket)
        self.assertTrue(session.session.has_ticket, "the control connection has one")
        self.assertEqual(session.session.ticket_lifetime_hint, 24 * 3600)
        session.quit()

    def test_memory(self):
        """Sessions of data connections are nothing to remember, whatever the client asks for."""
        def resident():
            return int(re.search(r"VmRSS:\s*(\d+)", status.read_text())[1])
        server = self.serve_tls()
        for version, tickets in ((V12, False), (V12, True), (V13, True)):
            with self.subTest(version=version, tickets=tickets):
                settings = secure.context(version, version, tickets=tickets)
                session = self.login(server=server, settings=settings)
                status = pathlib.Path(f"/proc/{self.session_pid(server)}/status")
                for number in range(140):
                    if number == 40:
                        before = resident()
                    with session.passive() as data:
                        session.expect("NLST", "150 Here comes the directory listing.")
                        with session.secured(data, settings) as secured:
                            secured.recv(1)
                    session.expect_reply("226 Directory send OK.")
                grown = resident() - before
                session.quit()
                self.assertLess(grown, 48, "KiB in 100 transfers")

    def test_500_transfers(self):
        """One session, up and down in turns; each resumes."""
        session = self.login()
        for number in range(250):
            content = b"%d" % number * (number % 7)
            session.store("STOR f", content)
            self.assertEqual(session.retrieve("RETR f"), content)
        descriptors = os.listdir(f"/proc/{self.session_pid()}/fd")
        # 0 to 2, both connections, two logs and wtmp, two sockets for syslog.
        self.assertLessEqual(len(descriptors), 10)
        self.assertTrue(session.last.session_reused)
        session.quit()
        self.assertEqual(self.server.log().count("OK UPLOAD"), 250)
        self.assertEqual(self.server.log().count("OK DOWNLOAD"), 250)


class Transfers(secure.FtpsTest):

    def test_sizes(self):
        """Around the size of a record; empty ones have a handshake and an end as well."""
        session = self.login()
        for size in (0, 1, 16383, 16384, 16385, 131072, 262145, 3_000_000):
            content = sample(size)
            session.store("STOR up", content)
            self.assert_same_bytes((ALICE / "up").read_bytes(), content)
            self.assert_same_bytes(session.retrieve("RETR up"), content)
        session.quit()

    def test_listings(self):
        session = self.login()
        for command in ("LIST", "NLST", "MLSD"):
            self.assertLess(len(session.list(command).splitlines()), 3)  # MLSD has . and ..
        for number in range(300):
            harness.put(ALICE / f"a rather long name of a file, number {number:04}")
        for command in ("LIST", "NLST", "MLSD"):
            self.assertGreaterEqual(len(session.list(command).splitlines()), 300)
        session.expect("STAT", re.compile("211-(.*\n)* Control connection is encrypted\n"
                                          " Data connections will be encrypted\n"
                                          "(.*\n)*211 End of status"))
        session.quit()

    def test_kinds(self):
        """ASCII, restarted, appended, unique."""
        session = self.login(server=self.serve_tls(
            "ascii_upload_enable=YES\nascii_download_enable=YES\n"))
        session.expect("TYPE A", "200 Switching to ASCII mode.")
        session.store("STOR text", b"one\r\ntwo\r\n" * 10_000)
        self.assertEqual((ALICE / "text").read_bytes(), b"one\ntwo\n" * 10_000)
        self.assertEqual(session.retrieve("RETR text"), b"one\r\ntwo\r\n" * 10_000)
        session.expect("TYPE I", "200 Switching to Binary mode.")
        session.expect("REST 79992", "350 Restart position accepted (79992).")
        self.assertEqual(session.retrieve("RETR text"), b"one\ntwo\n")
        session.expect("REST 4", "350 Restart position accepted (4).")
        session.store("STOR text", b"2\n")
        session.store("APPE text", b"end")
        self.assertTrue((ALICE / "text").read_bytes().startswith(b"one\n2\no\none\n"))
        self.assertTrue((ALICE / "text").read_bytes().endswith(b"two\nend"))
        session.store("STOU", b"unique")
        session.quit()

    def test_active(self):
        for address in ("127.0.0.1", "::1"):
            session = self.login(server=self.serve_tls(address=address))
            content = sample(300_000)
            with session.active_data("STOR up")[0] as data:
                session.give(data, content)
            session.expect_reply("226 Transfer complete.")
            with session.active_data("RETR up")[0] as data:
                self.assert_same_bytes(session.fetch(data), content)
            session.expect_reply("226 Transfer complete.")
            self.assertTrue(session.last.session_reused)
            self.still_works(session)  # EPSV with ::1

    def test_extended_passive(self):
        session = self.login()
        text = session.expect("EPSV", re.compile(r"229 .*\(\|\|\|\d+\|\)\.?"))
        port = int(re.search(r"\|(\d+)\|", text)[1])
        with socket.create_connection(("127.0.0.1", port), 10) as data:
            session.expect("NLST", "150 Here comes the directory listing.")
            self.assertEqual(session.fetch(data), b"")
        session.expect_reply("226 Directory send OK.")
        session.quit()

    def test_port_20(self):
        """connect_from_port_20: transfers in a row come from there, each with TLS."""
        session = self.login(server=self.serve_tls("connect_from_port_20=YES\n"))
        content = sample(300_000)
        for number in range(3):
            data, peer = session.active_data("STOR up")
            self.assertEqual(peer[1], 20)
            session.give(data, content)
            session.expect_reply("226 Transfer complete.")
            data, peer = session.active_data("RETR up")
            self.assertEqual(peer[1], 20)
            self.assert_same_bytes(session.fetch(data), content)
            session.expect_reply("226 Transfer complete.")
        session.quit()

    def test_one_port(self):
        """pasv_min_port and pasv_max_port leave one port: transfer after transfer comes to it."""
        session = self.login(server=self.serve_tls("pasv_min_port=21990\npasv_max_port=21990\n"))
        for number in range(4):
            self.assertEqual((address := session.passive_address())[1], 21990)
            with socket.create_connection(address, 10) as data:
                session.expect("STOR up", "150 Ok to send data.")
                session.give(data, b"%d" % number)
            session.expect_reply("226 Transfer complete.")
        self.assertEqual(session.retrieve("RETR up"), b"3")
        session.quit()

    def test_early_hello(self):
        """Clients that start TLS as soon as they are connected, before the command and its 150."""
        harness.put(ALICE / "file", b"content")
        session = self.login()
        with session.passive() as data:
            early = secure.TlsSocket(data, session.settings, session.name, session.session)
            with self.assertRaises(secure.ssl.SSLWantReadError):
                early.tls.do_handshake()
            early.push()
            session.expect("RETR file", re.compile("150 .*"))
            early.handshake()
            self.assertEqual(control.read_all(early), b"content")
        session.expect_reply("226 Transfer complete.")
        session.quit()

    def test_levels(self):
        """PROT may change at any time, also between PASV and RETR; C is data in clear."""
        session = self.login(server=self.serve_tls("force_local_data_ssl=NO\n"), level="C")
        harness.put(ALICE / "file", b"content")
        self.assertEqual(session.retrieve("RETR file"), b"content")
        session.store("STOR up", b"in clear")
        address = session.passive_address()
        session.protect()
        with socket.create_connection(address, 10) as data:
            session.expect("RETR up", re.compile("150 .*"))
            self.assertEqual(session.fetch(data), b"in clear")
        session.expect_reply("226 Transfer complete.")
        address = session.passive_address()
        session.protect("C")
        with socket.create_connection(address, 10) as data:
            session.expect("RETR up", re.compile("150 .*"))
            self.assertEqual(session.fetch(data), b"in clear")
        session.expect_reply("226 Transfer complete.")
        session.quit()

    def test_forced(self):
        """force_local_data_ssl: 522 for the transfer, not for PASV, which is good for another try."""
        session = self.login(level="C")
        harness.put(ALICE / "old", b"old content")
        address = session.passive_address()
        for command in ("RETR old", "STOR old", "APPE old", "STOU", "LIST", "NLST", "MLSD"):
            session.expect(command, "522 Data connections must be encrypted.")
        self.assertEqual((ALICE / "old").read_bytes(), b"old content")
        session.protect()
        with socket.create_connection(address, 10) as data:
            session.expect("RETR old", re.compile("150 .*"))
            self.assertEqual(session.fetch(data), b"old content")
        session.expect_reply("226 Transfer complete.")
        session.quit()

    def test_refused_before_the_mark(self):
        """A transfer that is refused leaves no half of a handshake."""
        session = self.login()
        with session.passive():
            session.expect("RETR none", "550 Failed to open file.")
        with session.passive():
            session.expect("STOR no/such", "553 Could not create file.")
        self.still_works(session)

    def test_two_sessions(self):
        """Each with its own keys, at the same time."""
        first, second = self.login(), self.login("bob")
        first.store("STOR a", b"alice's")
        second.store("STOR a", b"bob's")
        self.assertEqual(first.retrieve("RETR a"), b"alice's")
        self.assertEqual(second.retrieve("RETR a"), b"bob's")
        first.quit()
        second.quit()

    def test_rate(self):
        """Limits hold for what is sent over TLS."""
        session = self.login(server=self.serve_tls("local_max_rate=1000000\n"))
        content = sample(200_000)
        started = time.monotonic()
        session.store("STOR up", content)
        self.assert_same_bytes(session.retrieve("RETR up"), content)
        self.assertTrue(0.2 < time.monotonic() - started < 2)
        session.quit()


class Ends(secure.FtpsTest):
    """close_notify, in both directions."""

    def test_of_an_upload(self):
        """The server answers the client's close_notify with its own."""
        for version in (V12, V13):
            session = self.login(settings=secure.context(version, version))
            data = self.begin(session, "STOR up")
            data.sendall(b"content")
            data.notify()
            self.assertEqual(data.recv(100), b"")
            self.assertEqual(data.ended, "close_notify")
            session.expect_reply("226 Transfer complete.")
            self.still_works(session)

    def test_of_a_download(self):
        """By default the client's close_notify is not waited for; with strict_ssl_write_shutdown it
        is, and 226 comes after it."""
        harness.put(ALICE / "file", b"content")
        strict = self.serve_tls("strict_ssl_write_shutdown=YES\n")
        for server, notify, reply in ((self.server, True, "226 Transfer complete."),
                                      (self.server, False, "226 Transfer complete."),
                                      (strict, True, "226 Transfer complete."),
                                      (strict, False, "426 Failure writing network stream.")):
            with self.subTest(strict=server is strict, notify=notify):
                session = self.login(server=server)
                data = self.begin(session, "RETR file")
                self.assertEqual(control.read_all(data), b"content")
                self.assertEqual(data.ended, "close_notify")
                if notify:
                    data.notify()
                data.close()
                session.expect_reply(reply)
                self.still_works(session)

    def test_killed(self):
        """A session that dies does not make what it had sent look whole."""
        self.huge()
        session = self.login()
        data = self.begin(session, "RETR huge")
        data.recv(100_000)
        os.kill(self.session_pid(), signal.SIGKILL)
        while data.recv(1 << 18):
            pass
        self.assertNotEqual(data.ended, "close_notify")

    def test_aborted(self):
        """Nor does an aborted transfer."""
        self.huge()
        session = self.login()
        data = self.begin(session, "RETR huge")
        data.recv(100_000)
        session.expect("ABOR", re.compile("426 .*"), "226 ABOR successful.")
        while data.recv(1 << 18):
            pass
        self.assertNotEqual(data.ended, "close_notify")
        self.still_works(session)

    def test_client_ends_first(self):
        """close_notify in the middle of a download: the client wants no more."""
        self.huge()
        session = self.login()
        data = self.begin(session, "RETR huge")
        data.recv(100_000)
        data.notify()
        data.close()
        session.expect_reply("426 Failure writing network stream.")
        self.still_works(session)


class Logs(secure.FtpsTest):

    def test_logs(self):
        server = self.serve_tls("debug_ssl=YES\n")
        session = self.login(server=server)
        session.store("STOR up", b"content")
        session.retrieve("RETR up")
        session.quit()
        lines = server.lines(count=5)
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[0], r'\] CONNECT: Client "127\.0\.0\.1"$')
        self.assertRegex(lines[1], r'\] DEBUG: Client "127\.0\.0\.1", "SSL version: TLSv1\.3, '
                                   r'SSL cipher: TLS_AES_256_GCM_SHA384, not reused"$')
        self.assertRegex(lines[2], r'\[alice\] OK LOGIN: Client "127\.0\.0\.1"$')
        self.assertRegex(lines[3], r'\[alice\] OK UPLOAD: Client "127\.0\.0\.1", '
                                   r'"/srv/home/alice/up", 7 bytes, [\d.]+Kbyte/sec$')
        self.assertRegex(lines[4], r'\[alice\] OK DOWNLOAD: Client "127\.0\.0\.1", '
                                   r'"/srv/home/alice/up", 7 bytes, [\d.]+Kbyte/sec$')
        transfers = server.lines("xferlog", 2)
        self.assertRegex(transfers[0], r" 127\.0\.0\.1 7 /srv/home/alice/up b _ i r alice ftp 0 \* c$")
        self.assertRegex(transfers[1], r" 127\.0\.0\.1 7 /srv/home/alice/up b _ o r alice ftp 0 \* c$")

    def test_failures(self):
        """What failed is logged as that, with the bytes that came."""
        session = self.login()
        data = self.begin(session, "STOR up")
        data.sendall(b"content")
        data.cut()
        session.expect_reply("426 Failure reading network stream.")
        session.quit()
        self.assertRegex(self.server.lines(count=3)[-1], r'FAIL UPLOAD: .*/up", 7 bytes, ')
        self.assertRegex(self.server.lines("xferlog", 1)[0],
                         r" 7 /srv/home/alice/up b _ i r alice ftp 0 \* i$")

    def test_unconfirmed(self):
        """Where a download is not over before the client has said so, one that was not is logged as failed."""
        harness.put(ALICE / "file", b"content")
        server = self.serve_tls("strict_ssl_write_shutdown=YES\n")
        session = self.login(server=server)
        data = self.begin(session, "RETR file")
        self.assertEqual(control.read_all(data), b"content")
        data.close()
        session.expect_reply("426 Failure writing network stream.")
        session.quit()
        self.assertRegex(server.lines(count=3)[-1], r'FAIL DOWNLOAD: .*/file", 7 bytes, ')
        self.assertRegex(server.lines("xferlog", 1)[0],
                         r" 7 /srv/home/alice/file b _ o r alice ftp 0 \* i$")
