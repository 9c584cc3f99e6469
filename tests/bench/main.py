"""tests/bench/run, inside its sandbox: plays the workloads, round by round, and writes what they cost."""
import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import charts
import results
import service
import workloads

FIRST_PORT = 2200
SLOW = 1.0  # seconds: in a quick run who takes longer for his turn gets no other one
CONTROL = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("--quick", action="store_true", help="less of everything: about five minutes")
    parser.add_argument("--only", default="", help="these workloads, separated by commas; growth is all growth-...")
    parser.add_argument("--pick", default="", help="these servers")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="the names of workloads and servers")
    parser.add_argument("--write", action="store_true", help="put the table into the documents")
    return parser.parse_args()


def prepare():
    """Room for what is served, ports enough for thousands of data connections, PAM for pure-ftpd, a certificate."""
    # ProFTPD looks up the name of its machine
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write(f"127.0.0.1 {platform.node()}\n")
    subprocess.run(["mount", "-o", "remount,size=90%,nr_inodes=0", "/srv"], check=True)
    network = pathlib.Path("/proc/sys/net/ipv4")
    (network / "ip_local_port_range").write_text("10000 65000")
    (network / "tcp_max_tw_buckets").write_text("1000")
    pam = pathlib.Path("/etc/pam.d")
    (pam / "pure-ftpd").write_text((pam / "ftp").read_text())
    # inetutils' server and pure-ftpd's anonymous logins want a shell and a name that the system knows
    with open("/etc/shells", "a", encoding="ascii") as shells:
        shells.write("/bin/sh\n/usr/sbin/nologin\n")
    service.PLACE.mkdir(mode=0o755)
    key, certificate = service.PLACE / "key.pem", service.PLACE / "only.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out", certificate],
                   check=True, stderr=subprocess.DEVNULL)
    service.CERTIFICATE.write_text(key.read_text() + certificate.read_text())
    service.CERTIFICATE.chmod(0o600)


def loads_all(program):
    """Whether the program is there and has its libraries."""
    if not os.access(program, os.X_OK):
        return False
    seen = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return "not found" not in seen.stdout


def start_servers(picked, plain, tls, samples):
    servers, port = [], FIRST_PORT
    for name, commands in service.words().items():
        if name not in picked if picked else name in service.OPTIONAL:
            continue
        if not loads_all(commands[0][0]):
            samples.fault("everything", name, "it is not there, or lacks libraries")
            continue
        if tls and not commands[1]:
            samples.fault("tls-...", name, "it has no TLS")
        for command, wanted in zip(commands, (plain, tls)):
            if command and wanted:
                server = service.Server(name, command, port)
                server.tls = command is commands[1]
                servers.append(server)
                port += 1
    return servers


def play(name, workload, servers, rounds, samples):
    """Every server in each round, so that what changes with time changes for all; not always in the same order. A server that
    fails twice gets no more turns, nor in a quick run one that is slow; but soloftpd gets them all."""
    servers = [server for server in servers
               if server.tls == workload.tls and (not workload.servers or server.name in workload.servers)]
    begun, slow = time.monotonic(), set()
    for number in range(min(rounds, workload.most)):
        turn = number % len(servers) if servers else 0
        order = servers[turn:] + servers[:turn]
        for server in reversed(order) if number % 2 else order:
            if len(samples.faults.get((name, server.name), ())) > 1 or server.name in slow:
                continue
            start = time.monotonic()
            try:
                samples.add(name, server.name, number, workload.measure(server))
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
                samples.fault(name, server.name, str(error).strip(" .:"))
                server.settle(0)
            if workloads.Size.quick and time.monotonic() - start > SLOW and server.name not in ("limit", "soloftpd"):
                slow.add(server.name)
    print(f"{name}: {', '.join(server.name for server in servers)}: {time.monotonic() - begun:.0f} s", flush=True)


def about(rounds):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{os.cpu_count()} processors ({model[1] if model else platform.machine()}), Linux {platform.release()}, "
            f"TCP {CONTROL.read_text().strip()}, {rounds} rounds"
            f"{', one for peers that take long, of a quick run' if workloads.Size.quick else ''}.")


def choose(only, quick):
    if not only:
        return {name: workload for name, workload in workloads.ALL.items() if not (quick and name.startswith("growth-"))}
    return {name: workload for name, workload in workloads.ALL.items()
            if any(name == word or word.startswith("growth") and name.startswith(word + "-") for word in only)}


def check_log(servers, samples):
    """What is measured is a server that logs."""
    log = pathlib.Path("/var/log/vsftpd.log")
    if any(server.name == results.OURS for server in servers) and not (log.exists() and log.stat().st_size):
        samples.fault("the log", results.OURS, "nothing was written to it")


def write(samples, servers, rounds):
    names = list(dict.fromkeys(server.name for server in servers))
    text = results.tables(samples, names, about(rounds))
    (service.RESULTS / "results.md").write_text(text)
    (service.RESULTS / "results.svg").write_text(charts.costs(samples, names))
    growth = charts.growth(samples)
    (service.RESULTS / "growth.svg").unlink(missing_ok=True)
    if growth:
        (service.RESULTS / "growth.svg").write_text(growth)
    with open(service.RESULTS / "results.jsonl", "w", encoding="utf-8") as out:
        for (workload, cost), by in samples.values.items():
            out.write(json.dumps({"workload": workload, "cost": cost, "servers": by}, ensure_ascii=False) + "\n")
    print("\n" + text)


def main():
    options = arguments()
    if options.list:
        print("workloads:", *workloads.ALL)
        service.PLACE.mkdir()
        print("servers:", *service.words())
        return 0
    workloads.Size.quick = options.quick
    rounds = options.rounds or (4 if options.quick else 7)
    only, picked = [[word for word in words.split(",") if word] for words in (options.only, options.pick)]
    chosen = choose(only, options.quick)
    if not chosen or any(word not in chosen and not word.startswith("growth") for word in only):
        print("no such workload among:", *only)
        return 2
    prepare()
    for make in dict.fromkeys(make for workload in chosen.values() for make in workload.files):
        make()
    tls = [workload.tls for workload in chosen.values()]
    samples = results.Samples()
    servers = start_servers(picked, not all(tls), any(tls), samples)
    try:
        for name, workload in chosen.items():
            play(name, workload, servers, rounds, samples)
    finally:
        for server in servers:
            server.stop()
    check_log(servers, samples)
    write(samples, servers, rounds)
    return 1 if any(server.startswith("soloftpd") for _, server in samples.faults) else 0


if __name__ == "__main__":
    sys.exit(main())
