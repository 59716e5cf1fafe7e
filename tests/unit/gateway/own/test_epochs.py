"""The keys of one device over months: what was sealed to one opens while it must, and never after."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.own.epochs import OwnEpochs
from gateway.own.identity import OwnIdentity
from mx_core.envelope.open import open_control
from mx_core.envelope.seal import DeviceKey, Sender, seal_body, seal_envelope
from mx_core.model.errors import Busy, PeerUnreachable
from mx_core.model.ids import MsgId
from mx_core.model.secret import Secret
from mx_core.passport.epoch import Chosen, choose_epochs
from mx_core.store.account_store import AccountStore
from tests.support.people import DAY, NOW, Person, make_person
from tests.support.raw_pages import decrypted_pages
from tests.support.stores import Clock, memory_store, open_store
from tests.support.torture import Measure, Sweep

HOUR = 3600
LIVES_IN_FULL = 20
SOURCES = (
    *("gateway/own/epochs.py", "mx_core/envelope", "mx_core/passport", "mx_core/store"),
    "tests/unit/gateway/own/test_epochs.py",
)


@dataclass
class Server:
    """Publishes epochs, and holds what was sealed until the device asks."""

    reachable: bool = True
    acknowledges: bool = True
    published: list[bytes] = field(default_factory=list)
    queue: list[tuple[float, int]] = field(default_factory=list)  # when it came, epoch
    latest: float = 0.0  # seconds between sealing and coming, at the most

    async def publish_epoch(self, signed: bytes) -> None:
        if not self.reachable:
            raise PeerUnreachable("away")
        if signed not in self.published:
            self.published.append(signed)
        if not self.acknowledges:
            raise PeerUnreachable("the answer was lost")


@dataclass
class Device:
    """bob's, with a clock of its own."""

    store: AccountStore
    server: Server
    clock: Clock
    bob: Person
    epochs: OwnEpochs

    async def due(self) -> None:
        """Do what ``run`` does each hour."""
        with contextlib.suppress(PeerUnreachable):
            await self.epochs._publish_due()  # one turn of the task

    async def held(self) -> set[int]:
        return {secret.n for secret in await self.epochs.secrets()}

    async def sync(self, now: float) -> list[int]:
        """Collect what came until *now* (true time); return the epochs it was sealed to."""
        begun = self.clock()
        came = [n for at, n in self.server.queue if at <= now]
        self.server.queue = [(at, n) for at, n in self.server.queue if at > now]
        assert set(came) <= await self.held(), "sealed in time, and unreadable"
        await self.epochs.sync_completed(begun)
        return came


def device(store: AccountStore, clock: Clock) -> Device:
    bob = make_person("bob@b.example", epochs=0)
    server: Any = Server()
    own = OwnIdentity(bob.state, bob.first.id, Secret(bob.first.key), store, clock)
    return Device(store, server, clock, bob, OwnEpochs(store.keys, own, server, clock))


@pytest.mark.anyio
@pytest.mark.parametrize("seed", [0, 1])
async def test_over_ten_weeks_each_message_that_was_taken_in_time_opens_once(seed: int) -> None:
    await ten_weeks(seed)


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_over_ten_weeks_in_full() -> None:
    Sweep(
        "own-epochs",
        LIVES_IN_FULL,
        (
            Measure("messages", "messages", "higher"),
            Measure("epochs", "keys", "higher"),
        ),
        SOURCES,
    ).run(lambda seed: asyncio.run(ten_weeks(seed)))


async def ten_weeks(seed: int) -> dict[str, float]:
    """Clocks off by a day, cards a day old or the server away, mail five days late, sleep of weeks."""
    chance = random.Random(seed)
    skew = chance.choice([-DAY, 0, DAY])
    clock = Clock(NOW + skew)
    asleep_from = chance.randrange(5, 20) * DAY
    asleep_to = asleep_from + (60 if seed == 0 else chance.randrange(1, 25)) * DAY
    sent = opened = 0
    old_cards: list[tuple[float, list[bytes]]] = []
    with memory_store(clock) as store:
        bob = device(store, clock)
        await bob.due()
        for hour in range(0, 100 * 24, 12):
            now = NOW + hour * HOUR
            clock.at = now + skew
            asleep = asleep_from <= now - NOW < asleep_to
            if not asleep and chance.random() < 0.7:
                bob.server.acknowledges = chance.random() < 0.8
                opened += len(await bob.sync(now))
                await bob.due()
            old_cards.append((now, list(bob.server.published)))
            sent += sum(seal(bob, chance, now, old_cards) for _ in range(3))
        clock.at += 8 * DAY
        opened += len(await bob.sync(now + 8 * DAY))

        assert opened == sent > 100
        assert 4.5 * DAY < bob.server.latest < 6 * DAY, "five days late, by clocks a day off"
        assert len(bob.server.published) >= 6
        assert len(await bob.held()) <= 4, "old keys go"
        return {"messages": opened, "epochs": len(bob.server.published)}


def seal(
    bob: Device, chance: random.Random, now: float, cards: list[tuple[float, list[bytes]]]
) -> int:
    """Send what one sender may send now, by any card of the last ten days; return how many."""
    given, published = chance.choice(cards[-20:])
    sender_now = now + chance.choice([-DAY, 0, DAY])
    chosen: list[Chosen] = choose_epochs(bob.bob.state, published, sender_now, now - given)
    deliver_by = sender_now + 5 * DAY
    arrives = now + chance.randrange(0, 7 * 24) * HOUR
    if not chosen or not arrives < deliver_by <= arrives + 6 * DAY:
        return 0  # deferred, or refused by the server
    bob.server.queue.append((arrives, chosen[0].n))
    bob.server.latest = max(bob.server.latest, arrives - now)
    return 1


@pytest.mark.anyio
async def test_no_octet_of_a_destroyed_key_is_on_the_disk_and_both_halves_of_a_live_one_are(
    tmp_path: Path,
) -> None:
    clock = Clock(NOW)
    store = open_store(tmp_path, clock)
    bob = device(store, clock)
    keys: dict[int, bytes] = {}
    for _week in range(6):
        await bob.due()
        keys |= {one.n: one.private.reveal() for one in await store.keys.epochs()}
        clock.at += 7 * DAY
        await bob.sync(clock.at)
    held = await bob.held()
    store.close()
    pages = decrypted_pages(tmp_path)

    assert 0 < len(held) < len(keys)
    for n, octets in keys.items():
        assert len(octets) == 64
        for half in (octets[:32], octets[32:]):
            assert (half in pages) is (n in held)


@pytest.mark.anyio
async def test_a_reader_that_holds_the_log_only_puts_off_that_it_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(NOW)
    store = open_store(tmp_path, clock)
    bob = device(store, clock)
    await bob.due()
    clock.at += 8 * DAY
    await bob.due()
    clock.at += 20 * DAY
    tried = []

    async def busy() -> None:
        tried.append("busy")
        raise Busy("a reader")

    with monkeypatch.context() as patch:
        patch.setattr(store.keys, "empty_log", busy)
        await bob.sync(clock.at)
    await bob.sync(clock.at)

    assert tried == ["busy"]
    assert await bob.held() == {2}
    assert (tmp_path / "mail.db-wal").stat().st_size == 0
    store.close()


@pytest.mark.anyio
async def test_a_key_lost_answer_is_published_again_and_counts_from_then(tmp_path: Path) -> None:
    clock = Clock(NOW)
    store = open_store(tmp_path, clock)
    bob = device(store, clock)
    bob.server.acknowledges = False
    await bob.due()
    assert [one.acknowledged for one in await store.keys.epochs()] == [None]
    bob.server.acknowledges = True
    clock.at += HOUR
    await bob.due()

    assert [one.acknowledged for one in await store.keys.epochs()] == [NOW + HOUR]
    assert len(bob.server.published) == 1
    store.close()


@pytest.mark.anyio
@pytest.mark.parametrize("suite", [1, 2])
async def test_what_is_sealed_to_a_published_epoch_opens_in_either_suite(suite: int) -> None:
    clock = Clock(NOW)
    alice = make_person()
    with memory_store(clock) as store:
        bob = device(store, clock)
        await bob.due()
        [chosen] = choose_epochs(bob.bob.state, bob.server.published, NOW, 0)
        envelope = seal_envelope(
            seal_body(b"hello", random.randbytes),
            Sender(
                alice.address, alice.pid, alice.first.id, 0, alice.state.head, alice.first.key, None
            ),
            bob.bob.pid,
            [DeviceKey(chosen.device_id, chosen.n, chosen.x25519, chosen.xwing)],
            msg_id=MsgId(bytes(16)),
            created=NOW,
            deliver_by=NOW + DAY,
            suite=suite,
            entropy=random.randbytes,
        )
        opened = open_control(envelope, await bob.epochs.secrets())

    assert chosen.suite == 2
    assert opened.claimed.suite == suite
