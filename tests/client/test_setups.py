"""The set-ups that vsftpd's documents describe, and Debian's: an administrator's files, unchanged."""

import contextlib
import dbm.ndbm
import os
import pathlib
import re
import shutil
import time

import control
import harness
from harness import ALICE, ANONYMOUS, VIRTUAL

LOG = pathlib.Path("/var/log/vsftpd.log")
BUSY = "421 Server busy, please try later."
WELCOME = re.compile("220 .*")
DENIED = "550 Permission denied."
CHANGES = ("STOR new", "STOU", "APPE pub/hello.txt", "DELE pub/hello.txt", "RNFR pub/hello.txt",
           "MKD new", "RMD pub", "MDTM 20200101000000 pub/hello.txt", "SITE CHMOD 777 pub")

INTERNET_SITE = """\
# Access rights
anonymous_enable=YES
local_enable=NO
write_enable=NO
anon_upload_enable=NO
anon_mkdir_write_enable=NO
anon_other_write_enable=NO
# Security
anon_world_readable_only=YES
connect_from_port_20=YES
hide_ids=YES
pasv_min_port=50000
pasv_max_port=60000
# Features
xferlog_enable=YES
ls_recurse_enable=NO
ascii_download_enable=NO
async_abor_enable=YES
# Performance
one_process_model=YES
idle_session_timeout=120
data_connection_timeout=300
accept_timeout=60
connect_timeout=60
anon_max_rate=50000
"""
INTERNET_SITE_NOINETD = """\
# Standalone mode
listen=YES
max_clients=200
max_per_ip=4
""" + INTERNET_SITE
VIRTUAL_USERS = """\
anonymous_enable=NO
local_enable=YES
write_enable=NO
anon_upload_enable=NO
anon_mkdir_write_enable=NO
anon_other_write_enable=NO
chroot_local_user=YES
guest_enable=YES
guest_username=virtual
listen=YES
listen_port=10021
pasv_min_port=30000
pasv_max_port=30999
"""
PAM_USERDB = """\
auth required pam_userdb.so db=/etc/vsftpd_login
account required pam_userdb.so db=/etc/vsftpd_login
"""
DEBIAN = """\
listen=NO
listen_ipv6=YES
anonymous_enable=NO
local_enable=YES
dirmessage_enable=YES
use_localtime=YES
xferlog_enable=YES
connect_from_port_20=YES
secure_chroot_dir=/var/run/vsftpd/empty
pam_service_name=vsftpd
rsa_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem
rsa_private_key_file=/etc/ssl/private/ssl-cert-snakeoil.key
ssl_enable=NO
"""
PAM_DEBIAN = """\
auth	required	pam_listfile.so item=user sense=deny file=/etc/ftpusers onerr=succeed
@include common-account
@include common-session
@include common-auth
auth	required	pam_shells.so
"""


def service(*attributes):
    """An entry of xinetd. Its port is a test's, and so not the one that /etc/services has."""
    lines = ("disable = no", "type = UNLISTED", "port = {port}", "protocol = tcp",
             "socket_type = stream", "wait = no", "user = root", "server = {program}",
             "log_type = SYSLOG daemon info", "log_on_success += PID HOST DURATION EXIT",
             "log_on_failure += HOST", *attributes)
    return "service ftp\n{{\n" + "".join(f"\t{line}\n" for line in lines) + "}}\n"


class Setup(harness.FtpTest):

    name = "vsftpd"  # what the program is installed as
    files = {}
    entries = service("flags = NOLIBWRAP")

    def setUp(self):
        self.addCleanup(LOG.unlink, missing_ok=True)
        for path, text in self.files.items():
            self.install(path, text)
        super().setUp()

    def install(self, path, text):
        """A file of the administrator's, until the test is over."""
        path = pathlib.Path(path)
        if not path.parent.exists():
            path.parent.mkdir()
            self.addCleanup(path.parent.rmdir)
        if path.exists():
            self.addCleanup(path.write_text, path.read_text())
        else:
            self.addCleanup(path.unlink, missing_ok=True)
        path.write_text(text)

    def account(self, name, number, home):
        """An account, and its home: root's, as the root of an anonymous site should be."""
        for path, line in (("/etc/passwd", f"{name}:x:{number}:{number}::{home}:/usr/sbin/nologin\n"),
                           ("/etc/group", f"{name}:x:{number}:\n")):
            self.install(path, pathlib.Path(path).read_text() + line)
        self.site(home)

    def site(self, home):
        """A place for another site's files."""
        home = harness.give_directory(home, "root")
        self.addCleanup(shutil.rmtree, home)
        return home

    def serve(self, options="", name="", entries="", **how):
        program = self.here / (name or self.name)
        if not program.exists():
            shutil.copy(harness.SOLOFTPD, program)

        def xinetd(server):
            text = (entries or self.entries).format(port=server.port, program=program)
            server.write("xinetd.conf", text)
            return harness.xinetd_command(server.directory)

        server = super().serve(options, starter=xinetd, program=str(program), **how)
        complaints = re.findall(r"(?m)^.*(?:ERROR|WARNING|CRITICAL|DISABLING).*$", server.told())
        self.assertEqual(complaints, [], "xinetd does not like the entry")
        return server

    def enter(self, user, password, **where):
        """A login up to the reply to its password."""
        session = self.connect(**where)
        session.expect_reply(WELCOME)
        session.expect(f"USER {user}", "331 Please specify the password.")
        session.say(f"PASS {password}")
        return session

    def admit(self, user, password, **where):
        session = self.enter(user, password, **where)
        session.expect_reply("230 Login successful.")
        return session

    def refuse(self, user, password, **where):
        session = self.enter(user, password, **where)
        session.expect_reply("530 Login incorrect.")
        session.quit()

    def turn_away(self, text, **where):
        session = self.connect(**where)
        session.expect_reply(text)
        session.expect_end()

    def assert_ended(self, count, server=None):
        """So many sessions there were, and xinetd has seen all of them end well."""
        server = server or self.server
        self.assertEqual(self.ends(count, server), ["status=0"] * count, self.syslog())
        self.assertEqual(server.sessions(), [])

    def ends(self, count, server=None):
        """What xinetd says of the sessions that are over, once they are so many."""
        pid = (server or self.server).process.pid
        def found():
            return re.findall(rf"xinetd\[{pid}\]: EXIT: ftp (\w+=\d+) pid=", self.syslog())
        harness.wait_until(lambda: len(found()) >= count, 2)
        return found()

    def assert_logged(self, *endings):
        """The native log's lines without dates and pids: all that there are."""
        harness.wait_until(lambda: LOG.exists() and LOG.read_text().count("\n") >= len(endings), 2)
        lines = [line.partition("] ")[2] for line in LOG.read_text().splitlines()]
        self.assertEqual(len(lines), len(endings), lines)
        for line, ending in zip(lines, endings):
            self.assertRegex(line, re.compile(rf"\A{ending}\Z"))


@contextlib.contextmanager
def active(session, command, peers):
    """A data connection to the client's own address, whichever that is."""
    with session.active() as listener:
        session.expect(command, re.compile("150 .*"))
        data, peer = listener.accept()
    peers.append(peer[1])
    with data:
        yield data
    session.expect_reply("226 Transfer complete.")


def fetch(session, name):
    """A download: its contents, bytes a second, and the server's port."""
    peers = []
    with active(session, f"RETR {name}", peers) as data:
        began = time.monotonic()
        content = control.read_all(data)
        rate = len(content) / (time.monotonic() - began)
    return content, rate, peers[0]


def send(session, name, content):
    with active(session, f"STOR {name}", []) as data:
        data.sendall(content)


class InternetSite(Setup):
    """INTERNET_SITE: a public site behind xinetd's limits."""

    files = {"/etc/vsftpd.conf": INTERNET_SITE, "/etc/vsftpd.busy_banner": BUSY + "\r\n"}
    entries = service("nice = 10", "per_source = 5", "instances = 200", "no_access = 127.0.0.5",
                      "banner_fail = /etc/vsftpd.busy_banner")

    def test_downloads(self):
        content = harness.sample(75_000)
        harness.put(ANONYMOUS / "pub/file.bin", content, "root")
        session = self.login("ftp")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, self.session_pid()), 10)
        got, rate, port = fetch(session, "pub/file.bin")
        self.assert_same_bytes(got, content)
        self.assertEqual(port, 20)
        self.assertTrue(40_000 <= rate <= 60_000, f"{rate:.0f} bytes a second, not 50000")
        session.expect("TYPE A", "200 Switching to ASCII mode.")
        self.assertEqual(session.retrieve("RETR pub/hello.txt"), b"hello\n")
        self.assertIn(session.passive_address()[1], range(50000, 60001))
        session.quit()
        self.assert_ended(1)
        who = r'Client "127\.0\.0\.1"'
        self.assert_logged(
            f"CONNECT: {who}", rf'\[ftp\] OK LOGIN: {who}, anon password "me@example\.org"',
            rf'\[ftp\] OK DOWNLOAD: {who}, "/pub/file\.bin", 75000 bytes, \d+\.\d\dKbyte/sec',
            rf'\[ftp\] OK DOWNLOAD: {who}, "/pub/hello\.txt", 6 bytes, \d+\.\d\dKbyte/sec')

    def test_listings(self):
        session = self.login("ftp")
        listing = session.list("LIST -R")
        self.assertRegex(listing, r"\A(drwxr-xr-x    \d ftp      ftp  .* (incoming|pub)\r\n){2}\Z")
        session.quit()

    def test_refusals(self):
        """Nothing can be changed, private files are private, and nobody has an account."""
        harness.put(ANONYMOUS / "pub/private", b"x", "ftp", 0o600)
        before = harness.tree_of(ANONYMOUS)
        session = self.connect()
        session.expect_reply(WELCOME)
        session.expect("USER alice", "530 This FTP server is anonymous only.")
        session.expect("USER anonymous", "331 Please specify the password.")
        session.expect("PASS me@example.org", "230 Login successful.")
        for command in CHANGES:
            session.expect(command, DENIED)
        session.expect("CWD incoming", "250 Directory successfully changed.")
        session.expect("STOR new", DENIED)
        with session.passive():
            session.expect("RETR /pub/private", "550 Failed to open file.")
        session.quit()
        self.assertEqual(harness.tree_of(ANONYMOUS), before)
        self.assert_ended(1)

    def test_connections_of_one_address(self):
        sessions = [self.login("ftp") for _ in range(5)]
        self.turn_away(BUSY)
        self.turn_away(BUSY)
        sessions += [self.login("ftp", source="127.0.0.2")]
        sessions.pop(0).quit()
        self.assertEqual(self.ends(1), ["status=0"])
        sessions += [self.login("ftp")]
        self.turn_away(BUSY)
        for session in sessions:
            session.quit()
        self.assert_ended(7)

    def test_connections_of_all(self):
        server = self.serve(entries=self.entries.replace("= 200", "= 3"))
        sessions = [self.login("ftp", server, source=f"127.0.0.{host}") for host in (1, 2, 3)]
        self.turn_away(BUSY, server=server, source="127.0.0.6")
        for session in sessions:
            session.quit()
        self.assert_ended(3, server)
        self.login("ftp", server, source="127.0.0.6").quit()

    def test_banned_address(self):
        """xinetd turns it away in a process of its own."""
        self.turn_away(BUSY, source="127.0.0.5")
        self.login("ftp", source="127.0.0.6").quit()
        self.assert_ended(2)


class InternetSiteWithoutInetd(Setup):
    """INTERNET_SITE_NOINETD: the file of a server that listened, now behind xinetd."""

    files = {"/etc/vsftpd.conf": INTERNET_SITE_NOINETD}
    entries = service("flags = NOLIBWRAP", "instances = 200", "per_source = 4")

    def test_limits(self):
        sessions = [self.login("ftp") for _ in range(4)]
        fifth = self.connect()
        fifth.expect_end()
        self.assertEqual(sessions[3].retrieve("RETR pub/hello.txt"), b"hello\n")
        for session in sessions:
            session.quit()
        self.assert_ended(4)


class PerAddress(Setup):
    """PER_IP_CONFIG: hosts.allow chooses a further file by the client's address."""

    files = {
        "/etc/vsftpd.conf": INTERNET_SITE + "tcp_wrappers=YES\n",
        "/etc/vsftpd_slow.conf": "anon_max_rate=20000\n",
        "/etc/vsftpd_tcp_wrap.conf": "anon_max_rate=0\nwrite_enable=YES\nanon_upload_enable=YES\n",
        "/etc/hosts.allow": """\
vsftpd: 127.0.0.2: setenv VSFTPD_LOAD_CONF /etc/vsftpd_slow.conf
vsftpd: 127.0.0.3: setenv VSFTPD_LOAD_CONF /etc/vsftpd_tcp_wrap.conf
vsftpd: 127.0.0.4: DENY
""",
    }

    def test_rates(self):
        harness.put(ANONYMOUS / "pub/large", b"x" * 10_000_000, "root")
        for source, rate in (("127.0.0.2", 20_000), ("127.0.0.1", 50_000)):
            harness.put(ANONYMOUS / "pub/small", b"x" * (rate * 3 // 2), "root")
            session = self.login("ftp", source=source)
            got = fetch(session, "pub/small")[1]
            self.assertTrue(rate * 0.8 <= got <= rate * 1.2, f"{source}: {got:.0f}, not {rate}")
            session.quit()
        session = self.login("ftp", source="127.0.0.3")
        self.assertGreater(fetch(session, "pub/large")[1], 2_000_000)
        session.quit()

    def test_rights(self):
        for source in ("127.0.0.1", "127.0.0.2"):
            session = self.login("ftp", source=source)
            session.expect("STOR incoming/new", DENIED)
            session.quit()
        session = self.login("ftp", source="127.0.0.3")
        send(session, "incoming/new", b"content")
        session.expect("MKD incoming/d", DENIED)
        session.expect("DELE incoming/new", DENIED)
        session.quit()
        self.assertEqual((ANONYMOUS / "incoming/new").read_bytes(), b"content")
        self.assert_ended(3)

    def test_denied(self):
        self.turn_away(harness.REFUSED, source="127.0.0.4")
        self.assert_logged(r'CONNECT: Client "127\.0\.0\.4", '
                           r'"Connection refused: tcp_wrappers denial\."')

    def test_xinetd_asks_too(self):
        """Without NOLIBWRAP xinetd reads the same rules. It can only close the connection."""
        server = self.serve(entries=service())
        self.connect(server, "127.0.0.4").expect_end()
        session = self.login("ftp", server, source="127.0.0.3")
        send(session, "incoming/new", b"content")
        session.quit()


class VirtualHosts(Setup):
    """VIRTUAL_HOSTS: an entry and a file for each address."""

    files = {
        "/etc/vsftpd.conf": INTERNET_SITE,
        "/etc/vsftpd_site2.conf": INTERNET_SITE +
            "ftp_username=ftp_site2\nftpd_banner=This is the alternative FTP site.\n",
        "/etc/vsftpd_site3.conf": INTERNET_SITE +
            "anon_root=/srv/ftp_site3\nftpd_banner=This is the third FTP site.\n",
    }
    entries = (
        service("bind = 127.0.0.1") +
        service("bind = 127.0.0.2", "server_args = /etc/vsftpd_site2.conf") +
        service("bind = 127.0.0.3", "server_args = /etc/vsftpd_site3.conf"))

    def setUp(self):
        self.account("ftp_site2", 922, "/srv/ftp_site2")
        harness.put("/srv/ftp_site2/pub/content", b"second\n", "root")
        harness.put(self.site("/srv/ftp_site3") / "pub/content", b"third\n", "root")
        super().setUp()
        harness.put(ANONYMOUS / "pub/content", b"first\n", "root")

    def assert_site(self, address, greeting, content, owner):
        session = self.connect(address=address)
        session.expect_reply(greeting)
        session.expect("USER alice", "530 This FTP server is anonymous only.")
        session.expect("USER ftp", "331 Please specify the password.")
        session.expect("PASS me@example.org", "230 Login successful.")
        pid = self.session_pid()
        self.assertEqual(pathlib.Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0],
                         str(harness.pwd.getpwnam(owner).pw_uid))
        self.assertEqual(fetch(session, "pub/content")[0], content)
        session.expect("STOR pub/new", DENIED)
        session.quit()
        self.assert_gone(pid)

    def test_sites(self):
        self.assert_site("127.0.0.1", "220 soloftpd ready.", b"first\n", "ftp")
        self.assert_site("127.0.0.2", "220 This is the alternative FTP site.", b"second\n", "ftp_site2")
        self.assert_site("127.0.0.3", "220 This is the third FTP site.", b"third\n", "ftp")


class UserDatabase(Setup):
    """Names that only pam_userdb's database knows."""

    def setUp(self):
        super().setUp()
        self.database({"tom": "foo", "fred": "bar", "wilma": "baz", "barney": "bap"})
        self.home(0o500)
        harness.put(VIRTUAL / "hosts", b"127.0.0.1 localhost\n", "virtual")

    def database(self, passwords):
        """As `db5.3_load -T -t hash` makes it: Python's ndbm is Berkeley DB's in Debian."""
        self.assertEqual(dbm.ndbm.library, "Berkeley DB")
        with dbm.ndbm.open("/etc/vsftpd_login", "n", 0o600) as base:
            self.addCleanup(pathlib.Path("/etc/vsftpd_login.db").unlink, missing_ok=True)
            for user, password in passwords.items():
                base[user] = password

    def home(self, mode):
        VIRTUAL.chmod(mode)
        self.addCleanup(VIRTUAL.chmod, 0o755)


class VirtualUsers(UserDatabase):
    """VIRTUAL_USERS: all have the rights of anonymous users, and may only read."""

    files = {"/etc/vsftpd.conf": VIRTUAL_USERS, "/etc/pam.d/ftp": PAM_USERDB}

    def test_reading(self):
        for user, password in (("tom", "foo"), ("fred", "bar")):
            session = self.admit(user, password)
            session.expect("PWD", '257 "/" is the current directory')
            session.expect("SIZE hosts", "213 20")
            self.assertEqual(fetch(session, "hosts")[0], b"127.0.0.1 localhost\n")
            self.assertIn(session.passive_address()[1], range(30000, 31000))
            session.expect("LIST", re.compile("550 .*"))
            session.expect("CWD ../../etc", "550 Failed to change directory.")
            for command in CHANGES:
                session.expect(command, DENIED)
            session.quit()
        self.assert_ended(2)

    def test_not_world_readable(self):
        harness.put(VIRTUAL / "secret", b"x", "virtual", 0o640)
        session = self.admit("tom", "foo")
        with session.passive():
            session.expect("RETR secret", "550 Failed to open file.")
        session.quit()

    def test_wrong_passwords(self):
        for user, password in (("tom", "bar"), ("alice", "secret-alice"), ("ftp", "me@example.org")):
            self.refuse(user, password)

    def test_writable_home(self):
        """The document's home is its user's and writable: vsftpd refuses that since 2.3.5. It is safe under the filter."""
        self.home(0o700)
        self.admit("tom", "foo").quit()
        with open("/etc/vsftpd.conf", "a", encoding="ascii") as file:
            file.write("seccomp_sandbox=NO\n")
        session = self.enter("tom", "foo")
        session.expect_reply(harness.REFUSED)
        session.expect_end()
        self.syslog(r'vsftpd\[\d+\]: .*login of "tom": .*must not be writable.*/srv/virtual')

    def test_rights_of_local_users(self):
        with open("/etc/vsftpd.conf", "a", encoding="ascii") as file:
            file.write("write_enable=YES\nvirtual_use_local_privs=YES\n"
                       "allow_writeable_chroot=YES\nlocal_umask=022\n")
        self.home(0o700)
        session = self.admit("fred", "bar")
        session.expect("PWD", '257 "/" is the current directory')
        send(session, "new", b"content")
        send(session, "new", b"again")
        self.assertIn(" new\r\n", session.list())
        self.assertEqual((VIRTUAL / "new").stat().st_mode & 0o7777, 0o644)
        self.assertEqual((VIRTUAL / "new").owner(), "virtual")
        session.expect("SITE CHMOD 600 new", "200 SITE CHMOD command ok.")
        session.expect("DELE new", "250 Delete operation successful.")
        session.quit()


class VirtualUsersWithRights(UserDatabase):
    """VIRTUAL_USERS_2: a file for each user."""

    files = {
        "/etc/pam.d/ftp": PAM_USERDB,
        "/etc/vsftpd.conf": VIRTUAL_USERS + "user_config_dir=/etc/vsftpd_user_conf\n",
        "/etc/vsftpd_user_conf/tom": "anon_world_readable_only=NO\n",
        "/etc/vsftpd_user_conf/fred":
            "anon_world_readable_only=NO\nwrite_enable=YES\nanon_upload_enable=YES\n",
        "/etc/vsftpd_user_conf/wilma":
            "anon_world_readable_only=NO\nwrite_enable=YES\nanon_upload_enable=YES\n"
            "anon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n",
    }

    def setUp(self):
        super().setUp()
        self.addCleanup(shutil.rmtree, VIRTUAL / "in")
        harness.give_directory(VIRTUAL / "in", "virtual", 0o700)
        harness.put(VIRTUAL / "in/old", b"old", "virtual", 0o600)

    def test_reading(self):
        session = self.admit("tom", "foo")
        self.assertRegex(session.list(), r"\A-rw-r--r-- .* hosts\r\ndrwx------ .* in\r\n\Z")
        self.assertEqual(session.retrieve("RETR in/old"), b"old")
        for command in CHANGES:
            session.expect(command, DENIED)
        session.quit()

    def test_user_without_a_file(self):
        session = self.admit("barney", "bap")
        with session.passive():
            session.expect("RETR in/old", "550 Failed to open file.")
        session.expect("LIST in", re.compile("550 .*"))
        session.quit()

    def test_uploads(self):
        session = self.admit("fred", "bar")
        session.expect("CWD in", "250 Directory successfully changed.")
        send(session, "new", b"new")
        self.assertEqual((VIRTUAL / "in/new").stat().st_mode & 0o7777, 0o600)
        self.assertEqual(session.retrieve("RETR new"), b"new")
        with session.passive():
            session.expect("STOR old", "553 Could not create file.")
        for command in ("APPE old", "DELE new", "DELE old", "RNFR old", "MKD d", "RMD ../in",
                        "SITE CHMOD 777 new"):
            session.expect(command, DENIED)
        session.quit()
        self.assertEqual((VIRTUAL / "in/old").read_bytes(), b"old")
        self.assertEqual((VIRTUAL / "in/new").owner(), "virtual")

    def test_everything(self):
        session = self.admit("wilma", "baz")
        session.expect("CWD in", "250 Directory successfully changed.")
        session.expect("MKD d", '257 "/in/d" created')
        send(session, "d/new", b"new")
        send(session, "old", b"overwritten")
        session.store("APPE old", b", and more")
        session.expect("RNFR old", "350 Ready for RNTO.")
        session.expect("RNTO d/renamed", "250 Rename successful.")
        self.assertEqual((VIRTUAL / "in/d/renamed").read_bytes(), b"overwritten, and more")
        for name in ("d/new", "d/renamed"):
            session.expect(f"DELE {name}", "250 Delete operation successful.")
        session.expect("RMD d", "250 Remove directory operation successful.")
        session.expect("SITE CHMOD 777 /hosts", DENIED)
        session.quit()
        self.assertEqual(os.listdir(VIRTUAL / "in"), [])


class HostsByAddress(Setup):
    """vhost_config_dir: one entry for all addresses, and a file for each that is special."""

    name = "soloftpd"
    hosts = "/etc/soloftpd.hosts"
    files = {
        "/etc/soloftpd.conf": INTERNET_SITE + "vhost_config_dir=/etc/soloftpd.hosts\n",
        "/etc/soloftpd.hosts/127.0.0.2":
            "ftp_username=ftp_site2\nftpd_banner=This is the alternative FTP site.\n",
        "/etc/soloftpd.hosts/::1": "anonymous_enable=NO\nlocal_enable=YES\nftpd_banner=Inside\n",
        "/etc/soloftpd.hosts/127.0.0.4": "# A mistake:\nwrite_enable=perhaps\n",
    }
    entries = service("flags = NOLIBWRAP IPv6")

    def setUp(self):
        self.account("ftp_site2", 922, "/srv/ftp_site2")
        harness.put("/srv/ftp_site2/pub/hello.txt", b"second\n", "root")
        super().setUp()

    def assert_site(self, address, greeting, user, content):
        session = self.connect(address=address)
        session.expect_reply(greeting)
        session.expect(f"USER {user}", "331 Please specify the password.")
        session.expect(f"PASS {harness.PASSWORD[user]}", "230 Login successful.")
        self.assertEqual(fetch(session, "pub/hello.txt")[0], content)
        session.expect("STOR new", DENIED)
        session.quit()

    def test_sites(self):
        harness.put(ALICE / "pub/hello.txt", b"alice\n")
        self.assert_site("127.0.0.1", "220 soloftpd ready.", "ftp", b"hello\n")
        self.assert_site("127.0.0.2", "220 This is the alternative FTP site.", "ftp", b"second\n")
        self.assert_site("::1", "220 Inside", "alice", b"alice\n")
        self.refuse("ftp", "me@example.org", address="::1")
        self.assert_ended(4)

    def test_server_bound_to_ipv4(self):
        server = self.serve(entries=service("flags = NOLIBWRAP IPv4", "bind = 127.0.0.2"))
        session = self.connect(server, address="127.0.0.2")
        session.expect_reply("220 This is the alternative FTP site.")
        session.quit()

    def test_broken_file(self):
        """It closes its own address and no other."""
        self.turn_away(harness.REFUSED, address="127.0.0.4")
        self.syslog(r"soloftpd\[\d+\]: .*/etc/soloftpd\.hosts/127\.0\.0\.4:2.*write_enable")
        self.assert_site("127.0.0.3", "220 soloftpd ready.", "ftp", b"hello\n")

    def test_file_of_another(self):
        os.chown(f"{self.hosts}/127.0.0.2", 1801, 1801)
        self.turn_away(harness.REFUSED, address="127.0.0.2")
        self.syslog(r"soloftpd\[\d+\]: .*/etc/soloftpd\.hosts/127\.0\.0\.2")

    def test_rules_come_later(self):
        """The client's address counts more than the server's; the client's is not the file's name."""
        self.install("/etc/ftp-lan.conf", "ftpd_banner=By rule\n")
        self.install("/etc/hosts.allow",
                     "soloftpd: 127.0.0.9: setenv VSFTPD_LOAD_CONF /etc/ftp-lan.conf\n")
        for source, address, greeting in (
                ("127.0.0.9", "127.0.0.2", "220 By rule"),
                ("127.0.0.2", "127.0.0.1", "220 soloftpd ready."),
                ("127.0.0.1", "127.0.0.2", "220 This is the alternative FTP site.")):
            session = self.connect(source=source, address=address)
            session.expect_reply(greeting)
            session.quit()


class PasswordFile(Setup):
    """pam_pwdfile and a home for each guest, as Debian's users have it."""

    files = {"/etc/vsftpd.conf": """\
listen=YES
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
nopriv_user=vsftpd
virtual_use_local_privs=YES
guest_enable=YES
guest_username=virtual
user_sub_token=$USER
local_root=/srv/virtual/$USER
chroot_local_user=YES
allow_writeable_chroot=YES
hide_ids=YES
pam_service_name=ftp-virtual
xferlog_enable=YES
xferlog_std_format=NO
"""}

    def test_guest(self):
        home = harness.give_directory(VIRTUAL / "vera", "virtual")
        session = self.login("vera")
        session.expect("PWD", '257 "/" is the current directory')
        send(session, "new", b"content")
        self.assertRegex(session.list(), r"\A-rw-r--r--    1 ftp      ftp  .* 7 .* new\r\n\Z")
        self.assertEqual(session.retrieve("RETR new"), b"content")
        session.expect("MKD d", '257 "/d" created')
        session.quit()
        self.assertEqual((home / "new").owner(), "virtual")
        who = r'Client "127\.0\.0\.1"'
        self.assert_logged(
            f"CONNECT: {who}", rf"\[vera\] OK LOGIN: {who}",
            rf'\[vera\] OK UPLOAD: {who}, "/new", 7 bytes, \d+\.\d\dKbyte/sec',
            rf'\[vera\] OK DOWNLOAD: {who}, "/new", 7 bytes, \d+\.\d\dKbyte/sec',
            rf'\[vera\] OK MKDIR: {who}, "/d"')
        self.assert_ended(1)

    def test_others(self):
        self.refuse("vera", "secret-alice")
        self.refuse("alice", "secret-alice")


class Debian(Setup):
    """/etc/vsftpd.conf and /etc/pam.d/vsftpd as the package has them."""

    files = {"/etc/vsftpd.conf": DEBIAN, "/etc/pam.d/vsftpd": PAM_DEBIAN, "/etc/ftpusers": "bob\n"}

    def assert_works(self, server):
        harness.put(ALICE / "file", b"content")
        harness.put(ALICE / ".message", b"Welcome home.\n")
        session = self.enter("alice", "secret-alice", server=server)
        session.expect_reply("230-Welcome home.\n230 Login successful.")
        session.expect("PWD", '257 "/srv/home/alice" is the current directory')
        content, _, port = fetch(session, "file")
        self.assertEqual((content, port), (b"content", 20))
        self.assertRegex(session.list(), r"\A-rw-r--r-- +1 1801 +1801 +7 .* file\r\n\Z")
        for command in ("STOR new", "DELE file", "MKD d", "SITE CHMOD 600 file"):
            session.expect(command, DENIED)
        session.quit()
        who = r'Client "127\.0\.0\.1"'
        self.assert_logged(
            f"CONNECT: {who}", rf"\[alice\] OK LOGIN: {who}",
            rf'\[alice\] OK DOWNLOAD: {who}, "{ALICE}/file", 7 bytes, \d+\.\d\dKbyte/sec')
        for user, password in (("ftp", "me@example.org"), ("bob", "secret-bob")):
            self.refuse(user, password, server=server)
        self.assert_ended(3, server)

    def test_as_vsftpd(self):
        self.assert_works(self.server)

    def test_as_soloftpd(self):
        self.assert_works(self.serve(name="soloftpd", entries=service(
            "flags = NOLIBWRAP", "server_args = /etc/vsftpd.conf")))


class Personality(Setup):
    """What the program does by its name alone."""

    files = {"/etc/vsftpd.conf": "local_enable=YES\nsyslog_enable=YES\nftpd_banner=v\n",
             "/etc/soloftpd.conf": "local_enable=YES\nsyslog_enable=YES\nftpd_banner=s\n"}

    def setUp(self):
        super().setUp()
        self.vsftpd = self.server
        self.soloftpd = self.serve(name="soloftpd")

    def greeting(self, server, text, **where):
        session = self.connect(server, **where)
        session.expect_reply(text)
        return session

    def test_default_file(self):
        self.greeting(self.vsftpd, "220 v").quit()
        self.greeting(self.soloftpd, "220 s").quit()

    def test_anonymous(self):
        session = self.login("ftp", self.vsftpd)
        self.assertEqual(session.retrieve("RETR pub/hello.txt"), b"hello\n")
        session.quit()
        self.refuse("ftp", "me@example.org", server=self.soloftpd)
        for server in (self.vsftpd, self.soloftpd):
            self.login("alice", server).quit()

    def test_syslog(self):
        self.login("alice", self.vsftpd).quit()
        self.syslog(r"(?m)^<94>\w{3} .* vsftpd\[\d+\]: \[alice\] OK LOGIN: Client \"127\.0\.0\.1\"$")
        self.assertNotIn("soloftpd[", self.syslog())
        self.login("bob", self.soloftpd).quit()
        self.syslog(r"(?m)^<94>\w{3} .* soloftpd\[\d+\]: \[bob\] OK LOGIN: Client \"127\.0\.0\.1\"$")
        self.assertFalse(LOG.exists())

    def test_wrappers(self):
        """vsftpd asks when it is told to, soloftpd always; each has its own rules."""
        self.install("/etc/hosts.deny", "ALL: ALL\n")
        self.install("/etc/hosts.allow", "vsftpd: 127.0.0.2\nsoloftpd: 127.0.0.3\n")
        self.greeting(self.vsftpd, "220 v").quit()
        self.greeting(self.soloftpd, "220 s", source="127.0.0.3").quit()
        self.turn_away(harness.REFUSED, server=self.soloftpd, source="127.0.0.2")
        self.install("/etc/vsftpd.conf", "local_enable=YES\nftpd_banner=v\ntcp_wrappers=YES\n")
        self.greeting(self.vsftpd, "220 v", source="127.0.0.2").quit()
        self.turn_away(harness.REFUSED, server=self.vsftpd, source="127.0.0.3")

    def test_no_file(self):
        """vsftpd serves anonymous clients without any, and soloftpd nobody."""
        os.unlink("/etc/vsftpd.conf")
        os.unlink("/etc/soloftpd.conf")
        self.login("ftp", self.vsftpd).quit()
        self.turn_away(harness.REFUSED, server=self.soloftpd)
