"""Routers that translate addresses, between real clients and soloftpd: see network.py for the map.

The rules and options for a server behind NAT are those that docs/nat.md gives to administrators.
"""

import contextlib
import ftplib
import io
import pathlib
import re
import select
import socket
import threading
import time

import control
import harness
import network
from harness import ALICE, sample
from test_lftp import SETTINGS

ALLOW = pathlib.Path("/etc/hosts.allow")
DENY = pathlib.Path("/etc/hosts.deny")
HOSTS = pathlib.Path("/etc/hosts")
PAGE = pathlib.Path(__file__).parents[2] / "docs/nat.md"

HOME = "203.0.113.7"  # what the world sees of the host at home
PUBLIC = "203.0.113.50"
SITE = "203.0.113.21"  # what the world sees of the server at the site
MASQUERADE = """\
table ip home {
    chain outbound {
        type nat hook postrouting priority srcnat;
        oifname "wan" masquerade
    }
}
"""
READY = re.compile("150 .*")
DONE = "226 Transfer complete."
CONTENT = sample(300_000)
UPLOAD = sample(200_000, b"up")


def example(words):
    """The one block of docs/nat.md with these words in it."""
    blocks = re.findall(r"(?m)(?:^    .*\n|^\n(?=    ))+", PAGE.read_text())
    found = [block for block in blocks if words in block]
    assert len(found) == 1, f"docs/nat.md has {len(found)} blocks with {words!r}"
    return re.sub(r"(?m)^    ", "", found[0]).strip() + "\n"


def numbers(address, port):
    """As PORT has them."""
    return f"{address.replace('.', ',')},{port >> 8},{port & 255}"


class NatTest(harness.FtpTest):
    """A network, and on port 21 of one of its hosts a service."""

    place = "open"
    options = "log_ftp_protocol=YES\naccept_timeout=1\nconnect_timeout=1\n"

    def setUp(self):
        self.net = network.Network()
        self.addCleanup(self.net.close)
        self.net.home_router.translate(MASQUERADE)
        self.log_read = 0
        super().setUp()
        harness.put(ALICE / "file.bin", CONTENT)

    def serve(self, options="", **how):
        with getattr(self.net, self.place):
            return super().serve(options, port=21, **how)

    def configure(self, more):
        """Further options, for the sessions from now on."""
        usual = harness.USUAL.format(directory=self.server.directory)
        self.server.write("soloftpd.conf", usual + self.options + more)

    def assert_asked(self, *verbs):
        """The client used each of these since the last question."""
        log = self.server.log()
        asked = re.findall(r'FTP command: Client "[^"]+", "(\S+?)[ "]', log[self.log_read:])
        self.log_read = len(log)
        self.assertLessEqual(set(verbs), set(asked))

    # ---- clients: each lists, downloads and uploads ----

    def curl(self, host, *words, status=0):
        with host:
            return self.run_client("curl", "-sS", "--max-time", "10", *words, status=status)

    def by_curl(self, host, address, *words):
        url = f"ftp://alice:secret-alice@{address}/"
        got, sent = self.here / "got.bin", self.here / "sent.bin"
        sent.write_bytes(UPLOAD)
        self.assertRegex(self.curl(host, *words, url), r"(?m) 300000 .* file\.bin\r?$")
        self.curl(host, *words, "-o", got, f"{url}file.bin")
        self.curl(host, *words, "-T", sent, f"{url}up.bin")
        self.assert_round_trip(got)

    def by_lftp(self, host, address, settings=""):
        got, sent = self.here / "got.bin", self.here / "sent.bin"
        sent.write_bytes(UPLOAD)
        with host:
            said = self.run_client(
                "lftp", "--norc", "-c", f"{SETTINGS}{settings}open -u alice,secret-alice {address}\n"
                "ls\nget file.bin -o got.bin\nput sent.bin -o up.bin\n")
        self.assertRegex(said, r"(?m) 300000 .* file\.bin$")
        self.assert_round_trip(got)

    def by_ftplib(self, host, address, passive=True, trust=True):
        got = self.here / "got.bin"
        with self.ftplib(host, address) as ftp, got.open("wb") as file:
            ftp.set_pasv(passive)
            ftp.trust_server_pasv_ipv4_address = trust
            self.assertEqual(sorted(ftp.nlst()), ["file.bin"])
            self.assertEqual(ftp.retrbinary("RETR file.bin", file.write), DONE)
            self.assertEqual(ftp.storbinary("STOR up.bin", io.BytesIO(UPLOAD)), DONE)
        self.assert_round_trip(got)

    @contextlib.contextmanager
    def ftplib(self, host, address, kind=ftplib.FTP):
        with host, kind(timeout=10) as ftp:
            ftp.connect(address)
            ftp.login("alice", "secret-alice")
            yield ftp

    def by_hand(self, host, address):
        """A session of ours, whose data connections have to be made within `with host`."""
        with host:
            return self.login(address=address)

    def assert_round_trip(self, got):
        self.assert_same_bytes(got.read_bytes(), CONTENT)
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), UPLOAD)
        got.unlink()
        (ALICE / "up.bin").unlink()


class ClientBehindNat(NatTest):

    address = "203.0.113.20"

    def test_passive(self):
        home = self.net.home
        self.by_curl(home, self.address)
        self.assert_asked("EPSV")
        self.by_curl(home, self.address, "--disable-epsv", "--no-ftp-skip-pasv-ip")
        self.assert_asked("PASV")
        self.by_lftp(home, self.address)
        self.assert_asked("PASV")
        self.by_lftp(home, self.address, "set ftp:prefer-epsv yes\n")
        self.assert_asked("EPSV")
        self.by_ftplib(home, self.address)

    def test_active_is_refused(self):
        """The client names an address that is not the control connection's (RFC 2577, 3)."""
        session = self.by_hand(self.net.home, self.address)
        session.expect(f"PORT {numbers('192.168.1.10', 40000)}", "500 Illegal PORT command.")
        session.expect("EPRT |1|192.168.1.10|40000|", "500 Illegal EPRT command.")
        session.expect("RETR file.bin", "425 Use PORT or PASV first.")
        session.quit()

    def test_active_and_the_outer_address(self):
        """The NAT's own address may be named; whether the connection comes through is up to the NAT."""
        session = self.by_hand(self.net.home, self.address)
        session.expect(f"PORT {numbers(HOME, 40000)}", re.compile("200 .*"))
        session.expect("RETR file.bin", "425 Failed to establish connection.")
        self.net.home_router.translate(MASQUERADE + """\
table ip forward {
    chain inbound {
        type nat hook prerouting priority dstnat;
        iifname "wan" tcp dport 40000 dnat to 192.168.1.10
    }
}
""")
        with self.net.home, socket.create_server(("192.168.1.10", 40000)) as listener:
            listener.settimeout(5)
            session.expect(f"PORT {numbers(HOME, 40000)}", re.compile("200 .*"))
            session.expect("RETR file.bin", READY)
            with listener.accept()[0] as data:
                self.assert_same_bytes(control.read_all(data), CONTENT)
        session.expect_reply(DONE)
        session.quit()

    def test_active_clients(self):
        """Refused at once, they fall back where they can: lftp to passive mode, curl from EPRT to PORT."""
        home = self.net.home
        self.by_lftp(home, self.address, "set ftp:passive-mode off\nset net:max-retries 2\n"
                     "set net:reconnect-interval-base 0\n")
        self.assert_asked("PORT", "PASV")
        self.curl(home, "-P", "-", f"ftp://alice:secret-alice@{self.address}/", status=30)
        self.assert_asked("EPRT", "PORT")
        with self.ftplib(home, self.address) as ftp:
            ftp.set_pasv(False)
            with self.assertRaisesRegex(ftplib.error_perm, "^500 Illegal PORT command.$"):
                ftp.nlst()
            ftp.set_pasv(True)
            self.assertEqual(ftp.nlst(), ["file.bin"])

    def test_rules_and_logs(self):
        """TCP wrappers and both logs have the outer address, and the private one means nothing to them."""
        for path in (ALLOW, DENY):
            self.addCleanup(path.unlink, missing_ok=True)
        DENY.write_text("ALL: ALL\n")
        ALLOW.write_text("soloftpd: 192.168.1.10\n")
        with self.net.home:
            session = self.connect(address=self.address)
            session.expect_reply(harness.REFUSED)
            session.expect_end()
        ALLOW.write_text(f"soloftpd: {HOME}\n")
        self.by_curl(self.net.home, self.address)
        with self.net.public:
            self.connect(address=self.address).expect_reply(harness.REFUSED)
        harness.wait_until(lambda: PUBLIC in self.server.log(), 2)
        lines = self.server.lines("xferlog", 2)
        self.assertEqual([line.split()[6] for line in lines], [HOME, HOME])
        clients = re.findall(r'CONNECT: Client "(\S+)"', self.server.log())
        self.assertEqual(clients, [HOME, HOME, HOME, HOME, PUBLIC])

    def test_addresses_differ(self):
        """A NAT with a pool: the data connection comes from another of its addresses."""
        self.net.home_router.run("ip", "address", "add", "203.0.113.8/24", "dev", "wan")
        self.net.home_router.translate(f"""\
table ip home {{
    chain outbound {{
        type nat hook postrouting priority srcnat;
        oifname "wan" tcp dport 21 snat to {HOME}
        oifname "wan" snat to 203.0.113.8
    }}
}}
""")
        session = self.by_hand(self.net.home, self.address)
        with self.net.home, session.passive() as data:
            session.expect("RETR file.bin", "425 Security: Bad IP connecting.")
            self.assert_turned_away(data)
        session.quit()
        self.configure("pasv_promiscuous=YES\n")
        self.by_curl(self.net.home, self.address)

    def assert_turned_away(self, data):
        data.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(data.recv(100), b"")


class ServerBehindNat(NatTest):

    place = "server"
    address = "10.1.1.21"

    def setUp(self):
        super().setUp()
        self.net.site_router.translate(example("dnat to"))
        self.configure(example("pasv_address=203"))

    def test_pasv(self):
        """Clients that go to the address that was announced, and to no other."""
        for client in (self.net.public, self.net.home):
            with self.subTest(client=client.name):
                session = self.by_hand(client, SITE)
                address, port = session.passive_address()
                self.assertEqual(address, SITE)
                self.assertIn(port, range(50000, 50100))
                session.quit()
                self.by_curl(client, SITE, "--disable-epsv", "--no-ftp-skip-pasv-ip")
                self.by_lftp(client, SITE, "set ftp:fix-pasv-address no\n")
                self.by_ftplib(client, SITE)
                self.assert_asked("PASV")

    def test_epsv(self):
        for client in (self.net.public, self.net.home):
            with self.subTest(client=client.name):
                self.by_curl(client, SITE)
                self.by_lftp(client, SITE, "set ftp:prefer-epsv yes\n")
                self.assert_asked("EPSV")

    def test_another_control_port(self):
        """The passive ports keep their numbers on the way through the router; the control port need not."""
        self.net.site_router.translate(example("dnat to") + """\
table ip control {
    chain inbound {
        type nat hook prerouting priority dstnat;
        ip daddr 203.0.113.21 tcp dport 2121 dnat to 10.1.1.21:21
    }
}
""")
        self.by_curl(self.net.home, f"{SITE}:2121", "--disable-epsv", "--no-ftp-skip-pasv-ip")
        self.by_curl(self.net.public, f"{SITE}:2121")

    def test_without_pasv_address(self):
        """PASV names an address that is no good outside. EPSV names none."""
        self.configure("pasv_min_port=50000\npasv_max_port=50099\n")
        public = self.net.public
        self.curl(public, "--disable-epsv", "--no-ftp-skip-pasv-ip", "--connect-timeout", "1",
                  f"ftp://alice:secret-alice@{SITE}/", status=7)
        self.by_curl(public, SITE, "--disable-epsv", "--ftp-skip-pasv-ip")
        self.by_curl(public, SITE)
        self.by_lftp(public, SITE)
        self.by_ftplib(public, SITE, trust=False)

    def test_host_name(self):
        self.addCleanup(HOSTS.write_text, HOSTS.read_text())
        with HOSTS.open("a") as hosts:
            hosts.write(f"{SITE} ftp.example.net\n")
        options = example("pasv_addr_resolve")
        self.configure(example("pasv_address=203").replace(f"pasv_address={SITE}\n", "") + options)
        self.by_curl(self.net.public, SITE, "--disable-epsv", "--no-ftp-skip-pasv-ip")
        self.by_lftp(self.net.home, "ftp.example.net", "set ftp:fix-pasv-address no\n")
        self.by_ftplib(self.net.home, "ftp.example.net")
        self.assert_asked("PASV")

    def test_host_name_unknown(self):
        """No session at all: its passive mode would not work."""
        self.configure(example("pasv_addr_resolve"))
        with self.net.public:
            session = self.connect(address=SITE)
            session.expect_reply(harness.REFUSED)
            session.expect_end()
        self.syslog("pasv_address.* is not an IPv4 address")

    def test_active(self):
        """The server connects out, and its router gives the connection the address the client knows."""
        self.configure(example("pasv_address=203") + "connect_from_port_20=YES\n")
        public = self.net.public
        self.by_curl(public, SITE, "-P", "-")
        self.assert_asked("EPRT")
        self.by_curl(public, SITE, "-P", "-", "--disable-eprt")
        self.assert_asked("PORT")
        self.by_lftp(public, SITE, "set ftp:passive-mode off\nset ftp:verify-address yes\n"
                     "set ftp:verify-port yes\n")
        self.by_ftplib(public, SITE, passive=False)

    def test_active_ports(self):
        """Port 20 where the option says so, and only there, in the eyes of the client."""
        for options, check in (("connect_from_port_20=YES\n", self.assertEqual),
                               ("", self.assertNotEqual)):
            self.configure(options)
            session = self.by_hand(self.net.public, SITE)
            for command in ("PORT", "EPRT"):
                with self.net.public, socket.create_server((PUBLIC, 0)) as listener:
                    listener.settimeout(5)
                    port = listener.getsockname()[1]
                    words = numbers(PUBLIC, port) if command == "PORT" else f"|1|{PUBLIC}|{port}|"
                    session.expect(f"{command} {words}", re.compile("200 .*"))
                    session.expect("RETR file.bin", READY)
                    data, peer = listener.accept()
                with data:
                    self.assert_same_bytes(control.read_all(data), CONTENT)
                session.expect_reply(DONE)
                self.assertEqual(peer[0], SITE)
                check(peer[1], 20)
            session.quit()

    def test_active_without_source_nat(self):
        """The client never hears of the connection: 425 after connect_timeout."""
        self.net.site_router.translate(re.sub(r"(?s)    chain outbound.*?    \}\n", "",
                                              example("dnat to")))
        session = self.by_hand(self.net.public, SITE)
        with self.net.public, socket.create_server((PUBLIC, 0)) as listener:
            session.expect(f"PORT {numbers(PUBLIC, listener.getsockname()[1])}", re.compile("200 .*"))
            session.expect("RETR file.bin", "425 Failed to establish connection.")
        session.quit()
        self.by_curl(self.net.public, SITE)

    def test_hidden_clients(self):
        """A balancer that puts its own address in place of the client's: passive mode is all there is."""
        self.net.site_router.translate(example("dnat to") + """\
table ip hide {
    chain outbound {
        type nat hook postrouting priority srcnat;
        oifname "lan" masquerade
    }
}
""")
        self.by_curl(self.net.public, SITE)
        self.by_curl(self.net.home, SITE, "--disable-epsv", "--no-ftp-skip-pasv-ip")
        session = self.by_hand(self.net.public, SITE)
        session.expect(f"PORT {numbers(PUBLIC, 40000)}", "500 Illegal PORT command.")
        session.quit()
        lines = self.server.lines("xferlog", 4)
        self.assertEqual({line.split()[6] for line in lines}, {"10.1.1.1"})

    def test_rules_and_logs(self):
        """Without such a balancer the rules and the logs tell the clients from each other."""
        for path in (ALLOW, DENY):
            self.addCleanup(path.unlink, missing_ok=True)
        DENY.write_text("ALL: ALL\n")
        ALLOW.write_text(f"soloftpd: {HOME}\n")
        self.by_curl(self.net.home, SITE)
        with self.net.public:
            self.connect(address=SITE).expect_reply(harness.REFUSED)
        self.assertEqual([line.split()[6] for line in self.server.lines("xferlog", 2)], [HOME, HOME])


class LocalNetworks(NatTest):
    """One configuration for clients inside and outside; the service has IPv6, which takes no NAT."""

    place = "server"
    address = "::"
    inside, inside6 = "10.1.1.21", "2001:db8:1::21"

    def setUp(self):
        super().setUp()
        self.net.site_router.translate(example("dnat to"))
        self.configure(example("pasv_address=203") + example("pasv_local_networks"))

    def announced(self, host, address):
        """The address of the 227 reply."""
        session = self.by_hand(host, address)
        text = session.expect("PASV", re.compile(r"227 Entering Passive Mode \([\d,]+\)\."))
        session.quit()
        return ".".join(re.findall(r"\d+", text)[1:5])

    def test_pasv(self):
        places = ((self.net.colleague, self.inside, self.inside), (self.net.public, SITE, SITE),
                  (self.net.home, SITE, SITE))
        for client, address, wanted in places:
            with self.subTest(client=client.name):
                self.assertEqual(self.announced(client, address), wanted)
                self.by_curl(client, address, "--disable-epsv", "--no-ftp-skip-pasv-ip")
                self.by_lftp(client, address, "set ftp:fix-pasv-address no\n")
                self.by_ftplib(client, address)

    def test_epsv(self):
        for client, address in ((self.net.colleague, self.inside), (self.net.public, SITE),
                                (self.net.colleague, "[2001:db8:1::21]"),
                                (self.net.public, "[2001:db8:1::21]")):
            with self.subTest(client=client.name, address=address):
                self.by_curl(client, address, "-g")

    def test_ipv6_pasv(self):
        """PASV has no room for the own address of an IPv6 connection: zeros, for the host that is known."""
        self.assertEqual(self.announced(self.net.colleague, self.inside6), "0.0.0.0")
        self.assertEqual(self.announced(self.net.public, self.inside6), SITE)

    def test_without(self):
        self.configure(example("pasv_address=203"))
        for client, address in ((self.net.colleague, self.inside), (self.net.public, SITE)):
            self.assertEqual(self.announced(client, address), SITE)

    def test_lists(self):
        for networks, wanted in (
                ("10.1.1.30/32", self.inside), ("10.1.1.30", self.inside),
                ("10.1.1.0/27", self.inside), ("10.1.1.0/28", SITE), ("0.0.0.0/0", self.inside),
                ("192.168.0.0/16, 10.0.0.0/8", self.inside), ("192.168.0.0/16,10.0.0.0/8", self.inside),
                ("fd00::/8 10.1.1.0/24 ::1/128", self.inside), ("::/0", SITE)):
            with self.subTest(networks=networks):
                self.configure(example("pasv_address=203") + f"pasv_local_networks={networks}\n")
                self.assertEqual(self.announced(self.net.colleague, self.inside), wanted)


class Swarm:
    """A host that connects to one port over and over, so many connections at a time, and sends rubbish."""

    def __init__(self, host, address, port, size):
        self.host, self.target, self.size = host, (address, port), size
        self.came = 0  # connections that were made
        self.got = b""  # what the server sent to any of them
        self.over = False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()

    def run(self):
        with self.host:
            waiting, inside = [], []
            while not self.over:
                while len(waiting) + len(inside) < self.size:
                    waiting.append(knock(self.target))
                waiting, inside = self.look(waiting, inside)
            for connection in waiting + inside:
                connection.close()

    def look(self, waiting, inside):
        readable, writable, _ = select.select(inside, waiting, [], 0.01)
        for connection in writable:
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                self.came += 1
                inside.append(connection)
                with contextlib.suppress(OSError):
                    connection.send(b"rubbish" * 100)
            else:
                connection.close()
        for connection in readable:
            with contextlib.suppress(OSError):
                self.got += connection.recv(1000)
            connection.close()
        return ([one for one in waiting if one not in writable],
                [one for one in inside if one not in readable])


def knock(target):
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(target)
    return connection


class Intruder(NatTest):
    """Another host takes the way to the passive port before the client does.

    It is told by its address alone, since FTP has nothing else to tell by. So an intruder in the client's
    own network, behind the same NAT address, is no stranger to the server: it can take the client's place,
    and get the file or send one, if it finds the port first.
    """

    address = "203.0.113.20"
    options = NatTest.options.replace("accept_timeout=1", "accept_timeout=5")

    def setUp(self):
        super().setUp()
        self.opened = []
        self.addCleanup(lambda: [connection.close() for connection in self.opened])

    def intrude(self, port, count):
        """So many connections, and something sent on every other one that was made within 0.3 s."""
        with self.net.stranger:
            new = [knock((self.address, port)) for _ in range(count)]
        self.opened += new
        end = time.monotonic() + 0.3
        waiting = new
        while waiting and time.monotonic() < end:
            writable = select.select([], waiting, [], 0.05)[1]
            waiting = [one for one in waiting if one not in writable]
        for connection in new[::2]:
            with contextlib.suppress(OSError):
                connection.send(b"rubbish" * 100)
        return new

    def assert_closed(self, intruders):
        """By the server, and without a byte."""
        for connection in intruders:
            connection.setblocking(True)
            connection.settimeout(3)
            with contextlib.suppress(ConnectionError):
                if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    self.assertEqual(connection.recv(100), b"")

    def transfer(self, command, before, after):
        """A transfer with strangers before its command, and between the command and the client."""
        session = self.by_hand(self.net.home, self.address)
        port = session.passive_address()[1]
        intruders = self.intrude(port, before)
        if after:
            session.say(command)
            intruders += self.intrude(port, after)
        with self.net.home, socket.create_connection((self.address, port), 3) as data:
            if not after:
                session.say(command)
            session.expect_reply(READY)
            if command.startswith("RETR"):
                self.assert_same_bytes(control.read_all(data), CONTENT)
            else:
                data.sendall(UPLOAD)
        session.expect_reply(DONE)
        self.assert_closed(intruders)
        session.quit()

    def transfers(self, before, after):
        self.transfer("RETR file.bin", before, after)
        self.transfer("STOR up.bin", before, after)
        self.assert_same_bytes((ALICE / "up.bin").read_bytes(), UPLOAD)

    def test_once(self):
        for counts in ((1, 0), (0, 1), (1, 1)):
            with self.subTest(before_and_after=counts):
                self.transfers(*counts)

    def test_many_after_the_command(self):
        self.transfers(0, 50)

    def test_many_before_the_command(self):
        """Clients connect before they send the command: strangers that wait must leave room for them."""
        self.transfers(50, 0)

    def test_nobody_else(self):
        """425 after accept_timeout, and the session goes on."""
        self.configure("accept_timeout=1\n")
        session = self.by_hand(self.net.home, self.address)
        intruders = self.intrude(session.passive_address()[1], 3)
        began = time.monotonic()
        session.expect("RETR file.bin", "425 Security: Bad IP connecting.")
        self.assertTrue(0.9 <= time.monotonic() - began <= 2.5, "accept_timeout=1")
        self.assert_closed(intruders)
        session.expect("STOR up.bin", "425 Use PORT or PASV first.")
        with self.net.home:
            self.assert_same_bytes(session.retrieve("RETR file.bin"), CONTENT)
        session.quit()
        self.assertEqual(sorted(harness.tree_of(ALICE)), ["file.bin"])

    def test_permanent(self):
        """One passive port, as a forwarded range might be small, and a stranger who is always there."""
        self.besiege(1)

    def test_permanent_crowd(self):
        self.besiege(50)

    def besiege(self, size):
        self.configure("pasv_min_port=50000\npasv_max_port=50000\n")
        home = self.net.home
        with Swarm(self.net.stranger, self.address, 50000, size) as swarm:
            for client in (self.by_curl, self.by_lftp, self.by_ftplib):
                client(home, self.address)
            # The race for the port is a fair one: until it was lost a few times there was no test.
            rounds = 0
            while swarm.came < 5 and rounds < 100:
                self.by_ftplib(home, self.address)
                rounds += 1
            self.assertGreaterEqual(swarm.came, 5)
        self.assertEqual(swarm.got, b"")
