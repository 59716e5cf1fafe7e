"""When a channel that calls borrow is closed: never under one of them, and always after the last."""

from typing import Any

import pytest

from mx_core.tls.lent_channel import LentChannel

pytestmark = pytest.mark.anyio


class Channel:
    closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def channel() -> Any:
    return Channel()


async def test_a_retired_channel_that_nobody_uses_is_closed_at_once(channel: Any) -> None:
    await LentChannel(channel).retire()

    assert channel.closed == 1


async def test_a_retired_channel_is_closed_by_the_last_of_its_calls(channel: Any) -> None:
    lent = LentChannel(channel)
    async with lent.lend():
        async with lent.lend():
            await lent.retire()
        assert channel.closed == 0

    assert channel.closed == 1


async def test_a_channel_stays_open_between_calls_until_it_is_retired(channel: Any) -> None:
    lent = LentChannel(channel)
    async with lent.lend() as borrowed:
        assert borrowed is channel

    assert channel.closed == 0


async def test_a_call_that_fails_gives_the_channel_back(channel: Any) -> None:
    lent = LentChannel(channel)
    await _fail_on(lent)
    await lent.retire()

    assert channel.closed == 1


async def _fail_on(lent: LentChannel) -> None:
    with pytest.raises(ValueError, match="broken"):
        async with lent.lend():
            raise ValueError("broken")
