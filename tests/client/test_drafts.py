"""Uploads beside other users, other clients and other files: whose they are, and whom they cost something."""

import os
import re

import harness
from harness import ALICE
from test_uploads import NEW, OLD, UploadTest


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
