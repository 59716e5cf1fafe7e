"""What a person asks of their own home server, as it is spelled, and what its answer means."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from typing_extensions import override

from mx_core.carriers.native.home import CALL_SECONDS, Home
from mx_core.carriers.native.membership import DoorChange, DoorState, LogRecord, Membership
from mx_core.model.errors import BadCredentials
from mx_core.proto import client_pb2, federation_pb2

pytestmark = pytest.mark.anyio
_SHOWN = (("mx-session-bin", b"session"),)


class Answering(Home):
    """A home server with one method, which gives *answers* one after the other, or raises them."""

    def __init__(self, method: str, *answers: Any) -> None:
        super().__init__("b.example", None, self._nobody, lambda: 0.0)
        self.asked: list[Any] = []
        self.forgotten = 0
        self._method = method
        self._answers = list(answers)

    async def _nobody(self, domain: str) -> Any:
        raise AssertionError(f"{domain} is not looked for")

    @override
    def forget_session(self) -> None:
        self.forgotten += 1

    @override
    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[Any, Any]]:
        yield SimpleNamespace(**{self._method: self._answer}), _SHOWN

    async def _answer(self, request: Any, *, metadata: Any, timeout: float) -> Any:  # noqa: ASYNC109  # as gRPC has it
        assert (metadata, timeout) == (_SHOWN, CALL_SECONDS)
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("change", "spelled"),
    [
        (DoorChange.NOTHING, client_pb2.DoorRequest.NOTHING),
        (DoorChange.OPEN, client_pb2.DoorRequest.OPEN),
        (DoorChange.CLOSE, client_pb2.DoorRequest.CLOSE),
    ],
)
async def test_each_change_of_the_door_is_spelled_as_the_server_reads_it(
    change: DoorChange, spelled: Any
) -> None:
    home = Answering("Door", client_pb2.DoorReply(served=True, open=False))

    assert await Membership(home).door(change) == DoorState(served=True, open=False)
    assert home.asked == [client_pb2.DoorRequest(change=spelled)]


@pytest.mark.parametrize(
    ("reply", "octets"),
    [
        (federation_pb2.ReadLogReply(octets=b"tile", found=True), b"tile"),
        (federation_pb2.ReadLogReply(octets=b"", found=True), b""),
        (federation_pb2.ReadLogReply(octets=b"", found=False), None),
    ],
)
async def test_an_empty_file_of_a_log_is_not_one_that_is_missing(
    reply: federation_pb2.ReadLogReply, octets: bytes | None
) -> None:
    home = Answering("ReadLog", reply)

    assert await Membership(home).read_log("c.example", "checkpoint") == octets
    assert home.asked == [client_pb2.ReadLogRequest(domain="c.example", path="checkpoint")]


async def test_what_is_logged_of_oneself_keeps_its_order() -> None:
    told = [
        client_pb2.LogRecord(version=n, leaf_index=10 + n, opening=b"o%d" % n, binding=b"b%d" % n)
        for n in (1, 2)
    ]
    home = Answering("OwnLog", client_pb2.OwnLogReply(records=told))

    assert await Membership(home).own_log() == [
        LogRecord(1, 11, b"o1", b"b1"),
        LogRecord(2, 12, b"o2", b"b2"),
    ]


async def test_a_stale_session_is_renewed_once_and_the_same_is_asked_again() -> None:
    home = Answering("OwnCard", BadCredentials("stale"), client_pb2.CardReply(card=b"card"))

    assert await Membership(home).own_card() == b"card"
    assert home.forgotten == 1
    assert home.asked == [client_pb2.OwnCardRequest()] * 2


async def test_a_second_refusal_is_about_the_device() -> None:
    home = Answering("OwnCard", BadCredentials("stale"), BadCredentials("gone"))

    with pytest.raises(BadCredentials, match="gone"):
        await Membership(home).own_card()
