"""What gRPC says to a loop that is closed reaches no other test; what others say is an error still."""

import asyncio
import socket
from typing import Any

import grpc.aio
import pytest

from tests.support.loops import TestLoop

pytestmark = pytest.mark.anyio

_CALLS = 4


async def _calls(port: int) -> list[Any]:
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    calls = [channel.unary_stream("/nobody/answers")(b"", timeout=0.3) for _ in range(_CALLS)]
    waits = [asyncio.ensure_future(call.read()) for call in calls]
    await asyncio.sleep(0.05)
    return [channel, *calls, *waits]


def _told_late(first: asyncio.AbstractEventLoop) -> list[str]:
    """End *first* with calls under way; return what the loop that runs when they end complains of."""
    complaints = []

    async def later(port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: complaints.append(str(context["exception"]))
        )
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}"):
            await asyncio.sleep(0.6)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        under_way = first.run_until_complete(_calls(port))
        first.close()
        with asyncio.Runner() as runner:
            runner.run(later(port))
        assert len(under_way) == 1 + 2 * _CALLS  # held until here, so that nothing ended sooner
    return complaints


def test_calls_that_end_after_their_loop_trouble_no_other() -> None:
    assert "Event loop is closed" in _told_late(asyncio.SelectorEventLoop())
    assert _told_late(TestLoop()) == []


def test_a_closed_loop_still_refuses_everybody_else() -> None:
    loop = TestLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(print, "late")


async def test_tests_run_in_it() -> None:
    assert isinstance(asyncio.get_running_loop(), TestLoop)
