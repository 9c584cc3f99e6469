"""Listings of more entries than a talk can say."""

import os
import random
import re

import harness
from harness import ALICE

COUNT = 3000
SIZE_AND_NAME = re.compile(r"-rw-r--r-- +1 1801 +1801 +(\d+) \w{3} \d\d  2001 (.+)")


class ListingTest(harness.FtpTest):

    def fill(self, names):
        """Files whose sizes are their places in `names`, made in an order that is none."""
        folder = harness.give_directory(ALICE / "d")
        made = list(enumerate(names))
        random.Random(1).shuffle(made)
        for size, name in made:
            path = harness.put(folder / name)
            os.truncate(path, size)
            os.utime(path, (1_000_000_000, 1_000_000_000))

    def sizes_and_names(self, session, command):
        lines = session.list(command).split("\r\n")
        self.assertEqual(lines.pop(), "")
        found = [SIZE_AND_NAME.fullmatch(line) for line in lines]
        self.assertTrue(all(found), lines)
        return [(int(match[1]), match[2]) for match in found]


class Sorted(ListingTest):

    def check(self, names):
        self.fill(names)
        session = self.login()
        wanted = sorted(enumerate(names), key=lambda entry: os.fsencode(entry[1]))
        self.assertEqual(self.sizes_and_names(session, "LIST d"), wanted)
        self.assertEqual(self.sizes_and_names(session, "LIST -r d"), wanted[::-1])
        self.assertEqual(self.sizes_and_names(session, "LIST -L d"), wanted)
        self.assertEqual(self.sizes_and_names(session, "LIST -S d"), sorted(enumerate(names), reverse=True))
        self.assertEqual(self.sizes_and_names(session, "LIST -rS d"), sorted(enumerate(names)))
        self.assertEqual(session.list("NLST d").split("\r\n")[:-1], [f"d/{name}" for _, name in wanted])
        session.quit()

    def test_numbered(self):
        """They differ late, and by little."""
        self.check([f"file_{number:07}.dat" for number in range(COUNT)])

    def test_alike(self):
        """More of them is alike than is compared at once, again and again."""
        self.check([f"{'a' * (number % 40)}{'b' * 17}{number % 7}{'c' * 9}{number}" for number in range(COUNT)])

    def test_all_lengths(self):
        self.check([str(number) * (1 + number % 40) for number in range(10_000, 10_000 + COUNT)])


class Unsorted(ListingTest):
    options = "ls_recurse_enable=YES\n"

    def test_each_once(self):
        names = [f"{number}{'x' * (number % 200)}" for number in range(COUNT)]
        self.fill(names)
        session = self.login()
        for command in ("LIST -U d", "LIST -aU d/*", "LIST -rU d"):
            self.assertEqual(sorted(self.sizes_and_names(session, command)), list(enumerate(names)))
        self.assertEqual(sorted(session.list("NLST -U d").split("\r\n")[:-1]), sorted(f"d/{name}" for name in names))
        session.quit()

    def test_recursive(self):
        for number in range(40):
            harness.put(ALICE / f"d/{number % 5}/{number % 8}/{number}")
        session = self.login()
        for command in ("LIST -RU d", "LIST -R d"):
            listing = session.list(command)
            blocks = listing.split("\r\n\r\n")
            self.assertEqual(len(blocks), 1 + 5 + 40, listing)
            for block in blocks[1:]:
                heading, *lines = block.strip().split("\r\n")
                path = ALICE / heading.removesuffix(":")
                self.assertEqual(sorted(line.rpartition(" ")[2] for line in lines),
                                 sorted(entry.name for entry in path.iterdir()), heading)
        session.quit()
