"""A dead peer with a long queue: what it costs to keep, and whether other peers notice it.

Two home servers send the same mail to a third, in turns: one has 100,000 messages of 10 KB for a
peer whose ports are open and never answer, tried every second; one has none.
``MX_BENCH_BACKLOG`` asks for fewer.  A message counts as in ``federation``.
"""

import contextlib
import os
import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from bench.crowd import resident
from bench.federation import NO_LIMIT, add_recipients, items_for, member_of, submit, timed
from bench.rows import Row
from mx_core.homeserver.opening import open_database
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue.outgoing import Leaving
from tests.support.homes import HomeProcess, running_homes

WAITING = int(os.environ.get("MX_BENCH_BACKLOG", "100000"))
EACH = 5_000  # messages in a round
ROUNDS = 3
DEAD = "dead.example"
SETTINGS = NO_LIMIT + "\n[queue]\nfirst_delay_seconds = 1.0\n"  # as it comes: a minute


@dataclass
class Sender:
    """One of the two, and what was measured of it."""

    home: HomeProcess
    alice: Member
    rates: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def round(self, receiver: HomeProcess, people: list[str]) -> None:
        put(self.home, items_for(self.alice, people, range(EACH)))
        taken, processor, _ = timed(self.home, receiver, EACH)
        self.rates.append(EACH / taken)
        self.used.append(processor / EACH * 1e6)
        self.memory.append(resident(self.home))
        self.home.stop()


def measure() -> list[Row]:
    with running_homes() as homes, contextlib.ExitStack() as stack:
        receiver = homes.make("b.example", NO_LIMIT, start=False)
        people = add_recipients(receiver)
        receiver.start()
        dead = homes.make(DEAD, start=False)
        for port in (dead.hello, dead.federation):
            stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=1_024))
        senders = []
        for domain in ("a.example", "c.example"):
            home = homes.make(domain, SETTINGS, start=False)
            senders.append(Sender(home, member_of(home, f"alice@{domain}")))
        without, with_it = senders
        for first in range(0, WAITING, 1_000):
            numbers = range(first, min(first + 1_000, WAITING))
            put(with_it.home, to_the_dead(with_it.alice, numbers))
        for _ in range(ROUNDS):
            for sender in senders:
                sender.round(receiver, people)
    rate, peer = statistics.median(with_it.rates), statistics.median(without.rates)
    used, used_peer = statistics.median(with_it.used), statistics.median(without.used)
    memory = max(with_it.memory) - max(without.memory)
    return [
        Row("memory of what waits for a dead peer", "MB", "lower", memory, WAITING, floor=50.0),
        Row("queue → store of another peer beside it", "1/s", "higher", rate, EACH, peer),
        Row("… slower than without it", "%", "lower", (1 - rate / peer) * 100, ROUNDS, floor=10.0),
        Row("processor of the sender", "µs", "lower", used, EACH, used_peer),
    ]


def to_the_dead(alice: Member, numbers: range) -> Iterator[Leaving]:
    for what in items_for(alice, [f"bob@{DEAD}"], numbers):
        yield replace(what, destination=DEAD)


def put(home: HomeProcess, items: Iterator[Leaving]) -> None:
    """Put *items* into the queue of a server that is not running."""
    with contextlib.closing(open_database(home.folder)) as database:
        database.write_at_start(partial(submit, items=list(items)))
