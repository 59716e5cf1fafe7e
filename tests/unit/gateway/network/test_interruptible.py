"""An interruption ends what runs and not who waits for it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.network.interruptible import Interruptible
from mx_core.model.errors import PeerUnreachable

pytestmark = pytest.mark.anyio


async def forever(begun: asyncio.Event) -> None:
    begun.set()
    await asyncio.Event().wait()


async def test_what_ends_by_itself_was_not_interrupted() -> None:
    assert await Interruptible().run(asyncio.sleep(0)) is True


async def test_an_interruption_ends_it_and_the_next_one_can_run() -> None:
    stream, begun = Interruptible(), asyncio.Event()
    stream.interrupt()  # nothing runs
    waiting = asyncio.create_task(stream.run(forever(begun)))
    await begun.wait()
    stream.interrupt()

    assert await waiting is False
    assert await stream.run(asyncio.sleep(0)) is True


async def test_who_is_cancelled_takes_it_along() -> None:
    stream, begun = Interruptible(), asyncio.Event()
    waiting = asyncio.create_task(stream.run(forever(begun)))
    await begun.wait()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_error_is_told_as_it_is() -> None:
    async def fails() -> None:
        raise PeerUnreachable("gone")

    with pytest.raises(PeerUnreachable, match="gone"):
        await Interruptible().run(fails())
