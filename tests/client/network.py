"""A small internet out of network namespaces: hosts, and two routers that translate addresses.

       home 192.168.1.10 --- 192.168.1.1 home_router 203.0.113.7 ---+
                                                                    |
                                             public 203.0.113.50 ---+
                                                                    |
                                           stranger 203.0.113.66 ---+
                                                                    |
                                               open 203.0.113.20 ---+
                                                                    |
     server 10.1.1.21 ---+                                          |
                         +--- 10.1.1.1 site_router 203.0.113.21 ----+
  colleague 10.1.1.30 ---+

Nobody outside has a route to a private address. The routers' interfaces are called lan and wan, each
host's is eth; the rules of their NAT are up to the test. `open` and `server` are for soloftpd.
"""

import ctypes
import os
import pathlib
import subprocess

HOSTS = ("internet", "home", "home_router", "public", "stranger", "open", "site_router", "server",
         "colleague")
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

# Veth pairs: a host, its interface, and the host with the bridge where the other end is plugged in.
CABLES = (("home", "eth", "home_router", "lan"), ("home_router", "wan", "internet", "bridge"),
          ("public", "eth", "internet", "bridge"), ("stranger", "eth", "internet", "bridge"),
          ("open", "eth", "internet", "bridge"), ("site_router", "wan", "internet", "bridge"),
          ("server", "eth", "site_router", "lan"), ("colleague", "eth", "site_router", "lan"))
# Host, interface, address, default router.
ADDRESSES = (
    ("home", "eth", "192.168.1.10/24", "192.168.1.1"), ("home_router", "lan", "192.168.1.1/24", None),
    ("home_router", "wan", "203.0.113.7/24", None), ("public", "eth", "203.0.113.50/24", None),
    ("stranger", "eth", "203.0.113.66/24", None), ("open", "eth", "203.0.113.20/24", None),
    ("site_router", "wan", "203.0.113.21/24", None), ("site_router", "lan", "10.1.1.1/24", None),
    ("server", "eth", "10.1.1.21/24", "10.1.1.1"), ("colleague", "eth", "10.1.1.30/24", "10.1.1.1"),
    ("public", "eth", "2001:db8:2::50/64", "2001:db8:2::21"),
    ("site_router", "wan", "2001:db8:2::21/64", None), ("site_router", "lan", "2001:db8:1::1/64", None),
    ("server", "eth", "2001:db8:1::21/64", "2001:db8:1::1"),
    ("colleague", "eth", "2001:db8:1::30/64", "2001:db8:1::1"))


class Host:
    """A network namespace. Within `with host:` sockets and new processes belong to it."""

    def __init__(self, name):
        self.name = name
        self.namespace = open(f"/run/netns/{name}", "rb")
        self.before = []

    def __enter__(self):
        self.before.append(open("/proc/thread-self/ns/net", "rb"))
        enter(self.namespace)
        return self

    def __exit__(self, *_):
        with self.before.pop() as before:
            enter(before)

    def switch(self, names, value):
        """Sets files of /proc/sys/net."""
        with self:
            for path in pathlib.Path("/proc/sys/net").glob(names):
                path.write_text(value)

    def translate(self, rules):
        """These nftables rules, and no others."""
        self.run("nft", "-f", "-", commands=f"flush ruleset\n{rules}")

    def run(self, *command, commands=""):
        with self:
            batch(command, commands)


def enter(namespace):
    if libc.setns(namespace.fileno(), CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


def batch(command, commands):
    done = subprocess.run(command, input=commands.encode(), check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit status {done.returncode}\n{commands}\n"
                             f"{done.stdout.decode(errors='replace')}")


class Network:
    """The hosts by their names, as attributes."""

    def __init__(self):
        commands = "".join(f"netns add {name}\n" for name in HOSTS)
        for number, (host, interface, other, _) in enumerate(CABLES):
            # The kernel is up to 1 s late in noticing a carrier where both ends have one index.
            commands += (f"link add {interface} netns {host} index {100 + number} type veth "
                         f"peer name port{number} netns {other} index {200 + number}\n")
        batch(("ip", "-batch", "-"), commands)
        for name in HOSTS:
            host = Host(name)
            setattr(self, name, host)
            host.switch("ipv6/conf/all/disable_ipv6", "0")
            host.switch("ipv6/conf/*/accept_dad", "0")  # it takes a second
            host.run("ip", "-batch", "-", commands=self.furnish(name))
        for router in (self.home_router, self.site_router):
            router.switch("ipv4/ip_forward", "1")
            router.switch("ipv6/conf/all/forwarding", "1")

    def furnish(self, name):
        commands = "link set lo up\n"
        bridges = {bridge for _, _, other, bridge in CABLES if other == name}
        for bridge in bridges:
            commands += f"link add {bridge} type bridge\nlink set dev {bridge} up\n"
        for number, (host, interface, other, bridge) in enumerate(CABLES):
            if other == name:
                commands += f"link set dev port{number} master {bridge} up\n"
            if host == name:
                commands += f"link set dev {interface} up\n"
        own = [row for row in ADDRESSES if row[0] == name]
        for _, interface, address, router in own:
            commands += f"address add {address} dev {interface}\n"
            if router is not None:
                commands += f"route add default via {router}\n"
        return commands

    def close(self):
        for name in HOSTS:
            getattr(self, name).namespace.close()
        batch(("ip", "-batch", "-"), "".join(f"netns delete {name}\n" for name in HOSTS))
