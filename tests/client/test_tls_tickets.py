"""Clients that use a ticket once, as OpenSSL's do with TLS 1.3: a session has one for each data connection."""

import pathlib
import subprocess

import harness

PEM = pathlib.Path("/run/tickets.pem")
FILES = 6


class Tickets(harness.FtpTest):

    def fetch(self, *words):
        """All files in one session; each data connection must resume it."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", PEM, "-out", PEM,
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL)
        self.addCleanup(PEM.unlink)
        server = self.serve(f"ssl_enable=YES\nrsa_cert_file={PEM}\nrequire_ssl_reuse=YES\n")
        for number in range(FILES):
            harness.put(harness.ALICE / f"{number}.bin", harness.sample(1000 + number))
        done = subprocess.run(
            ["curl", "-vsS", "--cacert", PEM, "--ssl-reqd", *words, "-u", "alice:secret-alice",
             *(f"ftp://127.0.0.1:{server.port}/{number}.bin" for number in range(FILES))],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        told = done.stderr.decode(errors="replace")
        self.assertNotIn("< 522 ", told)
        self.assertEqual((done.returncode, told.count("< 226 "), told.count("< 220 ")), (0, FILES, 1))
        self.assertEqual(done.stdout, b"".join(harness.sample(1000 + n) for n in range(FILES)))

    def test_tls13(self):
        self.fetch("--tlsv1.3")

    def test_tls12(self):
        self.fetch("--tls-max", "1.2")
