"""Sessions over TLS neither spin, nor believe what nobody has checked, nor forget what they know."""

import os
import re
import select
import socket
import time

import secure
from harness import ALICE, put, sample
from secure import PLACE, V12, V13


def processor_time(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pieces(secure.FtpsTest):
    """A record that arrives in two pieces, with a pause in between."""

    def test_idle(self):
        """The session sleeps meanwhile."""
        for version in (V12, V13):
            session = self.login(settings=secure.context(version, version))
            pid = self.session_pid()
            for size in (1, 3, 4, 5, 6, 15):
                with self.subTest(size=size, version=version):
                    record = session.socket.record(b"NOOP\r\n")
                    session.plain.sendall(record[:size])
                    before = processor_time(pid)
                    time.sleep(0.2)
                    used = processor_time(pid) - before
                    session.plain.sendall(record[size:])
                    session.expect_reply("200 NOOP ok.")
                    self.assertLess(used, 0.1)
            session.quit()

    def test_deadlines(self):
        """Nor does the first piece stop the clock, before login and after."""
        server = self.serve_tls("login_timeout=1\nidle_session_timeout=1\n")
        before = self.greeted(server).auth()
        after = self.login(server=server)
        for session in before, after:
            session.plain.sendall(session.socket.record(b"NOOP\r\n")[:4])
            started = time.monotonic()
        for session in before, after:
            session.expect_reply("421 Timeout.")
            session.expect_end()
        self.assertLess(time.monotonic() - started, 2)


class Named(secure.FtpsTest):
    """HOST inside TLS brings rules about certificates that the handshake did not know."""

    def named(self, base, rules):
        (self.here / "strict.example.net").write_text(rules)
        return self.serve_tls(f"{base}ca_certs_file={PLACE}/ca.crt\nhost_config_dir={self.here}\n")

    def try_in(self, server, certificate):
        session = self.greeted(server).auth(secure.context(certificate=certificate))
        session.say("HOST strict.example.net")
        answer = session.line()
        if not answer.startswith("220"):
            return False
        session.say("USER alice")
        return session.line().startswith("331")

    def test_cert_user(self):
        """A stranger's certificate with alice's name, which was not checked when it was shown."""
        server = self.named("ssl_request_cert=YES\n", "ssl_cert_user=YES\n")
        self.assertTrue(self.try_in(server, "alice"))
        self.assertFalse(self.try_in(server, "stranger"))
        self.assertFalse(self.try_in(server, None))

    def test_other_authorities(self):
        """They would have to have checked what was shown already."""
        server = self.named("ssl_request_cert=YES\n", f"ca_certs_file={PLACE}/server.pem\n")
        self.assertFalse(self.try_in(server, "alice"))
        self.syslog("inside TLS a host's file can't change ca_certs_file")

    def test_required(self):
        server = self.named("ssl_request_cert=YES\n", "require_cert=YES\nvalidate_cert=YES\n")
        self.assertTrue(self.try_in(server, "alice"))
        self.assertFalse(self.try_in(server, "stranger"))
        self.assertFalse(self.try_in(server, None))


class Sessions(secure.FtpsTest):
    """TLS 1.2 without tickets: data connections resume the control connection's session, by its number,
    whatever has become of others before."""

    more = "require_ssl_reuse=YES\n"

    def enter_old(self, **how):
        return self.login(settings=secure.context(V12, V12, tickets=False), **how)

    def test_after_abort(self):
        self.huge()
        session = self.enter_old()
        with self.begin(session, "RETR huge") as data:
            data.recv(1000)
            session.say("ABOR")
            session.expect_reply("426 Failure writing network stream.")
            session.expect_reply("226 ABOR successful.")
        self.still_works(session)

    def test_after_cut(self):
        server = self.serve_tls(self.more + "strict_ssl_read_eof=NO\n")
        session = self.enter_old(server=server)
        with self.begin(session, "STOR cut") as data:
            data.sendall(b"content")
            data.cut()
        session.expect_reply("226 Transfer complete.")
        self.still_works(session)

    def test_after_alert(self):
        session = self.enter_old()
        with self.begin(session, "STOR bad") as data:
            data.sendall(b"content")
            data.plain.sendall(b"\x17\x03\x03\x00\x40" + bytes(64))
            session.expect_reply("426 Failure reading network stream.")
        self.still_works(session)


class Finish(secure.FtpsTest):
    """The end of a download that the client does not read: its socket is full, and close_notify has to wait."""

    more = "data_connection_timeout=5\n"

    def blocked(self, session, size):
        """A download after whose begin the server waits; None if all of it went into the socket."""
        put(ALICE / "file", sample(size))
        data = socket.socket()
        self.addCleanup(data.close)
        data.settimeout(session.timeout)
        # Small segments, and a small window, make for a small socket at the other end.
        data.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 200)
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        data.connect(session.passive_address())
        session.expect("RETR file", re.compile("150 .*"))
        data = session.secured(data)
        if not select.select([session.plain], [], [], 0.1)[0]:
            return data
        session.expect_reply("226 Transfer complete.")
        data.close()
        return None

    def test_abort(self):
        """An ABOR is heard then, too: at the least size for which there is no 226 at once."""
        session = self.login()
        least, most = 20_000, 100_000
        while most - least > 4:
            middle = (least + most) // 2
            data = self.blocked(session, middle)
            if data is None:
                least = middle
                continue
            most = middle
            started = time.monotonic()
            session.say("ABOR")
            session.expect_reply("426 Failure writing network stream.")
            session.expect_reply("226 ABOR successful.")
            self.assertLess(time.monotonic() - started, 1)
            data.close()
        self.assertLess(most, 100_000)


class Forgotten(secure.FtpsTest):
    """AUTH sets back what was said before it."""

    def at_host(self, base, rules):
        (self.here / "other.example.net").write_text(rules)
        session = self.greeted(self.serve(f"{base}host_config_dir={self.here}\n"))
        session.expect("HOST other.example.net", re.compile("220 .*"))
        return session

    def test_no_tls_at_a_host(self):
        """A refused AUTH does not take the session to another host without a word."""
        session = self.at_host("ssl_enable=YES\nrsa_cert_file=/nonexistent\n"
                               "force_local_logins_ssl=NO\n", "anonymous_enable=NO\n")
        session.expect("AUTH TLS", "431 TLS is not available.")
        session.expect_end()

    def test_tls_of_a_host(self):
        """Certificates, and whether there is TLS, are the base's."""
        session = self.at_host(f"ssl_enable=NO\nrsa_cert_file={PLACE}/server.pem\n",
                               "ssl_enable=YES\n")
        session.expect("AUTH TLS", "431 TLS is not available.")
        session.expect_end()

    def test_names(self):
        """Somebody on the way can't change how names are written."""
        put(ALICE / "한글")
        session = self.greeted(self.serve_tls("client_charset=CP949\n"))
        session.expect("OPTS UTF8 ON", re.compile("200 .*"))
        session.auth()
        self.enter(session)
        names = session.retrieve("NLST", done="226 Directory send OK.")
        self.assertEqual(names, "한글\r\n".encode("cp949"))
