"""Clients that vanish, stall or say nothing."""

import re
import socket
import subprocess
import time

import harness
from harness import ALICE


class Killed(harness.FtpTest):

    options = "upload_atomic=NO\n"

    def start_curl(self, *words):
        client = subprocess.Popen(["curl", "-sS", *map(str, words)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client

    def kill(self, client):
        """SIGKILL in the middle of a transfer; the session ends without it."""
        self.assertIsNone(client.poll(), "the client ended by itself")
        pid = self.session_pid()
        client.kill()
        client.wait()
        self.assert_gone(pid)

    def test_in_an_upload(self):
        local = self.here / "local.bin"
        local.write_bytes(harness.sample(5_000_000))
        client = self.start_curl("--limit-rate", "300k", "-T", local, self.url("up.bin"))
        up = ALICE / "up.bin"
        self.assertTrue(harness.wait_until(lambda: up.exists() and up.stat().st_size > 100_000, 5))
        self.kill(client)
        size = up.stat().st_size
        self.assertLess(size, 5_000_000)
        self.assert_same_bytes(up.read_bytes(), harness.sample(5_000_000)[:size])
        # Nobody can tell a killed client from one that has sent everything, when the kernel closes
        # the data connection first; test_control_ends_first has the order that shows it.
        line = self.server.lines(count=3)[-1]
        self.assertRegex(line, rf'\[alice\] (?:OK|FAIL) UPLOAD: Client "127\.0\.0\.1", '
                         rf'"/srv/home/alice/up\.bin", {size} bytes, [\d.]+Kbyte/sec$')
        end = "c" if "] OK UPLOAD" in line else "i"
        self.assertRegex(self.server.lines("xferlog", 1)[-1], rf" 127\.0\.0\.1 {size} "
                         rf"/srv/home/alice/up\.bin b _ i r alice ftp 0 \* {end}$")

    def test_in_a_download(self):
        harness.put(ALICE / "down.bin", harness.sample(50_000_000))
        got = self.here / "got.bin"
        client = self.start_curl("--limit-rate", "300k", "-o", got, self.url("down.bin"))
        self.assertTrue(harness.wait_until(lambda: got.exists() and got.stat().st_size > 100_000, 5))
        self.kill(client)
        line = self.server.lines(count=3)[-1]
        self.assertRegex(line, r'\[alice\] FAIL DOWNLOAD: Client "127\.0\.0\.1", '
                         r'"/srv/home/alice/down\.bin", \d+ bytes, [\d.]+Kbyte/sec$')
        size = int(re.search(r"(\d+) bytes", line)[1])
        self.assertTrue(100_000 < size < 50_000_000, line)
        self.assertRegex(self.server.lines("xferlog", 1)[-1],
                         rf" 127\.0\.0\.1 {size} /srv/home/alice/down\.bin b _ o r alice ftp 0 \* i$")

    def test_between_commands(self):
        session = self.login()
        pid = self.session_pid()
        session.close()
        self.assert_gone(pid)

    def test_before_the_login(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        pid = self.session_pid()
        session.close()
        self.assert_gone(pid)

    def test_with_a_listener_open(self):
        session = self.login()
        session.passive_address()
        pid = self.session_pid()
        session.close()
        self.assert_gone(pid)

    def test_by_reset(self):
        session = self.login()
        pid = self.session_pid()
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        session.close()
        self.assert_gone(pid)

    def upload_ends(self, end):
        """An upload of 70000 bytes, then what end does; the log says that it failed."""
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        with session.passive() as data:
            session.expect("STOR up", "150 Ok to send data.")
            pid = self.session_pid()
            data.sendall(b"x" * 70_000)
            self.assertTrue(harness.wait_until(lambda: (ALICE / "up").stat().st_size == 70_000, 2))
            end(session, data)
            self.assert_gone(pid)
        self.assertRegex(self.server.lines(count=3)[-1], '\\[alice\\] FAIL UPLOAD: Client "127.0.0.1", '
                         '"/srv/home/alice/up", 70000 bytes, ')
        self.assertRegex(self.server.lines("xferlog", 1)[-1],
                         r" 127\.0\.0\.1 70000 /srv/home/alice/up b _ i r alice ftp 0 \* i$")

    def test_control_ends_first(self):
        """As a killed client's connections do, one after the other."""
        def end(session, data):
            session.close()
            data.close()
        self.upload_ends(end)

    def test_data_stay_open(self):
        """Only the control connection ends; the data connection is open and silent."""
        self.upload_ends(lambda session, data: session.close())

    def test_data_are_reset(self):
        def end(session, data):
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            data.close()
            session.expect_reply("426 Failure reading network stream.")
            session.quit()
        self.upload_ends(end)


class TimeoutTest(harness.FtpTest):

    def assert_takes_a_second(self, call):
        started = time.monotonic()
        call()
        spent = time.monotonic() - started
        self.assertTrue(0.9 <= spent <= 2.5, f"{spent:.2f} s, not about 1 s")

    def open(self, **how):
        session = self.login(**how)
        session.expect("TYPE I", "200 Switching to Binary mode.")
        return session


class Idle(TimeoutTest):

    options = "idle_session_timeout=1\ndata_connection_timeout=1\n"

    def test_idle(self):
        session = self.open()
        pid = self.session_pid()
        self.assert_takes_a_second(lambda: session.expect_reply("421 Timeout."))
        session.expect_end()
        self.assert_gone(pid)

    def test_idle_before_the_login(self):
        session = self.connect()
        session.expect_reply("220 soloftpd ready.")
        self.assert_takes_a_second(lambda: session.expect_reply("421 Timeout."))
        session.expect_end()

    def test_a_trickle_is_idle(self):
        """Bytes without an end of line do not keep a session."""
        session = self.open()
        started = time.monotonic()
        session.socket.settimeout(0.3)
        while time.monotonic() < started + 4:
            try:
                session.socket.sendall(b"N")
                if session.socket.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        session.expect_reply("421 Timeout.")
        self.assertLess(time.monotonic() - started, 2.5)

    def test_commands_keep_a_session(self):
        session = self.open()
        for _ in range(4):
            time.sleep(0.5)
            session.expect("NOOP", "200 NOOP ok.")
        session.quit()

    def test_a_slow_upload_goes_on(self):
        """Any progress resets the clock, and the control connection may stay silent meanwhile."""
        session = self.open()
        with session.passive() as data:
            session.expect("STOR up.bin", "150 Ok to send data.")
            for _ in range(5):
                data.sendall(b"x")
                time.sleep(0.5)
        session.expect_reply("226 Transfer complete.")
        session.quit()


class Data(TimeoutTest):

    options = "accept_timeout=1\nconnect_timeout=1\ndata_connection_timeout=1\n"

    def test_nobody_connects(self):
        session = self.login()
        session.passive_address()
        self.assert_takes_a_second(
            lambda: session.expect("LIST", "425 Failed to establish connection."))
        session.list()
        session.quit()

    def test_nobody_answers(self):
        """Active: the client's port swallows the connection, its queue being full."""
        session = self.login()
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        session.expect(f"PORT 127,0,0,1,{port >> 8},{port & 255}",
                       "200 PORT command successful. Consider using PASV.")
        self.assert_takes_a_second(
            lambda: session.expect("LIST", "425 Failed to establish connection."))
        session.list()
        session.quit()
        for filler in (*fillers, full):
            filler.close()

    def test_nobody_listens(self):
        session = self.login()
        session.active().close()
        session.expect("LIST", "425 Failed to establish connection.")
        session.quit()

    def test_a_download_stalls(self):
        with harness.put(ALICE / "huge.bin").open("r+b") as huge:
            huge.truncate(1 << 30)
        session = self.open()
        with session.passive():
            session.expect("RETR huge.bin", re.compile("150 .*"))
            session.expect_reply("421 Data timeout. Reconnect. Sorry.")
            session.expect_end()
        self.assertRegex(self.server.lines(count=3)[-1], r"FAIL DOWNLOAD: .*, \d+ bytes, ")

    def test_an_upload_stalls(self):
        session = self.open()
        with session.passive() as data:
            session.expect("STOR up.bin", "150 Ok to send data.")
            data.sendall(b"some")
            self.assert_takes_a_second(
                lambda: session.expect_reply("421 Data timeout. Reconnect. Sorry."))
            session.expect_end()
        self.assertRegex(self.server.lines(count=3)[-1], r'FAIL UPLOAD: .*/up\.bin", 4 bytes, ')
