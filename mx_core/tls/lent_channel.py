"""A channel that calls borrow, so that it is closed by the last of them and under none.

gRPC ends the calls of a channel that is closed with ``CancelledError``: a caller cannot tell it
from being cancelled itself, and a task that waits on a stream ends without a word.  So a channel
that is not wanted any more is *retired*: it takes no new calls, and goes with its last one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio


class LentChannel:
    """Owner: the event loop; calls may run side by side."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._calls = 0
        self._retired = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[grpc.aio.Channel]:
        """Give the channel for one call, or for one stream until its end."""
        self._calls += 1
        try:
            yield self._channel
        finally:
            self._calls -= 1
            await self._close_if_unused()

    async def retire(self) -> None:
        """Close the channel, now or when the last call that uses it has ended."""
        self._retired = True
        await self._close_if_unused()

    async def _close_if_unused(self) -> None:
        if self._retired and not self._calls:
            await self._channel.close()
