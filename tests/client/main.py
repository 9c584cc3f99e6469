"""Runs the tests in this folder. tests/client/run calls it, inside the sandbox."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = ("ip", "xinetd", "systemd-socket-activate", "tcpserver", "curl", "lftp", "tnftp",
         "inetutils-ftp", "wget", "ncftp", "rclone", "filezilla", "Xvfb", "xdotool", "nft",
         "openssl", "gnutls-cli", "fail2ban-regex", "logwatch", "webalizer", "logrotate",
         "/usr/lib/cgi-bin/awstats.pl", "last", "lastb", "utmpdump", "who", "lastlog", "strace",
         "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs")
LONGEST = 60  # seconds that one test may take


class TookTooLong(AssertionError):
    pass


class Report(unittest.TestResult):
    """A line for each test; the whole story for each that fails."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.broken = 0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.trouble = []
        self.syslog_before = harness.SYSLOG.stat().st_size
        signal.alarm(LONGEST)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        spent = time.monotonic() - self.started
        said = harness.SYSLOG.read_bytes()[self.syslog_before:].decode(errors="replace")
        if "stopped by seccomp_sandbox" in said and not getattr(test, "stops_sessions", False):
            self.trouble.append("the filter has stopped a session")
        verdict = "FAILED" if self.trouble else "ok"
        print(f"{verdict:6} {spent:5.1f} s  {name_of(test)}", flush=True)
        if self.trouble:
            self.trouble.append(f"syslog:\n{said}")
        for text in self.trouble:
            print("\n".join(f"    {line}" for line in text.splitlines()), flush=True)
        self.broken += bool(self.trouble)
        self.passed += not self.trouble

    def note(self, test, error):
        self.trouble.append(self._exc_info_to_string(error, test))

    def addError(self, test, error):
        if isinstance(test, unittest.TestCase):
            self.note(test, error)
        else:  # a class or module that could not be set up
            self.broken += 1
            print(f"FAILED {test}\n{self._exc_info_to_string(error, test)}", flush=True)

    def addFailure(self, test, error):
        self.note(test, error)

    def addSubTest(self, _test, subtest, error):
        if error is not None:
            self.trouble.append(f"--- {subtest._subDescription()}")
            self.note(subtest, error)

    def addSkip(self, test, reason):
        self.trouble.append(f"skipped, which no test here may be: {reason}")


def name_of(test):
    return test.id().removeprefix("test_")


def all_tests(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from all_tests(item)
        else:
            yield item


def chosen(names):
    found = unittest.TestLoader().discover(str(HERE), top_level_dir=str(HERE))
    tests = list(all_tests(found))
    def is_of(test, wanted):
        return any(f"{name_of(test)}.".startswith(f"{name}.") for name in wanted)
    without = [name[1:] for name in names if name.startswith("-")]
    wanted = [name for name in names if not name.startswith("-")]
    return unittest.TestSuite(test for test in tests
                              if (not wanted or is_of(test, wanted)) and not is_of(test, without))


def on_alarm(_number, _frame):
    raise TookTooLong(f"the test took longer than {LONGEST} s")


def main(names):
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"missing (tests/packages installs them): {' '.join(missing)}")
        return 1
    subprocess.run(["ip", "-6", "address", "add", f"{harness.IPV6}/128", "dev", "lo", "nodad"],
                   check=True)
    os.environ["LC_ALL"] = "C.UTF-8"
    signal.signal(signal.SIGALRM, on_alarm)
    report = Report()
    chosen(names)(report)
    print(f"{report.passed} passed, {report.broken} failed")
    return 1 if report.broken or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
