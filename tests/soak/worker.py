"""A process that keeps many sessions going at once, and remembers what the logs must say of them."""

import asyncio
import collections
import os
import random
import re
import shutil
import time

import acts
import wire
from session import USERS, Session

# Seconds after which what a session leaves behind must be in order.
GRACE = 60
# Pss as a whole also depends on how many others have the same libraries at that time.
SAMPLED = ("Pss_Anon", "Private_Dirty")


class Worker:
    """One of the processes. Runs until its time is over; then `result` goes to the parent."""

    def __init__(self, index, lasting, seconds, seed, addresses, settings, event_log, ports):
        self.index, self.seconds, self.seed = index, seconds, seed
        self.lasting = lasting  # (user, encrypted) of each session that lasts; or none, and all others
        self.addresses, self.settings, self.event_log = addresses, settings, event_log
        self.ports = ports  # shared: the client's port of each session that is open, or 0
        self.random = random.Random(f"{seed}/worker {index}")
        self.transfers = []
        self.verbs = collections.Counter()
        self.ends = collections.Counter()  # (client's port, word of the event log)
        self.faults = []
        self.left = []  # faults of directories
        self.graves = []
        self.samples = []  # of each session that lasts: (name, [(time, rounds, values)])
        self.serial = 0
        self.bytes = self.transferred = self.compared = self.sessions = self.encrypted = self.refused = 0
        self.slowest = 0.0
        self.stopping = self.over = False

    def count_verb(self, command):
        self.verbs[command.partition(" ")[0].upper()] += 1

    def took(self, seconds):
        self.slowest = max(self.slowest, seconds)

    # ---- sessions ----

    def new_session(self, user=None, encrypted=None):
        serial = f"s{self.index}-{self.serial}"
        self.serial += 1
        numbers = random.Random(f"{self.seed}/{serial}/who")
        user = user or numbers.choice(USERS)
        if encrypted is None:
            encrypted = numbers.random() < 0.2
        return Session(self, serial, user, numbers.choice(["ipv4", "ipv4", "ipv6"]), encrypted,
                       numbers.random() < 0.8)

    async def one(self, slot):
        session = self.new_session()
        try:
            await session.start()
            self.sessions += 1
            self.encrypted += session.encrypted
            self.ports[slot] = session.control.port
            if session.random.random() < 0.2:
                session.act = "stranger"
                await acts.stranger(session)
                if session.random.random() < 0.1:
                    await self.end(session, acts.ENDS_BEFORE)
                    return
            await session.login()
            await session.settle_in()
            functions, weights = acts.acts_for(session.user)
            for _ in range(int(session.random.expovariate(1 / 25)) + 1):
                if self.stopping:
                    break
                function = session.random.choices(functions, weights)[0]
                session.act = function.__name__
                await function(session)
            await self.end(session, {acts.quit_now: 1} if self.stopping else acts.ENDS)
        except Exception as error:  # whatever it is, there is a conversation to look at
            self.failed(session, error)
        finally:
            self.ports[slot] = 0

    async def end(self, session, ends):
        function = session.random.choices(list(ends), ends.values())[0]
        session.act = function.__name__
        await function(session)
        self.ends[session.control.port, session.ended] += 1
        self.graves.append((time.monotonic(), session))

    def failed(self, session, error):
        self.faults.append(
            f"{session.serial} {session.user.name} {'TLS ' if session.encrypted else ''}"
            f"{'IPv6 ' if session.ipv6 else ''}in {session.act}: {type(error).__name__}: {error}\n    "
            + "\n    ".join(session.control.transcript[-25:]))
        if len(self.faults) <= 3:
            print(f"soak: FAULT {self.faults[-1]}", flush=True)
        if session.control.wire:
            session.control.wire.reset()
        self.ends[session.control.port, None] += 1
        session.failed = True
        self.graves.append((time.monotonic(), session))

    async def keep_going(self, slot):
        await asyncio.sleep(self.random.random() * min(5, self.seconds / 5))
        while not self.stopping:
            await self.one(slot)

    # ---- sessions that last ----

    async def last(self, slot, user, encrypted, finish):
        """The same round again and again, and a look at the process after each."""
        session = self.new_session(user, encrypted)
        session.act = "lasting"
        samples = []
        self.samples.append((f"{user.name}{' TLS' if encrypted else ''}", samples))
        try:
            await session.start()
            self.sessions += 1
            self.encrypted += encrypted
            self.ports[slot] = session.control.port
            pid = await self.find_process(session.control.port)
            await session.login()
            await session.settle_in()
            while time.monotonic() < finish or len(samples) < acts.WARM + 3:
                await acts.same_again(session, len(samples))
                samples.append((time.monotonic(), look_at(pid)))
                await asyncio.sleep(min(self.seconds / 100, 2))
            await self.end(session, {acts.quit_now: 1})
        except Exception as error:  # whatever it is, there is a conversation to look at
            self.failed(session, error)
        finally:
            self.ports[slot] = 0

    async def find_process(self, port):
        pattern = re.compile(rb'"pid":(\d+),"client":"[^"]*","port":%d,.*"event":"connect"' % port)
        for _ in range(300):
            found = pattern.findall(self.event_log.read_bytes())
            if found:
                return int(found[-1])
            await asyncio.sleep(0.1)
        raise wire.Fault("the event log has no connect of this session")

    # ---- what they leave ----

    async def bury(self):
        """Looks at the directories of sessions that are over, and removes them."""
        while not self.over or self.graves:
            await asyncio.sleep(0.5)
            graves, self.graves = self.graves, []
            for died, session in graves:
                age = time.monotonic() - died
                wrong = session.standing() if age > 1 else "too early to say"
                if wrong and age < (5 if session.failed else GRACE):
                    self.graves.append((died, session))
                    continue
                if wrong and not session.failed:
                    self.left.append(f"{session.serial} {session.user.name}, ended by {session.act}: {wrong}")
                if session.made:
                    shutil.rmtree(session.disk())
                await asyncio.sleep(0)

    # ---- all of it ----

    def stop(self):
        self.stopping = True

    async def work(self):
        finish = time.monotonic() + self.seconds
        if self.lasting:
            going = [self.last(slot, *who, finish) for slot, who in enumerate(self.lasting)]
        else:
            going = [self.keep_going(slot) for slot in range(len(self.ports))]
        asyncio.get_running_loop().call_later(self.seconds, self.stop)
        burial = asyncio.create_task(self.bury())
        await asyncio.gather(*going)
        self.over = True
        await burial

    def run(self, pipe):
        asyncio.run(self.work())
        pipe.send({name: getattr(self, name) for name in
                   ("transfers", "verbs", "ends", "faults", "left", "samples", "bytes", "transferred",
                    "compared", "sessions", "encrypted", "refused", "slowest")})
        pipe.close()


def look_at(pid):
    """Kibibytes and descriptors of a process, and which of its mappings are dirty."""
    values = {"descriptors": len(os.listdir(f"/proc/{pid}/fd"))}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        for line in lines:
            name, _, rest = line.partition(":")
            if name in SAMPLED:
                values[name] = int(rest.split()[0])
    dirty = collections.Counter()
    with open(f"/proc/{pid}/smaps", encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if re.match("[0-9a-f]+-", line):
                mapping = words[5] if len(words) > 5 else "without a name"
            elif words[0] == "Private_Dirty:":
                dirty[mapping] += int(words[1])
    return values, dirty
