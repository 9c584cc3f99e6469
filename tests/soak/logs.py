"""The logs after a soak: every line whole, and exactly one for each transfer."""

import collections
import json
import re

STAMP = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"
CLIENT = r"(?:127\.0\.0\.1|::1)"
XFERLOG = re.compile(STAMP + r" \d+ " + CLIENT + r" (?P<bytes>\d+) (?P<path>/\S*) [ab] _ (?P<way>[io]) [ra] "
                     r"(?P<user>\S+) ftp 0 \* (?P<complete>[ci])")
NATIVE = re.compile(
    STAMP + r" \[pid \d+\] (?:CONNECT: Client \"" + CLIENT + r"\"|\[(?P<user>[a-z]+)\] (?:"
    r"(?P<ok>OK|FAIL) (?P<way>UPLOAD|DOWNLOAD): Client \"" + CLIENT + r"\", \"(?P<path>/[^\"]*)\""
    r"(?:, (?P<bytes>\d+) bytes)?, \d+\.\d\dKbyte/sec|"
    r"(?:OK|FAIL) (?:LOGIN|MKDIR|RMDIR|DELETE|RENAME|CHMOD): Client \"" + CLIENT
    + r"\"(?:, \"/[^\"]*\")?(?:, anon password \"soak@example\.net\")?))")


def lines_of(path):
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if text and not text.endswith("\n"):
        text += "(the last line has no end)\n"
    return text.split("\n")[:-1]


def read_xferlog(path):
    """What it says of transfers, and the lines that are none of its."""
    found, torn = collections.defaultdict(list), []
    for line in lines_of(path):
        match = XFERLOG.fullmatch(line)
        if match:
            found[match["user"], match["way"] == "i", match["path"]].append(
                (int(match["bytes"]), match["complete"] == "c"))
        else:
            torn.append(line)
    return found, torn


def read_native(path):
    found, torn, connects = collections.defaultdict(list), [], 0
    for line in lines_of(path):
        match = NATIVE.fullmatch(line)
        if not match:
            torn.append(line)
        elif match["way"]:
            found[match["user"], match["way"] == "UPLOAD", match["path"]].append(
                (int(match["bytes"] or 0), match["ok"] == "OK"))
        else:
            connects += "CONNECT" in line[:60]
    return found, torn, connects


class Events:
    """The event log: transfers, and the beginnings and ends of sessions."""

    def __init__(self, path):
        self.found, self.torn = collections.defaultdict(list), []
        self.ends = collections.Counter()
        self.problems = collections.Counter()
        self.names = collections.Counter()
        self.failures = collections.Counter()  # (event, reason)
        begun, over = collections.Counter(), collections.Counter()
        for line in lines_of(path):
            try:
                event = json.loads(line)
                self.add(event, begun, over)
            except (ValueError, KeyError):
                self.torn.append(line)
        self.sessions = len(begun)
        self.unpaired = [session for session in begun.keys() | over.keys()
                         if begun[session] != 1 or over[session] != 1]

    def add(self, event, begun, over):
        name = event["event"]
        self.names[name] += 1
        if event.get("ok") is False:
            self.failures[name, event["reason"]] += 1
        if name in ("upload", "download"):
            self.found[event["user"], name == "upload", event["path"]].append((event["bytes"], event["ok"]))
        elif name == "connect":
            begun[event["session"]] += 1
        elif name == "end":
            over[event["session"]] += 1
            self.ends[event["port"], event["reason"]] += 1
        elif name == "problem":
            self.problems[event["detail"]] += 1


def compare(transfers, found, user_of, path_of):
    """What the log lacks, and what it has too much: each transfer has one line that fits it."""
    wanted = collections.defaultdict(list)
    for transfer in transfers:
        if transfer.path is None:
            continue
        wanted[user_of(transfer.user), transfer.upload, path_of(transfer.path)].append(transfer)
    wrong = []
    for key in wanted.keys() | found.keys():
        wrong += compare_one(key, wanted[key], list(found.get(key, ())))
    return wrong


def compare_one(key, transfers, lines):
    """Those that are known best choose first."""
    left, wrong = collections.Counter(lines), []
    transfers.sort(key=lambda transfer: (transfer.complete is None, not transfer.sure, uncertainty(transfer)))
    for transfer in transfers:
        line = (transfer.low, transfer.complete)
        if left[line] == 0:
            line = next((line for line, count in left.items() if count and fits(transfer, line)), None)
        if line is not None:
            left[line] -= 1
        elif transfer.sure:
            outcome = {True: "complete", False: "incomplete", None: "complete or not"}[transfer.complete]
            wrong.append(f"{key}: no line with {transfer.low} to {transfer.high} bytes, {outcome}")
    return wrong + [f"{key}: a line too many: {line}" for line in left.elements()]


def uncertainty(transfer):
    return 1 << 62 if transfer.high is None else transfer.high - transfer.low


def fits(transfer, line):
    size, complete = line
    return (transfer.low <= size and (transfer.high is None or size <= transfer.high)
            and transfer.complete in (None, complete))
