"""Connections of the soak's clients: control connections and data connections, plain and TLS, that wait for nothing
but their own event loop."""

import asyncio
import re
import socket
import ssl
import struct
import time

# Seconds that anything may take. The machine is meant to be busy: nothing is measured by it but "never".
PATIENCE = 120
PIECE = 1 << 18


class Fault(Exception):
    """The server did something wrong."""


class Wire:
    """A connected socket, with TLS in it if it is to be."""

    def __init__(self, plain):
        self.plain = plain
        self.plain.setblocking(False)
        self.loop = asyncio.get_running_loop()
        self.tls = self.into = self.out = None

    async def secure(self, settings, name, session=None):
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = settings.wrap_bio(self.into, self.out, server_hostname=name, session=session)
        await self.run(self.tls.do_handshake)

    async def push(self):
        if self.out.pending:
            await self.loop.sock_sendall(self.plain, self.out.read())

    async def run(self, call, *arguments):
        while True:
            try:
                result = call(*arguments)
                await self.push()
                return result
            except ssl.SSLWantReadError:
                await self.push()
                more = await self.loop.sock_recv(self.plain, PIECE)
                if more:
                    self.into.write(more)
                else:
                    self.into.write_eof()

    async def receive(self, size=PIECE):
        """b"" is the end; in TLS it must have been told."""
        if self.tls is None:
            return await self.loop.sock_recv(self.plain, size)
        try:
            return await self.run(self.tls.read, size)
        except ssl.SSLZeroReturnError:
            return b""

    async def send(self, content):
        if self.tls is None:
            await self.loop.sock_sendall(self.plain, content)
            return
        view = memoryview(content)
        while view:
            view = view[await self.run(self.tls.write, view[:1 << 16]):]

    async def finish(self):
        """No more will be sent, and the other side is told so in good order."""
        if self.tls is not None:
            try:
                self.tls.unwrap()
            except (ssl.SSLWantReadError, ssl.SSLError):
                pass
            try:
                await self.push()
            except ConnectionError:
                pass  # the server, which has all, has closed already
        self.half_close()

    async def rest(self):
        """What the server may still say in TLS, to its end of the connection."""
        try:
            while await self.loop.sock_recv(self.plain, PIECE):
                pass
        except ConnectionError:
            pass

    def half_close(self):
        try:
            self.plain.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        try:
            self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def close(self):
        self.plain.close()


class Control:
    """A control connection, and what was said on it."""

    def __init__(self, address, source=None):
        self.address = address
        self.source = source
        self.family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.wire = None
        self.unread = b""
        self.transcript = []
        self.settings = None
        self.private = False
        self.port = 0  # the client's
        self.on_command = self.on_reply = lambda what: None

    async def connect(self):
        plain = socket.socket(self.family, socket.SOCK_STREAM)
        plain.setblocking(False)
        self.wire = Wire(plain)
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(plain, self.address)
        self.port = plain.getsockname()[1]

    def tell(self, text):
        self.transcript.append(text)
        del self.transcript[:-60]

    async def line(self):
        while b"\n" not in self.unread:
            more = await self.wire.receive()
            if not more:
                raise Fault("the server closed the control connection instead of replying")
            self.unread += more
        raw, self.unread = self.unread.split(b"\n", 1)
        text = raw.decode(errors="surrogateescape")
        self.tell(f"< {text!r}")
        if not text.endswith("\r"):
            raise Fault("a reply's line does not end in CR LF")
        return text[:-1]

    async def reply(self):
        """The code and the text of the next reply; lines are joined by LF."""
        begun = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            first = await self.line()
            if not re.match(r"[1-5]\d\d[ -]", first):
                raise Fault("that is no reply")
            lines = [first[4:]]
            last = first
            while last[:4] != first[:3] + " ":
                if first[3] == " ":
                    break
                last = await self.line()
                lines.append(last[4:] if last[:3] == first[:3] else last)
        self.on_reply(time.monotonic() - begun)
        return int(first[:3]), "\n".join(lines)

    async def say(self, *commands):
        """Sends the commands, in one piece."""
        for command in commands:
            self.tell(f"> {command[:200]!r}")
            self.on_command(command)
        async with asyncio.timeout(PATIENCE):
            await self.wire.send("".join(f"{command}\r\n" for command in commands)
                                 .encode(errors="surrogateescape"))

    async def expect(self, *codes, text=None):
        """The next reply, which has one of these codes, and this text or one that matches it."""
        code, said = await self.reply()
        if code not in codes:
            raise Fault(f"wanted {' or '.join(map(str, codes))}, not {code}")
        same = text is None or (text.fullmatch(said) if isinstance(text, re.Pattern) else said == text)
        if not same:
            raise Fault(f"wanted {getattr(text, 'pattern', text)!r}")
        return code, said

    async def ask(self, command, *codes, text=None):
        await self.say(command)
        return await self.expect(*codes, text=text)

    async def expect_end(self):
        """The server closes, and says nothing more."""
        async with asyncio.timeout(PATIENCE):
            more = self.unread + await self.wire.receive()
        if more:
            raise Fault(f"wanted the end of the control connection, not {more[:200]!r}")
        self.wire.close()

    # ---- data connections ----

    async def prepare(self, form):
        """Says PASV, EPSV, PORT or EPRT; returns what the connection will come of."""
        if form in ("PASV", "EPSV"):
            return Passive(self, await self.passive_port(form))
        listener = socket.create_server((self.wire.plain.getsockname()[0], 0), family=self.family)
        listener.setblocking(False)
        host, port = listener.getsockname()[:2]
        if form == "PORT":
            argument = f"{host.replace('.', ',')},{port >> 8},{port & 255}"
        else:
            argument = f"|{2 if self.family == socket.AF_INET6 else 1}|{host}|{port}|"
        await self.ask(f"{form} {argument}", 200)
        return Active(self, listener)

    async def passive_port(self, form):
        if form == "EPSV":
            _, said = await self.ask("EPSV", 229, text=re.compile(
                r"Entering Extended Passive Mode \(\|\|\|\d+\|\)"))
            return int(said.split("|")[3])
        _, said = await self.ask("PASV", 227, text=re.compile(
            r"Entering Passive Mode \((\d+,){5}\d+\)\."))
        numbers = said[said.index("(") + 1:said.index(")")].split(",")
        if self.family == socket.AF_INET and ".".join(numbers[:4]) != self.address[0]:
            raise Fault("PASV names another address")
        return int(numbers[4]) * 256 + int(numbers[5])

    async def secured(self, wire):
        if self.private:
            await wire.secure(self.settings, self.address[0], self.wire.tls.session)
        return wire


class Passive:
    def __init__(self, control, port):
        self.control = control
        self.wire = None
        self.port = port

    async def begin(self):
        """Called before the transfer's command: the client connects."""
        plain = socket.socket(self.control.family, socket.SOCK_STREAM)
        plain.setblocking(False)
        self.wire = Wire(plain)
        async with asyncio.timeout(PATIENCE):
            await self.control.wire.loop.sock_connect(plain, (self.control.address[0], self.port))

    async def open(self):
        """Called after the 150."""
        async with asyncio.timeout(PATIENCE):
            return await self.control.secured(self.wire)

    def close(self):
        if self.wire:
            self.wire.close()


class Active:
    def __init__(self, control, listener):
        self.control = control
        self.listener = listener

    async def begin(self):
        pass

    async def open(self):
        async with asyncio.timeout(PATIENCE):
            plain, _ = await self.control.wire.loop.sock_accept(self.listener)
            self.listener.close()
            return await self.control.secured(Wire(plain))

    def close(self):
        self.listener.close()
