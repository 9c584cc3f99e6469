"""The event log: every line is one JSON object, and says what happened."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

import control
import harness
import secure
from harness import ALICE

ANY = re.compile(r"(?s)\d\d\d.*")
HOME = "/srv/home/alice"
USUAL = harness.USUAL + "json_log_file={directory}/events.json\n"
VOLATILE = ("time", "session", "pid", "client", "port", "server", "seconds")
# What no line shows as it is: controls, line separators, marks of direction.
HARMFUL = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def parse(text):
    """The objects of a log; no line may be anything else."""
    def pairs(members):
        if len({key for key, _ in members}) != len(members):
            raise AssertionError(f"a member comes twice: {members}")
        return dict(members)
    events = []
    for line in text.splitlines(keepends=True):
        if not line.endswith("}\n") or HARMFUL.search(line) or len(line.encode()) > 16384:
            raise AssertionError(f"not a line of the event log: {line!r}")
        events.append(json.loads(line, object_pairs_hook=pairs))
    return events


class Events:
    """For a test class: services with an event log."""

    options = "delay_failed_login=0\nhash_enable=YES\nmdtm_write=YES\n"

    def serve(self, options="", **how):
        how.setdefault("usual", USUAL)
        return super().serve(options, **how)

    def events(self, server=None, ends=1):
        """All events, once so many sessions have ended."""
        server = server or self.server
        path = server.directory / "events.json"
        ended = harness.wait_until(
            lambda: path.exists() and path.read_text().count('"event":"end"') >= ends, 5)
        text = path.read_text() if path.exists() else ""
        self.assertTrue(ended, f"no end:\n{text}")
        return parse(text)

    def plain(self, event):
        """Without what differs each time, which must look right."""
        then = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        self.assertRegex(event["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
        now = datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(abs((now - then).total_seconds()), 60)
        self.assertRegex(event["session"], r"\A[0-9a-f]{16}\Z")
        self.assertGreaterEqual(event.get("seconds", 0), 0)
        return {key: value for key, value in event.items() if key not in VOLATILE}

    def assert_events(self, events, *wanted):
        got = [self.plain(event) for event in events]
        for number, pair in enumerate(zip(got, wanted)):
            self.assertEqual(*pair, f"event {number + 1}")
        self.assertEqual(len(got), len(wanted), got[len(wanted):])

    def greeted(self, server=None, **how):
        session = self.connect(server, **how)
        session.expect_reply(re.compile("220 .*"))
        return session

    def event(self, name, server=None, ends=1):
        """The one event of that name."""
        found = [event for event in self.events(server, ends) if event["event"] == name]
        self.assertEqual(len(found), 1, found)
        return self.plain(found[0])


def done(event, **members):
    return {"user": "alice", "event": event, "ok": True, **members}


def failed(event, reason, **members):
    return {"user": "alice", "event": event, "ok": False, "reason": reason, **members}


class Whole(Events, harness.FtpTest):

    options = Events.options + "cmds_denied=AVBL\ndeny_file=*.secret\nascii_upload_enable=YES\n"

    def test_session(self):
        """Each kind of event, in order."""
        content = b"x" * 999 + b"\n"
        session = self.greeted()
        session.expect("USER alice", ANY)
        session.expect("PASS swordfish", "530 Login incorrect.")
        session.expect("USER alice", ANY)
        session.expect("PASS secret-alice", "230 Login successful.")
        session.expect("TYPE I", ANY)
        session.store("STOR a b", content)
        session.store("APPE a b", b"12345")
        session.retrieve("RETR a b")
        session.expect("REST 1000", ANY)
        session.retrieve("RETR a b")
        session.expect("TYPE A", ANY)
        session.store("STOR text", b"1\r\n")
        session.expect("TYPE I", ANY)
        listings = [session.list(command) for command in ("LIST", "NLST *b", "MLSD .")]
        session.expect("MKD d", ANY)
        session.expect("MKD d", ANY)
        session.expect("RNFR a b", ANY)
        session.expect("RNTO d/c", ANY)
        session.expect("SITE CHMOD 640 d/c", ANY)
        session.expect("MFMT 20240229120000.5 d/c", ANY)
        session.expect("MFF modify=20240229120000;UNIX.mode=600; d/c", ANY)
        session.expect("HASH d/c", ANY)
        session.expect("XMD5 d/c 1000 1005", ANY)
        session.expect("XMD5 none", ANY)
        session.expect("AVBL", "550 Permission denied.")
        session.expect("CWD x.secret", "550 Permission denied.")
        session.expect("DELE x.secret", "550 Permission denied.")
        with session.passive():
            session.expect("RETR none", ANY)
            session.expect("STOR none/f", ANY)
            session.expect("MLSD none", ANY)
            session.expect("LIST d/none", ANY)
        session.expect("RMD d", ANY)
        session.expect("DELE d/c", ANY)
        session.expect("RMD d", ANY)
        session.quit()

        whole = content + b"12345"
        binary = {"type": "binary"}
        nothing = {"type": "binary", "bytes": 0}
        events = self.events()
        sizes = [len(text.encode()) for text in listings]
        self.assert_events(
            events,
            {"event": "connect"},
            failed("login_failed", "wrong_password", detail="PAM authenticate: Authentication failure"),
            done("login", access="local"),
            done("upload", command="STOR", path=f"{HOME}/a b", bytes=1000, **binary),
            done("upload", command="APPE", path=f"{HOME}/a b", bytes=5, **binary),
            done("download", command="RETR", path=f"{HOME}/a b", bytes=1005, **binary),
            done("download", command="RETR", path=f"{HOME}/a b", bytes=5, offset=1000, **binary),
            done("upload", command="STOR", path=f"{HOME}/text", bytes=3, type="ascii"),
            done("list", command="LIST", path=HOME, bytes=sizes[0], **binary),
            done("list", command="NLST", path=HOME, bytes=sizes[1], **binary),
            done("list", command="MLSD", path=HOME, bytes=sizes[2], **binary),
            done("mkdir", path=f"{HOME}/d"),
            failed("mkdir", "exists", path=f"{HOME}/d"),
            done("rename", path=f"{HOME}/a b", to=f"{HOME}/d/c"),
            done("chmod", path=f"{HOME}/d/c", mode="640"),
            done("times", path=f"{HOME}/d/c", modified="2024-02-29T12:00:00.500000Z"),
            done("chmod", path=f"{HOME}/d/c", mode="600"),
            done("times", path=f"{HOME}/d/c", modified="2024-02-29T12:00:00.000000Z"),
            done("hash", path=f"{HOME}/d/c", algorithm="SHA-256", bytes=1005,
                 digest=hashlib.sha256(whole).hexdigest()),
            done("hash", path=f"{HOME}/d/c", algorithm="MD5", bytes=5, offset=1000,
                 digest=hashlib.md5(b"12345").hexdigest()),
            failed("hash", "not_found", path=f"{HOME}/none", algorithm="MD5"),
            failed("denied", "policy", command="AVBL"),
            failed("denied", "policy", command="CWD", argument="x.secret"),
            failed("delete", "denied", path=f"{HOME}/x.secret"),
            failed("download", "not_found", command="RETR", path=f"{HOME}/none", **nothing),
            failed("upload", "not_found", command="STOR", path=f"{HOME}/none/f", **nothing),
            failed("list", "not_found", command="MLSD", path=f"{HOME}/none", **nothing),
            failed("list", "not_found", command="LIST", path=f"{HOME}/d/none", **nothing),
            failed("rmdir", "not_empty", path=f"{HOME}/d"),
            done("delete", path=f"{HOME}/d/c"),
            done("rmdir", path=f"{HOME}/d"),
            {"user": "alice", "event": "end", "reason": "quit", "uploads": 3, "downloads": 2,
             "bytes_in": 1008, "bytes_out": 1010})
        self.assertEqual(len({event["session"] for event in events}), 1)
        self.assertEqual(len({event["pid"] for event in events}), 1)
        local = session.socket.getsockname()
        for event in events:
            self.assertEqual((event["client"], event["port"], event["server"]),
                             (*local, f"127.0.0.1:{self.server.port}"))
        self.assertNotIn("swordfish", (self.server.directory / "events.json").read_text())
        times = [event["time"] for event in events]
        self.assertEqual(times, sorted(times))
        mode = (self.server.directory / "events.json").stat().st_mode
        self.assertEqual(mode & 0o777, 0o600, "nobody else reads the log")

    def test_six(self):
        server = self.serve(address="::1")
        self.login(server=server).quit()
        event = self.events(server)[0]
        self.assertEqual((event["client"], event["server"]), ("::1", f"[::1]:{server.port}"))

    def test_off(self):
        server = self.serve(usual=harness.USUAL)
        self.login(server=server).quit()
        self.assertFalse((server.directory / "events.json").exists())

    def test_host(self):
        """HOST opens the logs anew, where that is still possible; the session is the same."""
        hosts = self.here / "hosts"
        hosts.mkdir()
        (hosts / "example.net").write_text("ftpd_banner=here\n")
        log = pathlib.Path("/var/log/host.json")
        server = self.serve(f"host_config_dir={hosts}\njson_log_file={log}\n", usual="local_enable=YES\n")
        self.addCleanup(log.unlink)
        session = self.greeted(server)
        session.expect("HOST example.net", ANY)
        session.expect("USER alice", ANY)
        session.expect("PASS secret-alice", "230 Login successful.")
        session.quit()
        self.assertTrue(harness.wait_until(lambda: '"end"' in log.read_text(), 2))
        events = parse(log.read_text())
        self.assertEqual([event["event"] for event in events], ["connect", "login", "end"])
        self.assertEqual(len({event["session"] for event in events}), 1)


class Logins(Events, harness.FtpTest):

    def attempt(self, options, user, password="hunter2", server=None):
        server = server or self.serve(options)
        session = self.greeted(server)
        if session.expect(f"USER {user}", ANY).startswith("331"):
            session.expect(f"PASS {password}", ANY)
        session.close()
        events = self.events(server)
        text = (server.directory / "events.json").read_text()
        self.assertNotIn("hunter2", text, "a password")
        return events

    def test_refusals(self):
        users = self.here / "users"
        users.write_text("bob\n")
        listed = f"delay_failed_login=0\nuserlist_enable=YES\nuserlist_file={users}\nuserlist_log=NO\n"
        banned = self.here / "banned"
        banned.write_text("hunter2\n")
        anonymous = "delay_failed_login=0\n"
        for options, user, reason, detail in (
                (listed, "bob", "listed", None),
                (listed + "userlist_deny=NO\n", "alice", "not_listed", None),
                ("local_enable=NO\n", "alice", "anonymous_only", None),
                (anonymous, "root", "wrong_password", "PAM authenticate: "),
                (anonymous, "x" * 200, "wrong_password", "name or password that no account can have"),
                (anonymous + "pam_service_name=ftp-virtual\n", "vera", "account", "no system account: vera"),
                (anonymous + f"deny_email_enable=YES\nbanned_email_file={banned}\n", "ftp", "listed",
                 "the address is in banned_email_file"),
                (anonymous + f"secure_email_list_enable=YES\nemail_password_file={users}\n", "ftp",
                 "not_listed", "the password is not in email_password_file")):
            with self.subTest(options=options, user=user):
                password = "secret-vera" if user == "vera" else "hunter2"
                events = self.attempt(options, user, password)
                names = [event["event"] for event in events]
                self.assertEqual(names, ["connect", "login_failed", "end"])
                self.assertEqual((events[1]["user"], events[1]["reason"]), (user, reason))
                self.assertEqual(events[1].get("detail", "")[:len(detail or "")], detail or "")
                self.assertEqual("detail" in events[1], detail is not None)

    def test_reasons(self):
        """The words and the details, one by one."""
        server = self.serve("delay_failed_login=0\nmax_login_fails=100\npam_service_name=ftp-virtual\n")
        session = self.greeted(server)
        for user, password in (("alice", "x"), ("vera", "secret-vera"), ("x\u202e\"y", "x")):
            session.expect(f"USER {user}", ANY)
            session.expect(f"PASS {password}", "530 Login incorrect.")
        session.quit()
        self.assert_events(
            self.events(server)[1:-1],
            failed("login_failed", "wrong_password", detail="PAM authenticate: User not known to the "
                   "underlying authentication module"),
            failed("login_failed", "account", detail="no system account: vera") | {"user": "vera"},
            failed("login_failed", "wrong_password",
                   detail="name or password that no account can have") | {"user": "x\u202e\"y"})

    def test_anonymous(self):
        events = self.attempt("", "Anonymous", "me too@example.org")
        self.assertEqual(self.plain(events[1]), {
            "user": "ftp", "event": "login", "ok": True, "access": "anonymous",
            "address": "me_too@example.org"})

    def test_guest(self):
        server = self.serve(harness.GUEST)
        self.login("vera", server).quit()
        self.assertEqual(self.plain(self.events(server)[1]),
                         {"user": "vera", "event": "login", "ok": True, "access": "guest"})

    def test_denied_password(self):
        """An argument that may be a password is not shown."""
        server = self.serve("cmds_denied=PASS,CWD\n")
        session = self.login(server=server)
        session.expect("PASS hunter2", "550 Permission denied.")
        session.expect("CWD hunter2", "550 Permission denied.")
        session.quit()
        self.assert_events(self.events(server)[2:-1],
                           failed("denied", "policy", command="PASS"),
                           failed("denied", "policy", command="CWD", argument="hunter2"))


class Ends(Events, harness.FtpTest):

    def reason(self, server=None):
        return self.events(server)[-1]["reason"]

    def test_login_failures(self):
        session = self.greeted()
        for _ in range(3):
            session.expect("USER bob", ANY)
            session.expect("PASS wrong", "530 Login incorrect.")
        session.expect_end()
        self.assertEqual(self.reason(), "login_failures")

    def test_timeout(self):
        server = self.serve("idle_session_timeout=1\n")
        self.login(server=server).expect_reply("421 Timeout.")
        self.assertEqual(self.reason(server), "timeout")

    def test_client_gone(self):
        self.login().close()
        self.assertEqual(self.reason(), "client_gone")

    def test_terminated(self):
        session = self.login()
        os.kill(self.session_pid(), signal.SIGTERM)
        session.expect_reply(re.compile("421 .*"))
        self.assertEqual(self.reason(), "terminated")

    def test_flood(self):
        session = self.login()
        try:
            session.socket.sendall(b"x" * 200_000)
        except ConnectionError:
            pass
        session.close()
        self.assertEqual(self.reason(), "flood")

    def test_protocol(self):
        self.greeted().expect("GET / HTTP/1.0", ANY)
        self.assertEqual(self.reason(), "protocol")

    def test_configuration(self):
        """A fault that only the login meets."""
        server = self.serve("userlist_enable=YES\nuserlist_file=/none\n")
        self.greeted(server).expect("USER bob", re.compile("421 .*"))
        events = self.events(server)
        self.assert_events(
            events,
            {"event": "connect"},
            {"user": "bob", "event": "problem", "level": "error",
             "detail": 'login of "bob": userlist_file can\'t be read: /none'},
            {"user": "bob", "event": "login_failed", "ok": False, "reason": "configuration"},
            {"user": "bob", "event": "end", "reason": "configuration", "uploads": 0, "downloads": 0,
             "bytes_in": 0, "bytes_out": 0})

    def refused(self, server):
        path = server.directory / "events.json"
        self.assertTrue(harness.wait_until(lambda: path.exists() and path.read_text(), 2))
        return parse(path.read_text())

    def test_refused_by_wrappers(self):
        deny = pathlib.Path("/etc/hosts.deny")
        deny.write_text("ALL: 127.0.0.9\n")
        self.addCleanup(deny.unlink)
        server = self.serve("tcp_wrappers=YES\n")
        self.connect(server, source="127.0.0.9").expect_reply(harness.REFUSED)
        self.assert_events(self.refused(server), {
            "event": "refused", "reason": "wrappers",
            "detail": "Connection refused: tcp_wrappers denial."})

    def test_refused_by_configuration(self):
        server = self.serve("banner_file=/none\n")
        self.connect(server).expect_reply(harness.REFUSED)
        self.assert_events(self.refused(server), {
            "event": "refused", "reason": "configuration",
            "detail": f"{server.config}:9: banner_file: No such file or directory"})


class Failures(Events, harness.FtpTest):
    """Why transfers fail."""

    def assert_failure(self, name, reason, server=None):
        event = self.event(name, server)
        self.assertEqual((event["ok"], event["reason"]), (False, reason))
        return event

    def huge(self):
        with harness.put(ALICE / "huge").open("r+b") as file:
            file.truncate(1 << 30)

    def start(self, server=None):
        self.huge()
        session = self.login(server=server)
        session.expect("TYPE I", ANY)
        data = session.passive()
        self.addCleanup(data.close)
        session.expect("RETR huge", re.compile("150 .*"))
        return session, data

    def test_aborted(self):
        session, _ = self.start()
        session.say("ABOR")
        session.expect_reply(re.compile("426 .*"), re.compile("226 .*"))
        session.quit()
        self.assert_failure("download", "aborted")

    def test_client_gone(self):
        session, _ = self.start()
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        session.close()
        self.assert_failure("download", "client_gone")
        self.assertEqual(self.events()[-1]["reason"], "client_gone")

    def test_connection_lost(self):
        session, data = self.start()
        data.close()
        session.expect_reply(re.compile("426 .*"))
        session.quit()
        event = self.assert_failure("download", "connection_lost")
        self.assertEqual(self.events()[-1]["bytes_out"], event["bytes"])

    def test_timeout(self):
        server = self.serve("data_connection_timeout=1\n")
        session, _ = self.start(server)
        session.expect_reply(re.compile("421 .*"))
        self.assert_failure("download", "timeout", server)
        self.assertEqual(self.events(server)[-1]["reason"], "timeout")

    def test_no_connection(self):
        server = self.serve("accept_timeout=1\n")
        session = self.login(server=server)
        session.passive_address()
        session.expect("LIST", re.compile("425 .*"))
        session.quit()
        self.assert_failure("list", "no_connection", server)

    def test_permission(self):
        harness.put(ALICE / "closed", b"", "root", 0o600)
        session = self.login()
        with session.passive():
            session.expect("RETR closed", re.compile("550 .*"))
        session.quit()
        self.assert_failure("download", "permission")

    def test_busy(self):
        server = self.serve(self.options + "upload_atomic=NO\n")
        session, other = self.login(server=server), self.login(server=server)
        with session.passive():
            session.expect("STOR f", re.compile("150 .*"))
            with other.passive():
                other.expect("STOR f", re.compile("450 .*"))
        session.expect_reply(re.compile("226 .*"))
        session.quit()
        other.quit()
        events = [event for event in self.events(server, ends=2) if event["event"] == "upload"]
        self.assertEqual([(event["ok"], event.get("reason")) for event in events],
                         [(False, "busy"), (True, None)])

    def test_no_space(self):
        small = harness.give_directory(ALICE / "small")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "small", small], check=True)
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        session = self.login()
        session.expect("TYPE I", ANY)
        with session.passive() as data:
            session.expect("STOR small/f", re.compile("150 .*"))
            try:
                data.sendall(b"x" * 1_000_000)
            except ConnectionError:
                pass
        session.expect_reply(re.compile("452 .*"))
        session.quit()
        self.assert_failure("upload", "no_space")


class Hostile(Events, harness.FtpTest):

    USERS = ('","ok":true,"x":"', "\\", "\\u0022", "esc\x1b[2J", "bell\x07", "\x7f", "Grüße", "\udce9",
             "\u2028", "\u202e", "\ufeff", "\U0001f600", "\ufffd", "{}", "x" * 1000, '"' * 400)
    NAMES = ('q"uote', "back\\slash", "two words", "esc\x1b[2J", "tab\tb", "cr\x0bvt", "\x7f", "Grüße",
             "e\u0301", "\u0085", "\u2028\u2029", "\u202eexe", "\u2066x\u2069", "\u200f", "\U0001f600",
             "\ufffd", "\udce9\udcfc", "ok\udcfe", "{}", "\udced\udca0\udc80")

    def text(self, event, key):
        """The bytes that a member stands for, as os.fsdecode has them."""
        if key + "_hex" in event:
            exact = os.fsdecode(bytes.fromhex(event[key + "_hex"]))
            self.assertEqual(event[key], re.sub("[\udc80-\udcff]", "\ufffd", exact))
            return exact
        return event[key]

    def test_users(self):
        server = self.serve(self.options + "max_login_fails=1000\n")
        session = self.greeted(server)
        for user in self.USERS:
            session.expect(f"USER {user}", ANY)
            session.expect("PASS wrong", "530 Login incorrect.")
        session.quit()
        events = [event for event in self.events(server) if event["event"] == "login_failed"]
        for user, event in zip(self.USERS, events, strict=True):
            got = self.text(event, "user")
            self.assertEqual(event.get("cut", False), len(user) > 256, user)
            self.assertEqual(got, user[:128 if user[0] == '"' and len(user) > 20 else 256])

    def test_paths(self):
        session = self.login()
        for name in self.NAMES:
            session.store(f"STOR {name}", b"12345")
            session.expect(f"RNFR {name}", ANY)
            session.expect(f"RNTO {name}x", ANY)
        session.quit()
        events = self.events()[2:-1]
        self.assertEqual(len(events), 2 * len(self.NAMES))
        for name, upload, rename in zip(self.NAMES, events[::2], events[1::2]):
            self.assertEqual(self.text(upload, "path"), f"{HOME}/{name}")
            self.assertEqual(upload["ok"], True)
            self.assertEqual(self.text(rename, "to"), f"{HOME}/{name}x")
            self.assertTrue(os.path.exists(self.text(rename, "to")))

    def test_long(self):
        """A path that the kernel takes stands there whole; what takes too long escaped is cut."""
        plain, quotes, bytes_ = "/a" * 2000, '/"' * 2000, "/\udcfe" * 2000
        session = self.login()
        with session.passive():
            for path in (plain, quotes, bytes_):
                session.expect(f"RETR {path}", re.compile("550 .*"))
        session.expect(f"RMD {bytes_}", re.compile("550 .*"))
        session.expect(f"CWD {plain}", re.compile("550 .*"))
        session.quit()
        first, second, third, fourth = self.events()[2:-1]
        self.assertEqual(first["path"], plain)
        self.assertNotIn("cut", first)
        for event, path in ((second, quotes), (third, bytes_), (fourth, bytes_)):
            self.assertTrue(event["cut"])
            text = self.text(event, "path")
            self.assertEqual(text, path[:len(text)])
            self.assertGreater(len(text), 1000)
        self.assertEqual(second["bytes"], 0, "what comes behind a path is there")

    def test_denied(self):
        server = self.serve("cmds_denied=STAT\n")
        session = self.login(server=server)
        session.expect('STAT "\udcfe\u2028', "550 Permission denied.")
        session.quit()
        event = self.events(server)[2]
        self.assertEqual(self.text(event, "argument"), '"\udcfe\u2028')

    def test_many_sessions(self):
        """Lines of sessions at the same time stay apart."""
        troubles = []

        def session(number):
            try:
                connection = control.Control("127.0.0.1", self.server.port, timeout=30)
                connection.expect_reply("220 soloftpd ready.")
                connection.expect("USER alice", ANY)
                connection.expect("PASS secret-alice", "230 Login successful.")
                for count in range(50):
                    connection.expect(f"MKD {number}-{count}", re.compile("257 .*"))
                connection.quit()
                connection.close()
            except (AssertionError, OSError) as trouble:
                troubles.append(f"session {number}: {trouble}")
        threads = [threading.Thread(target=session, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        events = self.events(ends=10)
        self.assertEqual(len(events), 10 * 53)
        by_session = {}
        for event in events:
            by_session.setdefault(event["session"], []).append(event)
        self.assertEqual({len(own) for own in by_session.values()}, {53})
        for own in by_session.values():
            self.assertEqual([own[0]["event"], own[1]["event"], own[-1]["event"]],
                             ["connect", "login", "end"])


class Files(Events, harness.FtpTest):
    """The log as a file: rotated, full, not there."""

    def mkdirs(self, session, *names):
        for name in names:
            session.expect(f"MKD {name}", re.compile("257 .*"))

    def paths(self, text):
        return [event["path"].removeprefix(HOME + "/") for event in parse(text) if "path" in event]

    def test_renamed(self):
        """Running sessions finish in the old file."""
        log, old = self.server.directory / "events.json", self.server.directory / "events.json.1"
        first = self.login()
        self.mkdirs(first, "a")
        log.rename(old)
        second = self.login()
        self.mkdirs(first, "b")
        self.mkdirs(second, "c")
        first.quit()
        second.quit()
        harness.wait_until(lambda: old.read_text().count('"end"') == 1, 2)
        self.assertEqual([event["event"] for event in self.events()], ["connect", "login", "mkdir", "end"])
        self.assertEqual((self.paths(old.read_text()), self.paths(log.read_text())), (["a", "b"], ["c"]))

    def test_copied_and_truncated(self):
        log = self.server.directory / "events.json"
        session = self.login()
        self.mkdirs(session, "a")
        shutil.copy(log, self.here / "old")
        os.truncate(log, 0)
        self.mkdirs(session, "b")
        session.quit()
        self.events()
        self.assertEqual((self.paths((self.here / "old").read_text()), self.paths(log.read_text())),
                         (["a"], ["b"]))

    def test_not_there(self):
        server = self.serve("json_log_file=/none/events.json\n")
        session = self.login(server=server)
        self.mkdirs(session, "a")
        session.quit()
        self.syslog(r"can't open log file /none/events.json: No such file or directory")

    def test_full(self):
        """Transfers go on, syslog is told, and once there is room again lines are whole again."""
        disk = self.here / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "disk", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        log = disk / "events.json"
        log.write_text("x" * 3999 + "\n")
        server = self.serve(f"json_log_file={log}\n")
        session = self.login(server=server)
        session.expect("TYPE I", ANY)
        for number in range(3):
            session.store(f"STOR {number}", b"x" * 5000)
            self.assertEqual((ALICE / str(number)).stat().st_size, 5000)
        subprocess.run(["mount", "-o", "remount,size=64k", disk], check=True)
        self.mkdirs(session, "a")
        session.quit()
        self.assertTrue(harness.wait_until(lambda: '"end"' in log.read_text(), 2))
        first, torn, *rest = log.read_text().splitlines(keepends=True)
        self.assertEqual((len(first), len(torn)), (4000, 97))
        self.assertEqual([event["event"] for event in parse("".join(rest))], ["mkdir", "problem", "end"])
        told = self.syslog(r"6 lines of json_log_file were lost: No space left on device")
        self.assertEqual(re.findall(r"(\d+) lines? of json_log_file", told), ["1", "6"],
                         "told at the beginning and at the end; what told of it was lost, too")

    def test_other_logs_full(self):
        """What they lost is an event, too."""
        server = self.serve("vsftpd_log_file=/dev/full\nxferlog_file=/dev/full\n")
        session = self.login(server=server)
        session.store("STOR f", b"x")
        session.quit()
        lost = [self.plain(event) for event in self.events(server) if event["event"] == "lost"]
        self.assertEqual(lost, [
            {"user": "alice", "event": "lost", "detail": "No space left on device", "log": log, "lines": lines}
            for log, lines in (("vsftpd_log_file", 3), ("xferlog_file", 1))])


class Tls(Events, secure.FtpsTest):

    def serve(self, options="", **how):
        return super().serve(options, **how) if "usual" in how else super().serve(options, usual=USUAL, **how)

    def log(self, server):
        (server.directory / "events.json").unlink(missing_ok=True)
        return server

    def test_explicit(self):
        server = self.log(self.serve_tls())
        session = self.login(server=server)
        session.store("STOR f", b"12345")
        session.quit()
        events = self.events(server)
        self.assertEqual([event["event"] for event in events], ["connect", "tls", "login", "upload", "end"])
        self.assertNotIn("tls", events[0])
        for event in events[1:3]:
            self.assertRegex(event["tls"], r"\ATLSv1\.3 TLS_[A-Z0-9_]+\Z")
        self.assertTrue(events[1]["ok"])

    def test_failed(self):
        server = self.log(self.serve_tls())
        session = self.greeted(server)
        session.expect("AUTH TLS", re.compile("234 .*"))
        session.socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
        events = self.events(server)
        self.assertEqual([event["event"] for event in events], ["connect", "tls", "problem", "end"])
        self.assertEqual((events[1]["ok"], events[1]["reason"]), (False, "handshake"))
        self.assertTrue(events[2]["detail"].startswith("TLS handshake failed: "))
        self.assertEqual(events[3]["reason"], "tls_failed")

    def test_required(self):
        server = self.log(self.serve_tls("delay_failed_login=0\n"))
        session = self.greeted(server)
        session.expect("USER alice", re.compile("530 .*"))
        session.expect_end()
        events = self.events(server)
        self.assertEqual(self.plain(events[1]), failed(
            "login_failed", "tls_required", detail="Non-anonymous sessions must use encryption."))
        self.assertEqual(events[2]["reason"], "tls_required")

    def test_data(self):
        """A transfer that policy wants protected is refused; one whose handshake fails, fails."""
        server = self.log(self.serve_tls())
        session = self.login(server=server, level="C")
        with socket.create_connection(session.passive_address(), 5):
            session.expect("STOR f", re.compile("522 .*"))
        session.protect("P")
        with socket.create_connection(session.passive_address(), 5) as data:
            session.expect("STOR f", re.compile("150 .*"))
            data.sendall(b"not TLS at all, as anybody can see")
            session.expect_reply(re.compile("522 .*"))
        session.quit()
        events = [event for event in self.events(server) if event["event"] in ("denied", "upload")]
        self.assert_events(
            events,
            failed("denied", "policy", command="STOR", argument="f"),
            failed("upload", "tls_failed", command="STOR", path=f"{HOME}/f", type="binary", bytes=0))
