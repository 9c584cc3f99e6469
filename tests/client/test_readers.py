"""Programs that read vsftpd's logs read ours: fail2ban, logwatch, awstats, webalizer; and logrotate.

Each is set up as docs/logs.md says, with the blocks that stand there, and must come to exact results:
every failed login with its client and nothing else, whatever clients write; every transfer, every byte.
"""

import collections
import pathlib
import re
import socket
import threading
import time
import urllib.parse

import control
import harness
import secure
from harness import ALICE, sample

PAGE = pathlib.Path(__file__).parents[2] / "docs/logs.md"
LOGS = pathlib.Path("/var/log")
NATIVE = LOGS / "vsftpd.log"
TRANSFERS = LOGS / "xferlog"
AWSTATS = "/usr/lib/cgi-bin/awstats.pl"

ASKED = "331 Please specify the password."
WRONG = "530 Login incorrect."
ANY = re.compile(r"(?s)\d\d\d.*")
READY = re.compile("150 .*")
UNMATCHED = "**Unmatched Entries**"


def example(words):
    """The one block of docs/logs.md with these words in it."""
    blocks = re.findall(r"(?m)(?:^    .*\n|^\n(?=    ))+", PAGE.read_text())
    found = [block for block in blocks if words in block]
    assert len(found) == 1, f"docs/logs.md has {len(found)} blocks with {words!r}"
    return re.sub(r"(?m)^    ", "", found[0]).strip() + "\n"


class ReaderTest(harness.FtpTest):
    """The logs are where the readers look for them."""

    usual = """\
local_enable=YES
anonymous_enable=YES
write_enable=YES
local_umask=022
anon_upload_enable=YES
ascii_upload_enable=YES
ascii_download_enable=YES
delay_failed_login=0
""" + example("dual_log_enable")

    def setUp(self):
        self.servers = []
        self.addCleanup(self.sweep)
        super().setUp()

    def serve(self, options="", **how):
        self.servers.append(super().serve(options, usual=self.usual, **how))
        return self.servers[-1]

    def sweep(self):
        for pattern in ("vsftpd.log*", "xferlog*"):
            for path in LOGS.glob(pattern):
                path.unlink()

    def write(self, path, text):
        """A file that the test takes away again; one that was there comes back."""
        path = pathlib.Path(path)
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.addCleanup(path.unlink if before is None else lambda: path.write_bytes(before))
        return path

    def greeted(self, server=None, **how):
        session = self.connect(server, **how)
        session.expect_reply(re.compile("220 .*"))
        return session

    def failed_login(self, user="bob", **how):
        """One wrong password; the session goes on."""
        session = self.greeted(**how)
        session.expect(f"USER {user}", ASKED)
        session.expect("PASS wrong", WRONG)
        return session

    def settled(self):
        """No session writes any more."""
        self.assertTrue(harness.wait_until(
            lambda: not any(server.sessions() for server in self.servers), 5))


# ---- fail2ban ----

NOP = "\udcff\udcf1"  # Telnet's, which is no part of the name

# Names with which a client would like to accuse somebody, or to hide.
FORGED = (
    'x] FAIL LOGIN: Client "8.8.8.8", y', "a]b", '[pid 1] [x] FAIL LOGIN: Client "9.9.9.9"',
    '] FAIL LOGIN: Client "8.8.8.8"', 'x"', "[", "]", 'bob] OK LOGIN: Client "8.8.8.8"',
    'x\r\0\n[pid 1] [x] FAIL LOGIN: Client "8.8.8.8"', 'x\r\0[pid 1] [x] FAIL LOGIN: Client "8.8.8.8"',
    "x\udcff\udcff", "\udcff\udcff", f"{NOP}y", "Grüße", "\u2028[pid 1] [x]", "\u202ereversed", "tab\ttab",
    'Mon Nov 23 00:48:41 2026 [pid 1] [x] FAIL LOGIN: Client "8.8.8.8"', "%s%n<HOST>", "\x1b[2J\x07\x7f",
    'rhost=8.8.8.8', "x user=y rhost=8.8.8.8", "x' ruser= rhost=8.8.8.8  user=root",
    "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser= rhost=8.8.8.8",
    'localhost vsftpd[1]: [x] FAIL LOGIN: Client "8.8.8.8"', "8.8.8.8", "{^LN-BEG}", "\\", "x" * 4000,
    "y" * 300 + '] FAIL LOGIN: Client "8.8.8.8"', " [x", "x ", 'x]FAIL', "x[1]:rhost=8.8.8.8", "user=,rhost=8.8.8.8",
)
# Other names the server asks PAM nothing about.
ACCOUNT = re.compile(r"[A-Za-z0-9_.][!-~]{0,100}")


class Fail2ban(ReaderTest):

    options = ("log_ftp_protocol=YES\nuserlist_enable=YES\nuserlist_log=YES\nuserlist_file=/run/kept-out\n"
               "deny_email_enable=YES\nbanned_email_file=/run/banned\n")

    def setUp(self):
        self.write("/run/kept-out", "mallory\n")
        self.write("/run/banned", "spam@example.org\n")
        super().setUp()
        self.sources = (f"127.0.{high}.{low}" for high in range(1, 9) for low in range(1, 255))

    def hits(self, path, rules="vsftpd"):
        """The addresses that fail2ban would count, in the log's order."""
        return self.run_client("fail2ban-regex", "-o", "ip", path, rules).split()

    def own_rules(self):
        """The filter of docs/logs.md on top of fail2ban's."""
        self.write("/etc/fail2ban/filter.d/vsftpd.local", example("_daemon"))

    def hostile(self, server=None):
        """Clients of every kind, each from an address of its own. Returns (address, whether PAM was asked)
        of each failed login, in their order."""
        wanted = []
        for name in FORGED:
            source = next(self.sources)
            session = self.greeted(server, source=source)
            session.say(f"USER {name}")
            session.expect_reply(ASKED)
            if "\n" in name:  # what stands behind it is a command of its own
                session.expect_reply("500 Unknown command.")
            session.expect(f"PASS {name}".partition("\r\0\n")[0], WRONG)
            wanted.append((source, bool(ACCOUNT.fullmatch(name.replace(NOP, "")))))
            # and now that name where names may be
            session.expect("USER alice", ASKED)
            session.expect("PASS secret-alice", "230 Login successful.")
            for command in ("XYZZY", "RETR", "DELE", "MKD", "CWD", "SITE", "RNFR", "HELP", ""):
                session.say(f"{command} {name}")
                for _line in range(1 + name.count("\n")):
                    session.expect_reply(ANY)
            session.expect("TYPE I", "200 Switching to Binary mode.")
            with session.passive() as data:
                session.say(f"STOR {name[:200]}")
                answer = session.expect_reply(ANY)
                if answer.startswith("150"):
                    data.sendall(b"12345")
            if answer.startswith("150"):
                session.expect_reply("226 Transfer complete.")
            if "\n" in name:
                session.expect_reply("500 Unknown command.")
            session.quit()
        return wanted

    def ordinary(self, server=None):
        """Failed logins as they come, and whatever looks a little like them."""
        wanted = []
        # three, and the session is over
        source = next(self.sources)
        session = self.failed_login("bob", server=server, source=source)
        for user in ("nobody-here", "alice"):
            session.expect(f"USER {user}", ASKED)
            session.expect("PASS wrong", WRONG)
        session.expect_end()
        wanted += [(source, True)] * 3
        # an empty password, root, a banned address, the list of users
        source = next(self.sources)
        session = self.greeted(server, source=source)
        session.expect("USER bob", ASKED)
        session.expect("PASS", WRONG)
        session.expect("USER root", ASKED)
        session.expect("PASS wrong", WRONG)
        session.quit()
        source_of_banned = next(self.sources)
        banned = self.greeted(server, source=source_of_banned)
        banned.expect("USER ftp", ASKED)
        banned.expect("PASS spam@example.org", WRONG)
        banned.quit()
        source_of_listed = next(self.sources)
        listed = self.greeted(server, source=source_of_listed)
        listed.expect("USER mallory", "530 Permission denied.")
        listed.quit()
        wanted += [(source, True), (source, True), (source_of_banned, False), (source_of_listed, False)]
        # no failed logins
        for commands in (["PASS x"], ["USER bob"], ["USER bob", "USER alice", "QUIT"], ["USER"], ["XYZZY"],
                         ["USER ftp", "PASS FAIL LOGIN"], ["USER ftp", 'PASS ] FAIL LOGIN: Client "8.8.8.8"']):
            session = self.greeted(server, source=next(self.sources))
            for command in commands:
                session.expect(command, ANY)
            session.close()
        # right at last
        source = next(self.sources)
        session = self.failed_login("bob", server=server, source=source)
        session.expect("USER bob", ASKED)
        session.expect("PASS secret-bob", "230 Login successful.")
        session.quit()
        return wanted + [(source, True)]

    def test_log(self):
        """What fail2ban brings finds each failed login, in its order and with its client; and nothing more."""
        wanted = [address for address, _pam in self.ordinary() + self.hostile() + self.ordinary()]
        self.settled()
        self.assertEqual(self.hits(NATIVE), wanted)
        self.own_rules()
        self.assertEqual(self.hits(NATIVE), wanted, "the filter for syslog knows the file as well")

    def test_addresses(self):
        """IPv6, and IPv4 by way of an IPv6 socket."""
        self.failed_login(source="127.0.0.7").quit()
        self.failed_login(server=self.serve(address="::1")).quit()
        self.failed_login(server=self.serve(address="::"), source="127.0.0.8", address="127.0.0.1").quit()
        server = self.serve(address=harness.IPV6)
        self.failed_login(server=server).quit()
        self.settled()
        wanted = ["127.0.0.7", "::1", "127.0.0.8", harness.IPV6]
        self.assertEqual(self.hits(NATIVE), wanted)
        self.own_rules()
        self.assertEqual(self.hits(NATIVE), wanted)

    def test_utf8(self):
        """wc_logs_enable lets UTF-8 into the log, and nothing else."""
        server = self.serve(self.options + "wc_logs_enable=YES\n")
        wanted = [address for address, _pam in self.hostile(server)]
        self.settled()
        self.assertIn("[Grüße] FAIL LOGIN", NATIVE.read_text(encoding="utf-8"))
        self.assertEqual(self.hits(NATIVE), wanted)

    def test_time(self):
        """The log's times are the machine's: a log that seems to be hours old bans nobody."""
        # three hours east of Greenwich: one type of time, in both versions of the format, and as a rule
        table = b"TZif2" + bytes(34) + b"\1\0\0\0\4\0\0\x2a\x30\0\0+03\0"
        self.write("/etc/localtime", "").write_bytes(2 * table + b"\n<+03>-3\n")
        for number, line in enumerate(("", "use_localtime=YES\n")):
            self.failed_login(server=self.serve(line), source=f"127.0.0.{7 + number}").quit()
        self.settled()
        said = self.run_client("fail2ban-regex", "-o", "<ip> <time>", NATIVE, "vsftpd").split()
        self.assertEqual(said[::2], ["127.0.0.7", "127.0.0.8"])
        for stamp in said[1::2]:
            self.assertAlmostEqual(float(stamp), time.time(), delta=60)

    def test_refusals_before_a_password(self):
        """Who should have used TLS or been anonymous, or was not let in by TCP wrappers, guessed no password."""
        secure.certificates()
        self.write("/etc/hosts.deny", "soloftpd: 127.0.0.66\n")
        tls = self.serve(secure.TLS)
        session = self.greeted(tls, source="127.0.0.11")
        session.expect("USER bob", "530 Non-anonymous sessions must use encryption.")
        session.expect_end()
        session = secure.Secure(tls.address, tls.port, "127.0.0.12")
        self.addCleanup(session.close)
        session.expect_reply("220 soloftpd ready.")
        session.auth()
        session.expect("USER bob", ASKED)
        session.expect("PASS wrong", WRONG)
        session.quit()
        session = self.greeted(self.serve("local_enable=NO\n"), source="127.0.0.13")
        session.expect("USER bob", "530 This FTP server is anonymous only.")
        session.quit()
        session = self.connect(self.serve("tcp_wrappers=YES\n"), source="127.0.0.66")
        session.expect_reply(re.compile("421 .*"))
        session.expect_end()
        self.settled()
        text = NATIVE.read_text()
        for source in ("127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.66"):
            self.assertIn(f'CONNECT: Client "{source}"', text)
        self.assertEqual(self.hits(NATIVE), ["127.0.0.12"])

    # ---- syslog ----

    def written(self):
        """The messages so far in two files, as Debian's syslogd sorts and writes them."""
        files = {"auth.log": [], "syslog": []}
        for line in self.syslog().splitlines():
            priority, stamp, text = re.fullmatch(r"<(\d+)>(.{15}) (.*)", line).groups()
            text = re.sub(r"[\0-\x1f\x7f]", lambda found: f"#{ord(found[0]):03o}", text)
            name = "auth.log" if int(priority) >> 3 in (4, 10) else "syslog"
            files[name].append(f"{stamp} host {text}\n")
        return [self.write(self.here / name, "".join(lines)) for name, lines in files.items()]

    def called(self, name, options=""):
        """The server as a program of this name, with all its lines in syslog."""
        program = self.here / name
        program.symlink_to(harness.SOLOFTPD)
        return self.serve(f"{self.options}syslog_enable=YES\n{options}", program=str(program))

    def check_syslog(self, name):
        """Returns what PAM's messages bring fail2ban to, and what they should."""
        server = self.called(name)
        wanted = self.ordinary(server) + self.hostile(server)
        self.settled()
        self.syslog(r'"221 Goodbye\."\n\Z')
        self.assertFalse(NATIVE.exists(), "all of it is in syslog")
        auth, system = self.written()
        addresses = [address for address, _asked in wanted]
        # fail2ban 1.0 finds none, for it wants "[pid 7]"; another may find all, but nothing between
        self.assertIn(self.hits(system), ([], addresses))
        pam = self.hits(auth)
        self.own_rules()
        self.assertEqual(self.hits(system), addresses)
        self.assertEqual(self.hits(auth), [], "what PAM says is not counted a second time")
        return pam, [address for address, asked in wanted if asked]

    def test_syslog(self):
        pam, _asked = self.check_syslog("soloftpd")
        self.assertEqual(pam, [], "fail2ban looks for the name vsftpd")

    def test_syslog_as_vsftpd(self):
        pam, asked = self.check_syslog("vsftpd")
        self.assertEqual(pam, asked)

    def test_pam_beside_the_log(self):
        """With a log of our own, auth.log still has what PAM says, once for each password."""
        program = self.here / "vsftpd"
        program.symlink_to(harness.SOLOFTPD)
        server = self.serve(self.options, program=str(program))
        wanted = self.ordinary(server)
        self.settled()
        auth, system = self.written()
        self.assertEqual(self.hits(auth), [address for address, asked in wanted if asked])
        self.assertEqual(self.hits(system), [])
        self.assertEqual(self.hits(NATIVE), [address for address, _asked in wanted])

    def test_syslog_ident(self):
        """What PAM says is said under the name that the configuration gives the server."""
        session = self.failed_login(server=self.serve("syslog_ident=vsftpd\n"), source="127.0.0.7")
        session.expect("USER bob", ASKED)
        session.expect("PASS wrong", WRONG)
        session.quit()
        self.settled()
        auth, _system = self.written()
        self.assertEqual(self.hits(auth), ["127.0.0.7"] * 2)

    def test_jail(self):
        """The jail of docs/logs.md is one, and it looks for what was tested here."""
        self.write("/etc/fail2ban/jail.local", "[sshd]\nenabled = false\n" + example("[vsftpd]"))
        NATIVE.write_text("")
        told = self.run_client("fail2ban-client", "-d")
        self.assertIn("['add', 'vsftpd', 'auto']", told)
        self.assertIn("['set', 'vsftpd', 'addlogpath', '/var/log/vsftpd.log', 'head']", told)
        self.assertIn("FAIL LOGIN: Client", told)
        self.assertIn("['start', 'vsftpd']", told)


# ---- transfers ----

Transfer = collections.namedtuple("Transfer", "host size path kind direction access user end")
HUGE = (4 << 30) + 12345


DOWNLOADS = ("txt", "bin")  # of the extensions here, those that make no "page" for awstats


def kind_of(path):
    return pathlib.PurePosixPath(path).suffix[1:]


def as_url(path):
    """What webalizer makes of a name."""
    return urllib.parse.unquote(re.split(r"[?#;&{]|%(?![0-9A-F]{2})", path)[0])


def discard(data, size):
    """Reads so many bytes that the kernel throws away."""
    room = bytearray(1 << 22)
    while size > 0:
        got = data.recv_into(room, min(size, len(room)), socket.MSG_TRUNC)
        if got == 0:
            raise AssertionError(f"{size} bytes are missing")
        size -= got
    if data.recv(1):
        raise AssertionError("more bytes than there are")


class Transfers(ReaderTest):
    """Sessions of curl, lftp and our own, and how each reader sums them up."""

    options = "upload_atomic=NO\n"

    def setUp(self):
        super().setUp()
        self.wanted = []

    def did(self, host, size, path, direction, user="alice", kind="b", end="c"):
        access = "a" if "@" in user else "r"
        if access == "r":
            path = f"{ALICE}/{path}"
        self.wanted.append(Transfer(host, size, path.replace(" ", "_"), kind, direction, access, user, end))

    # ---- the sessions ----

    def binary(self, **how):
        session = self.login(**how)
        session.expect("TYPE I", "200 Switching to Binary mode.")
        return session

    def by_curl(self):
        harness.put(ALICE / "from curl.bin", sample(123_456))
        local = harness.put(self.here / "local", sample(54_321), "root")
        for part, size in (("", 123_456), ("-1000", 1000)):
            where = ["-r", part] if part else []
            self.run_client("curl", "-sS", "-o", "got", *where, self.url("from%20curl.bin"))
            self.did("127.0.0.1", size, "from curl.bin", "o")
        self.run_client("curl", "-sS", "-T", local, self.url("by%20curl.bin"))
        self.did("127.0.0.1", 54_321, "by curl.bin", "i")
        self.run_client("curl", "-sS", "--interface", "127.0.0.5", "-o", "got", "-u", "ftp:curl@example.net",
                        f"ftp://127.0.0.1:{self.server.port}/pub/hello.txt;type=i")
        self.did("127.0.0.5", 6, "/pub/hello.txt", "o", "curl@example.net")
        self.run_client("curl", "-sS", "-o", "got", self.url("not%20there"), status=78)  # by its SIZE: no RETR

    def by_lftp(self):
        tree = harness.make_tree(self.here / "tree", "root")
        self.run_client("lftp", "-c", "set net:timeout 10; set net:max-retries 1; "
                        "set mirror:set-permissions no; "
                        f"open -u alice,secret-alice ftp://127.0.0.1:{self.server.port}; mirror -R tree tree")
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                name = re.sub(r"[^ -~]", lambda odd: "?" * len(odd[0].encode()), str(path.relative_to(self.here)))
                self.did("127.0.0.1", path.stat().st_size, name, "i")

    def by_ourselves(self):
        session = self.binary(source="127.0.0.6")
        for name, logged in (("two words", "two words"), ("Grüße", "Gr????e"), ("Größe", "Gr????e"),
                             ("\udcff\udcff", "?"), ("ask?why", "ask?why"), ("a;b", "a;b"), ("a;c", "a;c"),
                             ("a#b", "a#b"), ("q&a=1", "q&a=1"), ("100%", "100%"), ("b _ i r root ftp 0 * c", None),
                             ("x" * 200, None)):
            session.store(f"STOR {name}", b"12345678")
            self.did("127.0.0.6", 8, logged or name, "i")
        session.store("STOR two words", b"")
        self.did("127.0.0.6", 0, "two words", "i")
        session.store("APPE two words", b"123")
        self.did("127.0.0.6", 3, "two words", "i")
        session.expect("RETR nowhere", re.compile("425 .*"))
        with session.passive():
            session.expect("RETR nowhere", "550 Failed to open file.")
            session.expect("STOR no/way", "553 Could not create file.")
        self.did("127.0.0.6", 0, "nowhere", "o", end="i")
        self.did("127.0.0.6", 0, "no/way", "i", end="i")
        self.broken_off(session)
        session.expect("TYPE A", "200 Switching to ASCII mode.")
        session.store("STOR text", b"one\r\ntwo\r\n")
        self.did("127.0.0.6", 10, "text", "i", kind="a")
        self.assertEqual(session.retrieve("RETR text"), b"one\r\ntwo\r\n")
        self.did("127.0.0.6", 10, "text", "o", kind="a")
        session.quit()

    def broken_off(self, session):
        """An upload that the client aborts, with the number of bytes that the server says it has."""
        with session.passive() as data:
            session.expect("STOR half", READY)
            data.sendall(b"x" * 77_777)
            self.assertTrue(harness.wait_until(lambda: (ALICE / "half").stat().st_size == 77_777, 5))
            session.expect("ABOR", re.compile("426 .*"), re.compile("226 .*"))
        self.did("127.0.0.6", 77_777, "half", "i", end="i")

    def anonymously(self):
        session = self.connect(source="127.0.0.9")
        session.expect_reply("220 soloftpd ready.")
        session.expect("USER anonymous", ASKED)
        session.expect("PASS some one@example.org", "230 Login successful.")
        session.retrieve("RETR pub/hello.txt")
        self.did("127.0.0.9", 7, "/pub/hello.txt", "o", "some_one@example.org", kind="a")
        session.expect("TYPE I", "200 Switching to Binary mode.")
        session.store("STOR incoming/gift of mine", b"gift")
        self.did("127.0.0.9", 4, "/incoming/gift of mine", "i", "some_one@example.org")
        session.quit()

    def by_ipv6(self):
        session = self.binary(server=self.serve(address="::1"))
        session.store("STOR six", b"666666")
        self.did("::1", 6, "six", "i")
        session.quit()

    def beyond_four_gigabytes(self):
        with harness.put(ALICE / "huge").open("r+b") as file:
            file.truncate(HUGE)
        session = self.binary(source="127.0.0.6")
        with session.passive() as data:
            session.expect("RETR huge", READY)
            discard(data, HUGE)
        session.expect_reply("226 Transfer complete.")
        self.did("127.0.0.6", HUGE, "huge", "o")
        session.quit()

    def logged(self):
        """The xferlog, which says what was done: nothing below can be right otherwise."""
        self.settled()
        lines = [line.split(" ")[5:] for line in TRANSFERS.read_text(encoding="ascii").splitlines()]
        for fields in lines:
            self.assertEqual(len(fields), 13, fields)
        got = [Transfer(fields[1], int(fields[2]), fields[3], fields[4], *fields[6:9], fields[12])
               for fields in lines]
        # lftp's order is its own
        self.assertEqual(sorted(got), sorted(self.wanted))

    def summed(self, key):
        """key(transfer) -> [transfers, bytes]"""
        sums = collections.defaultdict(lambda: [0, 0])
        for transfer in self.wanted:
            sums[key(transfer)][0] += 1
            sums[key(transfer)][1] += transfer.size
        return dict(sums)

    def test_totals(self):
        self.by_curl()
        self.by_lftp()
        self.by_ourselves()
        self.anonymously()
        self.by_ipv6()
        self.logged()
        for reader in (self.check_logwatch, self.check_awstats, self.check_webalizer):
            with self.subTest(reader.__name__):
                reader()

    def test_huge(self):
        """Nobody's numbers end at 4 GiB."""
        self.anonymously()
        self.beyond_four_gigabytes()
        self.logged()
        for reader in (self.check_logwatch, self.check_awstats, self.check_webalizer):
            with self.subTest(reader.__name__):
                reader()

    # ---- logwatch ----

    def sections(self, *words):
        """logwatch's report: title of a service -> heading -> its lines."""
        self.write("/etc/logwatch/conf/logwatch.conf", f"TmpDir = {self.here}\n")
        said = self.run_client("logwatch", "--logdir", LOGS, "--range", "all", "--numeric", "--detail", "20",
                               *words)
        found = {}
        for title, text in re.findall(r"(?s) -{3,} (\S+) Begin -{3,}\s*\n(.*?)\n -{3,} \1 End", said):
            heading, service = "", found.setdefault(title, {})
            for line in text.splitlines():
                if line.strip() and not line.startswith("   ") and heading != UNMATCHED:
                    heading = line.strip()
                elif line.strip():
                    service.setdefault(heading, []).append(line.strip())
                if line.strip().startswith("TOTAL"):
                    service.setdefault("totals", []).append(line.strip())
        return found

    def check_logwatch(self):
        report = self.sections("--service", "vsftpd", "--service", "ftpd-xferlog")
        native, transfers = report.pop("vsftpd-messages"), report.pop("ftpd-xferlog")
        self.assertEqual(report, {})
        for service in (native, transfers):
            self.assertNotIn(UNMATCHED, service)
        total = {way: sum(transfer.size for transfer in self.wanted if transfer.direction == way)
                 for way in "io"}
        self.assertEqual(native["totals"], [
            f"TOTAL KB {name}: {total[way] // 1024}KB ({total[way] >> 20}MB)"
            for name, way in (("IN", "i"), ("OUT", "o"))])
        self.assertEqual(sorted(transfers["totals"]), [
            f"TOTAL KB {name}: {total[way] // 1000}KB ({total[way] // 1_000_000}MB)"
            for name, way in (("IN", "i"), ("OUT", "o")) if total[way] >= 1000])
        self.check_native(native)
        self.check_xferlog(transfers)

    def check_native(self, report):
        for heading, arrow, way, end in (
                ("Incoming FTP Files:", "<-", "i", "c"), ("Failed Uploads", "<-", "i", "i"),
                ("Outgoing FTP Files:", "->", "o", "c"), ("Failed Downloads", "->", "o", "i")):
            wanted = [f"{transfer.path} {arrow} {transfer.host} (User: "
                      f"{transfer.user if transfer.access == 'r' else 'ftp'})"
                      for transfer in self.wanted if (transfer.direction, transfer.end) == (way, end)]
            # blanks stay blanks in this log
            got = [re.sub(r"(.*) (<-|->) ", lambda found: found[1].replace(" ", "_") + f" {found[2]} ", line)
                   for line in report.get(heading, [])]
            self.assertEqual(sorted(got), sorted(wanted), heading)

    def check_xferlog(self, report):
        for heading, way, access in (("Incoming User", "i", "r"), ("Outgoing User", "o", "r"),
                                     ("Incoming Anonymous", "i", "a"), ("Outgoing Anonymous", "o", "a")):
            wanted = collections.Counter(
                f"{transfer.path} -> {transfer.host}" if way == "o" else f"{transfer.host} -> {transfer.path}"
                for transfer in self.wanted if (transfer.direction, transfer.access) == (way, access))
            got = {}
            for line in report.get(f"{heading} FTP Transfers:", []):
                text, times = re.fullmatch(r"(.*) \((?:User|Email): \S+\)(?: \((\d+) Times\))?", line).groups()
                got[text] = int(times or 1)
            self.assertEqual(got, dict(wanted), heading)

    # ---- awstats ----

    def check_awstats(self):
        data = self.here / "awstats"
        data.mkdir()
        text = example("LogType=F")
        self.assertEqual(text.count("/var/lib/awstats"), 1)
        self.write("/etc/awstats/awstats.ftp.conf", text.replace("/var/lib/awstats", str(data)))
        said = self.run_client(AWSTATS, "-config=ftp", "-update", "-showcorrupted", "-showdropped")
        for count, what in ((0, "dropped"), (0, "corrupted"), (len(self.wanted), "new qualified")):
            self.assertIn(f"Found {count} {what} records", said)
        tables = collections.defaultdict(dict)  # of all months: one may have just ended
        for month in data.glob("awstats*.ftp.txt"):
            for name, lines in re.findall(r"(?ms)^BEGIN_(\w+)\b[^\n]*\n(.*?)^END_\1$", month.read_text()):
                for line in lines.splitlines():
                    key, *values = line.split(" ")
                    if all(value.isdigit() for value in values[:3]):
                        sums = tables[name].setdefault(key, [0, 0, 0])
                        tables[name][key] = [old + int(new) for old, new in zip(sums, values)]
        def column(name, *indexes):
            return {key: [values[index] for index in indexes] for key, values in tables[name].items()}
        # pages, hits, bytes; of a file hits and bytes
        self.assertEqual(column("VISITOR", 1, 2), self.summed(lambda transfer: transfer.host))
        self.assertEqual(column("LOGIN", 1, 2), self.summed(lambda transfer: transfer.user))
        kinds = self.summed(lambda transfer: kind_of(transfer.path))
        types = column("FILETYPES", 0, 1)
        for kind in DOWNLOADS:
            self.assertEqual(types.get(kind), kinds.get(kind), kind)
        # the table of files has those with another extension alone, and %41 is an A to it
        files = self.summed(lambda transfer: urllib.parse.unquote(transfer.path))
        self.assertEqual(column("SIDER", 0, 1),
                         {path: sums for path, sums in files.items() if kind_of(path) not in DOWNLOADS})
        days = column("DAY", 1, 2).values()
        self.assertEqual([sum(values) for values in zip(*days)],
                         [len(self.wanted), sum(transfer.size for transfer in self.wanted)])

    # ---- webalizer ----

    def check_webalizer(self):
        output = self.here / "webalizer"
        output.mkdir()
        text = example("LogType ftp")
        self.assertEqual(text.count("/var/www/webalizer"), 1)
        # everything in tables as well: for us to read
        text = text.replace("/var/www/webalizer", str(output)) + "".join(
            f"Dump{what} yes\n" for what in ("Sites", "URLs", "Users")) + f"DumpPath {output}\nDumpExtension tab\n"
        config = self.write("/etc/webalizer/ftp.conf", text)
        said = self.run_client("webalizer", "-c", config)
        self.assertIn(f"{len(self.wanted)} records in ", said)
        self.assertNotIn("bad", said)
        self.assertNotIn("ignored", said)
        months = [[int(number) for number in line.split()]
                  for line in (output / "webalizer.hist").read_text().splitlines() if line[0] != "#"]
        hits, files = sum(month[2] for month in months), sum(month[3] for month in months)
        self.assertEqual((hits, files), (len(self.wanted), sum(transfer.end == "c" for transfer in self.wanted)))
        size = sum(transfer.size for transfer in self.wanted)
        self.assertAlmostEqual(sum(month[5] for month in months), size / 1024, delta=1)
        self.check_dump(output, "site", lambda transfer: transfer.host)
        self.check_dump(output, "url", lambda transfer: as_url(transfer.path))
        self.check_dump(output, "user", lambda transfer: transfer.user)

    def check_dump(self, output, name, key):
        got = collections.defaultdict(lambda: [0, 0])
        for dump in output.glob(f"{name}_*.tab"):
            for line in dump.read_text().splitlines():
                fields = line.split("\t")
                got[fields[-1]][0] += int(fields[0])
                got[fields[-1]][1] += float(fields[1 if name == "url" else 2])
        wanted = {key: [hits, size] for key, (hits, size) in self.summed(key).items()}
        self.assertEqual({key: hits for key, (hits, _size) in got.items()},
                         {key: hits for key, (hits, _size) in wanted.items()}, name)
        for key, (_hits, size) in wanted.items():
            self.assertAlmostEqual(got[key][1], size / 1024, delta=0.51, msg=key)


class Logwatch(ReaderTest):
    """The lines that are about no transfer."""

    sections = Transfers.sections

    def session(self, server=None):
        session = self.login(server=server)
        for command in ("MKD d", "MKD d", "MKD e", "RNFR e", "RNTO f", "SITE CHMOD 700 f", "RMD f", "RMD f", "DELE g",
                        "STAT", "NOOP"):
            session.expect(command, ANY)
        session.store("STOR g", b"g" * 2048)
        session.expect("DELE g", re.compile("250 .*"))
        session.quit()
        for _time in range(2):
            self.failed_login("bob", server=server, source="127.0.0.7").quit()
        self.failed_login("x] OK LOGIN", server=server, source="127.0.0.8").quit()
        session = self.greeted(server, source="127.0.0.9")
        session.expect("USER mallory", re.compile("530 .*"))
        session.quit()
        self.login("ftp", server=server).quit()
        self.settled()

    REPORT = {
        "Anonymous FTP Logins:": ["(127.0.0.1): me@example.org - 1 Time(s)"],
        "User FTP Logins:": ["(127.0.0.1): alice - 1 Time(s)"],
        "Failed FTP Logins:": ["(127.0.0.7): bob - 2 Time(s)", "(127.0.0.8): x_ OK LOGIN - 1 Time(s)",
                               '(127.0.0.9", "User is in the deny user list.): mallory - 1 Time(s)'],
        "Incoming FTP Files:": [f"{ALICE}/g <- 127.0.0.1 (User: alice)"],
        "totals": ["TOTAL KB IN: 2KB (0MB)"],
        "Deleted Files: (Total: 1)": [f"{ALICE}/g >< 127.0.0.1 (User: alice)"],
        "Failed Deleted": [f"{ALICE}/g <> 127.0.0.1 (User: alice)"],
        "Created Directories: (Total: 2)": [f"{ALICE}/d <- 127.0.0.1 (User: alice)",
                                            f"{ALICE}/e <- 127.0.0.1 (User: alice)"],
        "Removed Directories: (Total: 1)": [f"{ALICE}/f >< 127.0.0.1 (User: alice)"],
    }
    LISTED = "userlist_enable=YES\nuserlist_log=YES\nuserlist_file=/run/kept-out\n"

    def setUp(self):
        self.write("/run/kept-out", "mallory\n")
        super().setUp()

    def report(self):
        found = self.sections("--service", "vsftpd")["vsftpd-messages"]
        return {heading: sorted(lines) for heading, lines in found.items()}

    def test_lines(self):
        self.session(self.serve(self.LISTED))
        self.assertEqual(self.report(), self.REPORT)

    def test_protocol(self):
        """Lines that logwatch does not know are told apart, and can be told to be none of its business."""
        self.session(self.serve(self.LISTED + "log_ftp_protocol=YES\n"))
        report = self.report()
        unmatched = report.pop(UNMATCHED, [])
        self.assertEqual(report, self.REPORT)
        told = [line for line in NATIVE.read_text().splitlines() if re.search(r"\] FTP (command|response): ", line)]
        # OK LOGIN, RENAME and the like are in there too, and count nowhere
        known = [line for line in told if re.search("CONNECT|[OKFAIL|] (RENAME|CHMOD)", line)]
        self.assertEqual(unmatched, sorted(line for line in told if line not in known))
        self.write("/etc/logwatch/conf/services/vsftpd.conf", example("$vsftpd_ignore_unmatched"))
        self.assertEqual(self.report(), self.REPORT)


# ---- logrotate ----


class Logrotate(ReaderTest):

    def rotate(self, text=None):
        config = self.write(self.here / "logrotate.conf", text or example("delaycompress"))
        self.run_client("logrotate", "--force", "--state", self.here / "state", config)

    def uploads(self, name):
        """What a log tells of uploads, by their names."""
        path = LOGS / name
        return re.findall(r"alice/([\w-]+)", path.read_text()) if path.exists() else None

    def test_create(self):
        """Sessions go on where they began; the next one begins in the new files."""
        old = self.login()
        old.store("STOR one", b"1")
        self.rotate()
        self.assertEqual((self.uploads("xferlog"), self.uploads("xferlog.1")), ([], ["one"]))
        old.store("STOR two", b"2")
        new = self.login()
        new.store("STOR three", b"3")
        old.store("STOR four", b"4")
        old.quit()
        new.quit()
        for log in ("vsftpd.log", "xferlog"):
            self.assertEqual((self.uploads(log), self.uploads(f"{log}.1")), (["three"], ["one", "two", "four"]))
            self.assertEqual((LOGS / log).stat().st_mode & 0o7777, 0o640)
        self.rotate()
        for log in ("vsftpd.log", "xferlog"):
            self.assertEqual((self.uploads(log), self.uploads(f"{log}.1")), ([], ["three"]))
            self.assertIn("four", self.run_client("zcat", LOGS / f"{log}.2.gz"))

    def test_copytruncate(self):
        """A session that runs writes on at the new end, with no hole before it."""
        text = re.sub(r"create .*", "copytruncate", example("delaycompress"))
        session = self.login()
        session.store("STOR one", b"1")
        self.rotate(text)
        session.store("STOR two", b"2")
        session.quit()
        for log in ("vsftpd.log", "xferlog"):
            self.assertEqual((self.uploads(log), self.uploads(f"{log}.1")), (["two"], ["one"]))
            self.assertRegex((LOGS / log).read_text(), r"\A\w{3} \w{3} [^\0]+\n\Z")

    def busy(self, number, end, done, troubles):
        """Session after session, until told to end."""
        try:
            while not end.is_set():
                with_name = f"{number}-{len(done[number])}"
                session = control.Control("127.0.0.1", self.server.port, timeout=30)
                session.expect_reply("220 soloftpd ready.")
                session.expect("USER alice", ASKED)
                session.expect("PASS secret-alice", "230 Login successful.")
                for part in "ab":
                    session.store(f"STOR {with_name}{part}", b"x")
                    done[number].append(f"{with_name}{part}")
                session.quit()
                session.close()
        except (AssertionError, OSError) as trouble:
            troubles.append(f"{number}: {trouble}")

    def test_nothing_is_lost(self):
        """Each line of sessions that come and go meanwhile is there, once, whole."""
        end, troubles, done = threading.Event(), [], collections.defaultdict(list)
        threads = [threading.Thread(target=self.busy, args=(number, end, done, troubles)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _time in range(5):
                time.sleep(0.1)
                self.rotate(example("delaycompress").replace("compress", "nocompress", 1))
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.assertEqual(troubles, [])
        self.settled()
        wanted = sorted(name for names in done.values() for name in names)
        self.assertGreater(len(wanted), 10)
        for log in ("vsftpd.log", "xferlog"):
            files = sorted(path.name for path in LOGS.glob(f"{log}*"))
            self.assertGreater(len(files), 5, files)
            self.assertEqual(sorted(name for file in files for name in self.uploads(file)), wanted)
