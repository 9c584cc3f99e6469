"""FTPS with real clients: OpenSSL's, GnuTLS's and Go's TLS."""

import configparser
import ftplib
import io
import re
import subprocess
import threading

import harness
import secure
from harness import ALICE, sample
from secure import PLACE

IMPLICIT = "implicit_ssl=YES\n"
REUSE = "require_ssl_reuse=YES\n"


class Client(secure.FtpsTest):

    def setUp(self):
        super().setUp()
        self.content = sample(1_234_567)
        harness.put(ALICE / "file.bin", self.content)

    def local(self, content, name="local.bin"):
        path = self.here / name
        path.write_bytes(content)
        return path

    def small_tree(self):
        """What matters to TLS: sizes, and that there are several."""
        sizes = {"empty": 0, "one": 1, "a/two": 16384, "a/b/three": 300_000, "a/b/four": 16385}
        for name, size in sizes.items():
            harness.put(self.here / "sent" / name, sample(size, name.encode()), "root")
        return self.here / "sent"

    def assert_got(self, name="got.bin", wanted=None):
        self.assert_same_bytes((self.here / name).read_bytes(), wanted or self.content)

    def assert_stored(self, content, name="up.bin"):
        self.assert_same_bytes((ALICE / name).read_bytes(), content)


class Curl(Client):

    def curl(self, *words, status=0):
        return self.run_client("curl", "-sS", "--max-time", "20", "--cacert", PLACE / "ca.crt",
                               *words, status=status)

    def both_ways(self, *words, server=None, scheme="ftp", empty=False):
        """Down and up; and a listing and empty files."""
        def url(path):
            return self.url(path, server=server).replace("ftp:", scheme + ":", 1)
        words = ("-g", *([] if "--ftp-ssl-control" in words else ["--ssl-reqd"]), *words)
        up = sample(777_777, b"up")
        self.curl(*words, "-o", self.here / "got.bin", url("file.bin"))
        self.assert_got()
        self.curl(*words, "-T", self.local(up), url("up.bin"))
        self.assert_stored(up)
        if not empty:
            return
        self.curl(*words, "-T", self.local(b""), url("empty"))
        self.assertEqual((ALICE / "empty").read_bytes(), b"")
        self.assertEqual(self.curl(*words, url("empty")), "")
        self.assertEqual(self.curl(*words, "-l", url("")).split(), ["empty", "file.bin", "up.bin"])

    def test_passive(self):
        self.both_ways(empty=True)

    def test_tls12(self):
        self.both_ways("--tls-max", "1.2")

    def test_ipv6(self):
        self.both_ways(server=self.serve_tls(address="::1"))

    def test_implicit(self):
        self.both_ways(server=self.serve_tls(IMPLICIT), scheme="ftps")

    def test_reuse_required(self):
        """curl resumes the control connection's session, so it may be asked for."""
        server = self.serve_tls(REUSE)
        self.both_ways(server=server)
        self.both_ways("--tls-max", "1.2", server=server)

    def test_clear_data(self):
        self.both_ways("--ftp-ssl-control", server=self.serve_tls("force_local_data_ssl=NO\n"))

    def test_clear_control(self):
        """curl goes on when CCC is refused."""
        self.both_ways("--ftp-ssl-ccc")

    def test_rsa(self):
        self.both_ways(server=self.serve_tls(f"rsa_cert_file={PLACE}/server-rsa.pem\n"))

    def test_active(self):
        """In clear: curl 7.88 fails at TLS on a connection that it accepted."""
        server = self.serve_tls("force_local_data_ssl=NO\n")
        self.both_ways("-P", "-", "--ftp-ssl-control", server=server)

    def test_several_in_one_session(self):
        for number in range(4):
            harness.put(ALICE / f"d/{number}", b"%d" % number)
        self.assertEqual(self.curl("--ssl-reqd", self.url("d/[0-3]")), "0123")
        connects = [line for line in self.server.lines() if "CONNECT" in line]
        self.assertEqual(len(connects), 1)

    def test_resume(self):
        part = self.local(self.content[:500_000])
        self.curl("--ssl-reqd", "-C", "-", "-o", part, self.url("file.bin"))
        self.assert_same_bytes(part.read_bytes(), self.content)
        harness.put(ALICE / "up.bin", self.content[:400_000])
        self.curl("--ssl-reqd", "-C", "-", "-T", self.local(self.content), self.url("up.bin"))
        self.assert_stored(self.content)

    def test_wrong_certificate(self):
        """A client that does not know the server sends no password."""
        server = self.serve_tls(f"rsa_cert_file={PLACE}/stranger.pem\n")
        self.curl("--ssl-reqd", self.url(server=server), status=60)
        self.assertNotIn("LOGIN", server.log())

    def test_client_certificate(self):
        server = self.serve_tls("require_cert=YES\nvalidate_cert=YES\nssl_cert_user=YES\n"
                                f"ca_certs_file={PLACE}/ca.crt\n")
        self.both_ways("--cert", PLACE / "alice.pem", server=server)
        self.curl("--ssl-reqd", "--cert", PLACE / "bob.pem", self.url(server=server), status=67)


class Lftp(Client):

    whole_tree = False
    SETTINGS = f"""\
set cmd:fail-exit yes
set net:timeout 10
set net:max-retries 1
set net:reconnect-interval-base 1
set xfer:clobber yes
set cmd:interactive no
set cmd:move-background no
set ftp:list-options -a
set ftp:ssl-force yes
set ftp:ssl-protect-data yes
set ssl:ca-file {PLACE}/ca.crt
"""

    def lftp(self, commands, server=None, scheme="ftp"):
        server = server or self.server
        host = f"[{server.address}]" if ":" in server.address else server.address
        start = f"open -u alice,{harness.PASSWORD['alice']} -p {server.port} {scheme}://{host}\n"
        return self.run_client("lftp", "--norc", "-c", self.SETTINGS + commands.partition("|")[0] +
                               start + commands.partition("|")[2], seconds=60)

    def round_trip(self, settings="", options="", server=None, scheme="ftp"):
        sent = self.small_tree() if not self.whole_tree else \
            harness.make_tree(self.here / "sent", "root")
        self.lftp(f"{settings}|mirror -R {options} sent up\n", server, scheme)
        self.assert_same_tree(ALICE / "up", sent)
        self.lftp(f"{settings}|mirror {options} up back\n", server, scheme)
        self.assert_same_tree(self.here / "back", sent)

    def test_passive(self):
        self.round_trip()

    def test_parallel(self):
        """A whole tree over four sessions."""
        self.whole_tree = True
        self.round_trip(options="-P4")

    def test_active(self):
        self.round_trip("set ftp:passive-mode off\n")

    def test_ipv6(self):
        self.round_trip(server=self.serve_tls(address=harness.IPV6))

    def test_implicit(self):
        self.round_trip(server=self.serve_tls(IMPLICIT), scheme="ftps")

    def test_pipelined(self):
        self.round_trip("set ftp:sync-mode off\n")

    def test_clear_lists(self):
        """PROT changes with every listing."""
        self.round_trip("set ftp:ssl-protect-list no\n",
                        server=self.serve_tls("force_local_data_ssl=NO\n"))

    def test_clear_data(self):
        self.round_trip("set ftp:ssl-protect-data no\nset ftp:ssl-protect-list no\n",
                        server=self.serve_tls("force_local_data_ssl=NO\n"))

    def test_reuse_required(self):
        self.round_trip(server=self.serve_tls(REUSE))

    def test_tls12(self):
        self.round_trip("set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS1.2\n")


class Wget(Client):

    def wget(self, *words, url):
        return self.run_client("wget", "-nv", "--tries=1", "--timeout=10",
                               f"--ca-certificate={PLACE}/ca.crt", *words,
                               url.replace("ftp:", "ftps:", 1))

    def test_explicit(self):
        self.wget(url=self.url("file.bin"))
        self.assert_got("file.bin")

    def test_implicit(self):
        server = self.serve_tls(IMPLICIT)
        self.wget("--ftps-implicit", url=self.url("file.bin", server=server))
        self.assert_got("file.bin")

    def test_reuse_required(self):
        server = self.serve_tls(REUSE)
        self.wget("--ftps-resume-ssl", url=self.url("file.bin", server=server))
        self.assert_got("file.bin")

    def test_active(self):
        self.wget("--no-passive-ftp", url=self.url("file.bin"))
        self.assert_got("file.bin")

    def test_ipv6(self):
        self.wget(url=self.url("file.bin", server=self.serve_tls(address="::1")))
        self.assert_got("file.bin")

    def test_tree(self):
        for name in ("a", "b/c", "b/d e", "empty"):
            harness.put(ALICE / "tree" / name, b"" if name == "empty" else sample(9000))
        self.wget("-r", "-nH", url=self.url("tree/"))
        self.assert_same_tree(self.here / "tree", ALICE / "tree")

    def test_clear_data(self):
        server = self.serve_tls("force_local_data_ssl=NO\n")
        self.wget("--ftps-clear-data-connection", url=self.url("file.bin", server=server))
        self.assert_got("file.bin")


class Rclone(Client):
    """Go's TLS, which does not resume with this client."""

    def rclone(self, *words, server=None, way="explicit_tls", status=0):
        server = server or self.server
        hidden = self.run_client("rclone", "obscure", harness.PASSWORD["alice"]).strip()
        config = configparser.ConfigParser()
        config["there"] = {"type": "ftp", "host": server.address, "port": server.port,
                           "user": "alice", "pass": hidden, way: "true",
                           "no_check_certificate": "true"}
        with (self.here / "rclone.conf").open("w") as file:
            config.write(file)
        return self.run_client("rclone", f"--config={self.here}/rclone.conf", "--retries=1",
                               "--low-level-retries=1", *words, status=status)

    def round_trip(self, server=None, way="explicit_tls"):
        self.small_tree()
        self.rclone("copy", "--create-empty-src-dirs", "sent", "there:up", server=server, way=way)
        self.assert_same_tree(ALICE / "up", self.here / "sent")
        self.rclone("copy", "--create-empty-src-dirs", "there:up", "back", server=server, way=way)
        self.assert_same_tree(self.here / "back", self.here / "sent")

    def test_explicit(self):
        self.round_trip()

    def test_implicit(self):
        self.round_trip(self.serve_tls(IMPLICIT), "tls")


class Ftplib(Client):

    class Resuming(ftplib.FTP_TLS):
        def ntransfercmd(self, cmd, rest=None):
            data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
            if self._prot_p:
                data = self.context.wrap_socket(data, server_hostname=self.host,
                                                session=self.sock.session)
            return data, size

    def open(self, kind=ftplib.FTP_TLS, server=None, settings=None, passive=True):
        server = server or self.server
        ftp = kind(context=settings or secure.context(), timeout=10)
        ftp.connect(server.address, server.port)
        self.addCleanup(ftp.close)
        ftp.login("alice", harness.PASSWORD["alice"])
        ftp.prot_p()
        ftp.set_pasv(passive)
        return ftp

    def both_ways(self, ftp):
        got = io.BytesIO()
        self.assertEqual(ftp.retrbinary("RETR file.bin", got.write), "226 Transfer complete.")
        self.assert_same_bytes(got.getvalue(), self.content)
        back = self.content[::-1]
        self.assertEqual(ftp.storbinary("STOR up.bin", io.BytesIO(back)), "226 Transfer complete.")
        self.assert_stored(back)
        ftp.storbinary("STOR empty", io.BytesIO(b""))
        self.assertEqual(sorted(ftp.nlst()), ["empty", "file.bin", "up.bin"])
        self.assertEqual(ftp.retrbinary("RETR empty", got.write), "226 Transfer complete.")
        self.assertEqual(len(list(ftp.mlsd())), 5)
        lines = []
        ftp.storlines("STOR text", io.BytesIO(b"one\ntwo\n"))
        ftp.retrlines("RETR text", lines.append)
        self.assertEqual(lines, ["one", "two"])
        self.assertEqual(ftp.quit(), "221 Goodbye.")

    def test_without_reuse(self):
        self.both_ways(self.open())

    def test_with_reuse(self):
        server = self.serve_tls(REUSE)
        for version in (secure.V12, secure.V13):
            with self.subTest(version=version):
                settings = secure.context(highest=version)
                self.both_ways(self.open(self.Resuming, server, settings))
                harness.fresh_trees()
                harness.put(ALICE / "file.bin", self.content)

    def test_active(self):
        self.both_ways(self.open(passive=False))

    def test_reuse_missing(self):
        """A client that can't resume finds its data connection closed, and reads the 522."""
        ftp = self.open(server=self.serve_tls(REUSE))
        try:
            ftp.retrbinary("RETR file.bin", lambda _: None)
        except ftplib.error_perm as error:
            said = str(error)
        except OSError:
            with self.assertRaises(ftplib.error_perm) as caught:
                ftp.getresp()
            said = str(caught.exception)
        self.assertEqual(said, "522 SSL connection failed: session reuse required")
        self.assertRegex(ftp.voidcmd("NOOP"), "^200 ")

    def test_errors(self):
        ftp = self.open()
        with self.assertRaisesRegex(ftplib.error_perm, "^550 "):
            ftp.retrbinary("RETR none", lambda _: None)
        with self.assertRaisesRegex(ftplib.error_perm, "^553 "):
            ftp.storbinary("STOR no/such", io.BytesIO(b"x"))
        with self.assertRaisesRegex(ftplib.error_perm, "^53[34] "):
            ftp.ccc()
        ftp = ftplib.FTP_TLS(context=secure.context(), timeout=10)
        ftp.connect(self.server.address, self.server.port)
        self.addCleanup(ftp.close)
        with self.assertRaisesRegex(ftplib.error_perm, "^530 Non-anonymous sessions must use"):
            ftp.login("alice", harness.PASSWORD["alice"], secure=False)


class Tool(secure.FtpsTest):
    """The TLS libraries' own programs."""

    def talk(self, *words):
        """Says the lines, each after the reply to the one before."""
        tool = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.here,
                                text=True, bufsize=1)
        stop = threading.Timer(10, tool.kill)
        stop.start()
        heard = []
        try:
            for line, pattern in self.LINES.items():
                tool.stdin.write(line + "\n")
                tool.stdin.flush()
                said = ""
                while not re.search(pattern, said):
                    said = tool.stdout.readline()
                    heard.append(said)
                    if not said:
                        self.fail(f"no {pattern!r} in:\n{''.join(heard)}")
        finally:
            stop.cancel()
            tool.kill()
            tool.communicate()

    LINES = {"USER alice": "^331 ", "PASS secret-alice": "^230 ", "PBSZ 0": "^200 ",
             "PROT P": "^200 ", "PWD": "^257 ", "QUIT": "^221 "}

    def s_client(self, *words, start=True):
        target = f"127.0.0.1:{self.server.port}"
        begin = ("-starttls", "ftp") if start else ()
        self.talk("openssl", "s_client", "-connect", target, *begin, "-crlf", "-quiet", "-ign_eof",
                  "-CAfile", PLACE / "ca.crt", "-verify_return_error", "-verify_ip", "127.0.0.1",
                  *words)

    def test_s_client(self):
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version=version):
                self.s_client(version)

    def test_s_client_implicit(self):
        self.server = self.serve_tls(IMPLICIT)
        self.s_client(start=False)

    def test_gnutls(self):
        """FileZilla's library."""
        for priority in ("NORMAL", "NORMAL:-VERS-ALL:+VERS-TLS1.2"):
            with self.subTest(priority=priority):
                self.talk("gnutls-cli", "--starttls-proto=ftp", "--crlf", "--port",
                          self.server.port, f"--x509cafile={PLACE}/ca.crt", "--alpn=ftp",
                          "--alpn=x-filezilla-ftp", f"--priority={priority}",
                          "--verify-hostname=127.0.0.1", "127.0.0.1")
