"""One wrong is told once a day, and anew once the person has judged."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from mx_core.store.account_store import AccountStore
from mx_core.store.people.incident import QUIET_SECONDS, Incident, note
from tests.support.stores import START, memory_store

pytestmark = pytest.mark.anyio

BOB = Incident("bob@b.example", "history")


async def told(store: AccountStore, what: Incident, at: int) -> bool:
    def job(connection: sa.Connection) -> bool:
        return note(connection, what, at)

    return await store._database.write(job)


async def test_the_same_is_told_once_a_day_and_something_else_at_once() -> None:
    with memory_store() as store:
        first = await told(store, BOB, START)
        same = await told(store, BOB, START + QUIET_SECONDS - 1)
        other = [
            await told(store, Incident("bob@b.example", "other-pid"), START + 1),
            await told(store, Incident("carol@b.example", "history"), START + 1),
        ]
        next_day = await told(store, BOB, START + QUIET_SECONDS)
        again = await told(store, BOB, START + QUIET_SECONDS + 1)

    assert (first, same, other, next_day, again) == (True, False, [True, True], True, False)


async def test_what_was_judged_is_told_anew_and_nothing_else() -> None:
    carol = Incident("carol@b.example", "history")
    longer = Incident("bob@b.example.org", "history")
    with memory_store() as store:
        for one in (BOB, carol, longer):
            await told(store, one, START)
        await store.incidents.judged("bob@b.example")
        anew = [await told(store, one, START + 1) for one in (BOB, carol, longer)]

    assert anew == [True, False, False]


async def test_a_clock_that_was_set_back_hides_nothing() -> None:
    with memory_store() as store:
        await told(store, BOB, START)

        assert await told(store, BOB, START - 10)
