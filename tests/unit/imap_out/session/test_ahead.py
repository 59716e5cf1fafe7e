"""Ranges of a message are its octets, whatever was read ahead of them."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap_out.session.ahead import PIECE_OCTETS, Ahead
from imap_out.session.shelves import Shelves
from mx_core.model.errors import MessageGone
from mx_core.model.ids import MessageId
from mx_core.ports import MailReader, MailStore

pytestmark = pytest.mark.anyio
SIZE = 3 * PIECE_OCTETS + 1_000
OCTETS = {MessageId(n): bytes([n]) * 7 + bytes(range(256)) * (SIZE // 256) for n in (1, 2)}


class Reader:
    def octets(self, message: MessageId, start: int = 0, end: int | None = None) -> bytes:
        if message not in OCTETS:
            raise MessageGone("it was removed")
        return OCTETS[message][start:end]


class Mail:
    """What an `Ahead` asks of a store; counts what it is asked at once."""

    def __init__(self) -> None:
        self.glances = 0

    def glance(self, job: Callable[[MailReader], Any]) -> Any:
        self.glances += 1
        return job(cast("MailReader", Reader()))

    def begin(self, job: Callable[[MailReader], Any]) -> asyncio.Future[Any]:
        async def run() -> Any:
            await asyncio.sleep(0)
            return job(cast("MailReader", Reader()))

        return asyncio.ensure_future(run())


def store(mail: Mail) -> MailStore:
    return cast("MailStore", mail)


# how far behind the end of the last range, and how many octets; nearly always the next ones
steps = st.tuples(
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from([0, 0, 0, 0, 1, -1, PIECE_OCTETS]),
    st.sampled_from([1, 1_000, 65_536, PIECE_OCTETS - 1, PIECE_OCTETS, PIECE_OCTETS + 1, SIZE]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=30))
def test_whatever_is_asked_its_octets_come(steps: list[tuple[int, int, int]]) -> None:
    async def run() -> None:
        shelves = Shelves()
        ahead, mail, at = Ahead(shelves), Mail(), 0
        for number, jump, count in steps:
            message = MessageId(number)
            first = max(at + jump, 0)
            said = await ahead.read(store(mail), message, first, first + count)
            assert said == OCTETS[message][first : first + count]
            at = first + len(said)
        ahead.drop()
        assert shelves.ahead == 0

    asyncio.run(run())


async def test_ranges_in_a_row_are_not_read_one_by_one() -> None:
    shelves = Shelves()
    ahead, mail = Ahead(shelves), Mail()

    for first in range(0, SIZE + 65_536, 65_536):
        await ahead.read(store(mail), MessageId(1), first, first + 65_536)

    assert mail.glances <= 3
    assert shelves.ahead == 0


async def test_only_so_many_connections_read_ahead() -> None:
    shelves, mail = Shelves(ahead_max=2), Mail()
    several = [Ahead(shelves) for _ in range(4)]

    for first in range(0, 10 * 65_536, 65_536):
        for ahead in several:
            await ahead.read(store(mail), MessageId(1), first, first + 65_536)

    assert shelves.ahead == 2
    assert mail.glances == 2 * 2 + 2 * 10
    for ahead in several:
        ahead.drop()
    assert shelves.ahead == 0


async def test_an_error_comes_to_whoever_asks_and_leaves_nothing() -> None:
    shelves = Shelves()
    ahead, mail = Ahead(shelves), Mail()
    lost = MessageId(1)
    for first in (0, 100):
        await ahead.read(store(mail), lost, first, first + 100)
    octets = OCTETS.pop(lost)
    try:
        await asyncio.sleep(0)
        with pytest.raises(MessageGone):
            await ahead.read(store(mail), lost, 200, 300)
    finally:
        OCTETS[lost] = octets

    assert await ahead.read(store(mail), lost, 200, 300) == octets[200:300]
    ahead.drop()
    assert shelves.ahead == 0
