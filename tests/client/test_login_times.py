"""What a refused login tells: nothing. Its words and its time are the same whatever the reason is."""

import os
import pathlib
import queue
import random
import re
import statistics
import subprocess
import threading
import time

import control
import harness

WRONG = "530 Login incorrect."
ASK = pathlib.Path("/run/pam_ask.so")
DELAY = 1  # delay_failed_login, in seconds
OPTIONS = f"delay_failed_login={DELAY}\nmax_login_fails=1000\nlogin_timeout=0\npam_service_name=stack\n"
# PAM's own delays, of two seconds or more, must not be seen either.
STACK = """\
auth optional pam_faildelay.so delay=3000000
auth required pam_unix.so
account required pam_shells.so
account required pam_unix.so
"""
PLAIN = "a-right-password"
ROUNDS = 400_000
TODAY = int(time.time()) // 86400
# name -> hash?, last change, expiry, shell
ACCOUNTS = {
    "wrong": ("{hash}", TODAY, "", "/bin/sh"),
    "locked": ("!{hash}", TODAY, "", "/bin/sh"),
    "aged": ("{hash}", 0, "", "/bin/sh"),
    "expired": ("{hash}", TODAY, TODAY - 1, "/bin/sh"),
    "shellless": ("{hash}", TODAY, "", "/usr/sbin/nologin"),
}
# What refuses: the name and the password that are sent.
CLASSES = {
    "unknown": ("no-such-user", PLAIN),
    "wrong password": ("wrong", "another-password"),
    "locked": ("locked", PLAIN),
    "password expired": ("aged", PLAIN),
    "account expired": ("expired", PLAIN),
    "no shell": ("shellless", PLAIN),
    "too long": ("wrong", "x" * 1000),
    "odd name": ("-froot", PLAIN),
    "root": ("root", PLAIN),
    "anonymous": ("anonymous", PLAIN),
}


def hash_of(password):
    """A hash that is dear to check, and the seconds that it takes."""
    before = time.process_time() + os.times().children_user
    made = subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password,
                           f"$6$rounds={ROUNDS}$soloftpd$"], check=True, capture_output=True, text=True)
    return made.stdout, time.process_time() + os.times().children_user - before


def attempt(session, user, password):
    """The answer to a login and the seconds from PASS to it."""
    session.expect(f"USER {user}", "331 Please specify the password.")
    began = time.monotonic()
    session.say(f"PASS {password}")
    return session.reply(), time.monotonic() - began


def measure(jobs, workers):
    """Does (class, port, user, password) jobs, some at a time; class -> answers, class -> seconds."""
    waiting, words, spent, failed = queue.SimpleQueue(), {}, {}, []
    for job in jobs:
        waiting.put(job)
        words[job[0]], spent[job[0]] = set(), []

    def work():
        sessions = {}
        try:
            while True:
                kind, port, user, password = waiting.get_nowait()
                if port not in sessions:
                    sessions[port] = control.Control("127.0.0.1", port, timeout=20)
                    sessions[port].expect_reply(re.compile("220 .*"))
                answer, seconds = attempt(sessions[port], user, password)
                words[kind].add(answer)
                spent[kind].append(seconds)
        except queue.Empty:
            pass
        except (AssertionError, OSError) as error:
            failed.append(error)
        for session in sessions.values():
            session.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return words, spent, failed


class Times(harness.FtpTest):

    options = OPTIONS + "anonymous_enable=NO\n"

    def setUp(self):
        dear, self.cost = hash_of(PLAIN)
        for path in ("/etc/passwd", "/etc/shadow", "/etc/shells"):
            file = pathlib.Path(path)
            self.addCleanup(file.write_text, file.read_text())
        with open("/etc/passwd", "a", encoding="utf-8") as users, open("/etc/shadow", "a", encoding="utf-8") as shadow:
            for number, (name, (kept, changed, expiry, shell)) in enumerate(ACCOUNTS.items()):
                users.write(f"{name}:x:{1901 + number}:1801::/srv/home/alice:{shell}\n")
                shadow.write(f"{name}:{kept.format(hash=dear)}:{changed}:0:99999:7::{expiry}:\n")
        pathlib.Path("/etc/shells").write_text("/bin/sh\n")
        pathlib.Path("/etc/pam.d/stack").write_text(STACK)
        super().setUp()
        self.guests = self.serve(f"{self.options}guest_enable=YES\nguest_username=nobody-of-that-name\n")

    def measure_all(self, tries, workers):
        ports = {kind: self.server.port for kind in CLASSES} | {"no guest": self.guests.port}
        # One who would get in, but for the account of the guests.
        names = CLASSES | {"no guest": ("alice", "secret-alice")}
        jobs = [(kind, ports[kind], *names[kind]) for _ in range(tries) for kind in names]
        random.shuffle(jobs)
        words, spent, failed = measure(jobs, workers)
        self.assertEqual(failed, [])
        self.assertEqual({kind: answers for kind, answers in words.items() if answers != {WRONG}}, {})
        return spent

    def test_refusals(self):
        self.assertGreater(self.cost, 0.06, "the hash is too cheap to be seen")
        spent = self.measure_all(6, 5)
        # The quicker half: on a machine that is busy with other things a hash can take longer than the delay.
        medians = {kind: statistics.median(sorted(times)[:(len(times) + 1) // 2]) for kind, times in spent.items()}
        self.assertGreaterEqual(min(min(times) for times in spent.values()), DELAY - 0.005)
        self.assertLess(max(medians.values()) - min(medians.values()), 0.03, medians)
        self.assertLess(max(medians.values()), DELAY + 0.05, medians)
        said = self.syslog()
        for reason in ("User not known", "Authentication failure", "new one required", "account has expired",
                       "no account can have", "nobody-of-that-name"):
            self.assertRegex(said, f"login refused: .*{reason}")

    def test_names_before_the_password(self):
        """USER tells nothing, at once."""
        session = self.connect()
        session.expect_reply(re.compile("220 .*"))
        began = time.monotonic()
        for user, _ in CLASSES.values():
            session.expect(f"USER {user}", "331 Please specify the password.")
        self.assertLess(time.monotonic() - began, 0.5)


class Slow(harness.FtpTest):
    """What takes longer than the delay is answered when the next one would be over."""

    options = OPTIONS

    @classmethod
    def setUpClass(cls):
        if not ASK.exists():
            source = pathlib.Path(__file__).resolve().parent / "pam_ask.c"
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", ASK, source, "-lpam"], check=True)

    def test_multiples(self):
        jobs = []
        for wait in (0, 400, 1300, 1600):
            name = f"slow-{wait}"
            pathlib.Path(f"/etc/pam.d/{name}").write_text(
                f"auth required {ASK} off= sleep={wait} status=7\naccount required pam_permit.so\n")
            jobs.append((wait, self.serve(f"{OPTIONS}pam_service_name={name}\n").port, "alice", PLAIN))
        words, spent, failed = measure(jobs, len(jobs))
        self.assertEqual((failed, set.union(*words.values())), ([], {WRONG}))
        for wait, multiple in ((0, 1), (400, 1), (1300, 2), (1600, 2)):
            self.assertGreaterEqual(spent[wait][0], multiple * DELAY - 0.005)
            self.assertLess(spent[wait][0], multiple * DELAY + 0.2)

    def test_question(self):
        """The delay counts from the answer, not from the time that its user needed."""
        pathlib.Path("/etc/pam.d/stack").write_text(
            f"auth required {ASK} off= on=Q status=7\naccount required pam_permit.so\n")
        session = self.connect()
        session.expect_reply(re.compile("220 .*"))
        session.expect("USER alice", "331 Please specify the password.")
        session.expect("PASS x", "331 Q")
        time.sleep(0.5)
        began = time.monotonic()
        session.expect("PASS y", WRONG)
        self.assertAlmostEqual(time.monotonic() - began, DELAY, delta=0.2)

    def test_gone(self):
        """Who leaves during the delay takes the process with it, at once."""
        server = self.serve("delay_failed_login=60\n")
        session = self.connect(server)
        session.expect_reply(re.compile("220 .*"))
        session.expect("USER alice", "331 Please specify the password.")
        session.say("PASS wrong")
        self.assertTrue(harness.wait_until(lambda: server.log().count("FAIL LOGIN") == 1, 2))
        pid = self.session_pid(server)
        session.close()
        self.assert_gone(pid, 0.3)
