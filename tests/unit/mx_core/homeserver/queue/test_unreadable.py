"""Whose envelope a peer cannot open is told, once, and only by the domain that it went to."""

from __future__ import annotations

import time

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Rates
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.taking import Taken
from mx_core.homeserver.queue.unreadable import Unread
from mx_core.homeserver.schema import DEVICE as DEVICES
from mx_core.model.errors import Busy, Refused
from tests.support.home_rows import DEVICE, EVERYTHING, leaving, new_member

pytestmark = pytest.mark.anyio
OTHER = b"o" * 16
WORD = b"a word"


@pytest.fixture
def alice(database: Database) -> Member:
    return database.write_at_start(lambda tx: new_member(tx, "alice@a.example", (DEVICE, OTHER)))


def unread(database: Database, rates: Rates = EVERYTHING) -> Unread:
    return Unread(database, Arrivals(), Rating("a.example", rates, time.monotonic))


def submitted(database: Database, alice: Member) -> Leaving:
    what = leaving(alice, "b.example")
    assert database.write_at_start(lambda tx: taking.submit(tx, [what])) == [Taken.NEW]
    return what


async def news(
    database: Database, alice: Member, device: bytes = DEVICE
) -> list[tuple[bytes, bytes]]:
    rows = await database.read(lambda tx: deliveries.waiting(tx, alice.mailbox_id, device, 0, 10))
    return [(r.what.env_id, r.what.unreadable) for r in rows if isinstance(r.what, Notice)]


async def test_the_device_that_submitted_hears_of_it_once(
    database: Database, alice: Member
) -> None:
    what = submitted(database, alice)
    told = [await unread(database).tell("b.example", what.env_id, WORD) for _ in range(2)]

    assert told == [True, True]
    assert await news(database, alice) == [(what.env_id, WORD)]
    assert await news(database, alice, OTHER) == []


async def test_no_other_domain_says_it_and_nobody_says_it_of_what_never_left(
    database: Database, alice: Member
) -> None:
    what = submitted(database, alice)
    told = [
        await unread(database).tell("c.example", what.env_id, WORD),
        await unread(database).tell("b.example", bytes(32), WORD),
    ]

    assert told == [False, False]
    assert await news(database, alice) == []
    assert await unread(database).tell("b.example", what.env_id, WORD)


async def test_what_is_forgotten_after_thirty_days_is_nobodys(
    database: Database, alice: Member
) -> None:
    what = submitted(database, alice)
    await database.write(lambda tx: outgoing.forget_submitted(tx, what.submitted + 30 * 86_400 + 1))

    assert not await unread(database).tell("b.example", what.env_id, WORD)


async def test_is_the_device_gone_those_that_are_there_hear_of_it(
    database: Database, alice: Member
) -> None:
    """One of them may have its outbox from a backup."""
    what = submitted(database, alice)
    await database.write(
        lambda tx: (
            tx.execute(
                DEVICES.update().where(DEVICES.c.device_id == DEVICE).values(active=False)
            ).rowcount
        )
    )
    assert await unread(database).tell("b.example", what.env_id, WORD)

    assert await news(database, alice, OTHER) == [(what.env_id, WORD)]


@pytest.mark.parametrize(
    ("env_id", "word"), [(bytes(31), WORD), (bytes(32), b""), (bytes(32), bytes(257))]
)
async def test_what_is_no_word_at_all_is_refused(
    database: Database, env_id: bytes, word: bytes
) -> None:
    with pytest.raises(Refused):
        await unread(database).tell("b.example", env_id, word)


async def test_a_domain_that_says_too_much_is_asked_to_wait(
    database: Database, alice: Member
) -> None:
    what = submitted(database, alice)
    few = unread(database, Rates(peer_per_minute=1, peer_burst=2))
    for _ in range(2):
        await few.tell("b.example", what.env_id, WORD)

    with pytest.raises(Busy):
        await few.tell("b.example", what.env_id, WORD)
