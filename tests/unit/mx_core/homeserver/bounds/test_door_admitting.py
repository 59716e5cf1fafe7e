"""At the domain's own door only those are reached who asked for it, and only so often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.bounds.admitting import Asking
from mx_core.homeserver.bounds.door_admitting import DoorAdmitting
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Rates
from mx_core.homeserver.people import doorway
from mx_core.passport.op import Profile
from mx_core.proto.federation_pb2 import ACCEPTED, NOT_AVAILABLE, RATE_LIMITED, Item
from tests.support.home_rows import EVERYTHING, add_member, home_database

pytestmark = pytest.mark.anyio

OPEN, SHUT = "open@a.example", "shut@a.example"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with home_database(tmp_path) as opened:
        member = add_member(opened, OPEN)
        add_member(opened, SHUT)
        opened.write_at_start(lambda tx: doorway.take_ordinary(tx, member.mailbox_id, taken=True))
        yield opened


def admits(database: Database, rates: Rates = EVERYTHING) -> DoorAdmitting:
    return DoorAdmitting(database, Rating("a.example", rates, time.monotonic))


def asking(*addresses: str) -> list[Asking]:
    return [Asking(address, bytes(32), Item()) for address in addresses]


async def test_nobody_is_reached_who_did_not_ask_for_it(database: Database) -> None:
    replies = await admits(database).judge("a.example", asking(OPEN, SHUT, "nobody@a.example"))

    assert [reply.status for reply in replies] == [ACCEPTED, NOT_AVAILABLE, NOT_AVAILABLE]


async def test_who_is_closed_to_strangers_is_still_reached_at_the_door(database: Database) -> None:
    member = add_member(database, "quiet@a.example")
    database.write_at_start(lambda tx: doorway.take_ordinary(tx, member.mailbox_id, taken=True))
    closed = Profile(lookup_open=False)
    database.write_at_start(lambda tx: doorway.take_profile(tx, member.mailbox_id, closed))
    [reply] = await admits(database).judge("a.example", asking("quiet@a.example"))

    assert reply.status == ACCEPTED


async def test_a_flood_is_asked_to_come_later_and_others_are_not_touched(
    database: Database,
) -> None:
    other = add_member(database, "other@a.example")
    database.write_at_start(lambda tx: doorway.take_ordinary(tx, other.mailbox_id, taken=True))
    door = admits(database, Rates(door_per_minute=1, door_burst=2))
    replies = await door.judge("a.example", asking(OPEN, OPEN, OPEN, "other@a.example"))

    assert [reply.status for reply in replies] == [ACCEPTED, ACCEPTED, RATE_LIMITED, ACCEPTED]
    assert replies[2].retry_after > 0


async def test_closing_ends_it_at_once(database: Database) -> None:
    door = admits(database)
    database.write_at_start(lambda tx: doorway.take_ordinary(tx, 1, taken=False))
    [reply] = await door.judge("a.example", asking(OPEN))

    assert reply.status == NOT_AVAILABLE


async def test_nothing_asked_is_nothing_judged(database: Database) -> None:
    assert await admits(database).judge("a.example", []) == []
