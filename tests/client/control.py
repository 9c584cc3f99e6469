"""An FTP client that does only what it is told, and keeps a transcript for the failures."""

import re
import socket


class Control:
    """A control connection. Replies are text without the last CR LF; lines are joined by \\n."""

    def __init__(self, address, port, source=None, timeout=10):
        self.transcript = []
        self.unread = b""
        self.peer = address
        self.source = (source, 0) if source else None
        self.socket = socket.create_connection((address, port), timeout, self.source)
        self.timeout = timeout

    def close(self):
        self.socket.close()

    # ---- replies ----

    def line(self):
        while b"\n" not in self.unread:
            try:
                more = self.socket.recv(4096)
            except TimeoutError:
                self.fail(f"no reply within {self.socket.gettimeout()} s")
            except ConnectionResetError:
                self.fail("the server reset the connection instead of replying")
            if not more:
                self.fail("the server closed the connection instead of replying")
            self.unread += more
        raw, self.unread = self.unread.split(b"\n", 1)
        text = raw.decode(errors="surrogateescape")
        self.transcript.append(f"< {text!r}")
        if not text.endswith("\r"):
            self.fail("a reply line does not end in CR LF")
        return text[:-1]

    def reply(self):
        lines = [self.line()]
        if not re.match(r"[1-6]\d\d[ -]", lines[0]):
            self.fail("that is no reply")
        while lines[0][3] == "-" and not lines[-1].startswith(lines[0][:3] + " "):
            lines.append(self.line())
        return "\n".join(lines)

    def expect_reply(self, *wanted):
        """The next replies, which are these: exact texts or whole-reply patterns."""
        for want in wanted:
            got = self.reply()
            same = want.fullmatch(got) if isinstance(want, re.Pattern) else got == want
            if not same:
                self.fail(f"wanted {getattr(want, 'pattern', want)!r}")
        return got

    def expect(self, command, *wanted):
        self.say(command)
        return self.expect_reply(*wanted)

    def say(self, command):
        """Sends one command, whatever bytes it is made of."""
        self.transcript.append(f"> {command!r}")
        self.socket.sendall(command.encode(errors="surrogateescape") + b"\r\n")

    def expect_end(self):
        """The server closes now, and says nothing more."""
        try:
            rest = self.unread + self.socket.recv(4096)
        except ConnectionResetError:
            rest = b""
        except TimeoutError:
            self.fail("the server did not close the connection")
        if rest:
            self.fail(f"wanted the end of the connection, not {rest!r}")

    def fail(self, text):
        raise AssertionError(text + "\n" + "\n".join(self.transcript[-40:]))

    # ---- data connections ----

    def passive(self):
        """Asks for a port and connects to it, from where the control connection came."""
        return socket.create_connection(self.passive_address(), self.timeout, self.source)

    def passive_address(self):
        if ":" in self.peer:
            text = self.expect("EPSV", re.compile(
                r"229 Entering Extended Passive Mode \(\|\|\|\d+\|\)\.?"))
            return self.peer, int(re.search(r"\|(\d+)\|", text)[1])
        text = self.expect("PASV", re.compile(
            r"227 Entering Passive Mode \(\d+,\d+,\d+,\d+,\d+,\d+\)\."))
        numbers = re.search(r"\((.*)\)", text)[1].split(",")
        return ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])

    def active(self):
        """A listener that the server has been told of."""
        family = socket.AF_INET6 if ":" in self.peer else socket.AF_INET
        listener = socket.create_server((self.socket.getsockname()[0], 0), family=family)
        listener.settimeout(self.timeout)
        address, port = listener.getsockname()[:2]
        if family == socket.AF_INET6:
            self.expect(f"EPRT |2|{address}|{port}|", re.compile("200 .*"))
        else:
            numbers = f"{address.replace('.', ',')},{port >> 8},{port & 255}"
            self.expect(f"PORT {numbers}", re.compile("200 .*"))
        return listener

    def retrieve(self, command, ready=re.compile("150 .*"), done="226 Transfer complete."):
        """The bytes that the command sends, over a passive connection."""
        with self.passive() as data:
            self.expect(command, ready)
            content = read_all(data)
        self.expect_reply(done)
        return content

    def list(self, command="LIST"):
        return self.retrieve(command, "150 Here comes the directory listing.",
                             "226 Directory send OK.").decode(errors="surrogateescape")

    def store(self, command, content, ready=re.compile("150 .*"), done="226 Transfer complete."):
        with self.passive() as data:
            self.expect(command, ready)
            data.sendall(content)
        self.expect_reply(done)

    def quit(self):
        self.expect("QUIT", "221 Goodbye.")
        self.expect_end()


def read_all(data):
    parts = []
    while part := data.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)
