"""Every kind of transfer met by every command that may come in its middle, however it travels; and
TYPE A where buffers end."""

import re
import socket
import time

import harness
from harness import ALICE

STATUS = re.compile(r"211-FTP server status:\n(.*\n)* (?P<verb>[A-Z]+) in progress, \d+ bytes so far\n"
                    r"211 End of status")
IDLE_STATUS = re.compile(r"211-FTP server status:\n(?!.* in progress)(.*\n)*211 End of status",
                         re.DOTALL)
MARK = re.compile("150 .*")
DONE = re.compile("226 .*")
CUT = re.compile("426 .*")

# More than both ends' buffers take (see Transfer.connect), so that a transfer waits for its client.
SIZE = 600_000
CONTENT = harness.sample(SIZE)
ENTRIES = 2500
SUFFIX = "x" * 120


# ---- how a command travels ----


def by_line(session, command):
    session.say(command)


def by_synch(session, command):
    """As the BSD clients interrupt: IAC IP, IAC as urgent data, then DM and the command."""
    session.transcript.append(f"> Synch {command!r}")
    session.socket.sendall(b"\xff\xf4")
    session.socket.send(b"\xff", socket.MSG_OOB)
    session.socket.sendall(b"\xf2" + command.encode() + b"\r\n")


def by_urgent_line(session, command):
    """As Python's ftplib does: the whole line is urgent data."""
    session.transcript.append(f"> urgent {command!r}")
    session.socket.send(command.encode() + b"\r\n", socket.MSG_OOB)


def by_bytes(session, command):
    session.transcript.append(f"> byte by byte {command!r}")
    for byte in command.encode() + b"\r\n":
        session.socket.sendall(bytes([byte]))
        time.sleep(0.001)


def by_keepalives(session, command):
    """Empty lines around it, as clients send to keep a translator's table entry."""
    session.transcript.append(f"> between empty lines {command!r}")
    session.socket.sendall(b"\r\n\r\n" + command.encode() + b"\r\n\r\n")


# ---- transfers ----


class Transfer:
    """One transfer of one verb, begun and then left alone by its client."""

    direction = "down"

    def __init__(self, test, session):
        self.test = test
        self.session = session
        self.prepare()
        self.data = self.connect()

    @classmethod
    def run(cls, test, session):
        running = cls(test, session)
        running.begun(session.expect(cls.command, MARK))
        return running

    def prepare(self):
        pass

    def connect(self):
        """A data connection with small buffers at both ends."""
        address = self.session.passive_address()
        data = socket.socket()
        data.settimeout(10)
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        data.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        data.connect(address)
        return data

    def begun(self, mark):
        pass

    def finish(self):
        """The client's part of the rest. Returns once all data have gone through."""
        with self.data:
            got = b"".join(iter(lambda: self.data.recv(1 << 18), b""))
        self.check(got)

    def cut(self):
        """After an ABOR the data connection ends, in one way or another."""
        with self.data:
            try:
                while self.data.recv(1 << 18):
                    pass
            except ConnectionResetError:
                pass


class Retr(Transfer):
    command = "RETR down.bin"

    def check(self, got):
        self.test.assert_same_bytes(got, CONTENT)


class List(Transfer):
    command = "LIST many"

    def check(self, got):
        lines = got.decode().split("\r\n")
        self.test.assertEqual(len(lines), ENTRIES + 1)
        names = [line[-len(SUFFIX) - 4:] for line in lines[:-1]]
        self.test.assertEqual(names, [f"{number:04}{SUFFIX}" for number in range(ENTRIES)])


class Nlst(Transfer):
    command = "NLST many"

    def check(self, got):
        names = [f"many/{number:04}{SUFFIX}\r\n" for number in range(ENTRIES)]
        self.test.assert_same_bytes(got, "".join(names).encode())


class Mlsd(Transfer):
    command = "MLSD many"

    def check(self, got):
        lines = got.decode().split("\r\n")
        self.test.assertRegex(lines[0], r"^type=cdir;\S+ \.$")
        self.test.assertRegex(lines[1], r"^type=pdir;\S+ \.\.$")
        self.test.assertEqual(lines[-1], "")
        entries = sorted(line.partition(" ")[2] for line in lines[2:-1])
        self.test.assertEqual(entries, [f"{number:04}{SUFFIX}" for number in range(ENTRIES)])


class Upload(Transfer):
    direction = "up"
    name = "up.bin"
    before = b""

    def begun(self, mark):
        self.data.sendall(CONTENT[:SIZE // 2])

    def finish(self):
        with self.data:
            self.data.sendall(CONTENT[SIZE // 2:])
        self.stored()

    def stored(self):
        path = ALICE / self.name
        wanted = self.before + CONTENT
        harness.wait_until(lambda: path.stat().st_size >= len(wanted), 2, 0.002)
        self.test.assert_same_bytes(path.read_bytes(), wanted)


class Stor(Upload):
    command = "STOR up.bin"


class Appe(Upload):
    command = "APPE added.bin"
    name = "added.bin"
    before = b"what was there\n"

    def prepare(self):
        harness.put(ALICE / self.name, self.before)


class Stou(Upload):
    command = "STOU up"

    def begun(self, mark):
        self.name = re.fullmatch(r"150 FILE: (up\.\w+)", mark)[1]
        super().begun(mark)


TRANSFERS = (Retr, List, Nlst, Mlsd, Stor, Appe, Stou)


class Commands(harness.FtpTest):
    """One session for each transfer and each way: STAT, NOOP, ABOR and QUIT in the midst of it."""

    options = "upload_atomic=NO\n"

    def setUp(self):
        super().setUp()
        harness.put(ALICE / "down.bin", CONTENT)
        harness.give_directory(ALICE / "many")
        for number in range(ENTRIES):
            (ALICE / "many" / f"{number:04}{SUFFIX}").touch()

    def begin(self):
        session = self.login()
        session.expect("TYPE I", "200 Switching to Binary mode.")
        return session

    def meet(self, way):
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                session = self.begin()
                self.status(session, transfer, way)
                self.noop(session, transfer, way)
                self.abort(session, transfer, way)
                self.quit(session, transfer, way)

    def status(self, session, transfer, way):
        """STAT is answered while the data wait, and harms nothing."""
        running = transfer.run(self, session)
        way(session, "STAT")
        session.expect_reply(STATUS)
        running.finish()
        session.expect_reply(DONE)

    def noop(self, session, transfer, way):
        """Any other command waits for its turn."""
        running = transfer.run(self, session)
        way(session, "NOOP")
        self.silent(session)
        running.finish()
        session.expect_reply(DONE, "200 NOOP ok.")

    def abort(self, session, transfer, way):
        running = transfer.run(self, session)
        way(session, "ABOR")
        session.expect_reply(CUT, "226 ABOR successful.")
        running.cut()
        # The next command is in step, and nothing is left to abort.
        session.expect("STAT", IDLE_STATUS)
        session.expect("ABOR", "225 No transfer to ABOR.")

    def quit(self, session, transfer, way):
        running = transfer.run(self, session)
        way(session, "QUIT")
        self.silent(session)
        running.finish()
        session.expect_reply(DONE, "221 Goodbye.")
        session.expect_end()

    def silent(self, session, seconds=0.02):
        session.socket.settimeout(seconds)
        try:
            self.fail(f"nobody asked for {session.socket.recv(4096)!r}")
        except TimeoutError:
            session.socket.settimeout(session.timeout)

    def test_by_line(self):
        self.meet(by_line)

    def test_by_synch(self):
        self.meet(by_synch)

    def test_by_urgent_line(self):
        self.meet(by_urgent_line)

    def test_by_bytes(self):
        self.meet(by_bytes)

    def test_between_keepalives(self):
        self.meet(by_keepalives)

    def test_keepalives_alone(self):
        """Empty lines are nothing: no reply to them, and no difference to the transfer."""
        session = self.begin()
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                running = transfer.run(self, session)
                session.socket.sendall(b"\r\n\n\r\n")
                self.silent(session)
                running.finish()
                session.expect_reply(DONE)
        session.expect("NOOP", "200 NOOP ok.")
        session.quit()

    def test_half_closed(self):
        """The client says what it wants, half-closes, and hears everything in order."""
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                session = self.begin()
                running = transfer.run(self, session)
                session.socket.sendall(b"NOOP\r\nSTAT\r\nPWD\r\n")
                session.socket.shutdown(socket.SHUT_WR)
                self.silent(session)
                running.finish()
                session.expect_reply(DONE, "200 NOOP ok.", IDLE_STATUS,
                                     '257 "/srv/home/alice" is the current directory')
                session.expect_end()

    def test_half_closed_after_abort(self):
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                session = self.begin()
                running = transfer.run(self, session)
                session.socket.sendall(b"NOOP\r\nABOR\r\nPWD\r\n")
                session.socket.shutdown(socket.SHUT_WR)
                session.expect_reply(CUT, "200 NOOP ok.", "226 ABOR successful.",
                                     '257 "/srv/home/alice" is the current directory')
                running.cut()
                session.expect_end()

    def test_half_closed_in_silence(self):
        """A download needs nothing more from the client; an upload whose client ends is given up."""
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                session = self.begin()
                running = transfer.run(self, session)
                session.socket.shutdown(socket.SHUT_WR)
                if transfer.direction == "down":
                    self.silent(session)
                    running.finish()
                    session.expect_reply(DONE)
                    session.expect_end()
                else:
                    session.expect_end()
                    running.cut()

    def test_everything_in_one_segment(self):
        """The transfer's own command and all that follows it come at once."""
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                session = self.begin()
                running = self.send_ahead(session, transfer, "NOOP\r\nSTAT\r\n")
                running.begun(session.expect_reply(MARK))
                running.finish()
                session.expect_reply(DONE, "200 NOOP ok.", IDLE_STATUS)
                self.end_ahead(session)

    def test_everything_and_abort_in_one_segment(self):
        """ABOR is heard before the transfer has begun, and there is no mark."""
        for transfer in TRANSFERS:
            with self.subTest(transfer=transfer.__name__):
                session = self.begin()
                running = self.send_ahead(session, transfer, "NOOP\r\nSTAT\r\nABOR\r\n")
                session.expect_reply(CUT, "200 NOOP ok.", IDLE_STATUS, "226 ABOR successful.")
                self.end_ahead(session)
                running.cut()
        self.assertFalse((ALICE / Stor.name).exists())
        self.assertEqual((ALICE / Appe.name).read_bytes(), Appe.before)
        self.assertEqual(list(ALICE.glob("up.*")), [])

    def send_ahead(self, session, transfer, following):
        running = transfer(self, session)
        lines = f"SYST\r\n{running.command}\r\n{following}PWD\r\nQUIT\r\n"
        session.transcript.append(f"> {lines!r}")
        session.socket.sendall(lines.encode())
        session.expect_reply("215 UNIX Type: L8")
        return running

    def end_ahead(self, session):
        session.expect_reply('257 "/srv/home/alice" is the current directory', "221 Goodbye.")
        session.expect_end()


# ---- TYPE A ----

# What may lie on a border between two buffers: each is put there at every shift.
ENDS = (b"\n", b"\r\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\r\n", b"\n\n", b"\r\r", b"\r\0", b"\n\r",
        b"\xff\r\n\xff")
BLOCK = 65536


def bordered(block):
    """Text with something to convert, or not to, across each multiple of the block's size."""
    text = bytearray()
    for end in ENDS:
        for shift in range(len(end) + 1):
            text += b"x" * (block - len(text) % block - shift)
            text += end
    return bytes(text + b"the last line has no end")


def to_wire(text):
    return re.sub(rb"(?<!\r)\n", b"\r\n", text)


def to_disk(text):
    return text.replace(b"\r\n", b"\n")


class Ascii(harness.FtpTest):
    """CR and LF at the borders of all buffers, on disk and on the wire."""

    options = "ascii_download_enable=YES\nascii_upload_enable=YES\n"

    def begin(self, **how):
        session = self.login(**how)
        session.expect("TYPE A", "200 Switching to ASCII mode.")
        return session

    def test_download(self):
        for block in (4096, BLOCK, 4 * BLOCK):
            with self.subTest(block=block):
                text = bordered(block)
                harness.put(ALICE / "text", text)
                session = self.begin()
                self.assert_same_bytes(session.retrieve("RETR text"), to_wire(text))
                session.quit()

    def test_download_ends_at_a_border(self):
        session = self.begin()
        for size in (BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK - 1, 4 * BLOCK, 4 * BLOCK + 1):
            for end in ENDS:
                with self.subTest(size=size, end=end):
                    text = b"y" * (size - len(end)) + end
                    harness.put(ALICE / "text", text)
                    self.assert_same_bytes(session.retrieve("RETR text"), to_wire(text))
        session.quit()

    def test_restart(self):
        """REST counts the bytes of the wire, also when it points between a CR and its LF."""
        text = bordered(BLOCK)
        wire = to_wire(text)
        harness.put(ALICE / "text", text)
        session = self.begin()
        session.expect("SIZE text", f"213 {len(wire)}")
        ends = [match.start() for match in re.finditer(rb"\n", wire)]
        offsets = {at + shift for at in ends[::5] + ends[-1:] for shift in (-1, 0, 1)}
        for offset in sorted(offsets | {1, BLOCK, 4 * BLOCK, len(wire) - 1, len(wire)}):
            with self.subTest(offset=offset):
                session.expect(f"REST {offset}", f"350 Restart position accepted ({offset}).")
                self.assert_same_bytes(session.retrieve("RETR text"), wire[offset:])
        session.expect("REST 0", "350 Restart position accepted (0).")
        self.assert_same_bytes(session.retrieve("RETR text"), wire)
        session.quit()

    def test_upload(self):
        """The wire's bytes in pieces of one block, one less and one more."""
        session = self.begin()
        for block in (BLOCK, 4 * BLOCK):
            text = bordered(block)
            for piece in (block - 1, block, block + 1):
                with self.subTest(block=block, piece=piece):
                    self.store(session, "STOR text", text, piece)
                    self.assert_same_bytes((ALICE / "text").read_bytes(), to_disk(text))
        session.quit()

    def test_upload_byte_by_byte(self):
        """Each end of a line comes in as many segments as it has bytes."""
        session = self.begin()
        text = b"-".join(ENDS)
        with session.passive() as data:
            session.expect("STOR text", MARK)
            data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in text:
                data.sendall(bytes([byte]))
                time.sleep(0.002)
        session.expect_reply(DONE)
        self.assertEqual((ALICE / "text").read_bytes(), to_disk(text))
        session.quit()

    def test_upload_ends_at_a_border(self):
        session = self.begin()
        for size in (BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK - 1, 4 * BLOCK, 4 * BLOCK + 1):
            for end in ENDS:
                with self.subTest(size=size, end=end):
                    text = b"y" * (size - len(end)) + end
                    session.store("STOR text", text)
                    self.assert_same_bytes((ALICE / "text").read_bytes(), to_disk(text))
        session.quit()

    def test_append(self):
        """A CR at the end of one transfer and an LF at the beginning of the next are no line end."""
        session = self.begin()
        session.store("STOR text", b"one\r")
        session.store("APPE text", b"\ntwo\r\n")
        self.assertEqual((ALICE / "text").read_bytes(), b"one\r\ntwo\n")
        session.quit()

    def test_there_and_back(self):
        """What was text on the wire is the same text on the wire again."""
        text = b"".join(b"z" * (number * 37 % 1500) + b"\r\n" for number in range(1000))
        session = self.begin()
        session.store("STOR text", text)
        self.assert_same_bytes((ALICE / "text").read_bytes(), text.replace(b"\r\n", b"\n"))
        self.assert_same_bytes(session.retrieve("RETR text"), text)
        session.quit()

    def test_paced(self):
        """A limit of bandwidth makes other, smaller chunks."""
        server = self.serve(self.options + "local_max_rate=4000000\ntrans_chunk_size=5000\n")
        session = self.begin(server=server)
        text = bordered(5000)
        self.store(session, "STOR text", text, 5000)
        self.assert_same_bytes((ALICE / "text").read_bytes(), to_disk(text))
        harness.put(ALICE / "text", text)
        self.assert_same_bytes(session.retrieve("RETR text"), to_wire(text))
        session.quit()

    def store(self, session, command, content, piece):
        with session.passive() as data:
            session.expect(command, MARK)
            for start in range(0, len(content), piece):
                data.sendall(content[start:start + piece])
        session.expect_reply(DONE)
