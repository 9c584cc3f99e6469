"""`make run`: what it prints works as printed, and nothing is left when it ends."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import harness

PORT = 2121
DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../run-demo")


class Demo(unittest.TestCase):

    def setUp(self):
        self.here = pathlib.Path(tempfile.mkdtemp(prefix="client-", dir="/run"))
        self.etc_before = sorted(os.listdir("/etc"))

    def start(self):
        demo = subprocess.Popen(
            [DEMO, harness.SOLOFTPD, str(PORT)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(demo.stdout.close)
        self.addCleanup(harness.end_process, demo.pid)
        said = b""
        while not said.endswith(b"/vsftpd.log:\n"):
            line = demo.stdout.readline()
            self.assertNotEqual(line, b"", f"the demo ended\n{said.decode()}")
            said += line
        self.place = pathlib.Path(re.search(r"/tmp/soloftpd-demo\.\w+", said.decode())[0])
        self.assertTrue(self.place.is_dir())
        return demo, said.decode()

    def stop(self, demo, number):
        left = harness.descendants(demo.pid)
        demo.send_signal(number)
        self.assertEqual(demo.wait(10), 0)
        for pid in left:
            self.assertTrue(harness.wait_until(lambda: not harness.alive(pid), 2),
                            f"process {pid} was left")
        self.assertFalse(harness.listening(PORT))
        self.assertEqual(sorted(os.listdir("/etc")), self.etc_before)
        self.assertFalse(self.place.exists())

    def paste(self, line):
        return subprocess.run(["bash", "-c", line], timeout=20, check=True, cwd=self.here,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.here)},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.decode()

    def test_printed_lines(self):
        demo, said = self.start()
        lines = [line.strip() for line in said.splitlines()]
        curl = [line for line in lines if line.startswith("curl ")]
        self.assertEqual(len(curl), 4, said)
        self.assertRegex(self.paste(curl[0]), r"(?m)^drwxr-xr-x .* pub\r?$")
        self.assertEqual(self.paste(curl[1]), "Hello from soloftpd.\n")
        self.paste(curl[2])
        self.assertRegex(self.paste(curl[3]), r" hostname\r?\n$")
        mirror = next(line for line in lines if line.startswith("lftp ") and "mirror" in line)
        self.paste(mirror.replace("lftp ", "lftp --norc "))
        pub = self.here / "pub"
        self.assertEqual((pub / "numbers.txt").read_text().count("\n"), 20000)
        self.assertTrue((pub / "album/made on.txt").exists())
        self.assertIn("ready", self.paste(
            f"exec 3<>/dev/tcp/::1/{PORT}; head -n 1 <&3"), "it listens on ::1 too")
        self.stop(demo, signal.SIGTERM)

    def test_interrupt_with_a_session(self):
        """Ctrl-C ends the sessions that are open as well."""
        demo, _ = self.start()
        client = harness.control.Control("127.0.0.1", PORT)
        client.expect_reply("220 soloftpd ready.")
        client.expect("USER demo", "331 Please specify the password.")
        client.expect("PASS demo", "230 Login successful.")
        client.expect("PWD", '257 "/" is the current directory')
        self.stop(demo, signal.SIGINT)
        client.close()

    def test_port_is_taken(self):
        demo, _ = self.start()
        second = subprocess.run([DEMO, harness.SOLOFTPD, str(PORT)], timeout=10, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(second.returncode, 1)
        self.assertRegex(second.stdout.decode(), rf"port {PORT} is taken; choose another with PORT=")
        self.stop(demo, signal.SIGTERM)

    def test_wrong_words(self):
        for words, said in (([], "usage: "), (["/no/such/binary"], "usage: "),
                            ([harness.SOLOFTPD, "x"], "is no port"),
                            ([harness.SOLOFTPD, "65536"], "is no port")):
            with self.subTest(words=words):
                done = subprocess.run([DEMO, *words], timeout=10, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, 1)
                self.assertTrue(re.search(said, done.stdout.decode()), done.stdout)
