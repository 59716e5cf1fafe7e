"""A network of many domains in one process, a third of it down at any time: every message arrives once.

Each domain has the rooms of ``mx-home`` over a database of its own, its queue's workers, and its log
with what witnesses it; what lies between two domains is a call that fails when either is down, and
whose answer is sometimes lost after it was taken.  Messages are sealed, and opened at the end.  Delays
are the usual ones, minutes to hours, of a clock that jumps over them: what it costs is what it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import resource
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa
import structlog
from nacl.signing import SigningKey

from mx_core.db.database import Database
from mx_core.discovery.finder import Finder
from mx_core.homeserver.config import Queue
from mx_core.homeserver.domain.role_keys import of_seed
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.witnessing import Cosigned, Witness
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Envelope, Notice, Waiting
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.peer_times import PeerTimes
from mx_core.homeserver.queue.peers import Peers
from mx_core.homeserver.schema import ENTRY
from mx_core.homeserver.storage.bodies import Body
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.model.errors import PeerUnreachable
from mx_core.model.octets import whole
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import Item, ItemReply
from mx_core.tlog import note
from tests.support.body_store import body_store
from tests.support.envelope import mail, read
from tests.support.home_rows import DEVICE, admitting, new_member
from tests.support.simulated_time import SimulatedDatabase, SimulatedLoop, run
from tests.support.torture import Measure, Sweep

pytestmark = pytest.mark.fleet

DOWN = 0.3
LOST = 0.1  # answers that do not come back
EACH_SENDS = 4
WEATHER_SECONDS = 1_200.0  # until others are down
LIMIT_SECONDS = 4 * 86_400.0  # a day less than a server tries
LEAVES = 4  # of each log: two bindings, and the root of the map after each
IN_SHORT, IN_FULL, A_STEP = 50, 500, 500


class Domain:
    """One domain: its rooms, and whether it can be reached."""

    def __init__(self, name: str, folder: Path, network: Network) -> None:
        self.name = name
        self.up = True
        folder.mkdir()
        shutil.copy(network.made, folder / "home.sqlite")
        self.database = SimulatedDatabase.open(
            folder / "home.sqlite", migrations=MIGRATIONS, readers=1
        )
        self.member = self.database.write_at_start(self._join)
        arrivals, room = Arrivals(), Room(folder, 1)
        self._receiver = Receiver(
            self.database,
            body_store(folder, self.database),
            arrivals,
            domain=name,
            sizes=Sizes(envelope=1 << 16, inline_body=1 << 18, blob=1 << 20),
            mailbox_octets=1 << 40,
            admitting=admitting(self.database, name),
            room=room,
            now=network.now,
        )
        self._network = network
        self.dispatcher = Dispatcher(self.database, arrivals, self._carry, Queue(), now=network.now)
        roles = of_seed(Secret(SigningKey(b2_plain(name.encode()))))
        self.role_keys = dict(roles.public)
        self.book = LogBook(self.database, name, roles, network.now)
        self.witness = Witness(self.database, name, roles.witness, network.now)
        correspondents = Correspondents(self, network)
        self.cosigned = Cosigned(
            self.book,
            cast("Peers", correspondents),  # what it asks of them
            cast("Finder", correspondents),
            PeerTimes(network.now, network.now),
            network.now,
        )
        self.spoken_to: dict[str, None] = {}

    def _join(self, tx: sa.Connection) -> Member:
        member = new_member(tx, f"u@{self.name}")
        tx.execute(ENTRY.delete())  # what is no passport cannot be logged at the start
        return member

    async def _carry(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
        return await self._network.carry(self, destination, batch)

    async def take(self, peer: str, batch: Sequence[Leaving]) -> list[ItemReply]:
        items = [
            Item(
                route=what.route,
                envelope=what.envelope,
                body=what.body.inline or b"",
                deliver_by=what.deliver_by,
            )
            for what in batch
        ]
        return await self._receiver.take(peer, items)

    async def submit(self, what: Leaving) -> None:
        await self.database.write(
            lambda tx: taking.submit(tx, [what]),
            lambda _: self.dispatcher.announce(what.destination),
        )

    async def log(self, binding: bytes) -> None:
        """Let a Binding of the one who lives here wait, as a change of passport does."""
        await self.database.write(lambda tx: log_rows.enqueue(tx, f"u@{self.name}", binding))

    async def is_witnessed(self) -> bool:
        """Tell whether all it spoke to hold its newest tree, and it shows their word for it."""
        shown = self.book.published
        if len(note.signature_lines(shown.note)) < 1 + len(self.spoken_to):
            return False
        for peer in self.spoken_to:
            held = await self._network.domains[peer].witness.newest(self.name)
            if held is None or note.signature_lines(held)[0] not in shown.note:
                return False
        return True

    async def rows(self) -> list[Waiting]:
        return await self.database.read(
            lambda tx: deliveries.waiting(tx, self.member.mailbox_id, DEVICE, 0, 1 << 20)
        )


class Correspondents:
    """What a domain's log asks of the peers that mail was taken by, in place of its connections."""

    def __init__(self, domain: Domain, network: Network) -> None:
        self._domain = domain
        self._network = network

    def recent(self, count: int) -> list[str]:
        return list(self._domain.spoken_to)[:count]

    async def add_checkpoint(self, peer: str, body: bytes) -> tuple[int, bytes]:
        return await self._network.add_checkpoint(self._domain, peer, body)

    async def find(self, peer: str) -> Correspondents:
        return Correspondents(self._network.domains[peer], self._network)

    def role_key(self, role: str, _now: float) -> bytes:
        return self._domain.role_keys[role]


class Network:
    """All domains, and what lies between them."""

    def __init__(self, folder: Path, count: int, seed: int, now: Now) -> None:
        self.chance = random.Random(seed)
        self.now = now
        self.failed = 0
        self.lost = 0
        self.made = folder / "made.sqlite"  # once: all migrations take a fifth of a second
        Database.open(self.made, migrations=MIGRATIONS, readers=1).close()
        self.domains = {
            name: Domain(name, folder / name, self)
            for name in (f"d{n}.example" for n in range(count))
        }

    async def carry(
        self, sender: Domain, destination: str, batch: Sequence[Leaving]
    ) -> list[ItemReply]:
        receiver = self._reached(sender, destination)
        replies = await receiver.take(sender.name, batch)
        self._may_lose_the_answer()
        if receiver is not sender:
            sender.spoken_to[destination] = None
        return replies

    async def add_checkpoint(
        self, sender: Domain, destination: str, body: bytes
    ) -> tuple[int, bytes]:
        receiver = self._reached(sender, destination)
        answer = await receiver.witness.add(sender.name, sender.role_keys["kt"], body)
        self._may_lose_the_answer()
        return answer

    def _reached(self, sender: Domain, destination: str) -> Domain:
        receiver = self.domains[destination]
        if not (sender.up and receiver.up):
            self.failed += 1
            raise PeerUnreachable(f"{destination} does not answer")
        return receiver

    def _may_lose_the_answer(self) -> None:
        if self.chance.random() < LOST:
            self.lost += 1
            raise PeerUnreachable("the answer did not come back")

    def weather(self) -> None:
        """Choose anew who is down."""
        names = list(self.domains)
        down = set(self.chance.sample(names, int(len(names) * DOWN)))
        for name, domain in self.domains.items():
            domain.up = name not in down


@contextlib.asynccontextmanager
async def _running(network: Network) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    tasks = [
        asyncio.ensure_future(domain.dispatcher.run(stopping))
        for domain in network.domains.values()
    ]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*tasks)
        for domain in network.domains.values():
            await asyncio.to_thread(domain.database.close)


async def converge(folder: Path, count: int, seed: int) -> dict[str, float]:
    """Let *count* domains write to each other in bad weather until all is told; return the costs."""
    _many_files()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    before = time.process_time()
    network = Network(folder, count, seed, loop.now)
    domains = list(network.domains.values())
    for domain in domains:
        await domain.log(b"the first binding")
        await domain.book.start()
    opened = time.process_time()
    expected: dict[str, dict[bytes, bytes]] = {domain.name: {} for domain in domains}
    network.weather()
    async with _running(network), asyncio.timeout(LIMIT_SECONDS):
        for number in range(EACH_SENDS):
            for domain in domains:
                to = network.chance.choice(domains)
                text = f"{number} of {domain.name} to {to.name}".encode()
                sealed = mail(text, seed=text)
                what = Leaving(
                    mailbox_id=domain.member.mailbox_id,
                    device_id=DEVICE,
                    env_id=b2_plain(sealed.envelope),
                    destination=to.name,
                    route=f"u@{to.name}".encode(),
                    envelope=sealed.envelope,
                    body=Body.of(whole(sealed.body.octets)),
                    token=b"",
                    deliver_by=int(loop.now() + LIMIT_SECONDS),
                    submitted=int(loop.now()),
                )
                expected[to.name][what.env_id] = text
                await domain.submit(what)
        for domain in domains:
            await domain.log(b"the second binding")
        waiting = list(domains)
        while waiting:
            await asyncio.sleep(WEATHER_SECONDS)
            network.weather()
            await asyncio.gather(*(domain.cosigned.one_round() for domain in waiting))
            waiting = [domain for domain in waiting if not await _is_settled(domain)]
        for domain in domains:
            rows = [row.what for row in await domain.rows()]
            came = [row for row in rows if isinstance(row, Envelope)]
            assert len(came) == len(expected[domain.name])  # each once, and nothing else
            texts = {row.env_id: read(row.envelope, row.body.inline or b"")[1] for row in came}
            assert texts == expected[domain.name]
            assert domain.book.published.size == LEAVES
            assert all(row.relayed for row in rows if isinstance(row, Notice))
            assert await domain.database.read(outgoing.count) == 0
    assert network.failed
    assert network.lost
    used = time.process_time() - opened
    return {
        "domains": count,
        "messages": count * EACH_SENDS,
        "lost or twice": 0,
        "calls that failed": network.failed + network.lost,
        "hours": loop.time() / 3_600,
        "opening": (opened - before) / count * 1e3,
        "processor": used / count * 1e3,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / count,
    }


async def _is_settled(domain: Domain) -> bool:
    """Tell whether it has heard of all its mail, and all who took some have seen its log."""
    rows = await domain.rows()
    told = sum(isinstance(row.what, Notice) for row in rows) == EACH_SENDS
    return told and await domain.is_witnessed()


def _many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def test_every_message_of_fifty_domains_arrives_once_in_bad_weather(tmp_path: Path) -> None:
    costs = run(converge(tmp_path, IN_SHORT, seed=1))

    assert costs["messages"] == IN_SHORT * EACH_SENDS


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_network_of_five_hundred_domains(tmp_path: Path) -> None:
    def step(number: int) -> dict[str, float]:
        folder = tmp_path / str(number)
        folder.mkdir()
        return run(converge(folder, IN_FULL, seed=number))

    sweep = Sweep(
        "many-domains",
        IN_FULL // A_STEP,
        (
            Measure("domains", "domains", "higher", goal=IN_FULL),
            Measure("messages", "messages", "higher"),
            Measure("lost or twice", "messages", "lower", floor=0),
            Measure("calls that failed", "calls", "higher"),
            Measure("hours", "simulated hours", "lower", combine="max"),
            Measure("opening", "ms of processor a domain", "lower", combine="max"),
            Measure("processor", "ms of processor a domain", "lower", combine="max"),
            Measure("memory", "KB a domain", "lower", combine="max"),
        ),
        (
            *("mx_core/homeserver", "mx_core/db", "tests/scenario/test_many_domains.py"),
            "tests/support/simulated_time.py",
        ),
    )
    sweep.run(step)
