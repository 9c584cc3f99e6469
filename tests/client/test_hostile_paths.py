"""Hostile paths: PT of docs/hostile-input.md, as far as a talk can't say them, and SB6."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import control
import harness
import hostile
from harness import ALICE

JAIL = "chroot_local_user=YES\nallow_writeable_chroot=YES\nascii_download_enable=NO\n"
SECRET = pathlib.Path("/srv/secret")
CONTENT = b"nobody may see this"
EXCHANGE = 2  # RENAME_EXCHANGE
TOP = -100  # AT_FDCWD

LOOKING = ("SIZE {}", "MDTM {}", "MLST {}", "HASH {}", "XCRC {}", "XMD5 {}", "RNFR {}", "CWD {}", "AVBL {}",
           "MLSD {}", "LIST {}", "NLST {}", "STAT {}", "RETR {}")
CHANGING = ("STOR {}", "APPE {}", "STOU {}", "DELE {}", "RMD {}", "MKD {}", "SITE CHMOD 777 {}",
            "MFMT 20240101000000 {}", "MFF UNIX.mode=777; {}", "SITE UTIME 20240101000000 {}", "RNTO {}")
OVER_DATA = ("MLSD", "LIST", "NLST", "RETR", "STOR", "APPE", "STOU")


class PathTest(hostile.HostileTest):

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clear)
        harness.put(SECRET / "f", CONTENT, mode=0o666)
        harness.give_directory(SECRET / "d", mode=0o777)
        SECRET.chmod(0o777)

    def clear(self):
        """By rm, which goes down as deep as anything."""
        subprocess.run(["rm", "-rf", SECRET, *ALICE.iterdir()], check=True)

    def state(self):
        """Everything about what must not be touched."""
        found = {}
        for path in (SECRET, *SECRET.rglob("*")):
            state = path.lstat()
            found[str(path)] = (state.st_mode, state.st_uid, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        return found, (SECRET / "f").read_bytes()

    def run_command(self, session, command):
        """One command, and its transfer if it has one: its last reply and what it sent."""
        verb = command.split()[0]
        got = b""
        if verb == "RNTO":
            session.expect("RNFR own", re.compile("350 .*"))
        if verb in OVER_DATA:
            with session.passive() as data:
                session.say(command)
                answer = session.reply()
                if answer.startswith("150"):
                    if verb in ("STOR", "APPE", "STOU"):
                        data.sendall(b"x")
                        data.shutdown(socket.SHUT_WR)
                    else:
                        got = control.read_all(data)
                    answer = session.reply()
                else:
                    session.expect("ABOR", "225 No transfer to ABOR.")
        else:
            session.say(command)
            answer = session.reply()
        if verb == "CWD" and answer[0] == "2":
            session.expect("CWD ~", re.compile("250 .*"))
        return answer, got


class Outside(PathTest):
    """PT1 to PT8: every verb, and every way out that is not one."""

    LINKS = {"abs": "/srv/secret", "rel": "../../secret", "far": "../" * 20 + "srv/secret", "file": "/srv/secret/f",
             "relfile": "../../secret/f", "loop": "loop", "one": "two", "two": "one", "root": "/proc/self/root",
             "fd0": "/proc/self/fd/0", "fd": "/proc/self/fd", "here": "/proc/self/cwd", "thread": "/proc/thread-self/root",
             "new": "/srv/secret/new", "chain": "abs"}
    NAMES = ("../../../../srv/secret/f", "/../srv/secret/f", "//srv/secret/f", "/srv/secret/f", "/srv/secret", "/srv",
             "....//....//srv/secret/f", "..%2f..%2fsrv/secret/f", "..\\..\\srv\\secret\\f", "%2e%2e/%2e%2e/srv/secret/f",
             "..;/..;/srv/secret/f", "..\udcc0\udcaf..\udcc0\udcafsrv/secret/f", "abs", "abs/", "abs/f", "abs/d/../f",
             "abs/new", "rel", "rel/f", "rel/new", "far/f", "file", "relfile", "loop", "loop/f", "one", "root/srv/secret/f",
             "fd0", "fd/0", "fd/3", "here/../../secret/f", "here/srv/secret/f", "thread/srv/secret/f", "new", "chain/f",
             "./abs/./f", "sub/../abs/f", "/proc/1/root/srv/secret/f", "~/../../secret/f")

    def make_links(self):
        for name, target in self.LINKS.items():
            os.symlink(target, ALICE / name)
        harness.put(ALICE / "own", b"own")
        harness.give_directory(ALICE / "sub")

    def meet(self, options, told):
        """All verbs with all names; told is what the answer to one that looks must be."""
        self.make_links()
        before = self.state()
        watch = hostile.Watch(SECRET, SECRET / "d", SECRET / "f")
        self.addCleanup(watch.close)
        # dirmessage and the like are off; what remains is what the client asks for.
        server = self.serve(options + "anonymous_enable=NO\n")
        session = self.open(server=server)
        for name in self.NAMES:
            for form in LOOKING + CHANGING:
                command = form.format(name)
                answer, got = self.run_command(session, command)
                self.assertNotIn(CONTENT, got, command)
                if form in LOOKING:
                    self.assertRegex(answer, told(form, name), command)
                if form.startswith(("RNTO", "DELE", "RMD")) and answer[0] == "2":
                    self.restore()
        self.assertEqual({event for event in watch.seen() if event[1]}, set(), "somebody was there")
        self.assertEqual(self.state(), before)
        session.quit()

    def restore(self):
        """What the client did to its own tree, within its rights."""
        for entry in ALICE.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.make_links()

    def test_pt1_to_pt8_in_a_jail(self):
        links = {*self.LINKS, "abs/"}

        def told(form, name):
            if form in ("RNFR {}", "LIST {}", "NLST {}", "STAT {}", "MLST {}") and name in links:
                return r"\A(350|226|213|250|450|550)"  # the link itself
            if form == "STAT {}":
                return r"\A(213|450|550)"
            return r"\A[45]"
        self.meet(JAIL, told)

    def test_pt16_denied_without_a_jail(self):
        """deny_file keeps a directory closed that everybody could enter and write to."""
        links = set(self.LINKS)

        def told(form, name):
            if name in links and form in ("RNFR {}", "LIST {}", "NLST {}", "STAT {}", "MLST {}"):
                return r"\A(350|226|213|250|550)"
            return r"\A([45]|213|226|250|350)" if name in ("/srv", "fd/3", "fd0", "fd/0", "here") else r"\A[45]"
        self.meet("deny_file={secret,*.key}\n", told)


class Swapped(PathTest):
    """PT9: a directory is a link to elsewhere at the next moment, and back again at the one after."""

    SECONDS = 2

    def swap(self):
        """A process that exchanges both, as fast as it can."""
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            exchange = ctypes.CDLL(None).renameat2
            while True:
                exchange(TOP, b"/srv/home/alice/d", TOP, b"/srv/home/alice/link", EXCHANGE)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)

    def meet(self, options, target):
        harness.give_directory(ALICE / "d")
        harness.put(ALICE / "d/f", b"own")
        harness.put(ALICE / "own", b"own")
        os.symlink(target, ALICE / "link")
        before = self.state()
        session = self.open(server=self.serve(options + "anonymous_enable=NO\n"))
        self.swap()
        end = time.monotonic() + float(os.environ.get("HOSTILE_SECONDS", self.SECONDS))
        rounds, kinds = 0, {}
        while time.monotonic() < end:
            for command in ("RETR d/f", "STOR d/new", "APPE d/f", "DELE d/new", "MKD d/made", "RMD d/made", "RNTO d/own",
                            "LIST d", "NLST d", "MLSD d", "MLST d/f", "STAT d/", "SITE CHMOD 600 d/f",
                            "MFMT 20240101000000 d/f", "HASH d/f", "SIZE d/f", "CWD d", "STOU d/up", "STOR d/f"):
                answer, got = self.run_command(session, command)
                self.assertNotIn(CONTENT, got, command)
                self.assertNotIn(b"only-there", got, command)
                self.assertNotIn("only-there", answer, command)
                kinds.setdefault(command, set()).add(answer[0])
                if command == "SIZE d/f":
                    self.assertNotEqual(answer, f"213 {len(CONTENT)}")
                if command == "RNTO d/own" and answer[0] == "2":
                    harness.put(ALICE / "own", b"own")
            rounds += 1
        self.assertEqual(self.state(), before)
        self.assertGreater(rounds, 10)
        # The race was one: there was success, and there was refusal.
        self.assertIn({"2", "5"}, list(kinds.values()), kinds)
        session.quit()

    def setUp(self):
        super().setUp()
        harness.put(SECRET / "only-there", b"")

    def test_pt9_in_a_jail(self):
        self.meet(JAIL, "../../secret")

    def test_pt9_without_a_jail(self):
        """Then the account's rights are the wall; deny_file looks at names before they are used."""
        harness.give(SECRET, "bob")
        SECRET.chmod(0o700)
        self.meet("deny_file={secret,*.key}\n", "/srv/secret")


class Lengths(PathTest):

    def test_pt10_every_verb(self):
        """Paths around PATH_MAX, components around NAME_MAX: one answer each, and nothing is cut short."""
        harness.put(ALICE / "own", b"own")
        session = self.open()
        for size in (4095, 4096, 4097, 4150):
            name = "./" * ((size - 1) // 2) + "/" * ((size - 1) % 2) + "n"
            self.assertEqual(len(name), size)
            for form in LOOKING + CHANGING:
                if form in ("CWD {}", "MLSD {}") or (form in CHANGING and size == 4095):
                    continue
                command = form.format(name)
                if len(command) > 4160:
                    session.expect(command, "500 Input line too long.")
                    continue
                answer, _ = self.run_command(session, command)
                self.assertRegex(answer, r"\A[45]", (form, size))
        for form in CHANGING + LOOKING:
            answer, _ = self.run_command(session, form.format("y" * 256))
            self.assertRegex(answer, r"\A(450|5)", form)
        self.assertEqual(sorted(harness.tree_of(ALICE)), ["own"])
        for form in ("MKD {}", "SIZE {}", "MLST {}", "RMD {}", "STOR {}", "SIZE {}", "RNFR {}", "DELE {}", "RNTO {}"):
            self.assertRegex(self.run_command(session, form.format("y" * 255))[0],
                             r"\A([23]|550 Could not get file size)", form)
        session.quit()

    def test_pt13_depth(self):
        """2000 directories, one in the other, far deeper than any path reaches; and GL8, all of it listed."""
        session = self.open(server=self.serve("ls_recurse_enable=YES\n"))
        began = time.monotonic()
        told, deep = 0, 0
        for _ in range(2000):
            session.expect("MKD deep", re.compile("257 .*"))
            session.expect("CWD deep", re.compile("250 .*"))
            session.say("PWD")
            answer = session.reply()
            if answer.startswith("257"):
                told += 1
                self.assertEqual(answer, f'257 "/srv/home/alice{"/deep" * told}" is the current directory')
            else:
                deep += 1
                self.assertTrue(answer.startswith("550 "), answer)
        self.assertEqual((told, deep), ((4095 - 15) // 5, 2000 - (4095 - 15) // 5))
        self.assertLess(time.monotonic() - began, 30)
        session.store("STOR f", b"deep")
        self.assertEqual(session.retrieve("RETR f"), b"deep")
        self.assertRegex(session.list(), r"\A-.* f\r\n\Z")
        session.expect("SIZE f", "213 4")
        session.expect("CDUP", re.compile("250 .*"))
        self.assertRegex(session.list("MLSD"), r"(?m) deep\r$")
        session.expect("CWD ~", re.compile("250 .*"))
        os.symlink("..", ALICE / "deep/up")
        with session.passive() as data:
            session.expect("LIST -R", "150 Here comes the directory listing.")
            listing = control.read_all(data)
        self.assertRegex(session.reply(), r"\A(226|451) ")
        self.assertGreater(listing.count(b"\n"), 1000)
        self.assert_lives(session)
        session.quit()


class Homes(PathTest):
    """PT14: no home, no session, and never another directory instead."""

    options = "local_root=\n"

    def refused(self, options):
        server = self.serve(options)
        session = self.greeted(server)
        pid = self.session_pid(server)
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS secret-alice", re.compile("(421|530) .*"))
        session.expect_end()
        self.assert_gone(pid)
        self.syslog("login of \"alice\"")

    def put_back(self, aside):
        subprocess.run(["rm", "-rf", ALICE], check=True)
        os.rename(aside, ALICE)
        ALICE.chmod(0o755)

    def setUp(self):
        super().setUp()
        self.options = ""
        aside = ALICE.with_name("aside")
        os.rename(ALICE, aside)
        self.addCleanup(self.put_back, aside)

    def test_pt14_missing(self):
        for options in ("", JAIL):
            self.refused(options)

    def test_pt14_closed(self):
        harness.give_directory(ALICE, mode=0)
        for options in ("", JAIL):
            self.refused(options)

    def test_pt14_file(self):
        harness.put(ALICE, b"")
        for options in ("", JAIL):
            self.refused(options)

    def test_pt14_link_to_nothing(self):
        os.symlink("nowhere", ALICE)
        for options in ("", JAIL):
            self.refused(options)

    def test_pt14_link(self):
        """The way home is the administrator's: a link there is followed, and the jail is what it leads to."""
        os.symlink("bob", ALICE)
        harness.put(harness.BOB / "mark", b"")
        session = self.open(server=self.serve(JAIL))
        self.assertEqual(session.list("NLST"), "mark\r\n")
        session.expect("CWD ..", re.compile("250 .*"))
        self.assertEqual(session.list("NLST"), "mark\r\n")
        session.quit()


class Kinds(PathTest):

    def test_pt18_no_files(self):
        """What is no plain file is refused at once: nobody waits for a FIFO's other end, no device is touched."""
        os.mkfifo(ALICE / "fifo")
        os.mknod(ALICE / "char", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.mknod(ALICE / "block", stat.S_IFBLK | 0o666, os.makedev(7, 0))
        with socket.socket(socket.AF_UNIX) as local:
            local.bind(str(ALICE / "socket"))
        harness.give_directory(ALICE / "directory")
        for name in ("fifo", "char", "block", "socket"):
            (ALICE / name).chmod(0o666)
            os.symlink(name, ALICE / f"to-{name}")
        os.symlink("directory", ALICE / "to-directory")
        for options in ("", JAIL):
            session = self.open(server=self.serve(options))
            began = time.monotonic()
            for name in ("fifo", "char", "block", "socket", "directory"):
                for verb, reply in (("RETR", "550"), ("STOR", "553"), ("APPE", "553"), ("HASH", "55[03]"), ("XCRC", "55[03]"),
                                    ("SIZE", "550")):
                    for form in (name, f"to-{name}", f"./{name}"):
                        answer, _ = self.run_command(session, f"{verb} {form}")
                        self.assertRegex(answer, rf"\A{reply} ", (verb, form))
            self.assertLess(time.monotonic() - began, 2)
            session.quit()

    def test_pt20_names_that_are_taken(self):
        """STOU's names can't be taken beforehand; hundreds of them are all different."""
        harness.put(ALICE / "report", b"mine")
        for number in range(70):
            harness.put(ALICE / f"report.{number}", b"mine")
        session = self.open()
        names = set()
        for _ in range(200):
            with session.passive() as data:
                names.add(session.expect("STOU report", re.compile(r"150 FILE: report\.[a-z2-7]{8}")))
                data.close()
            session.expect_reply("226 Transfer complete.")
        self.assertEqual(len(names), 200)
        self.assertEqual(len(list(ALICE.iterdir())), 271)
        session.quit()


class Planted(PathTest):
    """SB6: what libraries would read in a jail, made by the jail's user."""

    FILES = ("etc/localtime", "etc/timezone", "etc/nsswitch.conf", "etc/passwd", "etc/group", "etc/hosts", "etc/resolv.conf",
             "etc/ld.so.preload", "etc/ld.so.cache", "etc/ssl/openssl.cnf", "etc/pam.d/ftp", "etc/gai.conf", "etc/host.conf",
             "usr/share/zoneinfo/UTC", "usr/lib/locale/locale-archive", "lib/x86_64-linux-gnu/libnss_files.so.2",
             "lib/x86_64-linux-gnu/libc.so.6", "lib64/libnss_files.so.2", "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
             "usr/lib/ssl/openssl.cnf", "proc/self/fd/0", "dev/null", "dev/urandom")

    def test_sb6_nothing_is_opened(self):
        for name in self.FILES:
            harness.put(ALICE / name, b"alice::0:0::/:/bin/sh\n")
        folders = {(ALICE / name).parent for name in self.FILES}
        watch = hostile.Watch(*folders)
        self.addCleanup(watch.close)
        harness.put(ALICE / "sub/f", b"x\n")
        session = self.open(server=self.serve(JAIL + "use_localtime=YES\ntext_userdb_names=YES\nhide_ids=NO\n"
                                              "session_support=YES\nlog_ftp_protocol=YES\nclient_charset=ISO-8859-1\n"))
        self.assertIn(" alice ", session.list("LIST sub"))
        session.list("MLSD sub")
        session.store("STOR sub/g", b"x")
        session.retrieve("RETR sub/f")
        for command in ("STAT", "STAT sub", "MDTM sub/f", "MFMT 20240101000000 sub/f", "HASH sub/f", "MKD sub/\udce9"):
            session.say(command)
            self.assertRegex(session.reply(), r"\A2")
        with session.active() as listener:
            session.say("NLST sub")
            listener.accept()[0].close()
        session.reply()
        session.reply()
        session.quit()
        self.assertEqual({event for event in watch.seen() if event[1]}, set())
