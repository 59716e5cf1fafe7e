"""What can not be judged yet is tried again ever less often, and refused in the end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.arriving.waiting import Waiting
from mx_core.carrier_port import Arrival
from mx_core.model.errors import PeerUnreachable
from mx_core.model.ids import EnvId
from mx_core.store.account_store import AccountStore
from tests.support.people import NOW
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio
FIVE_DAYS = 5 * 86_400
ARRIVAL = Arrival(1, EnvId(b"e" * 32), b"envelope", b"body", "a.example")


@dataclass
class Judge:
    """Says of an arrival what it is told to; None: it cannot be judged now."""

    says: bool | None = None
    asked: list[Arrival] = field(default_factory=list)

    async def settle(self, arrival: Arrival) -> bool:
        self.asked.append(arrival)
        if self.says is None:
            raise PeerUnreachable("the domain was not found in time")
        return self.says


@dataclass
class Room:
    store: AccountStore
    clock: Clock
    judge: Judge

    @property
    def waiting(self) -> Waiting:
        return Waiting(self.store.intake, self.store.inbox, self.judge.settle, self.clock)

    async def refused(self) -> list[str]:
        return [refusal.failure for refusal in await self.store.inbox.refusals()]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock = Clock(NOW)
    store = open_store(tmp_path, clock)
    yield Room(store, clock, Judge())
    store.close()


async def test_what_is_kept_is_tried_as_it_came_and_let_go_when_it_is_settled(room: Room) -> None:
    assert await room.waiting.keep(ARRIVAL)
    room.judge.says = True

    await room.waiting.try_due()
    before = list(room.judge.asked)
    room.clock.at += 5
    await room.waiting.try_due()

    [tried] = room.judge.asked
    assert before == []
    assert (tried.sequence, tried.env_id, tried.peer_domain) == (0, ARRIVAL.env_id, "a.example")
    assert (tried.envelope, bytes(tried.body[:])) == (b"envelope", b"body")
    assert await room.store.intake.is_empty()
    assert await room.refused() == []


@pytest.mark.parametrize("says", [None, False])
async def test_it_is_tried_ever_less_often(room: Room, says: bool | None) -> None:
    await room.waiting.keep(ARRIVAL)
    room.judge.says = says
    tried: list[float] = []
    for _ in range(200):
        room.clock.at += 1
        await room.waiting.try_due()
        if len(room.judge.asked) > len(tried):
            tried.append(room.clock.at - NOW)

    assert tried == [5, 10, 20, 40, 80, 160]


@pytest.mark.parametrize("says", [None, False])
async def test_what_can_not_be_judged_for_five_days_is_refused(
    room: Room,
    says: bool | None,
) -> None:
    await room.waiting.keep(ARRIVAL)
    room.judge.says = says
    ends: list[tuple[bool, list[str]]] = []
    for seconds in (5, FIVE_DAYS - 5, 4 * 3600):
        room.clock.at += seconds
        await room.waiting.try_due()
        ends.append((await room.store.intake.is_empty(), await room.refused()))

    assert ends == [(False, []), (False, []), (True, ["domain-unreachable"])]


async def test_what_was_kept_for_long_is_tried_before_it_is_refused(room: Room) -> None:
    """A gateway that slept for a week has not tried it yet."""
    await room.waiting.keep(ARRIVAL)
    room.clock.at += FIVE_DAYS + 1

    await room.waiting.try_due()
    first = await room.refused()
    room.clock.at += 5
    await room.waiting.try_due()

    assert (first, await room.refused()) == ([], ["domain-unreachable"])
