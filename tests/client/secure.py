"""FTP over TLS as a client that does only what it is told, and the certificates for it.

Python's ssl encrypts into memory here, so that a test decides which bytes go out, and when, and how a
connection ends.
"""

import base64
import ctypes
import functools
import os
import pathlib
import re
import socket
import ssl
import subprocess
import warnings

import control
import harness

PLACE = pathlib.Path("/run/certificates")
NAME = "ftp.example.net"

# OpenSSL 3 has TLS 1.0 and 1.1 at this level only.
OLD = "ALL:@SECLEVEL=0"
V10, V11, V12, V13 = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2,
                      ssl.TLSVersion.TLSv1_3)
warnings.filterwarnings("ignore", category=DeprecationWarning)  # of these two versions

# What the tests of TLS add to harness.USUAL.
TLS = f"""\
ssl_enable=YES
rsa_cert_file={PLACE}/server.pem
allow_anon_ssl=YES
"""


# ---- certificates ----


def openssl(*words, given=None):
    done = subprocess.run(["openssl", *map(str, words)], input=given, cwd=PLACE, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, words))}\n{done.stderr.decode()}")
    return done.stdout


def make_key(name, kind="ec"):
    """NAME.key. Elliptic keys are made in no time; one RSA key serves wherever one is wanted."""
    if kind == "rsa" and (PLACE / "rsa.key").exists():
        (PLACE / f"{name}.key").write_bytes((PLACE / "rsa.key").read_bytes())
    elif kind == "rsa":
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                "-out", "rsa.key")
        make_key(name, kind)
    else:
        openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", f"{name}.key")
    (PLACE / f"{name}.key").chmod(0o600)


def make_certificate(name, subject, issuer=None, kind="ec", authority=False, names="",
                     more=()):
    """NAME.crt with NAME.key, from the issuer or from itself; NAME.pem is key, certificate and chain."""
    make_key(name, kind)
    words = ["req", "-x509", "-new", "-key", f"{name}.key", "-out", f"{name}.crt",
             "-subj", f"/CN={subject}", "-days", "30",
             "-addext", f"basicConstraints=critical,CA:{'TRUE' if authority else 'FALSE'}"]
    if issuer:
        words += ["-CA", f"{issuer}.crt", "-CAkey", f"{issuer}.key"]
    for extension in (*([f"subjectAltName={names}"] if names else []), *more):
        words += ["-addext", extension]
    openssl(*words)
    bundle(name)


def bundle(name, *chain):
    parts = [(PLACE / part).read_text() for part in (f"{name}.key", f"{name}.crt", *chain)]
    (PLACE / f"{name}.pem").write_text("".join(parts))
    (PLACE / f"{name}.pem").chmod(0o600)


def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes(2, "big")
    return bytes([tag, 0x82]) + size + body


def der_split(content):
    """The first element of some DER, as a whole, and what follows."""
    size, head = content[1], 2
    if size >= 128:
        head += size - 128
        size = int.from_bytes(content[2:head], "big")
    return content[:head + size], content[head + size:]


def der_inside(element):
    head = 2 + (element[1] - 128 if element[1] >= 128 else 0)
    return element[head:]


def forge(name, source, change, issuer="ca"):
    """NAME.pem from SOURCE's certificate, changed, with the issuer's right signature again: what no
    command makes, such as a name with a NUL in it. Sizes must stay."""
    whole = ssl.PEM_cert_to_DER_cert((PLACE / f"{source}.crt").read_text())
    signed, rest = der_split(der_inside(whole))
    algorithm, _ = der_split(rest)
    changed = change(signed)
    if len(changed) != len(signed) or changed == signed:
        raise AssertionError("the certificate has no such thing")
    signature = openssl("dgst", "-sha256", "-sign", f"{issuer}.key", given=changed)
    forged = der(0x30, changed, algorithm, der(0x03, b"\0", signature))
    (PLACE / f"{name}.key").write_bytes((PLACE / f"{source}.key").read_bytes())
    (PLACE / f"{name}.crt").write_text(ssl.DER_cert_to_PEM_cert(forged))
    bundle(name)


@functools.cache
def certificates():
    """Makes, once, what most tests need.

    ca signs server (P-256), server-rsa, the clients alice and bob; server-chained by way of two more.
    other is a CA that nobody trusts and has signed stranger, another "alice".
    """
    PLACE.mkdir(mode=0o755)
    own = f"DNS:{NAME},DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:::1,IP:{harness.IPV6}"
    make_certificate("ca", "Root", authority=True)
    make_certificate("other", "Nobody's root", authority=True)
    make_certificate("server", NAME, "ca", names=own)
    make_certificate("server-rsa", NAME, "ca", kind="rsa", names=own)
    make_certificate("middle", "Middle", "ca", authority=True)
    make_certificate("lower", "Lower", "middle", authority=True)
    make_certificate("server-chained", NAME, "lower", names=own)
    bundle("server-chained", "lower.crt", "middle.crt")
    make_certificate("alice", "alice", "ca")
    make_certificate("bob", "bob", "ca")
    make_certificate("stranger", "alice", "other")


# ---- connections ----


def context(lowest=V12, highest=V13, ciphers=None, certificate=None, protocols=(), check=True,
            tickets=True):
    """A client's settings. It trusts our CA alone, and checks names, unless told not to."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if check:
        made.load_verify_locations(PLACE / "ca.crt")
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if ciphers or lowest < V12:
        made.set_ciphers(ciphers or OLD)
    made.minimum_version, made.maximum_version = lowest, highest
    made.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # Python's default; a cut end is to be seen
    if certificate:
        made.load_cert_chain(PLACE / f"{certificate}.pem")
    if protocols:
        made.set_alpn_protocols(protocols)
    if not tickets:
        made.options |= ssl.OP_NO_TICKET
    return made


def everything(plain, seconds=5):
    """All bytes up to the server's end of the connection; a reset is an end as well."""
    plain.settimeout(seconds)
    heard = b""
    try:
        while more := plain.recv(65536):
            heard += more
    except ConnectionResetError:
        pass
    return heard


class TlsSocket:
    """As much of a socket as control.py uses, with TLS in it."""

    def __init__(self, plain, settings, name=None, session=None):
        self.plain = plain
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = settings.wrap_bio(self.into, self.out, server_hostname=name, session=session)
        self.alert = None  # the number of one that came in clear, as in a handshake
        self.ended = None  # "close_notify" or "FIN", once the server has ended its side

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        return getattr(self.plain, name)  # settimeout, getsockname and the like

    def push(self):
        if self.out.pending:
            self.plain.sendall(self.out.read())

    def pull(self):
        """Takes some bytes of the server's; the end of them is an end to TLS as well."""
        more = self.plain.recv(1 << 18)
        if more:
            self.into.write(more)
            self.alert = more[6] if more[0] == 0x15 and len(more) == 7 else None
        else:
            self.into.write_eof()

    def run(self, call, *arguments):
        while True:
            try:
                result = call(*arguments)
                self.push()
                return result
            except ssl.SSLWantReadError:
                self.push()
                self.pull()
            except ssl.SSLError:
                self.push()  # the alert
                raise

    def handshake(self):
        self.run(self.tls.do_handshake)

    def recv(self, size):
        try:
            content = self.run(self.tls.read, size)
            if not content:
                self.ended = "close_notify"
            return content
        except ssl.SSLZeroReturnError:  # once our own close_notify is out
            self.ended = "close_notify"
        except ssl.SSLError as error:
            if "UNEXPECTED_EOF" not in str(error.reason):
                raise
            self.ended = "FIN"
        except ConnectionResetError:
            self.ended = "reset"
        return b""

    def record(self, content):
        """What would be sent: one record for each 16 KiB."""
        self.tls.write(content)
        return self.out.read()

    def sendall(self, content):
        view = memoryview(content)
        while view:
            view = view[self.run(self.tls.write, view[:1 << 16]):]

    def notify(self):
        """Sends close_notify, and nothing but."""
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass
        self.push()

    def cut(self):
        """FIN without close_notify, if the server has not ended the connection already."""
        try:
            self.plain.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def finish(self):
        """The end that a client should give an upload: close_notify, FIN, and the server's taken."""
        self.notify()
        self.cut()
        while self.plain.recv(4096):
            pass
        self.close()

    def close(self):
        self.plain.close()


class Secure(control.Control):
    """A control connection that may become TLS, and its data connections."""

    private = False  # whether the data connections are to be TLS
    settings = name = None
    reuse = True  # whether they resume the control connection's session

    def encrypt(self, settings=None, name=None, session=None):
        """The handshake. The server's certificate is checked for its address, or the name."""
        self.settings = settings or context()
        self.name = name or self.peer
        self.socket = TlsSocket(self.socket, self.settings, self.name, session)
        self.transcript.append("(TLS)")
        self.socket.handshake()
        return self

    def auth(self, settings=None, name=None, mechanism="TLS", session=None):
        self.expect(f"AUTH {mechanism}", "234 Proceed with negotiation.")
        return self.encrypt(settings, name, session)

    def protect(self, level="P"):
        self.expect("PBSZ 0", "200 PBSZ set to 0.")
        self.expect(f"PROT {level}",
                    "200 PROT now Private." if level == "P" else "200 PROT now Clear.")
        self.private = level == "P"
        return self

    @property
    def plain(self):
        return self.socket.plain if isinstance(self.socket, TlsSocket) else self.socket

    @property
    def session(self):
        return self.socket.tls.session

    def secured(self, data, settings=None, session=None):
        """TLS on a data connection, after the 150."""
        if self.reuse and settings is None:
            session = session or self.session
        data = TlsSocket(data, settings or self.settings, self.name, session)
        data.handshake()
        return data

    def fetch(self, data):
        """All that the server sends on a data connection that is there, with a right end to it."""
        if not self.private:
            with data:
                return control.read_all(data)
        with self.secured(data) as secured:
            content = control.read_all(secured)
            if secured.ended != "close_notify":
                self.fail(f"the data ended by {secured.ended}")
            self.last = secured.tls
            secured.notify()
        return content

    def give(self, data, content):
        if not self.private:
            with data:
                data.sendall(content)
                return
        with self.secured(data) as secured:
            secured.sendall(content)
            self.last = secured.tls
            secured.finish()

    def retrieve(self, command, ready=re.compile("150 .*"), done="226 Transfer complete."):
        with self.passive() as data:
            self.expect(command, ready)
            content = self.fetch(data)
        self.expect_reply(done)
        return content

    def store(self, command, content, ready=re.compile("150 .*"), done="226 Transfer complete."):
        with self.passive() as data:
            self.expect(command, ready)
            self.give(data, content)
        self.expect_reply(done)

    def say_all(self, *commands):
        """Several commands in one record."""
        self.transcript.append(f"> {commands!r} at once")
        self.socket.sendall(b"".join(command.encode() + b"\r\n" for command in commands))

    def active_data(self, command, ready=re.compile("150 .*")):
        """The connection that the server makes for the command, and where it came from."""
        with self.active() as listener:
            self.say(command)
            data, peer = listener.accept()
            data.settimeout(self.timeout)
        self.expect_reply(ready)
        return data, peer

    def expect_end(self):
        """Inside TLS, an end by close_notify."""
        super().expect_end()
        if isinstance(self.socket, TlsSocket) and self.socket.ended != "close_notify":
            self.fail(f"the control connection ended by {self.socket.ended}")


class FtpsTest(harness.FtpTest):
    """A service with TLS. login() makes a session with both connections private.

    The services of a class run until its end, one for each configuration; logs are each test's own.
    """

    more = ""  # options behind those of TLS
    settings = None  # None: a new context for each session

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        certificates()
        cls.running = {}

    @classmethod
    def tearDownClass(cls):
        for server in cls.running.values():
            server.stop()
        super().tearDownClass()

    def setUp(self):
        self.options = TLS + self.more
        super().setUp()

    def serve(self, options="", **how):
        key = (options, *sorted(how.items()))
        if key not in self.running:
            self.running[key] = harness.Server(options, **how)
        server = self.running[key]
        for log in server.directory.glob("*log"):
            os.truncate(log, 0)
        self.addCleanup(self.rest, server)
        return server

    def rest(self, server):
        """What stop() asks of a test's server, which goes on here."""
        harness.wait_until(lambda: not server.sessions(), 2)
        left = server.sessions()
        for pid in left:
            harness.end_process(pid)
        self.assertEqual(left, [], "sessions outlived their clients")

    def serve_tls(self, options="", **how):
        return self.serve(TLS + options, **how)

    def connect(self, server=None, source=None, address=None):
        server = server or self.server
        connection = Secure(address or server.address, server.port, source)
        self.addCleanup(connection.close)
        return connection

    def greeted(self, server=None, **how):
        connection = self.connect(server, **how)
        connection.expect_reply("220 soloftpd ready.")
        return connection

    def login(self, user="alice", server=None, settings=None, name=None, level="P", **how):
        session = self.greeted(server, **how).auth(settings or self.settings, name)
        self.enter(session, user, level)
        return session

    def enter(self, session, user="alice", level="P"):
        session.expect(f"USER {user}", "331 Please specify the password.")
        session.expect(f"PASS {harness.PASSWORD[user]}", "230 Login successful.")
        session.protect(level)
        session.expect("TYPE I", "200 Switching to Binary mode.")

    def huge(self, name="huge"):
        with harness.put(harness.ALICE / name).open("r+b") as file:
            file.truncate(1 << 30)

    def begin(self, session, command):
        """A transfer that has begun: its data connection, with TLS."""
        data = session.passive()
        self.addCleanup(data.close)
        session.expect(command, re.compile("150 .*"))
        return session.secured(data)

    def still_works(self, session):
        content = harness.sample(50_000, b"still")
        session.store("STOR still", content)
        self.assert_same_bytes(session.retrieve("RETR still"), content)
        session.quit()

    def assert_refused(self, call):
        """The handshake fails; says why."""
        try:
            call()
        except ssl.SSLError as error:
            return error.reason
        except ConnectionError:
            return "reset"
        self.fail("the handshake succeeded")


def pem_bytes(path):
    """The DER of the first block in a PEM file."""
    text = pathlib.Path(path).read_text()
    body = re.search(r"-----BEGIN [^-]*-----(.*?)-----END", text, re.S)[1]
    return base64.b64decode(body)


class Library:
    """OpenSSL itself as a client, on a socket of its own, for what Python's ssl has no words for."""

    def __init__(self, plain, version=0x0304, name=None):
        self.plain = plain
        self.libssl = ctypes.CDLL("libssl.so.3")
        for function in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self.libssl, function).restype = ctypes.c_void_p
        plain.settimeout(None)
        self.settings = self.call("SSL_CTX_new", self.call("TLS_client_method"))
        for number in (123, 124):  # SSL_CTRL_SET_MIN_PROTO_VERSION and _MAX_
            self.call("SSL_CTX_ctrl", self.settings, number, version, None)
        self.tls = self.call("SSL_new", self.settings)
        self.call("SSL_set_fd", self.tls, plain.fileno())
        if name:  # SSL_CTRL_SET_TLSEXT_HOSTNAME
            self.libssl.SSL_ctrl(ctypes.c_void_p(self.tls), 55, 0, ctypes.c_char_p(name))
        if self.call("SSL_connect", self.tls) != 1:
            raise AssertionError("the handshake failed")

    def call(self, name, *arguments):
        return getattr(self.libssl, name)(*(
            ctypes.c_void_p(value) if value and value > 1 << 32 else value for value in arguments))

    def update_key(self, count, requested=False):
        """So many KeyUpdate messages; returns how many went out before the connection broke."""
        for number in range(count):
            self.call("SSL_key_update", self.tls, 1 if requested else 0)
            if self.call("SSL_do_handshake", self.tls) != 1:
                return number
        return count

    def renegotiate(self):
        """Whether the server takes part in a second handshake."""
        self.call("SSL_renegotiate", self.tls)
        return self.call("SSL_do_handshake", self.tls) == 1

    def send(self, content):
        return self.libssl.SSL_write(ctypes.c_void_p(self.tls), content, len(content)) > 0

    def receive(self):
        into = ctypes.create_string_buffer(4096)
        got = self.libssl.SSL_read(ctypes.c_void_p(self.tls), into, 4096)
        return into.raw[:got] if got > 0 else b""

    def close(self):
        self.libssl.SSL_free(ctypes.c_void_p(self.tls))
        self.libssl.SSL_CTX_free(ctypes.c_void_p(self.settings))
        self.plain.close()
