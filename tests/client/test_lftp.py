"""lftp."""

import os

import harness
from harness import ALICE, sample

SETTINGS = """\
set cmd:fail-exit yes
set net:timeout 10
set net:max-retries 1
set net:reconnect-interval-base 1
set ftp:ssl-allow no
set xfer:clobber yes
set cmd:interactive no
set cmd:move-background no
set ftp:list-options -a
"""


class Lftp(harness.FtpTest):

    def lftp(self, commands, server=None, user="alice"):
        server = server or self.server
        host = f"[{server.address}]" if ":" in server.address else server.address
        start = f"open -u {user},{harness.PASSWORD[user]} -p {server.port} {host}\n"
        return self.run_client("lftp", "--norc", "-c", SETTINGS + start + commands, seconds=60)

    def round_trip(self, settings="", options="", server=None):
        """A tree goes up and comes down again; both copies are what was sent."""
        sent = harness.make_tree(self.here / "sent", "root")
        self.lftp(f"{settings}mirror -R {options} sent up\n", server)
        self.assert_same_tree(ALICE / "up", sent)
        self.lftp(f"{settings}mirror {options} up back\n", server)
        self.assert_same_tree(self.here / "back", sent)


class Mirror(Lftp):

    def test_passive(self):
        self.round_trip()

    def test_parallel(self):
        self.round_trip(options="-P8")

    def test_parallel_parts(self):
        """Large files in parts, several at once: every connection breaks off its download."""
        self.round_trip("set mirror:use-pget-n 4\nset pget:min-chunk-size 50k\n", "-P4")

    def test_active(self):
        self.round_trip("set ftp:passive-mode off\n")

    def test_ipv6(self):
        self.round_trip(server=self.serve(address=harness.IPV6))

    def test_ipv6_active(self):
        self.round_trip("set ftp:passive-mode off\n", server=self.serve(address=harness.IPV6))

    def test_pipelined(self):
        """Commands sent without waiting for replies."""
        self.round_trip("set ftp:sync-mode off\n")

    def test_list_only(self):
        """Without MLSD the tree is what LIST says."""
        self.round_trip("set ftp:use-mlsd no\n")

    def test_second_run_has_nothing_to_do(self):
        """Sizes and times survive the trip, so that nothing looks changed."""
        sent = harness.make_tree(self.here / "sent", "root")
        os.utime(sent / "plain.txt", (1_000_000_000, 1_000_000_000))
        self.lftp("mirror -R sent up\n")
        before = len(self.server.lines("xferlog"))
        self.lftp("mirror -R --only-newer sent up\n")
        self.assertEqual(self.server.lines("xferlog")[before:], [])

    def test_delete(self):
        harness.make_tree(ALICE / "up", "alice")
        (self.here / "sent").mkdir()
        (self.here / "sent/only").write_bytes(b"1")
        self.lftp("mirror -R --delete sent up\n")
        self.assertEqual(list(harness.tree_of(ALICE / "up")), ["only"])


class Files(Lftp):

    def setUp(self):
        super().setUp()
        self.content = sample(2_000_000)
        harness.put(ALICE / "file.bin", self.content)

    def test_get(self):
        self.lftp("get file.bin")
        self.assert_same_bytes((self.here / "file.bin").read_bytes(), self.content)

    def test_pget(self):
        self.lftp("set pget:min-chunk-size 100k\npget -n 4 file.bin")
        self.assert_same_bytes((self.here / "file.bin").read_bytes(), self.content)

    def test_reget(self):
        (self.here / "file.bin").write_bytes(self.content[:700_000])
        self.lftp("reget file.bin")
        self.assert_same_bytes((self.here / "file.bin").read_bytes(), self.content)

    def test_reput(self):
        (self.here / "up.bin").write_bytes(self.content)
        harness.put(ALICE / "up.bin", self.content[:700_000])
        self.lftp("reput up.bin")
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), self.content)

    def test_commands(self):
        harness.make_tree(ALICE / "tree", "alice")
        self.lftp("chmod 600 file.bin\nmkdir -p a/b/c\nmv file.bin a/b/moved.bin\n"
                  "rm -r tree\nrmdir a/b/c\n")
        self.assertEqual((ALICE / "a/b/moved.bin").stat().st_mode & 0o7777, 0o600)
        self.assertEqual(set(harness.tree_of(ALICE)), {"a", "a/b", "a/b/moved.bin"})

    def test_listings(self):
        harness.put(ALICE / "sub/inner file")
        said = self.lftp("cls -1 --size --block-size=1 file.bin")
        self.assertEqual(said.split()[-2:], ["2000000", "file.bin"])
        self.assertEqual(self.lftp("nlist"), "file.bin\nsub\n")
        self.assertEqual(self.lftp("find sub"), "sub/\nsub/inner file\n")
        self.assertEqual(self.lftp("du -b -s sub").split()[0], "0")
        self.assertIn("file.bin", self.lftp("ls"))

    def test_cat_pipeline(self):
        """Many small files through one session."""
        for number in range(30):
            harness.put(ALICE / f"many/{number:02}", b"%02d\n" % number)
        said = self.lftp("glob cat many/*")
        self.assertEqual(said.split(), [f"{number:02}" for number in range(30)])

    def test_anonymous(self):
        self.assertEqual(self.lftp("cat pub/hello.txt", user="ftp"), "hello\n")

    def test_ascii(self):
        server = self.serve("ascii_download_enable=YES\nascii_upload_enable=YES\n")
        (self.here / "text").write_bytes(b"one\ntwo\n")
        self.lftp("put -a text\nget -a text -o back", server)
        self.assertEqual((ALICE / "text").read_bytes(), b"one\ntwo\n")
        self.assertEqual((self.here / "back").read_bytes(), b"one\ntwo\n")
