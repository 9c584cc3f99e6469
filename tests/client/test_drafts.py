"""Uploads beside other users, other clients and other files: whose they are, and whom they cost something."""

import os
import re

import harness
from harness import ALICE
from test_uploads import NEW, OLD, UploadTest, drafts


class Walls(UploadTest):

    def test_only_uploads(self):
        """Where nothing may be downloaded, Landlock lets nothing be opened for reading."""
        session = self.login(server=self.serve("download_enable=NO\n"))
        session.store("STOR f", OLD)
        session.store("STOR f", NEW)
        self.interrupt(session, "STOR g", NEW[:1000])
        session.expect("TYPE I", re.compile("200 .*"))
        session.expect("SIZE g", "213 1000")
        session.store("APPE g", NEW[1000:])
        session.quit()
        for name in ("f", "g"):
            self.assert_same_bytes((ALICE / name).read_bytes(), NEW)


class Shared(UploadTest):
    """A directory in which others write, too."""

    def test_kept_by_another(self):
        place = harness.give_directory(ALICE / "shared", mode=0o777)
        session = self.login()
        self.interrupt(session, "STOR shared/f", NEW[:1000], place)
        session.quit()
        kept = drafts(place)
        session = self.login("bob")
        session.expect(f"DELE {place}/f", re.compile("550 .*"))
        session.store(f"STOR {place}/f", OLD)
        session.quit()
        self.assertEqual(drafts(place), kept)
