"""soloftpctl and TLS: what it says of certificates, keys, versions and ciphers, and who needs TLS to log in."""

import functools
import os
import pathlib
import subprocess
import time

import harness
import test_ctl

PLACE = pathlib.Path("/run/ctl-tls")
NAME = "ftp.example.net"
NAMED = f"subjectAltName=DNS:{NAME}"
# A file whose only fault can be TLS.
BASE = "local_enable=YES\npam_service_name=ftp\nssl_enable=YES\n"


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], cwd=PLACE, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, words))}\n{done.stderr}")


KINDS = {
    "ec": ["EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "small-ec": ["EC", "-pkeyopt", "ec_paramgen_curve:prime192v1"],
    "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "small-rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "ed25519": ["ED25519"],
}


@functools.cache
def key(kind):
    """One key of each kind serves everywhere."""
    openssl("genpkey", "-algorithm", *KINDS[kind], "-out", f"{kind}.key")
    (PLACE / f"{kind}.key").chmod(0o600)
    return f"{kind}.key"


@functools.cache
def made(name, kind="ec", days=60, extensions=(NAMED,), issuer=None, issuer_kind="ec", start=None,
         end=None, digest="sha256"):
    """NAME.crt, from the issuer or from itself. `start` and `end` are times as UTCTime has them."""
    subject = NAME if "ca" not in name else name
    request = ["req", "-new", "-key", key(kind), "-subj", f"/CN={subject}", f"-{digest}"]
    if not end:
        words = [*request, "-x509", "-days", days, "-out", f"{name}.crt"]
        for extension in extensions:
            words += ["-addext", extension]
        if not any("basicConstraints" in extension for extension in extensions):
            words += ["-addext", "basicConstraints=critical,CA:FALSE"]
        if issuer:
            words += ["-CA", f"{issuer}.crt", "-CAkey", key(issuer_kind)]
        openssl(*words)
        return PLACE / f"{name}.crt"
    openssl(*request, "-out", f"{name}.csr")
    (PLACE / "ca.conf").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={PLACE}/{name}.index\nserial={PLACE}/{name}.serial\n"
        f"new_certs_dir={PLACE}\ndefault_md=sha256\npolicy=any\nunique_subject=no\n"
        f"[any]\ncommonName=supplied\n[v3]\n{extensions[0]}\n")
    (PLACE / f"{name}.index").write_text("")
    (PLACE / f"{name}.serial").write_text("01\n")
    openssl("ca", "-batch", "-config", "ca.conf", "-selfsign", "-keyfile", key(kind), "-in",
            f"{name}.csr", "-out", f"{name}.crt", "-startdate", start, "-enddate", end, "-notext",
            "-extensions", "v3")
    return PLACE / f"{name}.crt"


def authority(name, issuer=None):
    return made(name, extensions=("basicConstraints=critical,CA:TRUE",), issuer=issuer, kind="ec")


def bundle(name, *parts, mode=0o600):
    path = PLACE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join((PLACE / part).read_text() for part in parts))
    path.chmod(mode)
    return path


class TlsTest(test_ctl.CheckTest):

    @classmethod
    def setUpClass(cls):
        PLACE.mkdir(exist_ok=True)

    def tls(self, certificate, private=None, more=""):
        """A configuration with this certificate; settings that follow begin in line 6."""
        return (f"{BASE}rsa_cert_file={certificate}\n"
                f"rsa_private_key_file={private or PLACE / key('ec')}\n{more}")

    def assert_fine(self, text):
        self.assertEqual(self.check(text, status=0), [])


class Certificates(TlsTest):

    def test_nothing_wrong(self):
        self.assert_fine(self.tls(made("good")))
        self.assert_fine(self.tls(made("good-rsa", kind="rsa"), PLACE / key("rsa")))
        self.assert_fine(self.tls(made("good-ed", kind="ed25519"), PLACE / key("ed25519")))

    def test_key_in_the_same_file(self):
        made("good")
        both = bundle("both.pem", "good.crt", key("ec"))
        self.assert_fine(f"{BASE}rsa_cert_file={both}\n")

    def test_two_types_of_keys(self):
        made("good-rsa", kind="rsa")
        self.assert_fine(self.tls(made("good"), more=f"dsa_cert_file={PLACE}/good-rsa.crt\n"
                                  f"dsa_private_key_file={PLACE / key('rsa')}\n"))
        self.assert_found(self.tls(made("good"), more=f"dsa_cert_file={PLACE}/good.crt\n"
                                   f"dsa_private_key_file={PLACE / key('ec')}\n"),
                          (6, 0, "error", "dsa_cert_file.*same type.*EC.*replaces"))

    def test_nothing_there(self):
        self.assert_found(BASE, (0, 0, "error", "rsa_cert_file.*vsftpd.pem: No such file"))
        self.assert_found(BASE + "rsa_cert_file=\n", (3, 0, "error", "ssl_enable.*no certificate"))
        self.assert_found(self.tls("/there/is/none.pem", "/there/is/none.key"),
                          (4, 0, "error", "rsa_cert_file.*/none.pem: No such file"))
        self.assert_found(self.tls(made("good"), "/there/is/none.key"),
                          (5, 0, "error", "rsa_private_key_file.*/none.key: No such file"))

    def test_what_is_no_certificate(self):
        made("good")
        self.assert_found(self.tls(PLACE / key("ec")),
                          (4, 0, "error", "rsa_cert_file.*no certificate in it"))
        self.assert_found(self.tls(PLACE), (4, 0, "error", "rsa_cert_file.*"))
        self.assert_found(self.tls(made("good"), PLACE / "good.crt"),
                          (5, 0, "error", "rsa_private_key_file"))

    def test_times(self):
        past = made("past", start="20200101000000Z", end="20210101000000Z")
        future = made("future", start="20900101000000Z", end="20910101000000Z")
        self.assert_found(self.tls(past), (4, 0, "error", "rsa_cert_file.*has expired"))
        self.assert_found(self.tls(future), (4, 0, "error", "rsa_cert_file.*not yet valid"))
        for hours, left in ((60, "3 days"), (12, "1 day")):
            end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + hours * 3600))
            soon = made(f"soon-{hours}", start="20200101000000Z", end=end)
            self.assert_found(self.tls(soon), (4, 0, "warning", f"expires within {left}$"))
        self.assert_fine(self.tls(made("later", days=15)))

    def test_names(self):
        self.assert_found(self.tls(made("nameless", extensions=())),
                          (4, 0, "warning", "no subjectAltName"))
        self.assert_found(self.tls(made("good"), more="ssl_sni_hostname=other.example.net\n"),
                          (4, 0, "warning", "not for the name other.example.net"))
        self.assert_fine(self.tls(made("good"), more=f"ssl_sni_hostname={NAME}\n"))

    def test_made_for_clients(self):
        client = made("client", extensions=(NAMED, "extendedKeyUsage=clientAuth"))
        self.assert_found(self.tls(client), (4, 0, "warning", "not meant for servers"))

    def test_weak(self):
        """They are told as what they are, and that no session can load them."""
        rsa = made("weak-rsa", kind="small-rsa")
        self.assert_found(self.tls(rsa, PLACE / key("small-rsa")),
                          (4, 0, "warning", "weak key.*2048"), (4, 0, "error", "ee key too small"))
        curve = made("weak-ec", kind="small-ec")
        self.assert_found(self.tls(curve, PLACE / key("small-ec")),
                          (4, 0, "warning", "weak key.*224"), (4, 0, "error", "ee key too small"))
        authority("ca")
        old = made("old-digest", issuer="ca", digest="sha1")
        whole = bundle("old-digest.pem", "old-digest.crt", "ca.crt")
        self.assertTrue(old.exists())
        self.assert_found(self.tls(whole), (4, 0, "warning", "SHA-1"),
                          (4, 0, "error", "ca md too weak"))

    def test_chains(self):
        authority("ca")
        authority("ca-middle", issuer="ca")
        authority("ca-lower", issuer="ca-middle")
        made("far", issuer="ca-lower")
        made("good")
        chain = ("far.crt", "ca-lower.crt", "ca-middle.crt", "ca.crt")
        self.assert_fine(self.tls(bundle("whole.pem", *chain)))
        # Without the root, which clients have: this system does not.
        self.assert_found(self.tls(bundle("rootless.pem", *chain[:3])),
                          (4, 0, "warning", "certificate 3 of the file has an issuer"))
        self.assert_found(self.tls(bundle("short.pem", *chain[:1])),
                          (4, 0, "warning", "rsa_cert_file: has an issuer that is not in the file"))
        self.assert_found(self.tls(bundle("mixed.pem", chain[0], chain[2], chain[1], chain[3])),
                          (4, 0, "warning", "not followed by its issuer's: the order is wrong"))
        self.assert_found(self.tls(bundle("stray.pem", chain[0], "good.crt")),
                          (4, 0, "warning", "followed by one that has nothing to do with it"),
                          (4, 0, "error", "certificate 2 of the file is none that issues others"))

    def test_root_of_this_system(self):
        """Where the system trusts the issuer, nothing is missing."""
        authority("ca")
        made("near", issuer="ca")
        file = self.write("ftp.conf", self.tls(PLACE / "near.crt"))
        done = subprocess.run([test_ctl.SOLOFTPCTL, "check", file], check=False, text=True,
                              stdout=subprocess.PIPE, timeout=20,
                              env={"SSL_CERT_FILE": f"{PLACE}/ca.crt"})
        self.assertEqual((done.returncode, done.stdout), (0, "no problems found\n"))

    def test_keys(self):
        made("good")
        made("other", kind="rsa")
        self.assert_found(self.tls(PLACE / "good.crt", PLACE / key("rsa")),
                          (5, 0, "error", "rsa_private_key_file.*different key types"))
        self.assert_found(f"{BASE}rsa_cert_file={PLACE}/good.crt\n",
                          (4, 0, "error", "rsa_cert_file.*good.crt"))
        for mode in (0o644, 0o660, 0o601):
            with self.subTest(mode=oct(mode)):
                lax = bundle("lax.key", key("ec"), mode=mode)
                self.assert_found(self.tls(PLACE / "good.crt", lax),
                                  (5, 0, "error", "others may read or change it"))
        self.assert_fine(self.tls(PLACE / "good.crt", bundle("group.key", key("ec"), mode=0o640)))
        owned = bundle("owned.key", key("ec"))
        os.chown(owned, 1801, 1801)
        self.assert_found(self.tls(PLACE / "good.crt", owned),
                          (5, 0, "error", "belongs to somebody else"))
        writable = bundle("writable.crt", "good.crt", mode=0o664)
        self.assert_found(self.tls(writable), (4, 0, "warning", "others .* can write"))

    def test_encrypted_key(self):
        openssl("pkey", "-in", key("ec"), "-aes256", "-passout", "pass:secret", "-out", "locked.key")
        (PLACE / "locked.key").chmod(0o600)
        self.assert_found(self.tls(made("good"), PLACE / "locked.key"),
                          (5, 0, "error", "rsa_private_key_file.*locked.key"))

    def test_as_somebody_else(self):
        """Who may not read the key is told that, and nothing wrong."""
        made("good")
        file = self.write("ftp.conf", self.tls(PLACE / "good.crt"))
        self.here.chmod(0o755)
        said = self.ctl("check", file, status=1, user=1801)
        self.assertRegex(said, "rsa_private_key_file: the key can't be read: run as root")
        self.assertRegex(said, "0 errors, 1 warnings")


class Versions(TlsTest):

    def test_none_left(self):
        self.assert_found(self.tls(made("good"), more="ssl_tlsv12=NO\nssl_tlsv1_3=NO\n"),
                          (3, 0, "error", "ssl_enable.*no version"))

    def test_two_spellings(self):
        self.assert_found(self.tls(made("good"), more="ssl_tlsv12=NO\nssl_tlsv1_2=YES\n"),
                          (7, 0, "warning", "ssl_tlsv1_2.*contradicts ssl_tlsv12"))

    def test_old_ones(self):
        self.assert_found(self.tls(made("good"), more="ssl_tlsv1=YES\n"),
                          (6, 0, "warning", "ssl_tlsv1:.*RFC 8996"))
        self.assert_found(self.tls(made("good"), more="ssl_tlsv1_1=YES\n"),
                          (6, 0, "warning", "ssl_tlsv1_1:.*RFC 8996"))

    def test_ciphers_of_another_key(self):
        """vsftpd's own default is for RSA keys alone: with another, TLS 1.2 would not work."""
        ciphers = "ssl_ciphers=ECDHE-RSA-AES256-GCM-SHA384\n"
        made("good-rsa", kind="rsa")
        self.assert_fine(self.tls(PLACE / "good-rsa.crt", PLACE / key("rsa"), ciphers))
        self.assert_found(self.tls(made("good"), more=ciphers),
                          (6, 0, "error", "ssl_ciphers.*TLS 1.2.*EC key.*no shared cipher"))
        self.assert_fine(self.tls(made("good"), more=f"{ciphers}ssl_tlsv12=NO\n"))
        # One of two keys that works is enough, but not what was meant.
        self.assert_found(self.tls(made("good"), more=f"dsa_cert_file={PLACE}/good-rsa.crt\n"
                                   f"dsa_private_key_file={PLACE / key('rsa')}\n{ciphers}"),
                          (8, 0, "warning", "ssl_ciphers.*TLS 1.2 with the EC key"))

    def test_ciphers_that_nobody_knows(self):
        self.assert_found(self.tls(made("good"), more="ssl_ciphers=nonsense\n"),
                          (6, 0, "error", "ssl_ciphers.*nonsense: no such ciphers"))

    def test_ciphers_too_new(self):
        """A list without a cipher for the oldest version leaves OpenSSL none at all."""
        made("good-rsa", kind="rsa")
        found = self.check(self.tls(PLACE / "good-rsa.crt", PLACE / key("rsa"),
                                    "ssl_tlsv1=YES\nssl_ciphers=ECDHE-RSA-AES256-GCM-SHA384\n"))
        self.assertIn((6, "warning"), [(one.line, one.severity) for one in found])
        self.assertTrue(all(one.text.startswith("ssl_ciphers: TLS 1.") for one in found[1:]), found)

    def test_parameters(self):
        self.assert_found(self.tls(made("good"), more=f"dh_param_file={PLACE}/good.crt\n"),
                          (6, 0, "error", "dh_param_file.*no Diffie-Hellman parameters"))
        self.assert_found(self.tls(made("good"), more=f"ecdh_param_file={PLACE}/good.crt\n"),
                          (6, 0, "error", "ecdh_param_file.*no elliptic curve parameters"))


class Clients(TlsTest):

    def test_certificates_of_clients(self):
        authority("ca")
        both = "require_cert=YES\nvalidate_cert=YES\n"
        self.assert_fine(self.tls(made("good"), more=f"{both}ca_certs_file={PLACE}/ca.crt\n"))
        self.assert_fine(self.tls(made("good"),
                                  more=f"{both}ca_certs_file={PLACE}/ca.crt\nssl_cert_user=YES\n"))
        self.assert_found(self.tls(made("good"), more=f"{both}ca_certs_file=/there/is/none\n"),
                          (8, 0, "error", "ca_certs_file.*No such file"))
        self.assert_found(self.tls(made("good"), more=both),
                          (7, 0, "warning", "validate_cert.*ca_certs_file"))
        self.assert_found(self.tls(made("good"), more="require_cert=YES\n"),
                          (6, 0, "warning", "require_cert.*any certificate"))
        self.assert_found(self.tls(made("good"), more="validate_cert=YES\n"),
                          (6, 0, "warning", "validate_cert.*not asked"))
        self.assert_found(self.tls(made("good"), more="ssl_cert_user=YES\n"),
                          (6, 0, "error", "ssl_cert_user.*needs ca_certs_file"))
        self.assert_fine(self.tls(made("good"),
                                  more=f"ssl_cert_user=YES\nca_certs_file={PLACE}/ca.crt\n"))

    def test_way_around(self):
        authority("ca")
        more = f"ca_certs_file={PLACE}/ca.crt\nssl_cert_user=YES\nforce_local_logins_ssl=NO\n"
        self.assert_found(self.tls(made("good"), more=more),
                          (8, 0, "warning", "force_local_logins_ssl.*needs no certificate"))

    def test_anonymous(self):
        more = "anonymous_enable=YES\nforce_anon_logins_ssl=YES\n"
        self.assert_found(self.tls(made("good"), more=more),
                          (0, 0, "error", "allow_anon_ssl.*must use TLS, and may not"))
        self.assert_fine(self.tls(made("good"), more=more + "allow_anon_ssl=YES\n"))

    def test_off(self):
        """What is written down for protection, and protects nobody."""
        off = BASE.replace("ssl_enable=YES", "ssl_enable=NO")
        self.assert_found(off + "force_local_logins_ssl=YES\nrequire_cert=YES\n",
                          (4, 0, "warning", "force_local_logins_ssl.*ssl_enable is NO"),
                          (5, 0, "warning", "require_cert.*ssl_enable is NO"))
        self.assert_fine(off + "rsa_cert_file=/there/is/none.pem\nssl_ciphers=nonsense\n"
                         "force_local_logins_ssl=NO\n")


class ServerNames(TlsTest):

    def setUp(self):
        super().setUp()
        self.names = self.here / "names"
        self.names.mkdir(mode=0o755)
        self.file = self.tls(made("good"), more=f"ssl_sni_dir={self.names}\n")

    def put(self, name, *parts, mode=0o600):
        path = self.names / name
        path.write_text("".join((PLACE / part).read_text() for part in parts))
        path.chmod(mode)
        return str(path)

    def test_nothing_wrong(self):
        made("good-rsa", kind="rsa")
        self.put(f"{NAME}.pem", "good-rsa.crt", key("rsa"))
        self.assert_fine(self.file)

    def test_no_directory(self):
        self.assert_found(self.tls(made("good"), more="ssl_sni_dir=/there/is/none\n"),
                          (6, 0, "error", "ssl_sni_dir.*No such file"))

    def test_entries(self):
        lax = self.put("a.example.net.pem", "good.crt", key("ec"), mode=0o644)
        other = self.put("b.example.net.pem", "good.crt", key("ec"))
        keyless = self.put("c.example.net.pem", "good.crt")
        upper = self.put("D.example.net.pem", "good.crt", key("ec"))
        stray = self.put("notes", "good.crt")
        found = self.check(self.file, status=2)
        self.assertEqual({(one.file, one.severity) for one in found},
                         {(lax, "error"), (lax, "warning"), (other, "warning"),
                          (keyless, "error"), (keyless, "warning"), (upper, "warning"),
                          (stray, "warning")})
        said = {file: " ".join(one.text for one in found if one.file == file)
                for file in (lax, other, keyless, upper, stray)}
        self.assertIn("others may read", said[lax])
        self.assertIn("not for the name b.example.net", said[other])
        self.assertIn("lower case", said[upper])
        self.assertIn("looked up by nobody", said[stray])

    def test_what_a_session_would_refuse(self):
        made("weak-rsa", kind="small-rsa")
        weak = self.put(f"{NAME}.pem", "weak-rsa.crt", key("small-rsa"))
        self.assertEqual([(one.file, one.severity) for one in self.check(self.file, status=2)],
                         [(weak, "warning"), (weak, "error")])

    def test_file_of_an_address(self):
        """A file of vhost_config_dir with certificates of its own."""
        hosts = self.here / "hosts"
        self.write("hosts/127.0.0.2", "rsa_cert_file=/there/is/none.pem\n")
        self.write("hosts/127.0.0.3", "write_enable=YES\n")
        found = self.check(self.file + f"vhost_config_dir={hosts}\n", status=2)
        self.assertEqual([(one.file, one.line, one.severity) for one in found],
                         [(f"{hosts}/127.0.0.2", 1, "error")])


class Explain(TlsTest):

    def explain(self, text, user, status=0):
        file = self.write("ftp.conf", text)
        said = self.ctl("explain", "--user", user, file, status=status)
        return [" ".join(line.split()) for line in said.splitlines() if line.split()[1] == "tls"]

    def test_who_needs_it(self):
        harness.fresh_trees()
        text = self.tls(made("good"), more="anonymous_enable=YES\n")
        self.assertEqual(self.explain(text, "alice"), [
            "ok tls offered (AUTH TLS)", "note tls the login needs it: force_local_logins_ssl",
            "note tls transfers need it (PROT P): force_local_data_ssl"])
        self.assertEqual(self.explain(text, "ftp"), [
            "ok tls offered (AUTH TLS)", "note tls only without: allow_anon_ssl is NO"])
        relaxed = text + "force_local_logins_ssl=NO\nforce_local_data_ssl=NO\nallow_anon_ssl=YES\n"
        for user in ("alice", "ftp"):
            self.assertEqual(self.explain(relaxed, user), [
                "ok tls offered (AUTH TLS)", "note tls the login does without, too"])
        self.assertEqual(self.explain(relaxed + "implicit_ssl=YES\n", "alice"), [
            "ok tls from the start (implicit_ssl)"])
        self.assertEqual(self.explain("local_enable=YES\n", "alice"), [
            "note tls not offered: ssl_enable is NO"])

    def test_certificates_of_users(self):
        authority("ca")
        text = self.tls(made("good"), more="require_cert=YES\nssl_cert_user=YES\n"
                                           f"ca_certs_file={PLACE}/ca.crt\n")
        harness.fresh_trees()
        self.assertEqual(self.explain(text, "alice")[2:4], [
            "note tls the client must have a certificate: require_cert",
            "note tls the client's certificate must be this user's: ssl_cert_user"])

    def test_refused(self):
        broken = self.tls("/there/is/none.pem", more="anonymous_enable=YES\n")
        harness.fresh_trees()
        self.assertRegex(" ".join(self.explain(broken, "alice", status=1)),
                         r"^REFUSED tls /there/is/none.pem: No such file")
        self.assertRegex(" ".join(self.explain(broken, "ftp")), "^note tls /there/is/none.pem")
        never = self.tls(made("good"), more="anonymous_enable=YES\nforce_anon_logins_ssl=YES\n")
        self.assertRegex(" ".join(self.explain(never, "ftp", status=1)),
                         "REFUSED tls anonymous logins must use it, and may not")

    def test_the_users_own_file(self):
        harness.fresh_trees()
        self.write("users/alice", "force_local_data_ssl=NO\n")
        text = self.tls(made("good"), more=f"user_config_dir={self.here}/users\n")
        self.assertEqual(len(self.explain(text, "alice")), 2)
        self.assertEqual(len(self.explain(text, "bob")), 3)
