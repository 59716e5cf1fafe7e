"""When the queue tries again, and what it tells the sender at the end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.homeserver.queue.retry import (
    AsksPostage,
    Failed,
    Relayed,
    Schedule,
    TryAgain,
    outcome,
    settled,
)
from mx_core.proto import federation_pb2
from mx_core.proto.federation_pb2 import ItemReply

SCHEDULE = Schedule(60.0, 4 * 3600.0, 5 * 86_400.0)
NOW = 1_700_000_000.0


def test_delays_double_from_a_minute_to_four_hours() -> None:
    """RFC 5321 §4.5.4.1."""
    delays = [SCHEDULE.delay(n) for n in range(1, 12)]

    assert delays[:3] == [60, 120, 240]
    assert delays[-1] == 4 * 3600
    assert all(later >= earlier for earlier, later in pairwise(delays))


@given(st.integers(-5, 10**9))
def test_a_delay_is_never_longer_than_the_longest(attempts: int) -> None:
    assert 60.0 <= SCHEDULE.delay(attempts) <= 4 * 3600.0


def _settled(attempts: int, age: float) -> object:
    return settled(
        TryAgain(0, "it did not answer"),
        SCHEDULE,
        domain="b.example",
        attempts=attempts,
        submitted=NOW - age,
        now=NOW,
    )


def test_an_item_is_given_up_after_five_days() -> None:
    result = _settled(40, 5 * 86_400)

    assert isinstance(result, Failed)
    assert result.status == "5.4.7"
    assert "5 days" in result.reason


def test_a_clock_that_jumps_a_year_gives_nothing_up() -> None:
    assert isinstance(_settled(1, 365 * 86_400), TryAgain)
    assert isinstance(_settled(40, -365 * 86_400), TryAgain)


@pytest.mark.parametrize("status", federation_pb2.Status.values())
def test_every_status_has_an_outcome(status: federation_pb2.Status) -> None:
    result = outcome(ItemReply(status=status, retry_after=7), "b.example")

    match result:
        case Failed():
            assert result.status.startswith("5.")
            assert "b.example" in result.reason
        case TryAgain():
            assert result.reason
        case AsksPostage():
            raise AssertionError("nobody was asked for any bits")
        case Relayed():
            assert status in {federation_pb2.ACCEPTED, federation_pb2.DUPLICATE}


@pytest.mark.parametrize(("bits", "is_paid"), [(1, True), (24, True), (25, False), (0, False)])
def test_postage_is_asked_of_the_sender_unless_nobody_would_pay_so_much(
    bits: int, is_paid: bool
) -> None:
    result = outcome(ItemReply(status=federation_pb2.POSTAGE, postage_bits=bits), "b.example")

    assert result == AsksPostage(bits) if is_paid else isinstance(result, Failed)


def test_a_status_of_a_newer_version_loses_nothing() -> None:
    assert isinstance(outcome(ItemReply(status=99), "b.example"), TryAgain)  # type: ignore[arg-type]
