"""Who introduces domains too often is told so a moment later, and nothing is looked up for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mx_core.homeserver.bounds.rate import Rate
from mx_core.homeserver.doors import hello_service
from mx_core.homeserver.doors.hello_service import HelloService
from mx_core.model.errors import Busy
from mx_core.proto import hello_pb2

pytestmark = pytest.mark.anyio


class _Context:
    def peer(self) -> str:
        return "ipv4:192.0.2.1:5"


def _asked(request: hello_pb2.IntroduceRequest) -> Any:
    """Introduce it to a server that lets in one a minute, and has had it; nothing else is there."""
    nothing: Any = None
    rate = Rate(1, 1, lambda: 0.0)
    rate.wait("192.0.2.0/24")
    service = HelloService("b.example", nothing, nothing, nothing, nothing, rate)
    return lambda: asyncio.ensure_future(service.Introduce(request, _Context()))


async def test_who_asks_too_often_waits_for_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    ask = _asked(hello_pb2.IntroduceRequest(domain="a.example"))

    with pytest.raises(Busy):
        await ask()
    assert waited == [hello_service._SLOW_SECONDS]


async def test_so_many_wait_and_others_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hello_service, "_SLOW_SECONDS", 3_600)
    monkeypatch.setattr(hello_service, "_SLOWED_MAX", 2)
    ask = _asked(hello_pb2.IntroduceRequest(domain="a.example"))
    waiting = [ask(), ask()]
    await asyncio.sleep(0)

    with pytest.raises(Busy):
        await ask()
    assert not any(one.done() for one in waiting)

    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    again = ask()
    await asyncio.sleep(0)
    assert not again.done(), "who gave up made room"
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
