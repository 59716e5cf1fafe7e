"""Ranges of a message are its octets, whatever was read ahead of them."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap_out.session.state.ahead import RANGE_OCTETS_MAX, Ahead
from imap_out.session.state.shelves import Shelves
from mx_core.model.errors import MessageGone, StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.ports import MailReader, MailStore

SIZE = 3 * RANGE_OCTETS_MAX + 1_000
OCTETS = {MessageId(n): bytes([n]) * 7 + bytes(range(256)) * (SIZE // 256) for n in (1, 2)}


class Reader:
    def octets(self, message: MessageId, start: int = 0, end: int | None = None) -> bytes:
        if message not in OCTETS:
            raise MessageGone("it was removed")
        return OCTETS[message][start:end]

    def opened(self, message: MessageId) -> bytes:
        return self.octets(message)


class Mail:
    """What an `Ahead` asks of a store; counts what it is asked at once."""

    def __init__(self) -> None:
        self.glances = 0

    def glance(self, job: Callable[[MailReader], Any]) -> Any:
        self.glances += 1
        return job(cast("MailReader", Reader()))


def left(ahead: Ahead) -> None:
    """Do what a connection does once an answer has left."""
    if ahead.due:
        ahead.go_on()


def store(mail: Mail) -> MailStore:
    return cast("MailStore", mail)


# how far behind the end of the last range, how many octets, and whether its answer has left before
# the next is asked for; nearly always the next ones
steps = st.tuples(
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from([0, 0, 0, 0, 1, -1, RANGE_OCTETS_MAX]),
    st.sampled_from(
        [1, 1_000, 65_536, RANGE_OCTETS_MAX - 1, RANGE_OCTETS_MAX, RANGE_OCTETS_MAX + 1, SIZE]
    ),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=30))
def test_whatever_is_asked_its_octets_come(steps: list[tuple[int, int, int, bool]]) -> None:
    shelves = Shelves()
    ahead, mail, at = Ahead(shelves), Mail(), 0
    for number, jump, count, has_left in steps:
        message = MessageId(number)
        first = max(at + jump, 0)
        said = ahead.read(store(mail), message, first, first + count)
        assert said == OCTETS[message][first : first + count]
        assert len(ahead._octets) <= 2 * RANGE_OCTETS_MAX
        at = first + len(said)
        if has_left:
            left(ahead)
    ahead.drop()
    assert shelves.ahead == 0
    left(ahead)
    assert ahead._octets == b""


def test_ranges_in_a_row_are_in_hand_when_they_are_asked_for() -> None:
    shelves = Shelves()
    ahead, mail = Ahead(shelves), Mail()

    for first in range(0, SIZE, 65_536):
        before = mail.glances
        ahead.read(store(mail), MessageId(1), first, first + 65_536)
        assert mail.glances == before + (first < 2 * 65_536)
        left(ahead)

    assert mail.glances == 3  # two ranges, and then the message is open
    assert shelves.ahead == 0


@pytest.mark.parametrize("begins", [0, 1, 30_000])
def test_each_piece_is_opened_once_wherever_ranges_begin(begins: int) -> None:
    """What is in a file is opened by 64 KiB, so nothing is read that ends within one."""
    asked: list[tuple[int, int]] = []

    class Noting(bytes):
        def __getitem__(self, part: Any) -> Any:
            asked.append((part.start, part.stop))
            return bytes(self)[part]

    ahead, mail = Ahead(Shelves()), Mail()
    for n in range(5):
        ahead.read(store(mail), MessageId(1), begins + n * 65_536, begins + (n + 1) * 65_536)
        left(ahead)
        if n == 1:
            ahead._opened = Noting(OCTETS[MessageId(1)])

    assert asked
    assert all(end % 65_536 == 0 for _, end in asked)
    assert all(start == end for (start, _), (_, end) in zip(asked[1:], asked, strict=False))


def test_long_ranges_are_not_read_ahead() -> None:
    """Nobody is held up for longer than reading one piece takes."""
    shelves = Shelves()
    ahead, mail = Ahead(shelves), Mail()

    for first in range(0, SIZE, RANGE_OCTETS_MAX + 1):
        ahead.read(store(mail), MessageId(1), first, first + RANGE_OCTETS_MAX + 1)

        assert not ahead.due


def test_only_so_many_connections_read_ahead() -> None:
    shelves, mail = Shelves(ahead_max=2), Mail()
    several = [Ahead(shelves) for _ in range(4)]

    for first in range(0, 5 * 65_536, 65_536):
        for ahead in several:
            ahead.read(store(mail), MessageId(1), first, first + 65_536)
            left(ahead)

    assert shelves.ahead == 2
    assert sum(bool(ahead._octets) for ahead in several) == 2
    for ahead in several:
        ahead.drop()
    assert shelves.ahead == 0


def test_what_does_not_open_any_more_is_told_when_it_is_asked_for() -> None:
    class Damaged(bytes):
        def __getitem__(self, part: Any) -> Any:
            raise StoreDamaged("on purpose")

    shelves = Shelves()
    ahead, mail, message = Ahead(shelves), Mail(), MessageId(1)
    for first in (0, 100):
        ahead.read(store(mail), message, first, first + 100)
    left(ahead)
    assert ahead.read(store(mail), message, 200, 300) == OCTETS[message][200:300]
    assert ahead._opened is not None

    ahead._opened = Damaged()
    far = 64 * 1024  # in hand, and no more
    assert ahead.read(store(mail), message, 300, far) == OCTETS[message][300:far]
    left(ahead)  # the next piece does not open
    assert ahead._opened is None
    assert ahead.read(store(mail), message, far, far + 9) == OCTETS[message][far : far + 9]
    ahead.drop()
    assert shelves.ahead == 0


def test_an_error_comes_to_whoever_asks_and_leaves_nothing() -> None:
    shelves = Shelves()
    ahead, mail = Ahead(shelves), Mail()
    lost = MessageId(1)
    for first in (0, 100):
        ahead.read(store(mail), lost, first, first + 100)
    octets = OCTETS.pop(lost)
    try:
        left(ahead)
        with pytest.raises(MessageGone):
            ahead.read(store(mail), lost, 200, 300)
    finally:
        OCTETS[lost] = octets

    assert ahead.read(store(mail), lost, 200, 300) == octets[200:300]
    ahead.drop()
    assert shelves.ahead == 0
