"""ncftp: its shell, ncftpget, ncftpput and ncftpls. None of them knows IPv6."""

import os

import harness
from harness import ALICE, sample


class Ncftp(harness.FtpTest):

    def setUp(self):
        super().setUp()
        self.content = sample(1_500_000)
        harness.put(ALICE / "file.bin", self.content)
        (self.here / "local.bin").write_bytes(self.content[::-1])

    def ncftp(self, program, *words, server=None, user="alice", **how):
        """Each program has its own order of words, but the same options before them."""
        server = server or self.server
        options = ["-V", "-r1", "-t10"] if program != "ncftpls" else ["-r1", "-t10"]
        return self.run_client(program, *options, "-u", user, "-p", harness.PASSWORD[user],
                               "-P", server.port, *words, **how)

    def get(self, *words, **how):
        return self.ncftp("ncftpget", *words, **how)

    def put(self, *words, **how):
        return self.ncftp("ncftpput", *words, **how)

    def ls(self, *words, path="", **how):
        return self.ncftp("ncftpls", *words, f"ftp://127.0.0.1/{path}", **how)

    def assert_local(self, name, content):
        self.assert_same_bytes((self.here / name).read_bytes(), content)


class Trees(Ncftp):

    def round_trip(self, *options, server=None, hollow=True, uploading=()):
        """A tree goes up and comes down again, empty directories, hidden files and all."""
        sent = harness.make_tree(self.here / "sent", "root")
        for path in sorted(sent.rglob("*"), reverse=True):
            os.utime(path, (1_000_000_000, 1_000_000_000))
            if not hollow and path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        self.put("-R", *options, *uploading, "127.0.0.1", ".", "sent", server=server)
        self.assert_same_tree(ALICE / "sent", sent)
        (self.here / "back").mkdir()
        self.get("-R", "-T", *options, "127.0.0.1", "back", "sent", server=server)
        self.assert_same_tree(self.here / "back/sent", sent)
        for root in (ALICE / "sent", self.here / "back/sent"):
            wrong = [str(path) for path in root.rglob("*")
                     if path.is_file() and path.stat().st_mtime != 1_000_000_000]
            self.assertEqual(wrong, [], "the times of files are kept")

    def test_passive(self):
        self.round_trip("-F")

    def test_active(self):
        self.round_trip("-E")

    def test_site_utime(self):
        """-y sets times by SITE UTIME where HELP SITE has it, and there is neither MFF nor MFMT."""
        server = self.serve("log_ftp_protocol=YES\ncmds_denied=MFF,MFMT\n")
        self.round_trip(server=server, uploading=["-y"])
        self.assertIn('"SITE UTIME sent/plain.txt 2', server.log())

    def test_mdtm(self):
        """Without -y it sets them by MDTM then."""
        server = self.serve("log_ftp_protocol=YES\ncmds_denied=MFF,MFMT\n")
        self.round_trip(server=server)
        self.assertIn('"MDTM 20010909014640 sent/plain.txt"', server.log())

    def test_without_mlsd(self):
        """A tree is what LIST -a says then, less what ncftp can't read: an empty directory's."""
        self.round_trip(server=self.serve("cmds_denied=MLSD,MLST\n"), hollow=False)


class Files(Ncftp):

    def test_ways(self):
        for way in ("-F", "-E"):
            with self.subTest(way=way):
                self.get(way, "127.0.0.1", ".", "file.bin")
                self.assert_local("file.bin", self.content)
                (self.here / "file.bin").unlink()
                self.put(way, "127.0.0.1", ".", "local.bin")
                self.assert_same_bytes((ALICE / "local.bin").read_bytes(), self.content[::-1])
                (ALICE / "local.bin").unlink()

    def test_names(self):
        names = ["two words", "Grüße ★", "한글", "#hash", "percent%41", "semi;colon", "a'quote"]
        for name in names:
            (self.here / name).write_bytes(name.encode())
        self.put("127.0.0.1", ".", *names)
        for name in names:
            self.assertEqual((ALICE / name).read_bytes(), name.encode())
            (self.here / name).unlink()
        self.get("127.0.0.1", ".", *names)
        for name in names:
            self.assert_local(name, name.encode())

    def test_resume(self):
        (self.here / "file.bin").write_bytes(self.content[:500_000])
        os.utime(self.here / "file.bin", (0, 0))
        self.get("-z", "127.0.0.1", ".", "file.bin")
        self.assert_local("file.bin", self.content)
        harness.put(ALICE / "local.bin", self.content[::-1][:400_000])
        # With sendfile() ncftpput would send the whole file behind its REST: -s is without.
        self.put("-z", "-s", "127.0.0.1", ".", "local.bin")
        self.assert_same_bytes((ALICE / "local.bin").read_bytes(), self.content[::-1])

    def test_append(self):
        self.put("-A", "127.0.0.1", ".", "local.bin")
        self.put("-A", "127.0.0.1", ".", "local.bin")
        self.assert_same_bytes((ALICE / "local.bin").read_bytes(), self.content[::-1] * 2)

    def test_new_directory_and_temporary_name(self):
        """-m makes the directory, -T uploads under another name and renames, -DD deletes locally."""
        self.put("-m", "-T", "tmp.", "-DD", "127.0.0.1", "new/deep", "local.bin")
        self.assertEqual(set(harness.tree_of(ALICE)),
                         {"file.bin", "new", "new/deep", "new/deep/local.bin"})
        self.assertFalse((self.here / "local.bin").exists())

    def test_delete_after_download(self):
        self.get("-DD", "127.0.0.1", ".", "file.bin")
        self.assert_local("file.bin", self.content)
        self.assertEqual(harness.tree_of(ALICE), {})

    def test_standard_streams(self):
        self.put("-c", "127.0.0.1", "piped", commands="from a pipe\n")
        self.assertEqual((ALICE / "piped").read_bytes(), b"from a pipe\n")
        self.assertEqual(self.get("-c", "127.0.0.1", "piped"), "from a pipe\n")

    def test_ascii(self):
        server = self.serve("ascii_download_enable=YES\nascii_upload_enable=YES\n")
        (self.here / "text").write_bytes(b"one\ntwo\n")
        self.put("-a", "127.0.0.1", ".", "text", server=server)
        self.assertEqual((ALICE / "text").read_bytes(), b"one\ntwo\n")
        (self.here / "text").unlink()
        self.get("-a", "127.0.0.1", ".", "text", server=server)
        self.assert_local("text", b"one\ntwo\n")

    def test_anonymous(self):
        self.get("127.0.0.1", ".", "pub/hello.txt", user="ftp")
        self.assert_local("hello.txt", b"hello\n")

    def test_errors(self):
        self.get("127.0.0.1", ".", "missing", status=3)
        self.put("127.0.0.1", "no/such", "local.bin", status=None)
        self.assertEqual(set(harness.tree_of(ALICE)), {"file.bin"})


class Listings(Ncftp):

    def setUp(self):
        super().setUp()
        harness.put(ALICE / "sub dir/inner file")
        harness.put(ALICE / "Grüße")
        harness.put(ALICE / ".hidden")
        harness.give_directory(ALICE / "hollow")

    def test_names(self):
        """It asks for NLST -CF, and makes its own columns of what comes."""
        self.assertEqual(self.ls("-1"), "Grüße\nfile.bin\nhollow\nsub dir\n")
        self.assertEqual(self.ls("-1", path="sub%20dir/"), "inner file\n")
        self.assertEqual(self.ls("-1", path="hollow/"), "")

    def test_active(self):
        self.assertEqual(self.ls("-E", "-1").split()[0], "Grüße")

    def test_hidden(self):
        self.assertIn(".hidden\n", self.ls("-1", "-a"))

    def test_long(self):
        self.assertRegex(self.ls("-l"), r"-rw-r--r-- +1 1801 +1801 +1500000 .* file\.bin\n")

    def test_machine(self):
        """-m is MLSD, fact by fact."""
        said = self.ls("-m")
        self.assertRegex(said, r"(?i)type=file;.*size=1500000;.* file\.bin\n")
        self.assertRegex(said, r"(?i)type=dir;.* sub dir\n")


class Shell(Ncftp):

    def shell(self, commands, *options, server=None):
        server = server or self.server
        return self.run_client("ncftp", *options, "-u", "alice", "-p", harness.PASSWORD["alice"],
                               "-P", server.port, "127.0.0.1", commands=commands + "bye\n")

    def session(self, way):
        (self.here / "zwei Wörter").write_bytes(b"names\n")
        (self.here / "new").mkdir()
        said = self.shell(
            f"set passive {way}\npwd\nls\nmkdir new\ncd new\nput local.bin\n"
            "rename local.bin moved.bin\nchmod 640 moved.bin\nls -l\nlcd new\nget moved.bin\n"
            "cd ..\nput \"../zwei Wörter\"\nrm file.bin\nmkdir old\nrmdir old\nquote NOOP\n"
            "site HELP\n")
        self.assertEqual(set(harness.tree_of(ALICE)), {"new", "new/moved.bin", "zwei Wörter"}, said)
        self.assert_same_bytes((ALICE / "new/moved.bin").read_bytes(), self.content[::-1])
        self.assertEqual((ALICE / "new/moved.bin").stat().st_mode & 0o7777, 0o640, said)
        self.assert_local("new/moved.bin", self.content[::-1])
        self.assertRegex(said, r"-rw-r-----.* moved\.bin")
        self.assertIn("NOOP ok.", said)

    def test_passive(self):
        self.session("on")

    def test_active(self):
        self.session("off")
