"""The same session under every super-server, and what happens under none."""

import os
import pathlib
import pty
import re
import socket
import ssl
import subprocess

import control
import harness

CONTENT = harness.sample(200_000)


class SuperServers(harness.FtpTest):

    def setUp(self):
        super().setUp()
        harness.put(harness.ALICE / "there.bin", CONTENT[::-1])

    def short_session(self, server):
        with self.subTest(server=server.process.args[0], address=server.address):
            session = self.login(server=server)
            session.expect("PWD", '257 "/srv/home/alice" is the current directory')
            session.expect("TYPE I", "200 Switching to Binary mode.")
            listing = session.list()
            self.assertRegex(listing, r"^-rw-r--r-- +1 1801 +1801 +200000 .* there\.bin\r\n$")
            session.store("STOR new.bin", CONTENT, "150 Ok to send data.")
            got = session.retrieve(
                "RETR there.bin",
                "150 Opening BINARY mode data connection for there.bin (200000 bytes).")
            self.assert_same_bytes(got, CONTENT[::-1])
            session.quit()
            self.assert_same_bytes((harness.ALICE / "new.bin").read_bytes(), CONTENT)
            (harness.ALICE / "new.bin").unlink()

    def test_xinetd(self):
        self.short_session(self.server)
        self.short_session(self.serve(address="::1"))

    def test_xinetd_maps_ipv4(self):
        """One IPv6 service serves both; the IPv4 client is an IPv4 client in every respect."""
        server = self.serve(address="::")
        harness.put(harness.ALICE / "f", b"x")
        session = self.login(server=server, address="127.0.0.1")
        session.expect("PASV", re.compile(r"227 Entering Passive Mode \(127,0,0,1,\d+,\d+\)\."))
        with session.active() as listener:
            session.expect("RETR f", re.compile("150 .*"))
            self.assertEqual(control.read_all(listener.accept()[0]), b"x")
        session.expect_reply("226 Transfer complete.")
        session.quit()
        self.assertIn(' CONNECT: Client "127.0.0.1"', server.log())
        self.assertNotIn("::ffff", server.log())

    def test_openbsd_inetd(self):
        self.short_session(self.serve(starter=harness.openbsd_inetd))
        self.short_session(self.serve(starter=harness.openbsd_inetd, address="::1"))

    def test_systemd(self):
        self.short_session(self.serve(starter=harness.systemd))
        self.short_session(self.serve(starter=harness.systemd, address="::1"))

    def test_tcpserver(self):
        self.short_session(self.serve(starter=harness.tcpserver))


class ShippedEntry(harness.FtpTest):
    """xinetd.d/soloftpd as it stands, but for the place of the program and of its configuration."""

    def entry(self, server):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(f"{here}/../../xinetd.d/soloftpd", encoding="utf-8") as file:
            text = file.read()
        for old, new in (("/usr/local/sbin/soloftpd", server.program),
                         ("/etc/vsftpd.conf", str(server.config))):
            self.assertIn(old, text)
            text = text.replace(old, new)
        return re.sub(r"(?m)^(\s*disable\s*=).*", r"\1 no", text)

    def as_shipped(self, server):
        server.port = 21
        server.write("xinetd.conf", self.entry(server))
        return harness.xinetd_command(server.directory)

    def with_all_options(self, server):
        """Every attribute in comments is taken out of them; instances is one, to reach the limit."""
        text = re.sub(r"(?m)^\t# ([a-z_]+ +=)", r"\t\1", self.entry(server))
        for name, value in (("port", server.port), ("instances", 1),
                            ("banner_fail", server.directory / "busy"),
                            ("env", f"VSFTPD_LOAD_CONF={server.directory / 'more.conf'}")):
            text, count = re.subn(rf"(?m)^(\t{name} +=).*", rf"\1 {value}", text)
            self.assertEqual(count, 1, f"{name} stands once in xinetd.d/soloftpd")
        server.write("busy", "421 Too many connections, try later.\r\n")
        server.write("more.conf", "ftpd_banner=more\n")
        server.write("xinetd.conf", text)
        return harness.xinetd_command(server.directory)

    def assert_no_complaint(self, server):
        complaints = re.findall(r"(?m)^.*(?:ERROR|WARNING|CRITICAL).*$", server.told())
        self.assertEqual(complaints, [], "xinetd does not like the entry")

    def test_as_shipped(self):
        server = self.serve(starter=self.as_shipped)
        session = self.login(server=server)
        session.expect("PWD", '257 "/srv/home/alice" is the current directory')
        session.quit()
        self.syslog(r"START: ftp pid=\d+ from=\S*127\.0\.0\.1")
        self.syslog(r"EXIT: ftp status=0 pid=\d+ duration=")
        self.assert_no_complaint(server)

    def test_every_option(self):
        server = self.serve(starter=self.with_all_options)
        first = self.connect(server)
        first.expect_reply("220 more")
        second = self.connect(server)
        second.expect_reply("421 Too many connections, try later.")
        second.expect_end()
        first.expect("USER alice", "331 Please specify the password.")
        first.expect("PASS secret-alice", "230 Login successful.")
        first.quit()
        self.assert_no_complaint(server)


class ShippedImplicitEntry(harness.FtpTest):
    """xinetd.d/soloftpd-implicit as it stands, but for the place of the program and of its configuration."""

    def as_shipped(self, server):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(f"{here}/../../xinetd.d/soloftpd-implicit", encoding="utf-8") as file:
            text = file.read()
        for old, new in (("/usr/local/sbin/soloftpd", server.program),
                         ("/etc/vsftpd.conf", str(server.config))):
            self.assertIn(old, text)
            text = text.replace(old, new)
        server.port = 990
        server.write("xinetd.conf", text)
        return harness.xinetd_command(server.directory)

    def test_as_shipped(self):
        pem = pathlib.Path("/run/implicit.pem")
        self.addCleanup(pem.unlink)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pem, "-out", pem,
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, stderr=subprocess.DEVNULL)
        server = self.serve(f"ssl_enable=YES\nrsa_cert_file={pem}\n", starter=self.as_shipped)
        context = ssl.create_default_context(cafile=pem)
        with socket.create_connection(("localhost", server.port), timeout=10) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as secure:
            with secure.makefile("rw", newline="\r\n") as lines:
                for said, expected in (("", "220 "), ("USER alice", "331 "),
                                       ("PASS secret-alice", "230 "), ("QUIT", "221 ")):
                    if said:
                        lines.write(said + "\n")
                        lines.flush()
                    self.assertEqual(lines.readline()[:4], expected)
        self.syslog(r"EXIT: ftps status=0 pid=\d+ duration=")
        self.assertEqual(re.findall(r"(?m)^.*(?:ERROR|WARNING|CRITICAL).*$", server.told()), [])


class NoSuperServer(harness.FtpTest):

    def setUp(self):
        pass

    def assert_refusal(self, **how):
        done = subprocess.run([harness.SOLOFTPD, "/dev/null"], timeout=10, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertRegex(done.stderr, rb"soloftpd: [^\n]+\n")

    def test_pipe(self):
        self.assert_refusal(input=b"USER alice\r\n")

    def test_null_device(self):
        self.assert_refusal(stdin=subprocess.DEVNULL)

    def test_terminal(self):
        ours, theirs = pty.openpty()
        try:
            self.assert_refusal(stdin=theirs)
        finally:
            os.close(ours)
            os.close(theirs)

    def test_version(self):
        done = subprocess.run([harness.SOLOFTPD, "-v"], timeout=10, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertRegex(done.stdout, rb"\Asoloftpd: version \d+\.\d+[^\n]*\n\Z")
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_not_understood(self):
        """A command line that is wrong, tried by hand: what is wrong, and how it is used."""
        for arguments, problem in ((["--help"], b"unrecognised option: --help"),
                                   (["-vv"], b"unrecognised option: -vv"),
                                   (["-olisten"], b"unrecognised option: -olisten"),
                                   (["a.conf"] * 65, b"too many arguments"),
                                   (["-oa=b"] * 65, b"too many arguments")):
            done = subprocess.run([harness.SOLOFTPD, *arguments], timeout=10, check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            said, usage = done.stderr.split(b"\n", 1)
            self.assertEqual(said, b"soloftpd: " + problem)
            self.assertTrue(usage.startswith(b"usage: soloftpd "), usage)

    def test_without_a_client(self):
        """The listening socket, as a super-server hands it to one server for all (wait = yes)."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            done = subprocess.run([harness.SOLOFTPD, "/dev/null"], timeout=10, check=False,
                                  stdin=listener, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"a socket without a client (xinetd: wait = no)\n", done.stderr)


class WrongEntry(harness.FtpTest):
    """A command line that is wrong, with a client: syslog tells why, and the client that there is no service."""

    def refused(self, *arguments):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname(), timeout=10)
            accepted = listener.accept()[0]
        with client, accepted:
            done = subprocess.run([harness.SOLOFTPD, *arguments], timeout=10, check=False,
                                  stdin=accepted, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            accepted.close()
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, b"", b""))
            self.assertEqual(control.read_all(client), b"421 Service not available.\r\n")

    def test_option(self):
        self.refused("-x", "/dev/null")
        self.syslog(r"soloftpd\[\d+\]: command line: unrecognised option: -x")

    def test_too_many(self):
        self.refused(*["/dev/null"] * 65)
        self.syslog(r"soloftpd\[\d+\]: command line: too many arguments")
