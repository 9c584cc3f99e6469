"""Files that libraries trust, planted in a jail whose user can write to it: no library looks at them."""

import os
import pathlib
import re
import shutil

import harness
import secure
from harness import ALICE, SOLOFTPD
from test_walls import xinetd

ZONES = pathlib.Path("/usr/share/zoneinfo")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
PLANTED = ("etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/localtime", "etc/ld.so.cache", "etc/ld.so.preload",
           "etc/hosts", "etc/resolv.conf", "etc/host.conf", "etc/gai.conf", "etc/services", "etc/ssl/openssl.cnf",
           "usr/lib/ssl/openssl.cnf", "etc/pam.d/ftp", "etc/security/limits.conf", "etc/login.defs",
           "usr/share/zoneinfo/Europe/Berlin", "usr/share/zoneinfo/UTC", "usr/share/locale/locale.alias",
           "usr/lib/locale/locale-archive", f"{LIBRARIES}/gconv/gconv-modules",
           f"{LIBRARIES}/gconv/gconv-modules.cache", f"{LIBRARIES}/gconv/UHC.so", f"{LIBRARIES}/libc.so.6",
           f"{LIBRARIES}/libnss_files.so.2", f"{LIBRARIES}/libnss_planted.so.2", f"{LIBRARIES}/libgcc_s.so.1",
           "lib/libc.so.6", "lib/libnss_files.so.2", "lib/libnss_planted.so.2", "lib64/ld-linux-x86-64.so.2",
           f"{LIBRARIES}/ossl-modules/legacy.so", f"{LIBRARIES}/security/pam_unix.so", "dev/log", "dev/null",
           "dev/urandom", "proc/self/loginuid", "run/systemd/journal/socket", "var/run/nscd/socket",
           "var/log/wtmp", "run/utmp", "proc/sys/kernel/ngroups_max")
OPTIONS = """\
chroot_local_user=YES
use_localtime=YES
text_userdb_names=YES
tilde_user_enable=YES
dirmessage_enable=YES
syslog_enable=YES
log_ftp_protocol=YES
client_charset=CP949
utmp_enable=YES
"""


class Planted(secure.FtpsTest):

    def setUp(self):
        super().setUp()
        for name in PLANTED:
            harness.put(ALICE / name, b"planted:x:1801:1801::/:/bin/sh\n")
        shutil.copy(ZONES / "Asia/Tokyo", ALICE / "etc/localtime")
        harness.put(ALICE / "etc/nsswitch.conf", b"passwd: planted files\ngroup: planted files\nhosts: planted\n")
        harness.put(ALICE / "old", b"content")
        os.utime(ALICE / "old", (1700000000, 1700000000))
        os.symlink(ZONES / "Europe/Berlin", "/etc/localtime")
        self.addCleanup(os.unlink, "/etc/localtime")
        # Modules that look at the system again when a session ends.
        service = pathlib.Path("/etc/pam.d/ftp")
        self.addCleanup(service.write_text, service.read_text())
        service.write_text(service.read_text().replace("pam_permit.so", "pam_unix.so\nsession optional pam_loginuid.so\n"
                                                       "session optional pam_limits.so"))

    def traced(self, options):
        script = pathlib.Path("/run/planted")
        self.trace = pathlib.Path("/run/planted.out")
        script.write_text(f"#!/bin/sh\nexec strace -qqq -f -s 4096 -o {self.trace} "
                          f"-e trace=%file,connect,sendto,sendmsg,mmap {SOLOFTPD} \"$@\"\n")
        script.chmod(0o755)
        return self.serve_tls(options, starter=xinetd, program=str(script))

    def use(self, session):
        """Whatever could make a library ask for a file."""
        session.expect("MDTM old", "213 20231114231320")  # in Berlin
        listing = session.list()
        self.assertRegex(listing, r"alice +alice +7 Nov 14 +2023 old\r\n")
        for command in ("HELP", "STAT", "STAT old", "FEAT", "SYST", "LANG", "MLST old", "SIZE old", "MDTM old", "HASH old",
                        "XCRC old", "SITE HELP", "SITE CHMOD 600 old", "SITE UMASK", "SITE IDLE",
                        "MFMT 20240101000000 old", "MKD new", "CWD new", "CDUP", "RMD new", "CWD ~bob", "PWD",
                        "OPTS UTF8 ON", "MKD Gr\u00fc\u00dfe", "RMD Gr\u00fc\u00dfe", "OPTS UTF8 OFF", "MKD \u00e9",
                        "CWD no-such", "NOOP", "AVBL", "ALLO 5", "REST 0"):
            session.expect(command, re.compile(r"[2-5]\d\d[ -].*", re.S))
        session.expect("MDTM old", re.compile("213 20240101.*"))
        session.list("MLSD")
        session.list("NLST")
        session.list("LIST -la")
        session.store("STOR up", b"content")
        session.store("APPE up", b"content")
        self.assertEqual(session.retrieve("RETR up"), b"content" * 2)
        session.expect("TYPE A", re.compile("200 .*"))
        session.retrieve("RETR up")
        session.expect("RNFR up", re.compile("350 .*"))
        session.expect("RNTO down", re.compile("250 .*"))
        session.expect("DELE down", re.compile("250 .*"))

    def after_the_jail(self, server):
        """The calls with paths that the session made after its chroot(2), and what it mapped as code."""
        harness.wait_until(lambda: not server.sessions(), 5)
        lines = self.trace.read_text(errors="surrogateescape").splitlines()
        start = next(at for at, line in enumerate(lines) if re.search(r'\bchroot\("\."\) += 0', line))
        return [line.partition(" ")[2].strip() for line in lines[start + 1:]]

    def names_used(self, server):
        """Every path that the session's process named to the kernel; nothing became code meanwhile."""
        used = set()
        for line in self.after_the_jail(server):
            self.assertNotIn("PROT_EXEC", line)
            call = line.partition("(")[0]
            if call not in ("mmap", "sendto", "sendmsg"):
                used |= {f"{call} {name}" for name in re.findall(r'"((?:[^"\\]|\\.)*)"', line)}
        self.assertIn("openat old", used)
        return used

    def planted_among(self, used):
        """What is in the planted directories; a listing looks at these themselves."""
        tops = "|".join(sorted({name.partition("/")[0] for name in PLANTED}))
        return {name for name in used if re.search(rf" /*({tops})/", name) or name.startswith("connect")}

    def test_local(self):
        server = self.traced(OPTIONS)
        session = self.login(server=server)
        self.use(session)
        session.quit()
        self.assertEqual(self.planted_among(self.names_used(server)), set())

    def test_pam_in_the_jail(self):
        """Its modules end the session there: they may read, but nothing that they find becomes code."""
        server = self.traced(OPTIONS + "session_support=YES\n")
        session = self.login(server=server)
        self.use(session)
        session.quit()
        self.assertEqual(self.planted_among(self.names_used(server)), {"openat /etc/login.defs"})
        self.syslog("session closed for user alice")
