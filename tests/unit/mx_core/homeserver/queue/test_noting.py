"""Batches that come back at once are noted in one transaction, each item once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.noting import Notes
from mx_core.homeserver.queue.retry import Failed, Outcome, Relayed, TryAgain
from tests.support.home_rows import DEVICE, add_member, leaving

pytestmark = pytest.mark.anyio


@pytest.fixture
def alice(database: Database) -> Member:
    return add_member(database, "alice@a.example")


async def test_batches_that_are_back_at_once_are_noted_together(
    database: Database, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [leaving(alice, f"{number}.example") for number in range(6)]
    await database.write(lambda tx: taking.submit(tx, items))
    transactions: list[int] = []
    write = database.write

    async def counted(*what: Any) -> Any:
        transactions.append(1)
        return await write(*what)

    monkeypatch.setattr(database, "write", counted)
    notes = Notes(database, Arrivals(), Queue(first_delay_seconds=60.0), now=time.time)
    outcomes: list[list[Outcome]] = [
        [Relayed()],
        [Failed("5.1.1", "nobody"), TryAgain(0, "silence")],
        [Relayed(), TryAgain(600, "later"), Relayed()],
    ]
    batches = [items[:1], items[1:3], items[3:]]

    await asyncio.gather(*map(notes.take, batches, outcomes))

    rows = await database.read(
        lambda tx: deliveries.waiting(tx, alice.mailbox_id, DEVICE, 0, 1 << 20)
    )
    told = {row.what.env_id: row.what.relayed for row in rows if isinstance(row.what, Notice)}
    assert len(rows) == 4
    assert told == {items[at].env_id: at != 1 for at in (0, 1, 3, 5)}
    left = await database.read(lambda tx: [q[0] for q in outgoing.queues(tx)])
    assert left == ["2.example", "4.example"]
    assert len(transactions) < len(batches)
