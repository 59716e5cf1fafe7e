"""Who listens to a mailbox is woken by what is announced for it, and by nothing else."""

from __future__ import annotations

import asyncio

import pytest

from mx_core.homeserver.mailboxes.arrivals import Arrivals

pytestmark = pytest.mark.anyio

LONG = 60.0  # nothing is judged by it


async def test_who_waits_is_woken_by_an_announcement_for_its_mailbox() -> None:
    arrivals = Arrivals()
    with arrivals.listen(1) as one, arrivals.listen(1) as another, arrivals.listen(2) as other:
        waits = [asyncio.ensure_future(each.wait(LONG)) for each in (one, another)]
        await asyncio.sleep(0)
        arrivals.announce(1)

        assert await asyncio.gather(*waits) == [True, True]
        assert not other.is_set()


async def test_what_was_announced_before_the_wait_is_not_missed() -> None:
    arrivals = Arrivals()
    with arrivals.listen(1) as changed:
        arrivals.announce(1)

        assert await changed.wait(0)


async def test_who_has_looked_waits_for_the_next_announcement() -> None:
    arrivals = Arrivals()
    with arrivals.listen(1) as changed:
        arrivals.announce(1)
        changed.clear()

        assert not await changed.wait(0)


async def test_an_announcement_and_the_end_of_the_time_may_come_together() -> None:
    arrivals = Arrivals()
    with arrivals.listen(1) as changed:
        waits = asyncio.ensure_future(changed.wait(0))
        await asyncio.sleep(0)
        arrivals.announce(1)
        arrivals.announce(1)

        assert await waits


async def test_a_wait_that_is_given_up_leaves_the_listener_usable() -> None:
    arrivals = Arrivals()
    with arrivals.listen(1) as changed:
        waits = asyncio.ensure_future(changed.wait(LONG))
        await asyncio.sleep(0)
        waits.cancel()
        arrivals.announce(1)
        with pytest.raises(asyncio.CancelledError):
            await waits

        assert await changed.wait(0)


async def test_who_listens_no_more_is_not_woken_and_others_are() -> None:
    arrivals = Arrivals()
    with arrivals.listen(1) as stays:
        with arrivals.listen(1) as leaves:
            pass
        arrivals.announce(1)

        assert stays.is_set()
        assert not leaves.is_set()


async def test_all_are_woken_where_something_may_have_been_missed_and_other_processes_are_not_told() -> (
    None
):
    arrivals, told = Arrivals(), list[int]()
    arrivals.tell_others(told.append)
    with arrivals.listen(1) as one, arrivals.listen(2) as two:
        arrivals.announce_all()

        assert one.is_set()
        assert two.is_set()
        assert told == []
        arrivals.announce(2)
        assert told == [2]
