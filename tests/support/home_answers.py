"""What a home server answers: a fate, or the code of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable

import grpc
import pytest

from mx_core.proto import client_pb2
from tests.support.home_device import Stream


async def fate_of(stream: Stream) -> client_pb2.FateNotice:
    """Return the next fate; a stream that began before there was one says first that it is empty."""
    while (delivery := await stream.next()).WhichOneof("what") == "queue_empty":
        pass
    assert delivery.WhichOneof("what") == "fate", delivery
    return delivery.fate


async def code_of(call: Awaitable[object]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()
