"""Hostile data connections: DC of docs/hostile-input.md, as far as a talk can't say them."""

import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import control
import harness
import hostile
import secure
from harness import ALICE
from hostile import pour

JAIL = "chroot_local_user=YES\nallow_writeable_chroot=YES\n"
CUT = re.compile("426 Failure (reading|writing) network stream.")
FIRST, LAST = 41000, 41999
BUSY = 21900


class Ports(hostile.HostileTest):

    def test_dc9_five_hundred(self):
        """500 PASV: every tenth of the range has its share, and one listener is all there is."""
        server = self.serve(f"pasv_min_port={FIRST}\npasv_max_port={LAST}\n")
        session = self.open("ftp", server=server)
        pid = self.session_pid(server)
        session.passive_address()
        before = hostile.descriptors(pid)
        got = pour(session, b"EPSV\r\n" * 500, 500).decode()
        self.assertEqual(hostile.descriptors(pid), before)
        ports = [int(port) for port in re.findall(r"\|\|\|(\d+)\|", got)]
        self.assertEqual(len(ports), 500)
        self.assertTrue(all(FIRST <= port <= LAST for port in ports))
        tenths = [sum(1 for port in ports if (port - FIRST) // 100 == tenth) for tenth in range(10)]
        chi_square = sum((count - 50) ** 2 / 50 for count in tenths)
        self.assertLess(chi_square, 40, tenths)  # nine degrees of freedom: once in 130 000 runs by chance
        # Neither in steps nor in pairs: no distance comes often.
        steps = [after - before for before, after in zip(ports, ports[1:])]
        self.assertLess(max(steps.count(step) for step in set(steps)), 8)
        listening = {int(line.split()[1].rpartition(":")[2], 16)
                     for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
        self.assertEqual([port for port in range(FIRST, LAST + 1) if port in listening], ports[-1:])
        session.quit()
        self.assert_gone(pid)
        self.assertFalse(harness.listening(ports[-1]))

    def test_dc24_all_busy(self):
        """425 at once; and with one port left it is found every time."""
        holders = [socket.create_server(("127.0.0.1", BUSY + number)) for number in range(4)]
        server = self.serve(f"pasv_min_port={BUSY}\npasv_max_port={BUSY + 3}\n")
        session = self.open("ftp", server=server)
        pid = self.session_pid(server)
        before, used, began = hostile.descriptors(pid), hostile.processor(pid), time.monotonic()
        for _ in range(100):
            session.expect("PASV", "425 No passive port is free.")
            session.expect("EPSV", "425 No passive port is free.")
        self.assertLess(time.monotonic() - began, 2)
        self.assertLess(hostile.processor(pid) - used, 0.5)
        self.assertEqual(hostile.descriptors(pid), before)
        holders.pop(2).close()
        for _ in range(50):
            self.assertEqual(session.passive_address()[1], BUSY + 2)
        for holder in holders:
            holder.close()
        session.quit()

    def test_dc24_bound_and_taken(self):
        """Twelve sessions want eight ports at the same time: whatever bind and listen say, each is one's alone."""
        server = self.serve(f"pasv_min_port={BUSY + 10}\npasv_max_port={BUSY + 17}\n")
        sessions = [self.open("ftp", server=server) for _ in range(12)]
        got = {}

        def ask(number):
            got[number] = hostile.answers(pour(sessions[number], b"EPSV\r\n" * 100, 100))
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = []
        for number in range(12):
            self.assertEqual(len(got[number]), 100)
            for line in got[number]:
                self.assertRegex(line, r"\A(229 .*\(\|\|\|\d+\|\)|425 No passive port is free\.)")
            last += re.findall(r"\|\|\|(\d+)\|", got[number][-1])
        self.assertEqual(sorted(set(last)), sorted(last), "two sessions have one port")
        self.assertTrue(last)
        for session in sessions:
            session.quit()

    def test_dc5_nobody_is_called(self):
        """No connection is tried to where PORT may not lead: neither to others, nor to low ports."""
        traps = []
        for address, port in (("127.0.0.9", 40009), ("127.0.0.1", 22), ("127.0.0.1", 25), ("127.0.0.1", 1023),
                              ("127.0.0.2", 40010)):
            trap = socket.create_server((address, port))
            trap.setblocking(False)
            traps.append(trap)
        session = self.open("ftp")
        for trap in traps:
            address, port = trap.getsockname()
            numbers = f"{address.replace('.', ',')},{port >> 8},{port & 255}"
            session.expect(f"PORT {numbers}", "500 Illegal PORT command.")
            session.expect("LIST", "425 Use PORT or PASV first.")
            session.expect(f"EPRT |1|{address}|{port}|", "500 Illegal EPRT command.")
            session.expect("RETR pub/hello.txt", "425 Use PORT or PASV first.")
        # From another address the first one is a stranger's.
        other = self.open("ftp", source="127.0.0.2")
        other.expect("PORT 127,0,0,1,200,200", "500 Illegal PORT command.")
        other.quit()
        session.quit()
        for trap in traps:
            with self.assertRaises(BlockingIOError):
                trap.accept()
            trap.close()


class Transfers(hostile.HostileTest):

    STEP = 64 << 10

    def abort(self, session, way):
        if way == "line":
            session.socket.sendall(b"ABOR\r\n")
        else:
            session.socket.sendall(b"\xff\xf4")
            session.socket.send(b"\xff", socket.MSG_OOB)
            session.socket.sendall(b"\xf2ABOR\r\n")

    def test_dc14_abort_anywhere(self):
        """ABOR at every 64 KiB of a mebibyte, both ways, as a line and by Synch."""
        with harness.put(ALICE / "down").open("r+b") as down:
            down.truncate(1 << 30)
        session = self.open()
        pid = self.session_pid()
        before = hostile.descriptors(pid)
        for way in ("line", "synch"):
            for size in range(0, (1 << 20) + 1, self.STEP):
                with session.passive() as data:
                    session.expect("RETR down", re.compile("150 .*"))
                    self.assertEqual(len(hostile.read_some(data, size)), size)
                    self.abort(session, way)
                    session.expect_reply(CUT, "226 ABOR successful.")
                with session.passive() as data:
                    session.expect("STOR up", "150 Ok to send data.")
                    data.sendall(bytes(size))
                    self.abort(session, way)
                    session.expect_reply(CUT, "226 ABOR successful.")
                self.assertFalse((ALICE / "up").exists())
                kept = ALICE / ".soloftpd-part-up"
                if kept.exists():
                    self.assertLessEqual(kept.stat().st_size, size)
                    kept.unlink()
        self.assertEqual(hostile.descriptors(pid), before)
        session.expect("ABOR", "225 No transfer to ABOR.")
        session.quit()

    def abort_often(self, session, count):
        """One of them ends the transfer; the others are answered in turn."""
        with session.passive() as data:
            session.expect("RETR down", re.compile("150 .*"))
            hostile.read_some(data, self.STEP)
            lines = hostile.answers(pour(session, b"ABOR\r\n" * count, count + 1))
        self.assertEqual(lines[:2], ["426 Failure writing network stream.", "226 ABOR successful."])
        self.assertEqual(set(lines[2:]), {"225 No transfer to ABOR."})
        self.assertEqual(len(lines), count + 1)

    def test_dc18_a_hundred_thousand_aborts(self):
        """They cost what lines cost, and no memory but that of two buffers, of 16 and 48 KiB, which a few thousand fill."""
        with harness.put(ALICE / "down").open("r+b") as down:
            down.truncate(1 << 30)
        session = self.open()
        pid = self.session_pid()
        waiting = hostile.resident(pid)
        self.abort_often(session, 5000)
        filled, used = hostile.resident(pid), hostile.processor(pid)
        self.assertLessEqual(filled, waiting + 96)
        self.abort_often(session, 100_000)
        self.assertLess(hostile.processor(pid) - used, 5)
        self.assertLessEqual(hostile.resident(pid), filled + 8)
        self.assert_lives(session)
        session.quit()

    def test_dc12_slow_reader(self):
        """Any progress counts; who takes a byte now and then makes none, since no window opens for it."""
        with harness.put(ALICE / "down").open("r+b") as down:
            down.truncate(1 << 30)
        server = self.serve("data_connection_timeout=1\n")
        session = self.open(server=server)
        with session.passive() as data:
            session.expect("RETR down", re.compile("150 .*"))
            for _ in range(5):
                time.sleep(0.3)
                hostile.read_some(data, 4 << 20)
            self.assertEqual(session.unread, b"")
            session.socket.settimeout(0.1)
            with self.assertRaises(TimeoutError):
                session.socket.recv(1)
            session.socket.settimeout(10)
            began = time.monotonic()
            pid = self.session_pid(server)
            while harness.alive(pid) and time.monotonic() < began + 5:
                data.recv(1)
                time.sleep(0.05)
            session.expect_reply("421 Data timeout. Reconnect. Sorry.")
            self.assertLess(time.monotonic() - began, 3)
        session.expect_end()

    def test_dc19_what_was_asked_for(self):
        """Commands behind a RETR that waits for its data connection do not change what it sends (CVE-2023-24042)."""
        harness.put(ALICE / "ok", b"this one")
        harness.put(ALICE / "secret", b"not this one")
        harness.put(ALICE / "d/ok", b"nor this")
        session = self.open()
        address = session.passive_address()
        session.socket.sendall(b"RETR ok\r\nCWD d\r\nUSER /srv/home/alice/secret\r\nRETR secret\r\nRNFR secret\r\nREST 3\r\n"
                               b"TYPE A\r\n")
        time.sleep(0.1)
        with socket.create_connection(address, 5) as data:
            session.expect_reply("150 Opening BINARY mode data connection for ok (8 bytes).")
            self.assertEqual(control.read_all(data), b"this one")
        session.expect_reply("226 Transfer complete.", "250 Directory successfully changed.",
                             "530 Can't change to another user.", "425 Use PORT or PASV first.", re.compile("550 .*"),
                             re.compile("350 .*"), re.compile("200 .*"))
        session.quit()

    def test_dc16_control_is_reset(self):
        """Nobody is left to tell: the process goes, within a second, and the log knows what it was."""
        session = self.open()
        pid = self.session_pid()
        with session.passive() as data:
            session.expect("STOR up", "150 Ok to send data.")
            data.sendall(b"x" * 300_000)
            harness.wait_until(lambda: any(file.stat().st_size == 300_000 for file in ALICE.iterdir()), 2)
            hostile.reset(session.socket)
            self.assert_gone(pid, 1)
        self.assertEqual([file.name for file in ALICE.iterdir()], [".soloftpd-part-up"])
        self.assertRegex(self.server.lines(count=3)[-1], r"FAIL UPLOAD")

    def test_dc20_a_file_of_line_ends(self):
        """16 MiB of LF become 32 MiB, and again 16."""
        size = 16 << 20
        harness.put(ALICE / "lf", b"\n" * size)
        session = self.open(server=self.serve("ascii_download_enable=YES\nascii_upload_enable=YES\n"))
        session.expect("TYPE A", "200 Switching to ASCII mode.")
        wire = session.retrieve("RETR lf")
        self.assertEqual((len(wire), wire.count(b"\r\n")), (2 * size, size))
        session.store("STOR back", wire)
        self.assertEqual((ALICE / "back").stat().st_size, size)
        self.assertEqual((ALICE / "back").read_bytes().count(b"\n"), size)
        session.quit()


class Limits(hostile.HostileTest):
    """RX6 and RX9: what the kernel lets a process write, to the byte."""

    LIMIT = 100_000

    def limited(self, limits, options=""):
        program = self.here / "limited"
        program.write_text(f"#!/bin/sh\nexec prlimit {limits} {harness.SOLOFTPD} \"$@\"\n")
        program.chmod(0o755)
        # Logs are not what is to be limited here.
        return self.serve(options + "xferlog_enable=NO\ndual_log_enable=NO\nwtmp_enable=NO\n", program=str(program))

    def upload(self, session, command, size, wanted):
        with session.passive() as data:
            session.expect(command, "150 Ok to send data.")
            try:
                data.sendall(b"x" * size)
            except (ConnectionResetError, BrokenPipeError):
                pass
            data.close()
            session.expect_reply(wanted)

    def test_rx6_rx9_file_size(self):
        """A file up to the limit is whole; one byte more is 552, never a signal, and what was there stays."""
        server = self.limited(f"--fsize={self.LIMIT}")
        session = self.open(server=server)
        full, done = re.compile("552 .*"), "226 Transfer complete."
        for size, wanted in ((self.LIMIT - 1, done), (self.LIMIT, done), (self.LIMIT + 1, full), (10 * self.LIMIT, full)):
            self.upload(session, "STOR up", size, wanted)
            self.assertEqual((ALICE / "up").stat().st_size, size if wanted == done else self.LIMIT)
        for start, size, wanted in ((self.LIMIT - 1, 1, done), (self.LIMIT - 1, 2, full), (self.LIMIT, 1, full)):
            harness.put(ALICE / "up", b"y" * start)
            session.expect(f"REST {start}", re.compile("350 .*"))
            self.upload(session, "STOR up", size, wanted)
            harness.put(ALICE / "up", b"y" * start)
            self.upload(session, "APPE up", size, wanted)
            self.assertEqual((ALICE / "up").read_bytes(), b"y" * start + (b"x" * size if wanted == done else b""))
        self.assert_lives(session)
        session.quit()

    def test_rx4_descriptors(self):
        """Whatever number of descriptors there is: an answer, or 421, or nothing; never a signal, nor a loop."""
        harness.put(ALICE / "f", b"x")
        for number in (3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 20):
            server = self.limited(f"--nofile={number}")
            session = self.connect(server)
            session.socket.settimeout(5)
            got = b""
            try:
                session.socket.sendall(b"USER alice\r\nPASS secret-alice\r\nPASV\r\nLIST\r\nMLST f\r\nSTAT .\r\nABOR\r\nHASH f\r\n"
                                       b"QUIT\r\n")
                while part := session.socket.recv(4096):
                    got += part
            except ConnectionResetError:
                pass
            for line in hostile.answers(got):
                self.assertRegex(line, r"\A(\d{3}[ -]| |[-d]r)", number)
            self.assertNotRegex(got, rb"226 Directory")
            if number == 20:
                self.assertIn(b"230 Login successful.", got)

    def test_rx5_memory(self):
        """Address space from nothing to enough: logins and listings are refused then, and never end by a signal."""
        folder = harness.give_directory(ALICE / "many")
        for number in range(10_000):
            (folder / f"{number:0200}").touch()
        reached = set()
        for mebibytes in (4, 6, 8, 12, 16, 20, 24, 64):
            server = self.limited(f"--as={mebibytes << 20}", "login_timeout=20\n")
            session = self.connect(server)
            got = b""
            try:
                session.socket.sendall(b"USER alice\r\nPASS secret-alice\r\nCWD many\r\nSTAT .\r\nNOOP\r\nQUIT\r\n")
                while part := session.socket.recv(1 << 16):
                    got += part
            except ConnectionResetError:
                pass
            codes = re.findall(rb"(?m)^(\d{3}) ", got)
            reached.add(codes[-1] if codes else b"")
            for code in codes:
                self.assertIn(code, (b"220", b"331", b"230", b"250", b"213", b"200", b"221", b"421", b"530", b"450", b"451",
                                     b"452", b"550"), got[:300])
        self.assertIn(b"221", reached)


class TlsLimits(secure.FtpsTest):

    def test_rx5_memory(self):
        """Not enough address space for the library, the handshake, the login: refused, and not by a signal."""
        ends = set()
        for mebibytes in (6, 10, 14, 18, 24, 64):
            program = self.here / "limited"
            program.write_text(f"#!/bin/sh\nexec prlimit --as={mebibytes << 20} {harness.SOLOFTPD} \"$@\"\n")
            program.chmod(0o755)
            server = self.serve_tls("login_timeout=20\ndelay_failed_login=0\n", program=str(program), starter=hostile.xinetd)
            session = self.connect(server)
            try:
                session.expect_reply("220 soloftpd ready.")
                session.auth()
                session.say("USER alice")
                session.reply()
                session.say("PASS secret-alice")
                ends.add(session.reply()[:3])
            except (AssertionError, OSError) as error:
                ends.add(type(error).__name__)
            session.close()
            self.assertTrue(harness.wait_until(lambda: not server.sessions(), 2))
            time.sleep(0.05)
            self.assertEqual(hostile.signals(server), [], f"{mebibytes} MiB")
        self.assertIn("230", ends)
        self.assertGreater(len(ends), 1, ends)


class Many(hostile.HostileTest):
    """RX7 and RX8: a hundred thousand commands leave a session as it was."""

    def grown(self, session, pid, rounds, commands, lines):
        """What the session has grown by, in KiB and in descriptors, after a round that does not count."""
        pour(session, commands, lines)
        memory, files = hostile.resident(pid), hostile.descriptors(pid)
        for _ in range(rounds):
            self.assertEqual(pour(session, commands, lines).count(b"\n"), lines)
        return hostile.resident(pid) - memory, hostile.descriptors(pid) - files

    def test_rx7_mixed_commands(self):
        harness.put(ALICE / "f", b"x" * 100)
        harness.give_directory(ALICE / "d")
        commands = ("NOOP", "PWD", "CWD d", "CDUP", "CWD none", "SIZE f", "MDTM f", "TYPE I", "TYPE A", "SYST", "STRU F", "MODE S",
                    "REST 5", "RNFR f", "RNTO g", "RNFR g", "RNTO f", "MKD e", "RMD e", "DELE none", "XYZZY", "USER bob",
                    "PASS x", "SITE CHMOD 644 f", "SITE IDLE 300", "OPTS UTF8 ON", "HASH f", "XMD5 f", "ALLO 5", "RETR f",
                    "PORT 127,0,0,9,9,9", "EPRT |1|127.0.0.1|1|", "MFMT 20240101000000 f", "AVBL", "CLNT x", "RETR " + "x" * 300,
                    "RNTO x", "SITE nothing", "LIST none", "A" * 5000)
        for options in ("", "deny_file={*.key}\nhide_file={*.x}\nlog_ftp_protocol=YES\n", JAIL + "json_log_file=/run/events.json\n"):
            server = self.serve(options)
            session = self.open(server=server)
            pid = self.session_pid(server)
            text = "".join(command + "\r\n" for command in commands).encode() * 25
            memory, files = self.grown(session, pid, 34, text, 25 * len(commands))
            self.assertLessEqual(memory, 64, options)
            self.assertEqual(files, 0, options)
            session.quit()

    def test_rx8_listeners_and_listings(self):
        harness.put(ALICE / "f", b"x" * 100)
        session = self.open()
        pid = self.session_pid()
        text = b"EPSV\r\nLIST\r\nABOR\r\nPASV\r\nRETR f\r\nABOR\r\nPASV\r\nSTAT\r\nEPSV\r\nABOR\r\n" * 200
        status = session.expect("STAT", re.compile("211-(?s:.*)")).count("\n") + 1
        # 229, 426, 226; 227, 426, 226; 227, 211; 229, 225
        memory, files = self.grown(session, pid, 49, text, 200 * (9 + status))
        self.assertLessEqual(memory, 64)
        self.assertEqual(files, 0)
        session.quit()



class Times(hostile.HostileTest):
    """RX1 and RX2: who does not log in has login_timeout, whatever he does with it."""

    def test_rx1_rx2_two_hundred(self):
        """100 who say nothing, 100 who say a letter now and then: all are gone at the same time."""
        server = self.serve("login_timeout=2\n")
        began = time.monotonic()
        sessions = [control.Control("127.0.0.1", server.port) for _ in range(200)]
        for session in sessions:
            self.addCleanup(session.close)
            session.expect_reply(re.compile("220 .*"))
        opened = time.monotonic() - began
        text = b"USER alice\r\nNOOP\r\nPASS wr"
        for letter in range(40):
            for session in sessions[::2]:
                try:
                    session.socket.send(text[letter:letter + 1])
                except (ConnectionResetError, BrokenPipeError):
                    pass
            if time.monotonic() > began + 2.3:
                break
            time.sleep(0.1)
        self.assertTrue(harness.wait_until(lambda: not server.sessions(), opened + 2), "some are still there")
        for session in sessions[1::2]:
            session.expect_reply(re.compile("421 .*"))
            session.expect_end()


class Superserver(hostile.HostileTest):
    """CF9: what a super-server may hand over."""

    def test_cf9_umask_and_environment(self):
        program = self.here / "started"
        poison = {"TZ": ":/../../run/poison", "TZDIR": "/run", "MALLOC_ARENA_MAX": "x", "MALLOC_CHECK_": "3",
                  "MALLOC_PERTURB_": "1", "OPENSSL_CONF": "/run/poison", "SSL_CERT_FILE": "/run/poison", "LD_LIBRARY_PATH": "/run/none",
                  "LD_BIND_NOT": "1", "IFS": "x", "HOME": "/run", "PATH": "/run", "LOCALDOMAIN": "x", "RES_OPTIONS": "debug",
                  "HOSTALIASES": "/run/poison", "LANG": "../../run", "LC_ALL": "../../run", "LOCPATH": "/run", "NLSPATH": "/run/%N",
                  "GCONV_PATH": "/run", "GETCONF_DIR": "/run", "TMPDIR": "/run", "NIS_PATH": "/run", "REMOTE_HOST": "x\ny"}
        settings = " ".join(f"'{name}={value}'" for name, value in poison.items())
        program.write_text(f"#!/bin/sh\numask 0\nexec /usr/bin/env {settings} {harness.SOLOFTPD} \"$@\"\n")
        program.chmod(0o755)
        harness.put("/run/poison", b"TZif2 not at all", "root")
        server = self.serve("use_localtime=YES\nlocal_umask=077\n", program=str(program))
        session = self.open(server=server)
        session.store("STOR f", b"x")
        session.expect("MKD d", re.compile("257 .*"))
        session.quit()
        self.assertEqual((ALICE / "f").stat().st_mode & 0o777, 0o600)
        self.assertEqual((ALICE / "d").stat().st_mode & 0o777, 0o700)
        log = server.directory / "vsftpd.log"
        self.assertEqual(log.stat().st_mode & 0o077, 0, "a log that others can read")

    def test_cf10_names_of_files(self):
        """What the environment names is read as it stands, and only root can have written it."""
        good = pathlib.Path("/etc/good.conf")
        good.write_text("ftpd_banner=Good.\n")
        self.addCleanup(good.unlink)
        bad = pathlib.Path("/run/bad.conf")
        bad.write_text("ftpd_banner=Bad.\n")
        os.chown(bad, 1801, 1801)
        link, loop = pathlib.Path("/run/link.conf"), pathlib.Path("/run/loop.conf")
        for path, target in ((link, bad), (loop, loop)):
            path.unlink(missing_ok=True)
            os.symlink(target, path)
        for value, answer in (("/etc/good.conf", "220 Good."), ("/run/bad.conf", harness.REFUSED), ("/run/link.conf", harness.REFUSED),
                              ("/run/loop.conf", harness.REFUSED), ("/run", harness.REFUSED), ("/dev/zero", harness.REFUSED),
                              ("../../run/bad.conf", harness.REFUSED), ("../etc/good.conf", "220 Good."),
                              ("/" + "x" * 5000, harness.REFUSED), ("/etc/none.conf", harness.REFUSED)):
            with self.subTest(value=value[:50]):
                program = self.here / "named"
                program.write_text(f"#!/bin/sh\nexport SOLOFTPD_LOAD_CONF={value}\nexec {harness.SOLOFTPD} \"$@\"\n")
                program.chmod(0o755)
                session = self.connect(self.serve("tcp_wrappers=YES\n", program=str(program)))
                session.expect_reply(answer)
                session.close()

    def test_cf4_cf5_the_file_itself(self):
        """Files that are none, or that others can write to, refuse everybody; so does a directory of others' on the way."""
        for change in (lambda path: path.chmod(0o664), lambda path: path.chmod(0o646), lambda path: path.chmod(0o666),
                       lambda path: os.chown(path, 1801, 0), lambda path: os.chown(path, 65534, 65534),
                       lambda path: (path.unlink(), os.mkfifo(path)), lambda path: (path.unlink(), path.mkdir()),
                       lambda path: (path.unlink(), os.symlink("/dev/zero", path)),
                       lambda path: (path.unlink(), os.symlink(path, path)), lambda path: path.unlink(),
                       lambda path: path.write_bytes(b"#" + b"x" * (1 << 20)), lambda path: os.truncate(path, 1 << 30),
                       lambda path: path.write_bytes(path.read_bytes() + b"\0")):
            server = self.serve()
            os.chown(server.config, 0, 1801)
            change(server.config)
            session = self.connect(server)
            session.expect_reply(harness.REFUSED)
            session.expect_end()
        # Mode 0000 is no hindrance for root, and harms nobody.
        server = self.serve()
        server.config.chmod(0)
        self.login(server=server).quit()

    def test_cf11_long_rule(self):
        """A rule that is longer than the library reads is none; what it says in front does not count either."""
        allow, deny = pathlib.Path("/etc/hosts.allow"), pathlib.Path("/etc/hosts.deny")
        for path in (allow, deny):
            self.addCleanup(path.unlink, missing_ok=True)
        deny.write_text("ALL: ALL\n")
        server = self.serve("tcp_wrappers=YES\n")
        for text in ("soloftpd: ALL: setenv " + "x" * 20_000 + " y\n", "soloftpd: " + "127.0.0.9 " * 3000 + "127.0.0.1\n",
                     "soloftpd " * 5000 + "\n", "soloftpd: ALL: setenv A: deny\n", "soloftpd: ALL: severity nonsense\n"):
            allow.write_text(text)
            session = self.connect(server)
            answer = session.reply()
            self.assertEqual(answer, harness.REFUSED, text[:60])
            session.close()


class Drop(hostile.HostileTest):
    """SB2: a step towards powerlessness that fails is the end, before any 230."""

    def test_sb2_injected(self):
        for call, options in (("setgroups", ""), ("setresuid", ""), ("setresgid", ""), ("chroot", JAIL),
                              ("landlock_restrict_self", ""), ("seccomp", "sandbox_required=YES\n"), ("prctl", ""), ("capset", ""), ("chdir", "")):
            with self.subTest(call=call):
                program = self.here / "injected"
                program.write_text(f"#!/bin/sh\nexec strace -f -qq -o /dev/null -e trace={call} "
                                   f"-e inject={call}:error=EPERM {harness.SOLOFTPD} \"$@\"\n")
                program.chmod(0o755)
                session = self.connect(self.serve(options, program=str(program)))
                got = b""
                try:
                    session.socket.sendall(b"USER alice\r\nPASS secret-alice\r\nPWD\r\nRETR /etc/passwd\r\n")
                    while part := session.socket.recv(4096):
                        got += part
                except ConnectionResetError:
                    pass
                self.assertNotIn(b"230", got)
                self.assertNotIn(b"257", got)
                self.assertRegex(got, rb"(\A|\n)421 ")


class Logs(hostile.HostileTest):

    def test_li4_two_sessions(self):
        """100 000 lines of two sessions in one log: all whole, and none missing."""
        server = self.serve("log_ftp_protocol=YES\n")
        sessions = [self.open(server=server) for _ in range(2)]
        count = 25_000
        threads = [threading.Thread(target=pour, args=(session, f"CLNT {number}-{'x' * 60}\r\n".encode() * count, count))
                   for number, session in enumerate(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for session in sessions:
            session.quit()
        lines = [line for line in server.lines() if "CLNT" in line or "200 Noted" in line]
        self.assertEqual(len(lines), 4 * count)
        form = re.compile(r'\w{3} \w{3} [ 123]\d \d\d:\d\d:\d\d 20\d\d \[pid \d+\] \[alice\] FTP (command: Client "127\.0\.0\.1", '
                          r'"CLNT [01]-x{60}"|response: Client "127\.0\.0\.1", "200 Noted\.")')
        for line in lines:
            self.assertRegex(line, form)

    def test_li5_reverse_names(self):
        """Nobody asks for the client's name: logs, books and PAM have the address."""
        hosts = pathlib.Path("/etc/hosts")
        self.addCleanup(hosts.write_text, hosts.read_text())
        hosts.write_text("127.0.0.1 x'or'1'='1 \n127.0.0.3 ../../evil\n127.0.0.4 " + "a" * 255 + "\n")
        server = self.serve("delay_failed_login=0\n")
        for source in ("127.0.0.1", "127.0.0.3", "127.0.0.4"):
            session = self.greeted(server, source=source)
            session.expect("USER alice", "331 Please specify the password.")
            session.expect("PASS wrong", "530 Login incorrect.")
            session.expect("USER alice", "331 Please specify the password.")
            session.expect("PASS secret-alice", "230 Login successful.")
            session.store("STOR f", b"x")
            session.quit()
            text = server.log() + server.log("xferlog") + self.syslog()
            text += pathlib.Path("/var/log/wtmp").read_bytes().decode(errors="replace")
            self.assertIn(source, text)
            for part in ("x'or", "evil", "aaaa"):
                self.assertNotIn(part, text)
