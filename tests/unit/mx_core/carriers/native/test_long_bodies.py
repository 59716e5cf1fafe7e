"""A long body is written as it comes, and is there until the next delivery is asked for."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from mx_core import carrier_port
from mx_core.carriers.native.carrier import NativeCarrier
from mx_core.model.errors import Untrusted
from mx_core.model.octets import LONG_OCTETS, whole
from mx_core.notation.hashing import b2_plain
from mx_core.proto import client_pb2, federation_pb2

LONG = bytes(range(256)) * (LONG_OCTETS // 256) + b"more"
SHORT = LONG[:LONG_OCTETS]


@dataclass
class Spooled:
    """A spool in memory that notes what becomes of it."""

    kept: bytearray = field(default_factory=bytearray)
    discarded: bool = False

    def write(self, octets: bytes) -> None:
        self.kept += octets

    def octets(self) -> bytes:
        return bytes(self.kept)

    def discard(self) -> None:
        self.discarded = True


@dataclass
class FakeHome:
    """Delivers envelopes whose body is *named*, and sends *sent* for it."""

    named: list[bytes]
    sent: Callable[[bytes], bytes] = lambda octets: octets
    fails: bool = False
    domain = "b.example"

    async def call(self, use: Callable[[Any, Any], Any]) -> Any:
        return await use(SimpleNamespace(GetBlob=self._get), None)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[Any, Any]]:
        yield SimpleNamespace(Collect=self._collect), None

    async def _collect(self, _: Any, metadata: Any) -> AsyncIterator[Any]:
        for number, body in enumerate(self.named, 1):
            ref = federation_pb2.BlobRef(id=b2_plain(body), size=len(body))
            item = federation_pb2.Item(envelope=b"MXE1%d" % number, body_ref=ref)
            arrived = client_pb2.Arrived(peer_domain="a.example", item=item)
            yield client_pb2.Delivery(sequence=number, arrived=arrived)

    async def _get(self, request: Any, **_: Any) -> AsyncIterator[Any]:
        [body] = [each for each in self.named if b2_plain(each) == request.id]
        octets = self.sent(body)
        for at in range(0, len(octets), 200_000):
            if self.fails and at:
                raise ConnectionResetError
            yield federation_pb2.BlobChunk(offset=at, octets=octets[at : at + 200_000])


def carrier_over(home: Any, spools: list[Spooled]) -> NativeCarrier:
    def begin() -> Spooled:
        spools.append(Spooled())
        return spools[-1]

    most = 2 * LONG_OCTETS
    return NativeCarrier(home, message_octets=most, body_octets=most, begin_long=begin)


@pytest.mark.anyio
async def test_it_is_there_until_the_next_delivery_is_asked_for() -> None:
    spools: list[Spooled] = []
    seen = []
    carrier = carrier_over(FakeHome([LONG, SHORT]), spools)
    async with contextlib.aclosing(carrier.collect()) as deliveries:
        async for delivery in deliveries:
            assert isinstance(delivery, carrier_port.Arrival)
            seen.append((whole(delivery.body), [each.discarded for each in spools]))

    assert seen == [(LONG, [False]), (SHORT, [True])]  # the short one came in memory


@pytest.mark.anyio
async def test_nothing_of_it_stays_when_whoever_takes_it_goes_away() -> None:
    spools: list[Spooled] = []
    carrier = carrier_over(FakeHome([LONG]), spools)
    async with contextlib.aclosing(carrier.collect()) as deliveries:
        await anext(deliveries)

    assert [each.discarded for each in spools] == [True]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent", [lambda octets: octets[:-1], lambda octets: octets + b"x", lambda octets: octets[::-1]]
)
async def test_another_body_than_was_named_is_not_given(sent: Callable[[bytes], bytes]) -> None:
    spools: list[Spooled] = []
    carrier = carrier_over(FakeHome([LONG], sent), spools)
    with pytest.raises(Untrusted, match="another body"):
        await anext(carrier.collect())

    assert [each.discarded for each in spools] == [True]
    assert len(spools[0].kept) <= len(LONG)


@pytest.mark.anyio
async def test_a_body_that_is_too_long_is_not_asked_for() -> None:
    spools: list[Spooled] = []
    carrier = carrier_over(FakeHome([LONG * 3]), spools)
    with pytest.raises(Untrusted, match="larger than this gateway takes"):
        await anext(carrier.collect())

    assert spools == []


@pytest.mark.anyio
async def test_what_came_before_the_connection_was_lost_is_let_go_of() -> None:
    spools: list[Spooled] = []
    carrier = carrier_over(FakeHome([LONG], fails=True), spools)
    with pytest.raises(ConnectionResetError):
        await anext(carrier.collect())

    assert [each.discarded for each in spools] == [True]
