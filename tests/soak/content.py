"""What files hold: pieces of two blocks that everybody knows, so that no file has to be kept to be compared."""

import hashlib
import random

SIZE = 8 << 20


def make_blocks():
    """Bytes of all values, and lines of text; the same in every process."""
    binary = random.Random("soloftpd").randbytes(SIZE)
    lines = bytearray()
    while len(lines) < SIZE // 8:
        at = len(lines) % 70
        lines += binary[len(lines):len(lines) + at].hex().encode() + b"\n"
    return {"binary": memoryview(binary), "text": memoryview(bytes(lines))}


BLOCKS = make_blocks()


class Content:
    """Pieces (block, first, end) one after the other. Never changed; what changes it returns another."""

    def __init__(self, pieces=()):
        self.pieces = tuple(piece for piece in pieces if piece[1] < piece[2])
        self.size = sum(end - first for _, first, end in self.pieces)

    def part(self, first, end):
        """The bytes from `first` up to `end`."""
        found, at = [], 0
        for block, begin, finish in self.pieces:
            low, high = max(first - at, 0), min(end - at, finish - begin)
            if low < high:
                found.append((block, begin + low, begin + high))
            at += finish - begin
        return Content(found)

    def joined(self, other):
        return Content(self.pieces + other.pieces)

    def views(self):
        return [BLOCKS[block][first:end] for block, first, end in self.pieces]

    def bytes(self):
        return b"".join(self.views())

    def digest(self, algorithm="sha256"):
        made = hashlib.new(algorithm)
        for view in self.views():
            made.update(view)
        return made.hexdigest()

    def is_text(self):
        return all(block == "text" for block, _, _ in self.pieces)

    def wire(self):
        """Text as it travels in TYPE A."""
        return self.bytes().replace(b"\n", b"\r\n")

    def begins_with(self, given):
        at = 0
        for view in self.views():
            part = given[at:at + len(view)]
            if view[:len(part)] != part:
                return False
            at += len(part)
        return at == len(given)


def some(random_numbers, size, block="binary"):
    """So many bytes of the block, from anywhere in it."""
    size = min(size, len(BLOCKS[block]))
    first = random_numbers.randint(0, len(BLOCKS[block]) - size)
    return Content([(block, first, first + size)])
