"""The soak: a service, the processes that load it, and the checks. tests/soak/run starts it in a sandbox."""

import collections
import multiprocessing
import os
import pathlib
import re
import sys
import time

import harness
import logs
import secure
from acts import WARM
from session import READ, SHARED, USERS
from worker import SAMPLED, Worker

PLACE = pathlib.Path("/run/soak")
PROCESSES = 2  # besides that of the sessions that last, which nobody is to slow down
GRACE = 30  # seconds that a process may live on without its client
GROWTH = 64  # KiB

CONFIG = f"""\
local_enable=YES
anonymous_enable=YES
write_enable=YES
local_umask=022
anon_umask=022
anon_upload_enable=YES
anon_mkdir_write_enable=YES
chroot_local_user=YES
chroot_list_enable=YES
chroot_list_file={PLACE}/unjailed
allow_writeable_chroot=YES
user_config_dir={PLACE}/users
host_config_dir={PLACE}/hosts
dual_log_enable=YES
wc_logs_enable=YES
vsftpd_log_file={PLACE}/vsftpd.log
xferlog_file={PLACE}/xferlog
json_log_file={PLACE}/events.json
force_local_logins_ssl=NO
force_local_data_ssl=NO
"""
# What may be in syslog: what PAM and the server say of wrong passwords, and of clients that break off.
EXPECTED = re.compile(
    r": pam_unix\(ftp:auth\): authentication failure; |"
    r": (127\.0\.0\.1|::1): login refused: PAM authenticate: Authentication failure$|"
    r"(127\.0\.0\.1|::1): (data connection: )?TLS handshake failed: .*(unexpected eof|Broken pipe|reset by peer)",
    re.IGNORECASE)
# Why sessions may end, and what they try may fail.
ENDS = ("quit", "client_gone", "timeout")
FAILURES = ("not_found", "exists", "range", "aborted", "connection_lost", "client_gone", "tls_failed", "busy", "policy",
            "denied", "wrong_password", "not_a_file")


# ---- the service ----


def make_accounts():
    """Three more, with the passwords of those that the sandbox has."""
    for name, like, number in (("carol", "alice", 1811), ("dave", "bob", 1812), ("erin", "alice", 1813)):
        shadow = pathlib.Path("/etc/shadow").read_text()
        secret = re.search(rf"^{like}:([^:]*):", shadow, re.MULTILINE)[1]
        for path, line in (("/etc/passwd", f"{name}:x:{number}:{number}::/srv/home/{name}:/bin/sh"),
                           ("/etc/group", f"{name}:x:{number}:"),
                           ("/etc/shadow", f"{name}:{secret}:19000:0:99999:7:::")):
            with open(path, "a", encoding="ascii") as file:
                file.write(line + "\n")


def make_trees():
    harness.fresh_trees()
    for user in USERS:
        owner = "ftp" if user.name == "anonymous" else user.name
        harness.give_directory(user.disk, "root" if owner == "ftp" else owner)
        own = user.disk / user.own
        harness.give_directory(own.parent, owner)
        harness.give_directory(own, owner)
        for name, held in READ.items():
            harness.put(user.disk / user.read / name, held.bytes(), owner)
        if not user.full:
            continue
        harness.give_directory(user.disk / "churn", owner)
        harness.give_directory(user.disk / "churn/stays", owner)
        for name in SHARED:
            harness.put(user.disk / "shared" / name, bytes.fromhex(EMPTY), owner)


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing


def make_config():
    for name in ("users", "hosts"):
        (PLACE / name).mkdir(parents=True)
    (PLACE / "unjailed").write_text("bob\ndave\n")
    (PLACE / "hosts/ftp.example.net").write_text("hide_ids=NO\n")
    in_ascii = "ascii_download_enable=YES\nascii_upload_enable=YES\n"
    for user in USERS:
        text = in_ascii if user.ascii else ""
        text += "" if user.atomic else "upload_atomic=NO\n"
        text += "" if user.keep or not user.full else "upload_keep_partial=NO\n"
        if text:
            (PLACE / "users" / user.name).write_text(text)


# ---- while it runs ----


class Watch:
    """Looks at the processes now and then: each has a client, or had one a moment ago."""

    def __init__(self, servers, ports):
        self.servers, self.ports = servers, ports
        self.log = open(PLACE / "events.json", "rb") if (PLACE / "events.json").exists() else None
        self.port_of = {}  # pid -> client's port
        self.alone = {}  # pid -> since when it has no client
        self.looks = self.most_ending = self.most = 0
        self.left = set()
        self.missing = 0
        self.pss = []

    def read_log(self):
        if self.log is None:
            if not (PLACE / "events.json").exists():
                return
            self.log = open(PLACE / "events.json", "rb")
        for line in self.log:
            if line.find(b'"event":"connect"') >= 0:
                pid, port = re.search(rb'"pid":(\d+),"client":"[^"]*","port":(\d+)', line).groups()
                self.port_of[int(pid)] = int(port)

    def look(self):
        before = {port for share in self.ports for port in share if port}
        pids = {pid for server in self.servers for pid in server.sessions()}
        self.read_log()
        after = {port for share in self.ports for port in share if port}
        now = time.monotonic()
        alone = {pid for pid in pids if self.port_of.get(pid) not in before | after}
        self.alone = {pid: self.alone.get(pid, now) for pid in alone}
        self.left |= {pid for pid, since in self.alone.items() if now - since > GRACE}
        served = {self.port_of.get(pid) for pid in pids}
        # A session that is ending on the server's side has its client a moment longer.
        gone = (before & after) - served
        self.missing = self.missing + 1 if gone else 0
        self.looks += 1
        self.most_ending = max(self.most_ending, len(alone))
        self.most = max(self.most, len(pids))

    def measure(self):
        """The memory of all processes at one time, in KiB."""
        found = []
        for server in self.servers:
            for pid in server.sessions():
                try:
                    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                values = dict(re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE))
                if values:
                    found.append((int(values["Pss"]), int(values["Private_Dirty"])))
        found = found or [(0, 0)]
        self.pss.append((len(found), sum(pss for pss, _ in found), max(pss for pss, _ in found),
                         sum(dirty for _, dirty in found), max(dirty for _, dirty in found)))


# ---- the end ----


class Table:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, what, wrong, detail=""):
        """`wrong` has what is wrong, one text each; nothing is right."""
        wrong = list(wrong)
        if wrong:
            self.failed += 1
        else:
            self.passed += 1
        print(f"{'FAIL' if wrong else 'ok  '} {what}{': ' + detail if detail else ''}")
        for text in wrong[:10]:
            print(f"       {text}")
        if len(wrong) > 10:
            print(f"       and {len(wrong) - 10} more")


def verbs_of_book(path):
    return re.findall(r"^COMMAND\((\w+),", pathlib.Path(path).read_text(), re.MULTILINE)


def growth(samples):
    """What of a lasting session's memory and descriptors is not flat, and how much it grew."""
    begun, length = (samples[0][0], samples[-1][0] - samples[0][0]) if samples else (0, 0)
    warm = [look for at, look in samples[WARM:] if at - begun >= length * 0.15]
    if len(warm) < 2:
        return f"only {len(samples)} rounds", {}
    before, after = warm[0][0], warm[-1][0]
    grown = {name: after[name] - before[name] for name in SAMPLED}
    wrong = [f"{name} grew by {grown[name]} KiB, in rounds: {[values[name] for values, _ in warm]}"
             for name in SAMPLED if grown[name] > GROWTH]
    if wrong:
        wrong += [f"{mapping} by {count} KiB" for mapping, count in (warm[-1][1] - warm[0][1]).items()]
    if len({values["descriptors"] for values, _ in warm}) != 1:
        wrong.append(f"descriptors: {[values['descriptors'] for values, _ in warm]}")
    return "; ".join(wrong), grown


def check_lasting(table, results):
    wrong, most, total, rounds = [], collections.Counter(), collections.Counter(), 0
    for result in results:
        for name, samples in result["samples"]:
            text, grown = growth(samples)
            rounds += len(samples)
            if text:
                wrong.append(f"{name}: {text}")
            total.update(grown)
            for key, value in grown.items():
                most[key] = max(most[key], value)
    table.add("memory and descriptors of sessions that last are flat", wrong,
              f"{sum(len(result['samples']) for result in results)} sessions, {rounds} rounds; growth: "
              + ", ".join(f"{name} {total[name]} KiB in all, {most[name]} KiB at most" for name in SAMPLED))


def check_trees(table):
    wrong = []
    for user in USERS:
        wanted = {user.disk / user.own, user.disk / user.read}
        wanted |= {user.disk / user.read / name for name in READ}
        if user.full:
            wanted |= {user.disk / name for name in ("churn", "churn/stays", "shared")}
            wanted |= {user.disk / "shared" / name for name in SHARED}
        else:
            wanted |= {user.disk / name for name in ("pub", "pub/hello.txt", "incoming")}
        there = set(user.disk.rglob("*"))
        wrong += [f"{path} is left" for path in sorted(there - wanted)]
        wrong += [f"{path} is missing" for path in sorted(wanted - there)]
    table.add("no draft and no other file is left", wrong)


def check_logs(table, results, transfers, sessions):
    found, torn = logs.read_xferlog(PLACE / "xferlog")
    table.add("xferlog: one line for each transfer, none torn",
              [f"torn: {line!r}" for line in torn]
              + logs.compare(transfers, found, lambda user: user.transferred,
                             lambda path: path.replace(" ", "_")),
              f"{sum(map(len, found.values()))} lines")
    found, torn, connects = logs.read_native(PLACE / "vsftpd.log")
    wrong = [f"torn: {line!r}" for line in torn]
    if connects != sessions:
        wrong.append(f"{connects} lines of CONNECT for {sessions} sessions")
    table.add("vsftpd.log: one line for each transfer and each session, none torn",
              wrong + logs.compare(transfers, found, lambda user: user.logged, lambda path: path),
              f"{sum(map(len, found.values()))} transfers")
    events = logs.Events(PLACE / "events.json")
    table.add("event log: one line for each transfer, none torn",
              [f"torn: {line!r}" for line in events.torn]
              + logs.compare(transfers, events.found, lambda user: user.logged, lambda path: path),
              f"{sum(events.names.values())} events")
    wanted = collections.Counter()
    for result in results:
        wanted.update({key: count for key, count in result["ends"].items() if key[1]})
    table.add("event log: each session has one beginning and one end, for the right reason",
              [f"session {session}: connect or end is not there once" for session in events.unpaired]
              + [f"{count} sessions of port {key[0]} did not end by {key[1]}"
                 for key, count in (wanted - events.ends).items()]
              + ([f"{events.sessions} sessions, not {sessions}"] if events.sessions != sessions else []),
              ", ".join(f"{count} {reason}" for reason, count in
                        sum_by_reason(events.ends).most_common()))
    strange = {reason: count for reason, count in sum_by_reason(events.ends).items() if reason not in ENDS}
    strange.update({f"{name}: {reason}": count for (name, reason), count in events.failures.items()
                    if reason not in FAILURES})
    table.add("event log: nothing failed that the clients did not want to fail",
              [f"{count} times {reason}" for reason, count in strange.items()],
              ", ".join(f"{count} {reason}" for reason, count in sum_by_reason(events.failures).most_common()))
    return events


def sum_by_reason(ends):
    found = collections.Counter()
    for (_, reason), count in ends.items():
        found[reason] += count
    return found


def check_system(table, servers, events, refused):
    said = harness.SYSLOG.read_text(errors="replace").splitlines()
    unexpected = collections.Counter(re.sub(r"\d+", "N", line) for line in said if not EXPECTED.search(line))
    wrong = [f"{count} times {line}" for line, count in unexpected.items()]
    told = sum("login refused" in line for line in said)
    if told != refused:
        wrong.append(f"{told} refused logins, not {refused}")
    table.add("syslog: nothing unexpected, and each wrong password once", wrong, f"{len(said)} lines")
    problems = collections.Counter(text for text in events.problems if not re.search("TLS handshake failed", text))
    table.add("event log: no problem", problems, f"{sum(events.problems.values())} expected")
    wrong = [f"{server.address}: xinetd has ended" for server in servers if server.process.poll() is not None]
    for server in servers:
        wrong += [line for line in server.told().splitlines()
                  if re.search(r"FAIL|limit|deactivat|error|fork", line, re.IGNORECASE)]
    table.add("xinetd lives, and none of its limits was hit", wrong)


def check_all(table, results, watch, servers, book):
    total = collections.Counter()
    for result in results:
        for name in ("bytes", "transferred", "compared", "sessions", "encrypted", "refused"):
            total[name] += result[name]
    transfers = [transfer for result in results for transfer in result["transfers"]]
    verbs = sum((result["verbs"] for result in results), collections.Counter())
    faults = [text for result in results for text in result["faults"]]
    table.add("every reply and every byte is right", faults,
              f"{sum(verbs.values())} commands, {total['compared']} files compared on disk")
    table.add("what sessions leave is what they have stored",
              [text for result in results for text in result["left"]])
    table.add("every verb of the book was used",
              [f"{verb} was not" for verb in verbs_of_book(book) if not verbs[verb]],
              f"{len(verbs_of_book(book))} verbs")
    wrong = [f"process {pid} had no client for more than {GRACE} s" for pid in watch.left]
    wrong += ["sessions had no process"] if watch.missing > 5 else []
    table.add("as many processes as sessions", wrong,
              f"up to {watch.most}, of which up to {watch.most_ending} were ending; {watch.looks} looks")
    harness.wait_until(lambda: not any(server.sessions() for server in servers), GRACE)
    table.add("no process is left", [f"process {pid}" for server in servers for pid in server.sessions()])
    for count, pss, most_pss, dirty, most_dirty in watch.pss:
        print(f"     {count} processes: Pss {pss} KiB, at most {most_pss}; "
              f"Private_Dirty {dirty} KiB, at most {most_dirty}")
    check_lasting(table, results)
    check_trees(table)
    events = check_logs(table, results, transfers, total["sessions"])
    check_system(table, servers, events, total["refused"])
    return total, verbs, transfers


def run_workers(servers, seconds, sessions, seed):
    addresses = {"ipv6" if ":" in server.address else "ipv4": (server.address, server.port)
                 for server in servers}
    settings = secure.context()
    fork = multiprocessing.get_context("fork")
    lasting = [(user, encrypted) for encrypted in (False, True) for user in USERS][:max(1, sessions // 4)]
    others = sessions - len(lasting)
    shares = [others // PROCESSES + (index < others % PROCESSES) for index in range(PROCESSES)]
    ports = [fork.RawArray("I", share) for share in (*shares, len(lasting))]
    started, children = [], []
    for index, slots in enumerate(ports):
        worker = Worker(index, lasting if index == PROCESSES else (), seconds, seed, addresses, settings,
                        PLACE / "events.json", slots)
        ours, theirs = fork.Pipe(False)
        child = fork.Process(target=worker.run, args=(theirs,))
        child.start()
        theirs.close()
        started.append(ours)
        children.append(child)
    watch = Watch(servers, ports)
    results, finish = {}, time.monotonic() + seconds
    measured = time.monotonic() + min(seconds / 2, 60)
    while len(results) < len(started):
        watch.look()
        if measured < time.monotonic() < finish:
            watch.measure()
            measured += 60
            print(f"soak: {finish - time.monotonic():.0f} s to go, {watch.pss[-1][0]} processes", flush=True)
        end = time.monotonic() + 1
        for index, pipe in enumerate(started):
            if index not in results and pipe.poll(max(0, end - time.monotonic())):
                results[index] = pipe.recv()  # EOFError: the process has failed, and said why
        time.sleep(max(0, end - time.monotonic()))
    for child in children:
        child.join()
    return [results[index] for index in sorted(results)], watch


def main(seconds, sessions, seed, book):
    print(f"soak: {sessions} sessions for {seconds} s, SEED={seed}", flush=True)
    make_accounts()
    make_config()
    make_trees()
    secure.certificates()
    servers = [harness.Server(address=address, usual=CONFIG + secure.TLS) for address in ("127.0.0.1", "::1")]
    begun = time.monotonic()
    try:
        results, watch = run_workers(servers, seconds, sessions, seed)
        took = time.monotonic() - begun
        table = Table()
        total, verbs, transfers = check_all(table, results, watch, servers, book)
    finally:
        for server in servers:
            server.stop()
    print(f"soak: {took:.0f} s: {total['sessions']} sessions ({total['sessions'] / took:.1f}/s, "
          f"{total['encrypted']} with TLS), {sum(verbs.values())} commands ({sum(verbs.values()) / took:.0f}/s), "
          f"{len(transfers)} transfers ({len(transfers) / took:.1f}/s), "
          f"{total['bytes'] >> 20} MiB ({total['bytes'] / took / (1 << 20):.1f} MiB/s)")
    print(f"soak: the slowest reply took {max(result['slowest'] for result in results):.1f} s")
    print(f"soak: {table.passed} passed, {table.failed} failed")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), os.environ.get("SEED") or sys.argv[4], sys.argv[3]))
