"""Honest mail while strangers want the server to fall over: what the honest keep, and the memory.

One server sends to another as in ``federation``, in turns alone and beside strangers who hold 1,000
slow connections, half-open calls and connections with oversized frames, and who meanwhile introduce
10,000 domains that are not, replay a good batch, and show wrong certificates.  The strangers run on
this machine too, and what they use of its processors is shown: it is missing for everybody else.
"""

import asyncio
import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.backlog import put
from bench.crowd import resident
from bench.federation import NO_LIMIT, add_recipients, items_for, member_of, timed
from bench.rows import Row
from mx_core.discovery.finder import Finder
from mx_core.federation.link import open_link
from tests.support import hostile
from tests.support.homes import HomeProcess, Homes, running_homes
from tests.support.peer_server import Behaviour, PeerServer

EACH = 4_000  # messages in a round
ROUNDS_MIN = 2  # and as many beside strangers as it takes them to be done
SLOW, HALF_OPEN, OVERSIZED = 1_000, 400, 400
HELLOS, REPLAYS, IMPOSTORS = 10_000, 1_000, 200
MEMORY_MB = 200.0
REPLAYER = "evil.example"


@dataclass
class Strangers:
    """The attack, on a thread of its own; a failure of it is one of the measurement."""

    homes: Homes
    victim: HomeProcess
    holding: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._attack())
        except BaseException as error:  # noqa: BLE001  # told where it is waited for
            self.failure = error
        finally:
            self.holding.set()
            self.done.set()

    async def _attack(self) -> None:
        victim = self.victim
        async with contextlib.AsyncExitStack() as stack:
            finder = Finder(peers=self.homes.peers)
            peer = PeerServer(REPLAYER, finder, Behaviour())
            await peer.start()
            stack.push_async_callback(peer.stop)
            with self.homes.peers.open("a", encoding="utf-8") as file:
                file.write(peer.stanza())
            found = await finder.find(victim.domain)
            link = await open_link(peer.own(), found, time.time)
            stack.push_async_callback(link.channel.retire)
            await hostile.silent(victim, stack, SLOW)
            await hostile.oversized(victim, stack, OVERSIZED)
            await hostile.half_open(victim, stack, HALF_OPEN)
            self.holding.set()
            await asyncio.gather(
                hostile.hellos(victim, stack, HELLOS),
                hostile.replayed(link, REPLAYER, victim, REPLAYS),
                hostile.impostors(victim, found, (REPLAYER, "a.example"), IMPOSTORS),
            )
            self.done.set()
            await asyncio.to_thread(self.over.wait)  # and hold on


@dataclass
class Rounds:
    """What was measured of the honest, round by round."""

    rates: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@contextlib.contextmanager
def under_attack(homes: Homes, victim: HomeProcess) -> Iterator[Strangers]:
    strangers = Strangers(homes, victim)
    thread = threading.Thread(target=strangers.run)
    thread.start()
    try:
        assert strangers.holding.wait(120)
        yield strangers
    finally:
        strangers.over.set()
        thread.join()
    if strangers.failure is not None:
        raise strangers.failure


def measure() -> list[Row]:
    with running_homes() as homes:
        receiver = homes.make("b.example", NO_LIMIT, start=False)
        sender = homes.make("a.example", NO_LIMIT, start=False)
        people, alice = add_recipients(receiver), member_of(sender, "alice@a.example")
        receiver.start()
        calm, attacked = Rounds(), Rounds()

        def one(rounds: Rounds) -> None:
            put(sender, items_for(alice, people, range(EACH)))
            taken, _, processor = timed(sender, receiver, EACH)
            rounds.rates.append(EACH / taken)
            rounds.used.append(processor / EACH * 1e6)
            rounds.memory.append(resident(receiver))
            sender.stop()

        one(calm)
        used = time.process_time()
        with under_attack(homes, receiver) as strangers:
            began = time.perf_counter()
            while len(attacked.rates) < ROUNDS_MIN or not strangers.done.is_set():
                one(attacked)
            lasted = time.perf_counter() - began
            used = time.process_time() - used
        before = max(calm.memory)
        one(calm)
    alone, kept = statistics.median(calm.rates), statistics.median(attacked.rates)
    return [
        Row("queue → recipient's store, attacked", "1/s", "higher", kept, EACH, alone),
        Row(
            "… of what it is alone",
            "%",
            "higher",
            kept / alone * 100,
            len(attacked.rates),
            floor=80.0,
        ),
        Row(
            "memory of the attacked server",
            "MB",
            "lower",
            max(attacked.memory),
            SLOW,
            before,
            floor=MEMORY_MB,
        ),
        Row(
            "processor of the attacked server, a message",
            "µs",
            "lower",
            statistics.median(attacked.used),
            EACH,
            statistics.median(calm.used),
        ),
        Row("processor of the strangers, of one", "%", "lower", used / lasted * 100, HELLOS),
    ]
