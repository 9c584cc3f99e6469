"""FileZilla with TLS. It resumes the control connection's session on each data connection, and once a
server has taken part in that, it trusts no data connection without."""

import sqlite3
import time

import harness
import secure
import test_filezilla
from harness import ALICE

EXPLICIT, IMPLICIT = ("ftpes", 4), ("ftps", 3)  # FileZilla's names and numbers of the protocols


class Sessions(secure.FtpsTest, test_filezilla.FileZilla):

    way = EXPLICIT

    def url(self, *what, **how):
        return super().url(*what, **how).replace("ftp:", self.way[0] + ":", 1)

    def write_queue(self, path, server):
        super().write_queue(path, server)
        database = sqlite3.connect(path)
        database.execute("UPDATE servers SET protocol = ?", (self.way[1],))
        database.commit()
        database.close()

    def write_configuration(self, server, settings):
        """The server's certificate is one that the user has trusted before."""
        super().write_configuration(server, settings)
        certificate = secure.pem_bytes(secure.PLACE / "server.crt").hex()
        now = int(time.time())
        (self.here / ".config/filezilla/trustedcerts.xml").write_text(
            "<FileZilla3><TrustedCerts><Certificate>"
            f"<Data>{certificate}</Data><ActivationTime>{now - 3600}</ActivationTime>"
            f"<ExpirationTime>{now + 3600}</ExpirationTime><Host>{server.address}</Host>"
            f"<Port>{server.port}</Port><TrustSANs>0</TrustSANs>"
            "</Certificate></TrustedCerts></FileZilla3>")

    def whole_session(self, server=None, **settings):
        """Down and up, large and empty, by two sessions beside that of the window."""
        harness.put(ALICE / "file.bin", self.content)
        harness.put(ALICE / "empty")
        (self.local / "up.bin").write_bytes(self.content[::-1])
        self.download(ALICE, "file.bin", "got.bin")
        self.download(ALICE, "empty", "hollow")
        self.upload("up.bin", ALICE, "up.bin")
        self.upload("up.bin", ALICE / "new", "again.bin")
        log = self.run_queue(server, **settings)
        self.assert_same_bytes((self.local / "got.bin").read_bytes(), self.content)
        self.assertEqual((self.local / "hollow").read_bytes(), b"")
        for path in (ALICE / "up.bin", ALICE / "new/again.bin"):
            self.assert_same_bytes(path.read_bytes(), self.content[::-1])
        return log

    def test_explicit(self):
        log = self.whole_session(self.serve_tls("require_ssl_reuse=YES\n"))
        self.assertRegex(log, "Command: AUTH TLS")
        self.assertRegex(log, "Command: PROT P")
        known = (self.here / ".config/filezilla/trustedcerts.xml").read_text()
        self.assertRegex(known, "(?s)<FtpSessionResumption>.*127")

    def test_implicit(self):
        self.way = IMPLICIT
        self.whole_session(self.serve_tls("implicit_ssl=YES\nrequire_ssl_reuse=YES\n"))

    def test_tls12(self):
        self.whole_session(self.serve_tls("require_ssl_reuse=YES\nssl_tlsv13=NO\n"))

    def test_active(self):
        self.whole_session(self.serve_tls("require_ssl_reuse=YES\n"), Use_Pasv_mode="0")
