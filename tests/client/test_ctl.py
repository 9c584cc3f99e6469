"""soloftpctl, the administrator's tool: what it says of a configuration is what a session does with it."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import test_setups

SOLOFTPCTL = pathlib.Path(harness.SOLOFTPD).with_name("soloftpctl")
ALLOW = pathlib.Path("/etc/hosts.allow")
DENY = pathlib.Path("/etc/hosts.deny")
DEFAULT = pathlib.Path("/etc/soloftpd.conf")
DEFAULT_AS_VSFTPD = pathlib.Path("/etc/vsftpd.conf")
LOCAL = "local_enable=YES\n"

Finding = collections.namedtuple("Finding", "file line column severity text")


class ToolTest(unittest.TestCase):

    maxDiff = None

    def setUp(self):
        self.here = pathlib.Path(tempfile.mkdtemp(prefix="ctl-", dir="/run"))
        self.addCleanup(shutil.rmtree, self.here)
        for path in (ALLOW, DENY, DEFAULT, DEFAULT_AS_VSFTPD):
            self.addCleanup(path.unlink, missing_ok=True)

    def write(self, name, text):
        path = self.here / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def ctl(self, *words, status=0, errors="", user=None):
        """Runs the tool. Its standard output, in which every line is whole."""
        done = subprocess.run([SOLOFTPCTL, *map(str, words)], stdin=subprocess.DEVNULL, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              cwd=self.here, env={"VSFTPD_LOAD_CONF": "/no/such/file"}, user=user)
        said = done.stdout.decode()
        self.assertEqual((done.returncode, done.stderr.decode()), (status, errors), said)
        self.assertTrue(said.endswith("\n"), said)
        return said


class CheckTest(ToolTest):

    def check(self, text, *options, name="ftp.conf", status=None):
        """All findings in a file of this text, in their order, told in both forms."""
        file = self.write(name, text)
        self.findings(file, *options, status=status)
        return [found._replace(file=found.file.replace(str(file), "FILE"))
                for found in self.findings(file, *options, status=status)]

    def findings(self, *words, status=None):
        as_json = self.as_json(*words)
        errors = sum(found.severity == "error" for found in as_json)
        wanted = 2 if errors else 1 if as_json else 0
        if status is not None:
            self.assertEqual(wanted, status, as_json)
        *lines, last = self.ctl("check", *words, status=wanted).splitlines()
        found = [self.from_line(line) for line in lines]
        self.assertEqual(found, as_json)
        self.assertEqual(last, f"{errors} errors, {len(found) - errors} warnings" if found
                         else "no problems found")
        return found

    def as_json(self, *words):
        done = subprocess.run([SOLOFTPCTL, "check", "--format=json", *map(str, words)], check=False,
                              stdout=subprocess.PIPE, timeout=20, cwd=self.here)
        found = json.loads(done.stdout.decode())
        for row in found:
            self.assertEqual(set(row), set(Finding._fields))
        return [Finding(**row) for row in found]

    @staticmethod
    def from_line(line):
        file, row, column, severity, text = re.fullmatch(
            r"(.*?):(?:(\d+):)?(?:(\d+):)? (error|warning): (.*)", line).groups()
        return Finding(file, int(row or 0), int(column or 0), severity, text)

    def assert_found(self, text, *wanted, **how):
        """Exactly these: (line, column, severity, a pattern of the text)."""
        found = self.check(text, **how)
        self.assertEqual([(one.line, one.column, one.severity) for one in found],
                         [one[:3] for one in wanted], found)
        for one, (_, _, _, pattern) in zip(found, wanted):
            self.assertRegex(one.text, pattern)
        return found


class Check(CheckTest):

    def test_mistakes(self):
        """One file, every kind of mistake; each is told, at its place, and none hides another."""
        text = """\
wirte_enable=YES
# a comment
local_enable=YES
anonymous_enabel=NO
\tdirlist_enable=ja
download_enable
port_enable=
max_login_fails=three
max_login_fails=5000
local_umask=01777
  # an indented comment
idle_session_timeout=300 seconds
use_localtime = YES
nonsense_beyond_recognition=1
ptrace_sandbox=YES
write_enable=NO\r
http_enable=YES
"""
        found = self.assert_found(
            text,
            (1, 1, "error", "wirte_enable.*did you mean write_enable"),
            (4, 1, "error", "anonymous_enabel.*did you mean anonymous_enable"),
            (5, 17, "error", "bad bool.*dirlist_enable"),
            (6, 1, "error", "missing value.*download_enable"),
            (7, 13, "error", "missing value.*port_enable"),
            (8, 17, "error", "bad number.*max_login_fails"),
            (9, 17, "warning", "out of range.*max_login_fails"),
            (10, 13, "warning", "out of range.*local_umask"),
            (11, 0, "warning", "indented comment"),
            (12, 22, "warning", "behind the number.*idle_session_timeout"),
            (13, 16, "warning", "blanks.*use_localtime"),
            (14, 1, "error", "nonsense_beyond_recognition$"),
            (16, 14, "warning", "carriage return.*write_enable"),
            (17, 0, "error", "http_enable"),
            (15, 0, "error", "ptrace_sandbox"),
            status=2)
        self.assertEqual({one.file for one in found}, {"FILE"})

    def test_same_place_as_in_syslog(self):
        """The first error is the one that a session dies of."""
        for line in ("wirte_enable=YES", "dirlist_enable=ja", "port_enable=",
                     "max_login_fails=three", "ptrace_sandbox=YES"):
            with self.subTest(line=line):
                self.assertEqual(self.check(f"{LOCAL}{line}\n", status=2)[0].line, 2)

    def test_did_you_mean(self):
        for wrong, right in (("anon_upload_enabled", "anon_upload_enable"),
                             ("Write_Enable", "write_enable"), ("lisetn", "listen"),
                             ("pasv_min_prot", "pasv_min_port"), ("xferlog_fiel", "xferlog_file"),
                             ("chroot_localuser", "chroot_local_user")):
            with self.subTest(wrong=wrong):
                found = self.check(f"{LOCAL}{wrong}=1\n", status=2)
                self.assertEqual(len(found), 1)
                self.assertIn(f"{wrong} (did you mean {right}?)", found[0].text)
        for wrong in ("x", "a_word_that_nobody_knows", "y" * 64, "z" * 300):
            with self.subTest(wrong=wrong):
                found = self.check(f"{LOCAL}{wrong}=1\n", status=2)
                self.assertNotIn("did you mean", found[0].text)

    def test_nothing_to_say(self):
        self.assertEqual(self.check(LOCAL, status=0), [])

    def test_no_such_file(self):
        found = self.findings(self.here / "missing.conf", status=2)
        self.assertEqual([(one.file, one.line) for one in found],
                         [(str(self.here / "missing.conf"), 0)])
        self.assertIn("No such file", found[0].text)

    def test_somebody_elses_file(self):
        file = self.write("ftp.conf", LOCAL)
        os.chown(file, 1801, 1801)
        self.assertEqual([one.severity for one in self.findings(file, status=2)], ["error"])

    def test_default_files(self):
        DEFAULT.write_text("a=1\n" + LOCAL)
        DEFAULT_AS_VSFTPD.write_text("anonymous_enable=NO\n" + LOCAL)
        self.assertEqual(self.findings(status=2)[0].file, str(DEFAULT))
        self.assertEqual(self.findings("--as", "vsftpd", status=0), [])
        self.assertEqual(self.findings("--as=vsftpd", status=0), [])

    def test_defaults_of_vsftpd(self):
        """Under that name strangers are let in unless the file says no."""
        self.assert_found(LOCAL, status=0)
        found = self.check(LOCAL, "--as", "vsftpd", status=1)
        self.assertEqual([one.file for one in found], ["default"])
        self.assertIn("anonymous_enable", found[0].text)

    def test_nobody_could_log_in(self):
        self.assert_found("write_enable=YES\n", (0, 0, "error", "local_enable.*anonymous_enable"))

    def test_json_of_odd_bytes(self):
        r"""Quotes, backslashes, control characters and bytes that are no UTF-8 make no bad JSON."""
        for name in (b'say "x"', b"back\\slash", b"escape\x1b[31m", b"tab\there", "Größe".encode(),
                     b"Gr\xf6\xdfe", b"cut" + "ß".encode() * 200):
            with self.subTest(name=name):
                file = self.write("ftp.conf", LOCAL.encode() + name + b"=1\n")
                found = self.as_json(file)
                self.assertEqual([(one.line, one.severity) for one in found], [(2, "error")])

    def test_text_does_not_steer_the_terminal(self):
        said = self.ctl("check", self.write("ftp.conf", LOCAL + "x\x1b[31m=1\n"), status=2)
        self.assertNotIn("\x1b", said)


class Accepted(CheckTest):
    """What vsftpd takes is no error."""

    def assert_no_error(self, text, *options):
        found = self.check(text, *options)
        self.assertEqual([one for one in found if one.severity == "error"], [])
        return found

    def test_spellings(self):
        for yes, no in (("YES", "NO"), ("yes", "no"), ("Yes", "nO"), ("TRUE", "FALSE"),
                        ("true", "false"), ("1", "0")):
            with self.subTest(yes=yes):
                self.assertEqual(self.check(f"local_enable={yes}\nport_enable={no}\n"), [])
        self.assertEqual(self.check(
            f"{LOCAL}\n   \n#comment\n#\nlocal_umask=022\nlocal_umask=0\nanon_umask=077\n"
            "file_open_mode=0777\naccept_timeout=0\nftpd_banner=a = b # c\nlocal_root=\n"
            "local_enable=YES"), [])

    def test_every_option_at_its_default(self):
        for name in ("soloftpd", "vsftpd"):
            with self.subTest(name=name):
                shown = self.ctl("show", "--as", name, self.write("start.conf", LOCAL))
                lines = [line.rpartition(" # ")[0].rstrip() for line in shown.splitlines()]
                self.assertGreater(len(lines), 150)
                self.assert_no_error("\n".join(lines) + "\n", "--as", name)

    def test_documented_set_ups(self):
        """The files of vsftpd's examples and of Debian."""
        for name in ("INTERNET_SITE", "INTERNET_SITE_NOINETD", "VIRTUAL_USERS", "DEBIAN"):
            with self.subTest(name=name):
                found = self.assert_no_error(getattr(test_setups, name), "--as", "vsftpd")
                for one in found:
                    self.assertRegex(one.text, "without effect|no effect|in /etc/pam.d|"
                                               "its directory does not exist")

    def test_standalone(self):
        """The listener's options are told to be the super-server's."""
        self.assert_found(
            LOCAL + "listen=YES\nlisten_port=2121\nmax_clients=10\nmax_per_ip=2\n",
            (2, 0, "warning", "listen: .*without effect"),
            (3, 0, "warning", "listen_port: .*`port`"),
            (4, 0, "warning", "max_clients: .*`instances`"),
            (5, 0, "warning", "max_per_ip: .*`per_source`"), status=1)


class Advice(CheckTest):
    """What is no mistake of the language and may still not be what was meant."""

    def test_waits_for_another(self):
        for option, needed in (("anon_upload_enable=YES", "write_enable"),
                               ("anon_root=/srv/ftp", "anonymous_enable"),
                               ("chroot_list_file=/etc/passwd", "chroot_list_enable"),
                               ("guest_username=virtual", "guest_enable"),
                               ("userlist_file=/etc/passwd", "userlist_enable"),
                               ("ftp_data_port=2020", "connect_from_port_20"),
                               ("pasv_enable=NO\npasv_local_networks=10.0.0.0/8", "pasv_enable"),
                               ("xferlog_std_format=YES", "xferlog_enable")):
            with self.subTest(option=option):
                self.assert_found(f"{LOCAL}{option}\n",
                                  (2 + option.count("\n"), 0, "warning",
                                   f"no effect while {needed} is NO"), status=1)
        self.assert_found(LOCAL + "userlist_deny=NO\n",
                          (2, 0, "warning", "no effect while userlist_enable is NO"), status=1)

    def test_does_not_go_together(self):
        self.assert_found(LOCAL + "pasv_min_port=5000\npasv_max_port=4000\n",
                          (2, 0, "warning", "pasv_min_port"), status=1)
        self.assert_found(f"{LOCAL}ftpd_banner=Hello\nbanner_file={self.write('b', 'x')}\n",
                          (2, 0, "warning", "banner_file"), status=1)
        self.assert_found(LOCAL + "pasv_min_port=1000\npasv_max_port=4000\n",
                          (2, 0, "warning", "the range begins at 1024"), status=1)
        for line in ("upload_keep_partial=NO", "delete_failed_uploads=YES"):
            self.assert_found(f"{LOCAL}write_enable=YES\n{line}\n", (3, 0, "warning", "adds to the old file"), status=1)

    def test_open_to_strangers(self):
        self.assert_found(LOCAL + "pasv_promiscuous=YES\nport_promiscuous=YES\n",
                          (2, 0, "warning", "strangers can take over"),
                          (3, 0, "warning", "connect to others"), status=1)

    def test_files_that_are_missing(self):
        for lines in ("banner_file=/no/such", "userlist_enable=YES\nuserlist_file=/no/such",
                      "chroot_list_enable=YES\nchroot_list_file=/no/such",
                      "anonymous_enable=YES\ndeny_email_enable=YES\nbanned_email_file=/no/such",
                      "anonymous_enable=YES\nsecure_email_list_enable=YES\n"
                      "email_password_file=/no/such"):
            with self.subTest(lines=lines):
                last = lines.count("\n") + 2
                self.assert_found(f"{LOCAL}{lines}\n", (last, 0, "error", "No such file"), status=2)

    def test_others_can_write(self):
        """Who can write to a list admits himself; who can write to a log rewrites it."""
        names = self.write("names", "alice\n")
        os.chmod(names, 0o666)
        self.assert_found(f"{LOCAL}userlist_enable=YES\nuserlist_file={names}\n",
                          (3, 0, "warning", "others than root can write to it"), status=1)
        log = self.write("log", "")
        os.chmod(log, 0o666)
        self.assert_found(f"{LOCAL}xferlog_enable=YES\nvsftpd_log_file={log}\n",
                          (3, 0, "warning", "everyone can write to it"), status=1)

    def test_logs_that_are_none(self):
        for path, reason in (("/etc", "is no file"), ("/no/such/log", "directory does not exist")):
            with self.subTest(path=path):
                self.assert_found(f"{LOCAL}xferlog_enable=YES\nvsftpd_log_file={path}\n",
                                  (3, 0, "warning", reason), status=1)
                self.assert_found(f"{LOCAL}json_log_file={path}\n",
                                  (2, 0, "warning", f"{reason}.*: no event will be logged"), status=1)
        self.assert_found(f"{LOCAL}xferlog_enable=YES\nvsftpd_log_file=/dev/null\n", status=0)
        self.assert_found(f"{LOCAL}json_log_file=/var/log/soloftpd.json\n", status=0)

    def test_one_file_for_two_logs(self):
        for lines in ("xferlog_enable=YES\nvsftpd_log_file=/var/log/ftp",
                      "dual_log_enable=YES\nxferlog_file=/var/log/ftp"):
            with self.subTest(lines=lines):
                self.assert_found(f"{LOCAL}{lines}\njson_log_file=/var/log/ftp\n",
                                  (4, 0, "warning", "names another log's file"), status=1)
        self.assert_found(f"{LOCAL}xferlog_file=/var/log/ftp\njson_log_file=/var/log/ftp\n", status=0)

    def test_directories_for_files(self):
        """What is there and is not what it should be ends sessions as well."""
        for option in ("banner_file=/etc", "userlist_enable=YES\nuserlist_file=/etc",
                       "user_config_dir=/etc/passwd", "vhost_config_dir=/etc/passwd",
                       "host_config_dir=/etc/passwd"):
            with self.subTest(option=option):
                last = option.count("\n") + 2
                self.assert_found(f"{LOCAL}{option}\n", (last, 0, "error", "."), status=2)

    def test_directories_of_files_are_missing(self):
        """No login fails of it, but nobody gets what was meant."""
        for option in ("user_config_dir", "vhost_config_dir", "host_config_dir"):
            with self.subTest(option=option):
                found = self.check(f"{LOCAL}{option}=/no/such\n")
                self.assertEqual([(one.line, one.text) for one in found],
                                 [(2, f"{option}: No such file or directory")])

    def test_directories_that_others_can_write_to(self):
        """Who can write there decides which of the files a session finds."""
        files = self.here / "files"
        files.mkdir()
        for option in ("user_config_dir", "vhost_config_dir", "host_config_dir"):
            for mode, owner, group, found in ((0o755, 0, 0, False), (0o775, 0, 0, False),
                                              (0o775, 0, 1801, True), (0o777, 0, 0, True),
                                              (0o755, 1801, 0, True)):
                with self.subTest(option=option, mode=oct(mode), owner=owner, group=group):
                    os.chown(files, owner, group)
                    files.chmod(mode)
                    wanted = [(2, 0, "warning", "others than root can write to it")] * found
                    self.assert_found(f"{LOCAL}{option}={files}\n", *wanted, status=int(found))

    def test_character_set(self):
        for name, text in (("CP1252X", "no character set"), ("CP949//TRANSLIT", "no character set"),
                           ("UTF-16", "without ASCII"), ("SHIFT_JIS", "without ASCII")):
            with self.subTest(name=name):
                self.assert_found(f"{LOCAL}client_charset={name}\n", (2, 0, "error", text), status=2)
        for name in ("CP949", "EUC-KR", "KOI8-R"):
            with self.subTest(name=name):
                self.assert_found(f"{LOCAL}client_charset={name}\n", status=0)
        self.write("users/alice", "client_charset=UTF-16\n")
        self.write("users/bob", "client_charset=KOI8-R\n")
        found = self.check(f"{LOCAL}client_charset=CP949\nuser_config_dir={self.here}/users\n",
                           status=2)
        self.assertEqual([(one.file, one.line, one.severity) for one in found],
                         [(f"{self.here}/users/alice", 1, "error")])

    def test_logs(self):
        self.assert_found(LOCAL + "xferlog_enable=YES\nvsftpd_log_file=/no/such/log\n",
                          (3, 0, "warning", "vsftpd_log_file: .*syslog"), status=1)

    def test_accounts(self):
        self.assert_found("anonymous_enable=YES\nftp_username=nosuchuser\n",
                          (2, 0, "error", "ftp_username: no such account"), status=2)
        self.assert_found(LOCAL + "guest_enable=YES\nguest_username=nosuchuser\n",
                          (3, 0, "error", "guest_username: no such account"), status=2)
        self.assert_found(LOCAL + "pam_service_name=nosuchservice\n",
                          (2, 0, "warning", "pam_service_name: .*/etc/pam.d"), status=1)

    def test_lists(self):
        """Lines that vsftpd would not have matched, and names of nobody."""
        names = self.write("list", b"alice\nbob \n\ncarol\r\n dave\nnosuchuser\nbob")
        text = f"{LOCAL}userlist_enable=YES\nuserlist_deny=NO\nuserlist_file={names}\n"
        found = self.assert_found(text, (2, 0, "warning", "blank"), (4, 0, "warning", "carriage"),
                                  (5, 0, "warning", "blank"),
                                  (6, 0, "warning", "no such account: nosuchuser"), status=1)
        self.assertEqual({one.file for one in found}, {str(names)})
        text = f"{LOCAL}chroot_list_enable=YES\nchroot_list_file={names}\n"
        self.assertEqual(self.check(text), found)

    def test_list_of_the_refused(self):
        """May well name who does not exist (any more)."""
        names = self.write("list", "nosuchuser\nalice \n")
        self.assert_found(f"{LOCAL}userlist_enable=YES\nuserlist_file={names}\n",
                          (2, 0, "warning", "blank"), status=1)

    def test_list_of_the_admitted_names_the_anonymous(self):
        names = self.write("list", "alice\nanonymous\nftp\n")
        self.assert_found(f"{LOCAL}anonymous_enable=YES\nuserlist_enable=YES\nuserlist_deny=NO\n"
                          f"userlist_file={names}\n", status=0)

    def test_guests_need_no_account(self):
        names = self.write("list", "vera\n")
        self.assert_found(f"{LOCAL}guest_enable=YES\nguest_username=virtual\nuserlist_enable=YES\n"
                          f"userlist_deny=NO\nuserlist_file={names}\n", status=0)

    def test_rules_for_vsftpd(self):
        ALLOW.write_text("# mine\nsshd: ALL\nvsftpd: 10.0.0.0/255.0.0.0\nvsftpd, soloftpd: ALL\n")
        found = self.check(LOCAL, status=1)
        self.assertEqual([(one.file, one.line, one.severity) for one in found],
                         [(str(ALLOW), 3, "warning")])
        ALLOW.write_text("# mine\nvsftpd: 10.0.0.0/255.0.0.0")
        self.assertEqual([one.line for one in self.check(LOCAL, status=1)], [2], "without a line end")
        self.assertEqual(self.check(LOCAL + "tcp_wrappers=NO\n", status=0), [])
        self.assertEqual(self.check(LOCAL + "tcp_wrappers=YES\nanonymous_enable=NO\n",
                                    "--as", "vsftpd", status=0), [])

    def test_files_of_users_and_addresses(self):
        users, hosts = self.here / "users", self.here / "hosts"
        self.write("users/alice", "write_enable=maybe\nlocal_umaks=022\n")
        self.write("users/bob", "local_umask=022\nlisten=NO\n")
        self.write("hosts/127.0.0.3", "ptrace_sandbox=YES\n")
        self.write("names/ftp.example.net", "write_enable=perhaps\n")
        found = self.check(f"{LOCAL}user_config_dir={users}\nvhost_config_dir={hosts}\n"
                           f"host_config_dir={self.here}/names\n", status=2)
        self.assertEqual([(one.file, one.line, one.column, one.severity) for one in found],
                         [(f"{users}/alice", 1, 14, "error"), (f"{users}/alice", 2, 1, "error"),
                          (f"{users}/bob", 2, 8, "warning"),
                          (f"{hosts}/127.0.0.3", 1, 0, "error"),
                          (f"{self.here}/names/ftp.example.net", 1, 14, "error")])

    def test_anonymous_directory(self):
        harness.fresh_trees()
        text = "anonymous_enable=YES\nanon_root={}\n"
        self.assert_found(text.format("/srv/ftp"), status=0)
        self.assert_found(text.format("/no/such"), (2, 0, "error", "can't enter"), status=2)
        open_to_all = self.here / "open"
        open_to_all.mkdir()
        open_to_all.chmod(0o777)
        self.here.chmod(0o755)
        self.assert_found(text.format(open_to_all), status=0)
        text += "seccomp_sandbox=NO\n"
        self.assert_found(text.format(open_to_all), (2, 0, "error", "writable"), status=2)


class Show(ToolTest):

    def show(self, *words):
        """option -> (value, origin)."""
        shown = {}
        for line in self.ctl("show", *words).splitlines():
            setting, mark, origin = line.rpartition(" # ")
            self.assertTrue(mark, line)
            name, sign, value = setting.rstrip().partition("=")
            self.assertTrue(sign, line)
            shown[name] = (value, origin)
        self.assertEqual(list(shown), sorted(shown))
        return shown

    def values(self, *words):
        return {name: value for name, (value, _) in self.show(*words).items()}

    def changed(self, *words):
        return {name: pair for name, pair in self.show(*words).items() if pair[1] != "default"}

    def test_defaults(self):
        shown = self.show(self.write("ftp.conf", LOCAL))
        self.assertGreater(len(shown), 150)
        self.assertEqual(shown["local_umask"], ("077", "default"))
        self.assertEqual(shown["anon_root"], ("", "default"))
        self.assertEqual(shown["local_enable"], ("YES", f"{self.here}/ftp.conf:1"))

    def test_defaults_of_vsftpd(self):
        file = self.write("ftp.conf", LOCAL)
        ours, theirs = self.values(file), self.values("--as", "vsftpd", file)
        self.assertEqual(
            {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]},
            {"anonymous_enable": ("NO", "YES"), "btmp_enable": ("YES", "NO"), "listen": ("NO", "YES"),
             "login_timeout": ("60", "0"), "pasv_min_port": ("0", "5001"),
             "require_ssl_reuse": ("NO", "YES"), "ssl_ciphers": ("", "ECDHE-RSA-AES256-GCM-SHA384"),
             "ssl_request_cert": ("NO", "YES"), "syslog_ident": ("soloftpd", "vsftpd"),
             "tcp_wrappers": ("YES", "NO"),
             "time_fractions": ("YES", "NO"), "upload_atomic": ("YES", "NO"),
             "upload_keep_partial": ("YES", "NO"), "userlist_log": ("YES", "NO"),
             "wtmp_enable": ("YES", "NO")})

    def test_files_in_their_order(self):
        first = self.write("1.conf", LOCAL + "write_enable=NO\nhide_ids=YES\n")
        second = self.write("2.conf", "\n\nwrite_enable=YES\n")
        self.assertEqual(self.changed(first, second),
                         {"local_enable": ("YES", f"{first}:1"), "hide_ids": ("YES", f"{first}:3"),
                          "write_enable": ("YES", f"{second}:3")})

    def test_default_file(self):
        DEFAULT.write_text(LOCAL)
        self.assertEqual(self.changed(), {"local_enable": ("YES", f"{DEFAULT}:1")})
        self.assertEqual(self.changed("--as", "vsftpd"), {})

    def layers(self):
        users, hosts = self.here / "users", self.here / "hosts"
        rule = self.write("rule.conf", "hide_ids=YES\nwrite_enable=NO\n")
        self.write("hosts/127.0.0.3", "write_enable=YES\nftpd_banner=third\n")
        self.write("hosts/fd00::3", "ftpd_banner=six\n")
        self.write("users/alice", "local_umask=022\n")
        self.write("users/ftp", "anon_umask=022\n")
        ALLOW.write_text(f"soloftpd: 127.0.0.2 : setenv VSFTPD_LOAD_CONF {rule}\n"
                         "soloftpd: 127.0.0.1\n")
        DENY.write_text("ALL: ALL\n")
        return self.write("ftp.conf", f"{LOCAL}anonymous_enable=YES\nuser_config_dir={users}\n"
                                      f"vhost_config_dir={hosts}\n")

    def test_layers(self):
        file = self.layers()
        base = self.changed(file)
        self.assertEqual(set(base), {"local_enable", "anonymous_enable", "user_config_dir",
                                     "vhost_config_dir"})
        host = {"write_enable": ("YES", f"{self.here}/hosts/127.0.0.3:1"),
                "ftpd_banner": ("third", f"{self.here}/hosts/127.0.0.3:2")}
        rule = {"hide_ids": ("YES", f"{self.here}/rule.conf:1"),
                "write_enable": ("NO", f"{self.here}/rule.conf:2")}
        user = {"local_umask": ("022", f"{self.here}/users/alice:1")}
        self.assertEqual(self.changed("--from", "127.0.0.1", file), base)
        self.assertEqual(self.changed("--from", "127.0.0.2", file), base | rule)
        self.assertEqual(self.changed("--to", "127.0.0.3", file), base | host)
        self.assertEqual(self.changed("--to=127.0.0.4", file), base)
        self.assertEqual(self.changed("--user", "alice", file), base | user)
        self.assertEqual(self.changed("--user", "bob", file), base)
        self.assertEqual(self.changed("--user", "alice", "--to", "127.0.0.3", "--from", "127.0.0.2",
                                      file), base | host | rule | user)

    def test_anonymous_file_has_one_name(self):
        """Both anonymous logins are ftp_username's."""
        file = self.layers()
        for user in ("ftp", "anonymous", "Anonymous"):
            with self.subTest(user=user):
                self.assertEqual(self.show("--user", user, file)["anon_umask"],
                                 ("022", f"{self.here}/users/ftp:1"))

    def test_addresses_in_any_form(self):
        """As a session would write it: the shortest form, small letters, IPv4 as IPv4."""
        file = self.layers()
        for address in ("fd00::3", "FD00::3", "fd00:0:0:0::0003"):
            with self.subTest(address=address):
                self.assertEqual(self.values("--to", address, file)["ftpd_banner"], "six")
        self.assertEqual(self.values("--to", "::ffff:127.0.0.3", file)["ftpd_banner"], "third")
        self.assertEqual(self.values("--from", "::ffff:127.0.0.2", file)["hide_ids"], "YES")

    def test_refused_client(self):
        file = self.layers()
        said = self.ctl("show", "--from", "127.0.0.9", file, status=2)
        self.assertRegex(said, r"\A# .*127\.0\.0\.9.*421")
        self.assertEqual(said.count("\n"), 1)

    def test_refused_configuration(self):
        file = self.write("ftp.conf", "local_enable=YES\nx=1\n")
        said = self.ctl("show", file, status=2)
        self.assertRegex(said, rf"\A# .*421.*{re.escape(str(file))}:2:1: .*x\n\Z")
        file = self.write("ftp.conf", "write_enable=YES\n")
        self.assertRegex(self.ctl("show", file, status=2), r"\A# .*421.*anonymous_enable")

    def test_comes_back(self):
        """The output, less the origins, is a file that means the same."""
        banner = "Welcome  # to # this  # server"
        pattern = "{" + ",".join(f"*.{number:03}" for number in range(150)) + "}"
        file = self.write("ftp.conf", f"{LOCAL}ftpd_banner={banner}\ndeny_file={pattern}\n"
                          "local_umask=0\nfile_open_mode=0640\nanon_umask=022\nlocal_root=\n"
                          "pam_service_name=\nidle_session_timeout=4294967295\n"
                          "accept_timeout=010\nlocal_max_rate=-1\nuse_localtime=1\n"
                          "cmds_allowed=" + ",".join(["RETR"] * 1000) + "\n")
        for name in ("soloftpd", "vsftpd"):
            with self.subTest(name=name):
                first = self.values("--as", name, file)
                self.assertEqual(first["ftpd_banner"], banner)
                self.assertEqual(first["deny_file"], pattern)
                self.assertEqual(first["cmds_allowed"], ",".join(["RETR"] * 1000))
                self.assertEqual((first["local_umask"], first["file_open_mode"]), ("0", "0640"))
                self.assertEqual((first["accept_timeout"], first["use_localtime"]), ("8", "YES"))
                text = "".join(f"{option}={value}\n" for option, value in first.items())
                again = self.write("again.conf", text)
                self.assertEqual(self.values("--as", name, again), first)
                other = "vsftpd" if name == "soloftpd" else "soloftpd"
                self.assertEqual(self.values("--as", other, again), first)


class Explain(ToolTest):

    def explain(self, *words, status=0):
        """[(verdict, step, text)]: a refusal is the last."""
        steps = [re.fullmatch(r"(ok|note|REFUSED|right) +(.{14,}?) (.*)", line).groups()
                 for line in self.ctl("explain", *words, status=status).splitlines()]
        steps = [(verdict, step.rstrip(), text) for verdict, step, text in steps]
        refused = [place for place, step in enumerate(steps) if step[0] == "REFUSED"]
        self.assertEqual(refused, [len(steps) - 1] if status == 1 else [], steps)
        return steps

    def assert_refused(self, step, pattern, *words):
        steps = self.explain(*words, status=1)
        self.assertEqual(steps[-1][1], step)
        self.assertRegex(steps[-1][2], pattern)

    def setUp(self):
        super().setUp()
        harness.fresh_trees()
        self.here.chmod(0o755)
        self.file = self.write("ftp.conf", f"""\
local_enable=YES
anonymous_enable=YES
write_enable=YES
user_config_dir={self.here}/users
vhost_config_dir={self.here}/hosts
""")

    def more(self, text, usual=True):
        return self.write("more.conf", (self.file.read_text() if usual else "") + text)

    def test_admitted(self):
        rule = self.write("rule.conf", "hide_ids=YES\n")
        self.write("users/alice", "anon_umask=022\n")
        self.write("hosts/127.0.0.3", "chroot_local_user=YES\nallow_writeable_chroot=YES\n")
        ALLOW.write_text(f"soloftpd: 127.0.0.2 : setenv VSFTPD_LOAD_CONF {rule}\n")
        DENY.write_text("ALL: ALL\n")
        steps = self.explain("--from", "127.0.0.2", "--to", "127.0.0.3", "--user", "alice",
                             self.file)
        self.assertEqual([text for _, step, text in steps if step == "configuration"],
                         [str(self.file), f"{self.here}/hosts/127.0.0.3", str(rule),
                          f"{self.here}/users/alice"])
        self.assertIn(("ok", "account", "alice"), steps)
        self.assertIn(("ok", "home", "/srv/home/alice"), steps)
        self.assertIn(("ok", "jail", "/srv/home/alice"), steps)
        self.assertIn(("right", "upload", "yes"), steps)

    def test_anonymous(self):
        for user in ("ftp", "anonymous", "ANONYMOUS"):
            with self.subTest(user=user):
                steps = self.explain("--user", user, self.file)
                self.assertIn(("ok", "account", "ftp"), steps)
                self.assertIn(("ok", "jail", "/srv/ftp"), steps)
                self.assertIn(("right", "download", "yes"), steps)
                self.assertIn(("right", "upload", "no"), steps)

    def test_guest(self):
        steps = self.explain("--user", "vera", self.more(harness.GUEST))
        self.assertIn(("ok", "account", "virtual"), steps)
        self.assertIn(("ok", "jail", "/srv/virtual"), steps)

    def test_wrappers(self):
        DENY.write_text("soloftpd: 127.0.0.9\nvsftpd: ALL\n")
        self.assert_refused("tcp wrappers", "do not admit", "--from", "127.0.0.9", self.file)
        self.explain("--from", "127.0.0.1", self.file)
        self.explain("--from", "127.0.0.9", self.more("tcp_wrappers=NO\n"))
        self.assert_refused("tcp wrappers", "do not admit", "--as", "vsftpd", "--from", "127.0.0.1",
                            self.more("tcp_wrappers=YES\n"))

    def test_configuration(self):
        ALLOW.write_text("soloftpd: 127.0.0.2 : setenv VSFTPD_LOAD_CONF /no/such.conf\n")
        self.assert_refused("configuration", "/no/such.conf", "--from", "127.0.0.2", self.file)
        self.assert_refused("configuration", ":6:1: .*wirte_enable", "--from", "127.0.0.1",
                            self.more("wirte_enable=YES\n"))
        self.assert_refused("configuration", ":6: ptrace_sandbox", "--from", "127.0.0.1",
                            self.more("ptrace_sandbox=YES\n"))
        self.write("users/alice", "local_umask=u=rwx\n")
        self.assert_refused("configuration", "users/alice:1:13: .*local_umask", "--user", "alice",
                            self.file)

    def test_user_list(self):
        names = self.write("list", "bob\n")
        lists = f"userlist_enable=YES\nuserlist_file={names}\n"
        self.assert_refused("user list", "is in", "--user", "bob", self.more(lists))
        self.explain("--user", "alice", self.more(lists))
        self.assert_refused("user list", "not in", "--user", "alice",
                            self.more(lists + "userlist_deny=NO\n"))
        self.explain("--user", "bob", self.more(lists + "userlist_deny=NO\n"))
        names.unlink()
        self.assert_refused("user list", "can't be read", "--user", "alice", self.more(lists))

    def test_users(self):
        self.assert_refused("account", "nosuchuser", "--user", "nosuchuser", self.file)
        self.assert_refused("account", "root", "--user", "root", self.file)
        self.assert_refused("user", "local_enable", "--user", "alice",
                            self.more("anonymous_enable=YES\n", usual=False))
        self.assert_refused("account", "ftp_username.*nosuchuser", "--user", "ftp",
                            self.more("ftp_username=nosuchuser\n"))

    def test_names_that_no_account_can_have(self):
        """PAM is never asked about them."""
        guests = self.more(harness.GUEST)
        for user in ("", "-x", "two words", "x" * 500, "Größe"):
            with self.subTest(user=user):
                self.explain("--user", user, guests, status=1)

    def test_what_pam_would_say(self):
        """Only PAM knows whether it is asked: it is told, and refuses nothing here."""
        steps = self.explain("--user", "virtual", self.file)
        told = [text for verdict, step, text in steps if verdict == "note"]
        self.assertTrue(any("pam_shells" in text for text in told), steps)
        self.assertTrue(any("pam_unix" in text for text in told), steps)
        steps = self.explain("--user", "alice", self.file)
        self.assertNotRegex(str(steps), "pam_shells|pam_unix")

    def test_expired_account(self):
        shadow = pathlib.Path("/etc/shadow")
        before = shadow.read_text()
        self.addCleanup(shadow.write_text, before)
        shadow.write_text(re.sub(r"(?m)^(alice(?::[^:]*){6}):[^:]*:", r"\1:1:", before))
        self.assertIn(("note", "shadow", "the account has expired: pam_unix refuses it"),
                      self.explain("--user", "alice", self.file))

    def test_pam_service(self):
        steps = self.explain("--user", "alice", self.file)
        self.assertIn(("ok", "pam service", "/etc/pam.d/ftp"), steps)
        steps = self.explain("--user", "alice", self.more("pam_service_name=nosuchservice\n"))
        self.assertIn(("note", "pam service", 'no file of its own: PAM\'s service "other" decides'), steps)

    def test_passwords_of_anonymous_users(self):
        listed = self.write("passwords", "me@example.org\n")
        steps = self.explain("--user", "ftp", self.more(f"secure_email_list_enable=YES\nemail_password_file={listed}\n"))
        self.assertIn(("note", "password", "must be in email_password_file"), steps)
        steps = self.explain("--user", "ftp", self.more(f"deny_email_enable=YES\nbanned_email_file={listed}\n"))
        self.assertIn(("note", "password", "must not be in banned_email_file"), steps)
        self.assert_refused("password", "No such file", "--user", "ftp",
                            self.more("deny_email_enable=YES\nbanned_email_file=/no/such\n"))

    def test_root_outside_a_jail(self):
        steps = self.explain("--user", "alice", self.more("local_root=/srv/home\n"))
        self.assertIn(("ok", "root", "/srv/home"), steps)

    def test_nowhere_to_write(self):
        """Homes among the system's own directories."""
        place = harness.give_directory(self.here / "place")
        self.write("users/alice", f"local_root={place}\n")
        steps = self.explain("--user", "alice", self.file)
        self.assertTrue(any(verdict == "note" and step == "walls" and "login_writable" in text
                            for verdict, step, text in steps), steps)

    def test_defaults_alone(self):
        steps = self.explain("--from", "127.0.0.1", status=1)
        self.assertIn(("note", "configuration", "no file: built-in defaults alone"), steps)

    def test_directories(self):
        self.assert_refused("jail", "writable", "--user", "alice",
                            self.more("chroot_local_user=YES\nseccomp_sandbox=NO\n"))
        jail = "chroot_local_user=YES\nallow_writeable_chroot=YES\nlocal_root={}\n"
        self.assert_refused("root", "/no/such", "--user", "alice", self.more(jail.format("/no/such")))
        closed = self.here / "closed"
        closed.mkdir(mode=0o700)
        self.assert_refused("root", "Permission denied", "--user", "alice",
                            self.more(jail.format(closed)))
        self.assert_refused("root", "/no/such", "--user", "ftp", self.more("anon_root=/no/such\n"))
        harness.BOB.rename("/srv/home/away")
        self.addCleanup(os.rename, "/srv/home/away", harness.BOB)
        self.assert_refused("home", "No such file", "--user", "bob", self.file)

    def test_missing_local_root_outside_a_jail(self):
        """The session stays at home, so that is no refusal."""
        steps = self.explain("--user", "alice", self.more("local_root=/no/such\n"))
        self.assertTrue(any("/no/such" in text for _, _, text in steps), steps)

    def test_greeting(self):
        """A session ends before the login when its banner or pasv_address is wrong."""
        self.assert_refused("configuration", "banner_file", "--from", "127.0.0.1",
                            self.more("banner_file=/no/such\n"))
        self.assert_refused("configuration", "pasv_address", "--from", "127.0.0.1",
                            self.more("pasv_address=nonsense\n"))
        self.assert_refused("configuration", "pasv_address", "--from", "127.0.0.1",
                            self.more("pasv_address=::1\n"))

    def test_as_plain_user(self):
        """Without root less can be told, and nothing breaks."""
        self.file.chmod(0o644)
        os.chown(self.file, 0, 0)
        program = self.here / "soloftpctl"
        shutil.copy(SOLOFTPCTL, program)
        done = subprocess.run([program, "explain", "--user", "alice", self.file], check=False,
                              stdout=subprocess.PIPE, timeout=20, user=1802, group=1802,
                              extra_groups=[], cwd="/")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"run as root", done.stdout)
        done = subprocess.run([program, "explain", "--user", "alice",
                               self.more("ssl_enable=YES\n")], check=False,
                              stdout=subprocess.PIPE, timeout=20, user=1802, group=1802,
                              extra_groups=[], cwd="/")
        self.assertIn(b"not tried: run as root to have the keys read", done.stdout)


class AsForetold(harness.FtpTest):
    """What explain says of an address is what the address gets."""

    def setUp(self):
        super().setUp()
        for path in (ALLOW, DENY):
            self.addCleanup(path.unlink, missing_ok=True)

    def assert_as_foretold(self, rules, source, admitted, to="127.0.0.1", deny="ALL: ALL\n"):
        ALLOW.write_text(rules)
        DENY.write_text(deny)
        server = self.serve(address="0.0.0.0") if to != "127.0.0.1" else self.server
        session = self.connect(server, source, address=to)
        session.expect_reply("220 soloftpd ready." if admitted else harness.REFUSED)
        done = subprocess.run(
            [SOLOFTPCTL, "explain", "--from", source, "--to", to, self.server.config],
            stdout=subprocess.PIPE, check=False, timeout=20)
        self.assertEqual(done.returncode, 0 if admitted else 1, done.stdout.decode())

    def test_addresses(self):
        for rules, source, admitted in (
                ("soloftpd: 127.0.0.2\n", "127.0.0.2", True),
                ("soloftpd: 127.0.0.2\n", "127.0.0.3", False),
                ("soloftpd: 127.0.0. EXCEPT 127.0.0.3\n", "127.0.0.3", False),
                ("soloftpd: 127.0.4.0/255.255.255.0\n", "127.0.4.9", True),
                ("soloftpd: ALL : deny\n", "127.0.0.1", False),
                ("vsftpd: ALL\n", "127.0.0.1", False),
                ("soloftpd: ALL : no_such_option\n", "127.0.0.1", False)):
            with self.subTest(rules=rules, source=source):
                self.assert_as_foretold(rules, source, admitted)

    def test_names(self):
        for rules, source, admitted in (
                ("soloftpd: localhost\n", "127.0.0.1", True),
                ("soloftpd: .example.org\n", "127.0.0.1", False),
                ("soloftpd: LOCAL\n", "127.0.0.1", True),
                ("soloftpd: KNOWN\n", "127.0.0.1", True),
                ("soloftpd: KNOWN\n", "127.0.0.9", False),
                ("soloftpd: UNKNOWN\n", "127.0.0.9", True)):
            with self.subTest(rules=rules, source=source):
                self.assert_as_foretold(rules, source, admitted)

    def test_server_addresses(self):
        self.assert_as_foretold("soloftpd@127.0.0.3: ALL\n", "127.0.0.1", True, to="127.0.0.3")
        self.assert_as_foretold("soloftpd@127.0.0.3: ALL\n", "127.0.0.1", False, to="127.0.0.4")

    def test_twist(self):
        with self.subTest("allow"):
            self.assert_as_foretold("soloftpd: ALL : twist /bin/echo 421 no\n", "127.0.0.1", False)
        self.assert_as_foretold("", "127.0.0.1", False, deny="ALL: ALL : twist /bin/echo 421 no\n")

    def test_spawn(self):
        """A question runs nothing."""
        mark = self.here / "ran"
        ALLOW.write_text(f"soloftpd: ALL : spawn /bin/touch {mark}\n")
        subprocess.run([SOLOFTPCTL, "explain", "--from", "127.0.0.1", self.server.config],
                       check=True, stdout=subprocess.DEVNULL, timeout=20)
        self.assertFalse(mark.exists())


class LoginsAsForetold(harness.FtpTest):
    """What explain says of a user is what becomes of the user's login, with the right password."""

    def setUp(self):
        pass

    def assert_as_foretold(self, options, outcomes):
        """outcomes: user -> the first digits of the reply that ends the login."""
        super().setUp()
        server = self.serve(options)
        for user, outcome in outcomes.items():
            with self.subTest(options=options, user=user):
                done = subprocess.run(
                    [SOLOFTPCTL, "explain", "--from", "127.0.0.1", "--user", user, server.config],
                    stdout=subprocess.PIPE, check=False, timeout=20)
                self.assertEqual(done.returncode, 0 if outcome == "230" else 1,
                                 done.stdout.decode())
                session = self.connect(server)
                session.expect_reply(re.compile("220 .*"))
                session.say(f"USER {user}")
                reply = session.reply()
                if reply.startswith("331"):
                    session.say(f"PASS {harness.PASSWORD.get(user, 'x')}")
                    reply = session.reply()
                self.assertEqual(reply[:3], outcome, reply)

    def test_usual(self):
        self.assert_as_foretold("delay_failed_login=0\n", {
            "alice": "230", "ftp": "230", "anonymous": "230", "nosuchuser": "530", "root": "530"})

    def test_jail(self):
        self.assert_as_foretold("chroot_local_user=YES\n", {"alice": "230", "ftp": "230"})
        self.assert_as_foretold("chroot_local_user=YES\nseccomp_sandbox=NO\n",
                                {"alice": "421", "ftp": "230"})
        self.assert_as_foretold("chroot_local_user=YES\nallow_writeable_chroot=YES\n",
                                {"alice": "230", "ftp": "230"})
        self.assert_as_foretold("local_root=/no/such\nanon_root=/no/such\n",
                                {"alice": "230", "ftp": "421"})
        self.assert_as_foretold("chroot_list_enable=YES\nchroot_list_file=/no/such\n",
                                {"alice": "421", "ftp": "230"})
        self.assert_as_foretold("passwd_chroot_enable=YES\nchroot_local_user=YES\n"
                                "allow_writeable_chroot=YES\n", {"alice": "230"})

    def test_passwd_chroot(self):
        """The jail of "/jail/./home" is there, the home in it is not."""
        passwd = pathlib.Path("/etc/passwd")
        self.addCleanup(passwd.write_text, passwd.read_text())
        text = passwd.read_text()
        options = "passwd_chroot_enable=YES\nchroot_local_user=YES\n"
        for home, outcome in (("/srv/home/./alice", "230"), ("/srv/./home/alice", "230"), ("/./srv/home/alice", "230")):
            passwd.write_text(text.replace(":/srv/home/alice:", f":{home}:"))
            self.assert_as_foretold(options, {"alice": outcome})
        # The last has nothing before the mark: the jail is what is behind it, and not "/".
        harness.put(harness.ALICE / "f")
        session = self.login(server=self.serve(options))
        session.expect("PWD", '257 "/" is the current directory')
        self.assertEqual(session.list("NLST"), "f\r\n")
        session.quit()

    def test_accounts(self):
        self.assert_as_foretold("guest_enable=YES\nguest_username=nosuchuser\ndelay_failed_login=0\n",
                                {"alice": "530", "ftp": "230"})
        self.assert_as_foretold("ftp_username=nosuchuser\n", {"alice": "230", "ftp": "421"})
        self.assert_as_foretold("ftp_username=root\ndelay_failed_login=0\n", {"ftp": "530"})
        self.assert_as_foretold(harness.GUEST, {"vera": "230"})

    def test_lists(self):
        self.assert_as_foretold("userlist_enable=YES\nuserlist_file=/no/such\n",
                                {"alice": "421", "ftp": "421"})
        self.assert_as_foretold("deny_email_enable=YES\nbanned_email_file=/no/such\n",
                                {"alice": "230", "ftp": "421"})
        self.assert_as_foretold("secure_email_list_enable=YES\nemail_password_file=/no/such\n",
                                {"alice": "230", "ftp": "421"})
        self.assert_as_foretold("local_enable=NO\n", {"alice": "530", "ftp": "230"})


class SuperServers(harness.FtpTest):
    """The printed entries, under the super-servers that they are for. Only the place of the server is
    another here."""

    def setUp(self):
        pass

    def entry(self, server, kind, options):
        server.config.write_text(server.config.read_text() + options.format(port=server.port))
        done = subprocess.run([SOLOFTPCTL, "superserver", kind, server.config], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        text = done.stdout.decode()
        self.assertIn("/usr/local/sbin/soloftpd", text)
        self.told_entry = text
        return text.replace("/usr/local/sbin/soloftpd", server.program)

    def serve_with(self, kind, options, port=None):
        super().setUp()

        def xinetd(server):
            server.port = port or server.port
            server.write("xinetd.conf", self.entry(server, kind, options))
            return harness.xinetd_command(server.directory)

        def inetd(server):
            server.write("inetd.conf", self.entry(server, kind, options))
            return [os.environ["OPENBSD_INETD"], "-i", f"{server.directory}/inetd.conf"]

        def tcpserver(server):
            lines = self.entry(server, kind, options).splitlines()
            return [line for line in lines if not line.startswith("#")][0].split()

        def systemd(server):
            text = self.entry(server, kind, options)
            words = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
            listen = words["ListenStream"]
            return ["systemd-socket-activate", "--accept", "--inetd", f"--listen={listen}",
                    *words["ExecStart"].removeprefix("-").split()]

        starters = {"xinetd": xinetd, "inetd": inetd, "tcpserver": tcpserver, "systemd": systemd}
        server = self.serve(starter=starters[kind])
        if kind == "xinetd":
            complaints = re.findall(r"(?m)^.*(?:ERROR|WARNING|CRITICAL|DISABLING).*$", server.told())
            self.assertEqual(complaints, [], "xinetd does not like the entry")
        return server

    def short_session(self, server, address=None):
        session = self.login(server=server, address=address)
        session.expect("PWD", '257 "/srv/home/alice" is the current directory')
        session.quit()

    def test_xinetd(self):
        server = self.serve_with("xinetd", "listen_port={port}\n")
        self.short_session(server)
        self.short_session(server, address="127.0.0.4")

    def test_xinetd_port_21(self):
        server = self.serve_with("xinetd", "", port=21)
        self.assertNotIn("port ", self.told_entry)
        self.short_session(server)

    def test_xinetd_address(self):
        server = self.serve_with("xinetd", "listen_port={port}\nlisten_address=127.0.0.4\n")
        self.short_session(server, address="127.0.0.4")
        with self.assertRaises(ConnectionRefusedError):
            self.connect(server, address="127.0.0.1")

    def test_xinetd_ipv6(self):
        """As with vsftpd, one service for both."""
        server = self.serve_with("xinetd", "listen_port={port}\nlisten=NO\nlisten_ipv6=YES\n")
        self.short_session(server, address="::1")
        self.short_session(server, address="127.0.0.1")

    def test_xinetd_ipv6_address(self):
        server = self.serve_with(
            "xinetd", "listen_port={port}\nlisten_ipv6=YES\nlisten_address6=::1\n")
        self.short_session(server, address="::1")

    def test_xinetd_limits(self):
        server = self.serve_with("xinetd", "listen_port={port}\nmax_clients=3\nmax_per_ip=1\n")
        first = self.login(server=server)
        self.connect(server).expect_end()
        for source in ("127.0.0.2", "127.0.0.3"):
            self.connect(server, source).expect_reply("220 soloftpd ready.")
        self.connect(server, "127.0.0.4").expect_end()
        first.quit()

    def test_xinetd_no_limits(self):
        server = self.serve_with("xinetd", "listen_port={port}\nmax_clients=0\nmax_per_ip=0\n")
        self.short_session(server)

    def test_inetd(self):
        self.short_session(self.serve_with("inetd", "listen_port={port}\n"))
        self.assertRegex(self.told_entry, r"(?m)^#.*max_clients.*max_per_ip")
        server = self.serve_with("inetd", "listen_port={port}\nlisten_address=127.0.0.4\n")
        self.short_session(server, address="127.0.0.4")

    def test_inetd_ipv6(self):
        server = self.serve_with("inetd",
                                 "listen_port={port}\nlisten_ipv6=YES\nlisten_address6=::1\n")
        self.short_session(server, address="::1")

    def test_systemd(self):
        self.short_session(self.serve_with("systemd", "listen_port={port}\n"))
        server = self.serve_with("systemd", "listen_port={port}\nlisten_address=127.0.0.4\n")
        self.short_session(server, address="127.0.0.4")
        server = self.serve_with(
            "systemd", "listen_port={port}\nlisten_ipv6=YES\nlisten_address6=::1\n")
        self.short_session(server, address="::1")

    def test_systemd_ipv6(self):
        server = self.serve_with("systemd", "listen_port={port}\nlisten_ipv6=YES\n")
        self.short_session(server, address="::1")
        self.short_session(server, address="127.0.0.1")

    def test_tcpserver(self):
        self.short_session(self.serve_with("tcpserver", "listen_port={port}\n"))
        self.assertRegex(self.told_entry, r"(?m)^#.*max_per_ip")
        server = self.serve_with("tcpserver", "listen_port={port}\nlisten_address=127.0.0.4\n")
        self.short_session(server, address="127.0.0.4")


class SuperServerEntries(ToolTest):

    def test_bad_address(self):
        """Left out: xinetd takes what it can't resolve for all addresses, or gives up."""
        file = self.write("ftp.conf", LOCAL + "listen_address=nonsense\n")
        for kind in ("xinetd", "inetd", "systemd", "tcpserver"):
            with self.subTest(kind=kind):
                lines = self.ctl("superserver", kind, file).splitlines()
                self.assertEqual(sum("nonsense" in line for line in lines), 1)
                self.assertRegex([line for line in lines if "nonsense" in line][0], "^#")

    def test_no_ipv6(self):
        """tcpserver has none."""
        file = self.write("ftp.conf", LOCAL + "listen_ipv6=YES\n")
        self.assertRegex(self.ctl("superserver", "tcpserver", file), r"(?m)^#.*(listen_ipv6|IPv6)")

    def test_file_by_a_relative_name(self):
        """A super-server starts its services somewhere else."""
        file = self.write("ftp.conf", LOCAL)
        self.assertIn(str(file), self.ctl("superserver", "xinetd", "ftp.conf"))

    def test_name(self):
        """The name decides the defaults, so the entry must keep it."""
        DEFAULT_AS_VSFTPD.write_text(LOCAL)
        said = self.ctl("superserver", "xinetd", "--as", "vsftpd")
        self.assertRegex(said, r"(?m)^\tserver += \S+/vsftpd$")
        self.assertRegex(said, r"(?m)^\tserver_args += /etc/vsftpd\.conf$")
        said = self.ctl("superserver", "inetd", "--as", "vsftpd")
        self.assertRegex(said, r"(?m) \S+/vsftpd vsftpd /etc/vsftpd\.conf$")

    def test_bad_configuration(self):
        """Nothing on standard output, which may well be a file in /etc/xinetd.d."""
        file = self.write("ftp.conf", "x=1\n")
        done = subprocess.run([SOLOFTPCTL, "superserver", "xinetd", file], check=False, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(f"{file}:1:1: ".encode(), done.stderr)


class CommandLine(ToolTest):

    def assert_misuse(self, *words):
        with self.subTest(words=words):
            done = subprocess.run([SOLOFTPCTL, *words], check=False, timeout=20,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertRegex(done.stderr, rb"\Asoloftpctl: [^\n]+\nusage: soloftpctl ")

    def test_help(self):
        said = self.ctl("--help")
        for command in ("check", "show", "explain", "superserver"):
            self.assertRegex(said, rf"(?m)^(usage:|      ) soloftpctl {command} ")
        self.assertLessEqual(max(map(len, said.splitlines())), 100)
        self.assertEqual(self.ctl("check", "--help"), said)

    def test_misuse(self):
        for words in ((), ("nonsense",), ("check", "--nonsense"), ("check", "-x"),
                      ("check", "a", "b"), ("check", "--as"), ("show", "--from"),
                      ("show", "--user"), ("check", "--format=xml"), ("check", "--format"),
                      ("superserver",), ("superserver", "launchd", "/dev/null"),
                      ("superserver", "xinetd", "a", "b"), ("show", *map(str, range(65)))):
            self.assert_misuse(*words)

    def test_options_of_other_commands(self):
        for words in (("check", "--from", "127.0.0.1"), ("show", "--format=json"),
                      ("superserver", "xinetd", "--user", "alice")):
            self.assert_misuse(*words)

    def test_addresses(self):
        """Host names and slips are not taken for addresses."""
        for option in ("--from", "--to"):
            for word in ("", "nonsense", "127.0.0", "127.0.0.256", "::1::", "../passwd", "127.0.0.1 "):
                self.assert_misuse("explain", option, word)

    def test_output_that_fails(self):
        """A full disk must not pass for "no problems"."""
        file = self.write("ftp.conf", LOCAL)
        for words in (("check", file), ("show", file), ("superserver", "xinetd", file)):
            with self.subTest(words=words), open("/dev/full", "wb") as full:
                done = subprocess.run([SOLOFTPCTL, *words], check=False, stdout=full, timeout=20,
                                      stderr=subprocess.DEVNULL)
                self.assertNotEqual(done.returncode, 0)

    def test_changes_nothing(self):
        """No file is made, no process is left."""
        def files():
            return {path: path.lstat().st_mtime_ns for path in sorted(self.here.rglob("*"))}
        file = self.write("ftp.conf", LOCAL + f"xferlog_enable=YES\nvsftpd_log_file={self.here}/l\n")
        before = files()
        for words in (("check",), ("show",), ("explain", "--from", "127.0.0.1", "--user", "alice"),
                      ("superserver", "xinetd")):
            self.ctl(*words, file)
        self.assertEqual(files(), before)
