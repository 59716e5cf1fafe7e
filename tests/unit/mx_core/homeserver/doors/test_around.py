"""What stands around a method is made once, and around each method its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from mx_core.homeserver.operating.calls import Calls

pytestmark = pytest.mark.anyio


class _Details:
    def __init__(self, method: str) -> None:
        self.method = method


class _Context:
    def code(self) -> None:
        return None


async def _once(request: str, _: Any) -> str:
    return request


async def _both(request: str, _: Any) -> AsyncIterator[str]:
    yield request
    yield request


HANDLERS = {
    "/service/Once": grpc.unary_unary_rpc_method_handler(_once),
    "/service/Both": grpc.unary_stream_rpc_method_handler(_both),
}


async def _found(calls: Calls, method: str) -> Any:
    async def continuation(details: _Details) -> Any:
        return HANDLERS.get(details.method)

    return await calls.intercept_service(continuation, _Details(method))


@pytest.mark.parametrize("method", list(HANDLERS))
async def test_calls_of_one_method_share_what_stands_around_it(method: str) -> None:
    calls = Calls()

    assert await _found(calls, method) is await _found(calls, method)


async def test_each_method_has_its_own() -> None:
    calls = Calls()
    once, both = [await _found(calls, method) for method in HANDLERS]

    assert await once.unary_unary("said", _Context()) == "said"
    assert [reply async for reply in both.unary_stream("said", _Context())] == ["said", "said"]
    assert calls.counted == {("Once", "OK"): 1, ("Both", "OK"): 1}


async def test_a_method_that_is_not_there_is_not_made() -> None:
    assert await _found(Calls(), "/service/None") is None
