"""The entries for super-servers take away what the server never needs: it works with what they leave, and says what is
missing with less."""

import pathlib
import re
import subprocess
import tempfile

import control
import harness
from harness import ALICE, SOLOFTPD

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOCKET = ROOT / "docs/systemd/soloftpd.socket"
SERVICE = ROOT / "docs/systemd/soloftpd@.service"
ENTRIES = (ROOT / "xinetd.d/soloftpd", ROOT / "xinetd.d/soloftpd-implicit")
SOLOFTPCTL = pathlib.Path(SOLOFTPD).with_name("soloftpctl")


def settings(text):
    """A unit's lines, without comments and empty ones."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "["))]


def setting(path, name):
    found = re.findall(rf"(?m)^{name}=(.*)$", path.read_text())
    assert len(found) == 1, f"{path} has {len(found)} lines of {name}"
    return found[0]


CAPABILITIES = tuple(word.removeprefix("CAP_").lower()
                     for word in setting(SERVICE, "CapabilityBoundingSet").split())


def bounded(capabilities, starter=harness.xinetd):
    """A super-server whose services can have these capabilities, and no new privileges, as systemd's have."""
    def start(server):
        bounds = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        return ["setpriv", f"--bounding-set={bounds}", "--inh-caps=-all", "--no-new-privs", "--", *starter(server)]
    return start


class Units(harness.FtpTest):

    def setUp(self):
        pass

    def test_systemd_takes_them(self):
        """It knows each line; and by its own measure little is left open."""
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / SOCKET.name).write_text(SOCKET.read_text())
            for name in (SERVICE.name, "soloftpd@1.service"):
                (pathlib.Path(folder) / name).write_text(
                    SERVICE.read_text().replace("/usr/local/sbin/soloftpd", SOLOFTPD))
            for words in (("verify", "--man=no", SOCKET.name, SERVICE.name),
                          ("security", "--offline=yes", "--threshold=50", "--no-pager", "soloftpd@1.service")):
                done = subprocess.run(["systemd-analyze", *(f"./{word}" if "." in word else word for word in words)],
                                      cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                      env={"SYSTEMD_LOG_LEVEL": "warning", "PATH": "/usr/bin:/bin"})
                said = done.stdout.decode()
                self.assertEqual(done.returncode, 0, said)
                self.assertNotRegex(said, "(?i)unknown|ignoring|failed to")

    def printed(self, kind, options=""):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(f"local_enable=YES\nlisten_ipv6=YES\nmax_clients=200\nmax_per_ip=20\n{options}")
            file.flush()
            done = subprocess.run([SOLOFTPCTL, "superserver", kind, file.name], check=True, stdout=subprocess.PIPE)
            return done.stdout.decode().replace(file.name, "/etc/vsftpd.conf")

    def test_soloftpctl_prints_the_same(self):
        socket, service = self.printed("systemd").split("# /etc/systemd/system/soloftpd@.service\n")
        self.assertEqual(settings(socket), settings(SOCKET.read_text()))
        self.assertEqual(settings(service), settings(SERVICE.read_text()))

    def test_soloftpctl_knows_who_gives_files_away(self):
        said = self.printed("systemd", "chown_uploads=YES\nchown_username=alice\n")
        self.assertRegex(said, "(?m)^CapabilityBoundingSet=.* CAP_SETPCAP CAP_CHOWN$")

    def test_soloftpctl_prints_xinetd_the_same(self):
        def attributes(text):
            return sorted(re.findall(r"(?m)^\t(\w+) +\+?= *(.*)$", text))
        self.assertEqual(attributes(self.printed("xinetd")), attributes(ENTRIES[0].read_text()))

    def test_documents_say_the_same(self):
        page = re.sub("(?m)^    ", "", (ROOT / "docs/process.md").read_text())
        for path in (SOCKET, SERVICE):
            with self.subTest(path.name):
                block = page.split(f"`{path.name}`:\n\n")[1].split("\n\n`")[0].split("\n\nThe `-`")[0]
                self.assertEqual(settings(block), settings(path.read_text()))

    def test_implicit_is_like_explicit(self):
        def attributes(path):
            return dict(re.findall(r"(?m)^\t(\w+) +\+?= *(.*)$", path.read_text()))
        explicit, implicit = map(attributes, ENTRIES)
        self.assertEqual({name for name in explicit.keys() | implicit.keys()
                          if explicit.get(name) != implicit.get(name)}, {"server_args"})


class Capabilities(harness.FtpTest):
    """With exactly the capabilities that the unit leaves, and with one fewer."""

    options = "connect_from_port_20=YES\nftp_data_port=20\n"

    def setUp(self):
        super().setUp()
        ALICE.chmod(0o700)

    def serve_with(self, capabilities, options="", **how):
        return self.serve(self.options + options, starter=bounded(capabilities, **how))

    def assert_works(self, server, login="alice"):
        session = self.login(login, server)
        with session.active() as listener:
            session.expect("LIST", re.compile("150 .*"))
            data, address = listener.accept()
            control.read_all(data)
            data.close()
            self.assertEqual(address[1], 20)
        session.expect_reply("226 Directory send OK.")
        session.quit()

    def test_all_that_the_unit_leaves(self):
        for options in ("", "chroot_local_user=YES\n", "session_support=YES\n", harness.GUEST):
            with self.subTest(options):
                server = self.serve_with(CAPABILITIES, options)
                self.assert_works(server, "vera" if options == harness.GUEST else "alice")
                self.assert_works(server, "ftp")
        self.assertNotIn("soloftpd: 127.0.0.1", self.syslog())

    def test_under_systemd(self):
        self.assert_works(self.serve_with(CAPABILITIES, starter=harness.systemd))

    def test_uploads_that_are_given_away(self):
        options = "chown_uploads=YES\nchown_username=bob\nanon_upload_enable=YES\n"
        session = self.login("ftp", self.serve_with((*CAPABILITIES, "chown"), options))
        session.store("STOR incoming/new", b"x")
        session.quit()
        self.assertEqual((harness.ANONYMOUS / "incoming/new").owner(), "bob")
        # Without it there are no uploads, and nothing of them stays.
        session = self.login("ftp", self.serve_with(CAPABILITIES, options))
        with session.passive():
            session.expect("STOR incoming/other", re.compile("55[03] .*"))
        session.quit()
        self.assertEqual([path.name for path in (harness.ANONYMOUS / "incoming").iterdir()], ["new"])
        self.syslog("chown_uploads: there is no CAP_CHOWN")

    def assert_turned_away(self, server, login, reason):
        self.syslog_before = harness.SYSLOG.stat().st_size
        session = self.connect(server)
        session.expect_reply(re.compile("220 .*"))
        session.say(f"USER {login}")
        session.say(f"PASS {harness.PASSWORD[login]}")
        session.expect_reply("331 Please specify the password.", harness.REFUSED)
        session.close()
        self.syslog(rf"soloftpd\[\d+\]: 127\.0\.0\.1: .*({reason})")

    def test_one_fewer(self):
        """What is missing is said in syslog, and nobody is in."""
        reasons = {"setuid": "cannot change directory .*: Operation not permitted", "setgid": "cannot change directory .*: Operation not permitted",
                   "sys_chroot": "chroot .*: Operation not permitted",
                   "dac_read_search": "chroot .*: Permission denied"}
        for name, reason in reasons.items():
            with self.subTest(name):
                less = [other for other in CAPABILITIES if other != name]
                server = self.serve_with(less, "chroot_local_user=YES\n", starter=harness.systemd)
                self.assert_turned_away(server, "alice", reason)

    def test_without_setpcap(self):
        """no_new_privs forbids what is in the bounding set, too."""
        less = [other for other in CAPABILITIES if other != "setpcap"]
        self.assert_works(self.serve_with(less, starter=harness.systemd))

    def test_containers(self):
        """What Docker leaves by default has the wider one of two capabilities to enter others' directories."""
        usual = ("audit_write", "chown", "dac_override", "fowner", "fsetid", "kill", "mknod", "net_bind_service", "net_raw",
                 "setfcap", "setgid", "setpcap", "setuid", "sys_chroot")
        server = self.serve_with(usual, "chroot_local_user=YES\n", starter=harness.systemd)
        self.assert_works(server)

    def test_port_20_without_its_capability(self):
        """Data connections come from another port, which syslog tells."""
        less = [other for other in CAPABILITIES if other != "net_bind_service"]
        session = self.login(server=self.serve_with(less, starter=harness.systemd))
        session.list()
        session.quit()
        self.syslog("connect_from_port_20: the port can't be bound")
