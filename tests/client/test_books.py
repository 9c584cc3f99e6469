"""The system's books: wtmp, utmp, btmp and lastlog, as the programs that read them see them."""

import collections
import fcntl
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import control
import harness

WTMP = pathlib.Path("/var/log/wtmp")
UTMP = pathlib.Path("/run/utmp")
BTMP = pathlib.Path("/var/log/btmp")
LASTLOG = pathlib.Path("/var/log/lastlog")
BOOKS = {WTMP: 0o664, UTMP: 0o664, BTMP: 0o660, LASTLOG: 0o664}
ALL = "wtmp_enable=YES\nutmp_enable=YES\nbtmp_enable=YES\nlastlog_enable=YES\ndelay_failed_login=0\n"

INIT, LOGIN, USER, DEAD = 5, 6, 7, 8
# utmp(5): type, pid, line, id, user, host, exit, session, seconds, microseconds, address, unused
LAYOUT = struct.Struct("=hxxi32s4s32s256shhiii16s20s")
Record = collections.namedtuple("Record", "type pid line id user host address")


def text(field):
    """A field up to its terminator, behind which there is nothing."""
    content, _, rest = field.partition(b"\0")
    assert not rest.strip(b"\0"), field
    return content.decode()


def records(book):
    """All records of a book, which must be whole."""
    content = book.read_bytes()
    assert len(content) % LAYOUT.size == 0, f"{book} has {len(content)} bytes"
    found = []
    for fields in LAYOUT.iter_unpack(content):
        kind, pid, line, name, user, host, _, _, _, _, _, address, unused = fields
        assert unused == bytes(20)
        found.append(Record(kind, pid, text(line), name, text(user), text(host), address))
    return found


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}).stdout


def lines_of(*command):
    """What a reader says, its lines with single blanks; without the last one's "wtmp begins"."""
    said = [" ".join(line.split()) for line in run(*command).splitlines()]
    return [line for line in said if line and " begins " not in line]


class BooksTest(harness.FtpTest):

    options = ALL

    def setUp(self):
        for book, mode in BOOKS.items():
            book.unlink(missing_ok=True)
            book.touch()
            book.chmod(mode)
        super().setUp()

    def wait_for(self, book, count):
        self.assertTrue(harness.wait_until(lambda: book.stat().st_size >= count * LAYOUT.size, 3),
                        f"{book} has {book.stat().st_size} bytes")
        return records(book)

    def fail_login(self, user, password="wrong", session=None, server=None):
        session = session or self.greeted(server)
        session.expect(f"USER {user}", "331 Please specify the password.")
        session.expect(f"PASS {password}", "530 Login incorrect.")
        return session

    def greeted(self, server=None, **how):
        session = self.connect(server, **how)
        session.expect_reply(re.compile("220 .*"))
        return session


class Wtmp(BooksTest):

    def assert_pair(self, user, host, pid, packed, daemon="ftpd"):
        """The two records of one session, which are all there are."""
        first, second = self.wait_for(WTMP, 2)
        line = f"{daemon}:{pid}"
        self.assertEqual(first, (USER, pid, line, first.id, user, host, packed.ljust(16, b"\0")))
        self.assertEqual(second, (DEAD, pid, line, first.id, "", "", bytes(16)))
        WTMP.write_bytes(b"")

    def session(self, user, server=None, **how):
        session = self.login(user, server, **how)
        pid = self.session_pid(server)
        self.assertEqual(len(records(WTMP)), 1, "the login is written before the 230")
        session.quit()
        return pid

    def test_who(self):
        four = socket.inet_pton(socket.AF_INET, "127.0.0.1")
        guests = self.serve(ALL + harness.GUEST)
        for user, server in (("alice", self.server), ("ftp", self.server), ("vera", guests)):
            with self.subTest(user=user):
                pid = self.session(user, server)
                self.assert_pair(user, "127.0.0.1", pid, four)

    def test_ipv6(self):
        server = self.serve(ALL, address="::1")
        pid = self.session("alice", server)
        self.assert_pair("alice", "::1", pid, socket.inet_pton(socket.AF_INET6, "::1"))

    def test_in_a_jail(self):
        server = self.serve(ALL + "chroot_local_user=YES\nallow_writeable_chroot=YES\n")
        pid = self.session("alice", server)
        self.assert_pair("alice", "127.0.0.1", pid, bytes([127, 0, 0, 1]))

    def test_called_vsftpd(self):
        """Under that name nothing is written unless it is asked for, and then under that name."""
        program = self.here / "vsftpd"
        program.symlink_to(harness.SOLOFTPD)
        server = self.serve("tcp_wrappers=NO\n", program=program)
        self.login("alice", server).quit()
        self.fail_login("alice", server=server).quit()
        self.assertEqual([book.stat().st_size for book in BOOKS], [0, 0, 0, 0])
        server = self.serve("session_support=YES\n", program=program)
        pid = self.session("alice", server)
        self.assert_pair("alice", "127.0.0.1", pid, bytes([127, 0, 0, 1]), "vsftpd")
        self.assertEqual([record.type for record in records(UTMP)], [DEAD])

    def test_last(self):
        """Every end there is, as last(1) tells it."""
        ends = []
        session = self.login("alice")
        ends.append(self.session_pid())
        session.quit()
        session = self.login("bob")
        ends.append(self.session_pid())
        session.close()
        self.wait_for(WTMP, 4)
        session = self.login("ftp")
        ends.append(self.session_pid())
        os.kill(ends[-1], signal.SIGTERM)
        session.expect_reply(re.compile("421 .*"))
        self.wait_for(WTMP, 6)
        idle = self.serve(ALL + "idle_session_timeout=1\n")
        session = self.login("alice", idle)
        ends.append(self.session_pid(idle))
        session.expect_reply("421 Timeout.")
        self.wait_for(WTMP, 8)
        session = self.login("bob")
        ends.append(self.session_pid())
        self.kill(ends[-1])
        session = self.login("alice")
        ends.append(self.session_pid())
        # last(1) takes what ended in the second before for something that still goes on.
        time.sleep(2 - time.time() % 1)
        told = lines_of("last", "--fullnames", "-f", str(WTMP))
        users = ["alice", "bob", "alice", "ftp", "bob", "alice"]
        endings = [r"(gone - no logout|still logged in)", r"gone - no logout"] + [r".* \(00:00\)"] * 4
        self.assertEqual(len(told), 6, told)
        for line, user, pid, ending in zip(told, users, reversed(ends), endings):
            self.assertRegex(line, rf"^{user} ftpd:{pid} 127\.0\.0\.1 .*{ending}$")
        session.quit()

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        self.assert_gone(pid)
        self.assertEqual(records(WTMP)[-1].type, USER)

    def test_reader_that_holds_a_lock(self):
        """Who only reads can't make anybody wait."""
        with WTMP.open("rb") as book:
            fcntl.lockf(book, fcntl.LOCK_SH)
            before = time.monotonic()
            self.session("alice")
            self.assertLess(time.monotonic() - before, 1)
            self.assertEqual([record.type for record in self.wait_for(WTMP, 2)], [USER, DEAD])

    def test_no_user_can_write(self):
        """The descriptor can only append; /proc has it."""
        self.login("alice")
        pid = self.session_pid()
        numbers = [name for name in os.listdir(f"/proc/{pid}/fd")
                   if os.readlink(f"/proc/{pid}/fd/{name}") == str(WTMP)]
        self.assertEqual(len(numbers), 1)
        flags = pathlib.Path(f"/proc/{pid}/fdinfo/{numbers[0]}").read_text()
        mode = int(re.search(r"flags:\s*(\d+)", flags)[1], 8)
        wanted = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self.assertEqual(mode & (os.O_ACCMODE | os.O_APPEND | os.O_CLOEXEC), wanted)

    def test_many_at_once(self):
        """No record is lost, torn or written twice: 100 sessions, 25 at a time."""
        failed = []

        def sessions():
            for _ in range(4):
                try:
                    session = control.Control("127.0.0.1", self.server.port, timeout=30)
                    session.expect_reply(re.compile("220 .*"))
                    session.expect("USER alice", re.compile("331 .*"))
                    session.expect("PASS secret-alice", re.compile("230 .*"))
                    session.quit()
                    session.close()
                except (AssertionError, OSError) as error:
                    failed.append(error)

        threads = [threading.Thread(target=sessions) for _ in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        found = self.wait_for(WTMP, 200)
        self.assertEqual(len(found), 200)
        seen = collections.Counter((record.type, record.line) for record in found)
        self.assertEqual(set(seen.values()), {1})
        self.assertEqual(len({record.id for record in found}), 100)
        dumped = run("utmpdump", str(WTMP)).splitlines()
        self.assertEqual([line[:3] for line in dumped], [f"[{record.type}]" for record in found])
        told = lines_of("last", "-f", str(WTMP))
        self.assertEqual(len(told), 100)
        self.assertEqual([line for line in told if "logout" in line or "logged in" in line], [])
        # Each slot of utmp was given back, and none was held by two.
        self.assertEqual({record.type for record in records(UTMP)}, {DEAD})
        self.assertLessEqual(len(records(UTMP)), 100)
        self.assertEqual(self.syslog(), "")


class Troubles(BooksTest):

    def small_disk(self, size):
        """Puts a file system of one page for files in place of /var/log."""
        for book in (WTMP, BTMP, LASTLOG):
            book.unlink()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "small", "/var/log"],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "/var/log"], check=True)

    def test_full_disk(self):
        """A record that only fits in part does not hurt those that come after it."""
        self.small_disk(4096)
        whole = 4096 // LAYOUT.size
        WTMP.write_bytes(bytes(LAYOUT.size) * whole)
        session = self.login("alice")
        self.syslog(r"can't write /var/log/wtmp: No space left on device")
        session.store("STOR f", b"x" * 1000)
        session.quit()
        self.assertEqual(len(records(WTMP)), whole)
        # The login fits, the logout does not. What is written of it may have to stay.
        WTMP.write_bytes(bytes(LAYOUT.size) * (whole - 1))
        self.login("bob").quit()
        self.syslog(r"(can't write /var/log/wtmp(.|\n)*){2}")
        self.assertIn(WTMP.stat().st_size, (whole * LAYOUT.size, 4096))
        with WTMP.open("ab") as book:
            book.write(bytes(4096 - WTMP.stat().st_size))
        # There is room again: the next login takes the part off.
        subprocess.run(["mount", "-o", "remount,size=1m", "/var/log"], check=True)
        self.login("alice").quit()
        found = self.wait_for(WTMP, whole + 2)
        self.assertEqual([(record.type, record.user) for record in found[-3:]],
                         [(USER, "bob"), (USER, "alice"), (DEAD, "")])

    def test_missing(self):
        """A book that is not there is not made, and nobody complains."""
        for book in BOOKS:
            book.unlink()
        self.login("alice").quit()
        self.fail_login("alice").quit()
        self.assertEqual([book for book in BOOKS if book.exists()], [])
        self.assertNotIn("can't write", self.syslog())

    def test_no_books(self):
        """Files of others, links to nowhere, FIFOs: one line each, and the session goes on."""
        for name, make in (("another's", lambda book: (book.touch(), os.chown(book, 1801, 1801))),
                           ("a fifo", os.mkfifo), ("a directory", os.mkdir)):
            with self.subTest(name):
                book = WTMP
                book.unlink()
                make(book)
                self.syslog_before = harness.SYSLOG.stat().st_size
                self.login("alice").quit()
                self.syslog("can't write /var/log/wtmp")
                self.assertEqual(self.syslog().count("can't write"), 1)
                os.rmdir(book) if book.is_dir() else book.unlink()
                book.touch()

    def test_switched_off(self):
        server = self.serve("wtmp_enable=NO\nbtmp_enable=NO\ndelay_failed_login=0\n")
        self.login("alice", server).quit()
        self.fail_login("alice", server=server).quit()
        self.assertEqual([book.stat().st_size for book in BOOKS], [0, 0, 0, 0])


class Utmp(BooksTest):

    def test_who(self):
        self.login("alice")
        pid = self.session_pid()
        self.assertRegex(run("who", str(UTMP)), rf"^alice +ftpd:{pid} .*\(127\.0\.0\.1\)\n$")
        self.login("bob")
        self.assertEqual(len(lines_of("who", str(UTMP))), 2)
        os.kill(pid, signal.SIGTERM)
        self.assert_gone(pid)
        self.assertEqual([line.split()[0] for line in lines_of("who", str(UTMP))], ["bob"])
        # The slot that is free is taken again.
        self.login("ftp").quit()
        self.assertEqual(len(records(UTMP)), 2)

    def test_reader_that_holds_a_lock(self):
        """It is not waited for: there is no record then, and no slot is written at the end."""
        with UTMP.open("rb") as book:
            fcntl.lockf(book, fcntl.LOCK_SH)
            before = time.monotonic()
            self.login("alice").quit()
            self.assertLess(time.monotonic() - before, 1)
            self.syslog("can't write /run/utmp: another program keeps it locked")
        self.assertEqual(records(UTMP), [])

    def test_lock_at_the_logout(self):
        session = self.login("alice")
        with UTMP.open("rb") as book:
            fcntl.lockf(book, fcntl.LOCK_SH)
            session.quit()
            self.assertTrue(harness.wait_until(lambda: records(UTMP)[0].type == DEAD, 1))


class Btmp(BooksTest):

    def test_lastb(self):
        self.fail_login("alice").quit()
        self.fail_login("root").quit()
        told = lines_of("lastb", "-f", str(BTMP))
        self.assertEqual([line.split()[0] for line in told], ["root", "alice"])
        for line in told:
            self.assertRegex(line, r"^\w+ ftpd:\d+ 127\.0\.0\.1 ")
        self.assertEqual({record.type for record in records(BTMP)}, {LOGIN})

    def test_names(self):
        """Only names of accounts are written: others may be passwords. Anonymous is no account's name."""
        server = self.serve(ALL + "max_login_fails=1000\n")
        session = self.greeted(server)
        names = ["hunter2", "s3cret-Pass", "x" * 31, "x" * 32, "x" * 33, "x" * 300, "a b", "-froot", "../x",
                 "a:b", "\udcc3\udc84", "[1]\x01", "%n%s", "alice\x01", "alice "]
        for name in names:
            self.fail_login(name, session=session)
        self.fail_login("alice", session=session)
        session.quit()
        found = records(BTMP)
        self.assertEqual([record.user for record in found], ["unknown"] * len(names) + ["alice"])
        self.assertEqual({record.host for record in found}, {"127.0.0.1"})
        self.assertEqual(len(run("utmpdump", str(BTMP)).splitlines()), len(names) + 1)

    def test_long_account(self):
        """A name that fills its field has no terminator there."""
        accounts = pathlib.Path("/etc/passwd")
        self.addCleanup(accounts.write_text, accounts.read_text())
        with accounts.open("a") as file:
            file.write(f"{'l' * 32}:x:1901:1901::/srv:/bin/sh\n{'m' * 33}:x:1902:1902::/srv:/bin/sh\n")
        for name in ("l" * 32, "m" * 33):
            self.fail_login(name).quit()
        self.assertEqual([record.user for record in records(BTMP)], ["l" * 32, "m" * 32])

    def test_anonymous(self):
        server = self.serve(ALL + "secure_email_list_enable=YES\nemail_password_file=/dev/null\n")
        session = self.greeted(server)
        for name in ("ftp", "anonymous"):
            session.expect(f"USER {name}", re.compile("331 .*"))
            session.say("PASS me@example.org")
            if "421" in session.reply():
                break
        self.assertEqual(records(BTMP), [])

    def test_listed(self):
        listed = self.here / "list"
        listed.write_text("bob\n")
        server = self.serve(f"{ALL}userlist_enable=YES\nuserlist_file={listed}\n")
        self.greeted(server).expect("USER bob", "530 Permission denied.")
        self.assertEqual([record.user for record in records(BTMP)], ["bob"])

    def test_readable_by_others(self):
        """What was typed might be read by anybody: nothing is written, and that is said once."""
        BTMP.chmod(0o664)
        session = self.fail_login("alice")
        self.fail_login("alice", session=session)
        session.quit()
        self.assertEqual(BTMP.stat().st_size, 0)
        self.assertEqual(self.syslog().count("can't write /var/log/btmp"), 1)

    def test_before_the_delay(self):
        """Who does not wait for the answer is there, too."""
        server = self.serve(ALL + "delay_failed_login=30\n")
        session = self.greeted(server)
        session.expect("USER alice", re.compile("331 .*"))
        session.say("PASS wrong")
        self.wait_for(BTMP, 1)
        session.close()


class Lastlog(BooksTest):

    def test_lastlog(self):
        self.login("alice").quit()
        self.login("ftp").quit()
        told = lines_of("lastlog", "-u", "alice")[-1]
        self.assertRegex(told, r"^alice ftpd:\d+ 127\.0\.0\.1 ")
        self.assertIn("Never logged in", run("lastlog", "-u", "bob"))
        self.assertIn("Never logged in", run("lastlog", "-u", "ftp"))
        self.assertEqual(LASTLOG.stat().st_size, 1802 * 292)
