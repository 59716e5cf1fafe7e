"""Who does something too often waits; no window has an edge, and the keys known are bounded."""

from __future__ import annotations

import pytest

from mx_core.homeserver.bounds.rate import Rate
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Rates


class _Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_at_once_and_then_one_an_interval() -> None:
    clock = _Clock()
    rate = Rate(60, 3, clock)

    assert [rate.wait("x") for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]
    clock.now += 1.0
    assert [rate.wait("x") for _ in range(2)] == [0.0, 1.0]


def test_over_a_minute_no_more_than_the_rate_and_a_burst_get_through() -> None:
    clock = _Clock()
    rate = Rate(60, 10, clock)
    through = 0
    for _ in range(6_000):
        through += rate.wait("x") == 0.0
        clock.now += 0.01

    assert 69 <= through <= 70


def test_what_was_refused_costs_nothing() -> None:
    clock = _Clock()
    rate = Rate(60, 1, clock)
    assert rate.wait("x") == 0.0
    for _ in range(100):
        rate.wait("x")
    clock.now += 1.0

    assert rate.wait("x") == 0.0


def test_keys_do_not_share() -> None:
    rate = Rate(1, 1, _Clock())

    assert [rate.wait(key) > 0 for key in ("x", "y", "x")] == [False, False, True]


def test_a_clock_that_jumps_back_locks_nobody_out() -> None:
    clock = _Clock()
    rate = Rate(60, 2, clock)
    rate.wait("x")
    clock.now -= 1_000_000.0

    assert rate.wait("x") <= 1.0


def test_the_keys_known_are_bounded() -> None:
    rate = Rate(1, 1, _Clock(), keys_max=10)
    for key in range(1_000):
        rate.wait(key)

    assert len(rate._due) == 10


@pytest.mark.parametrize(
    ("peer", "waits"), [("a.example", True), ("b.example", False), ("c.example", False)]
)
def test_neither_own_mail_nor_an_exempted_domain_is_counted(peer: str, waits: bool) -> None:
    rates = Rates(peer_mailbox_burst=1, exempt=("c.example",))
    rating = Rating("b.example", rates, _Clock())
    rating.arriving(peer, "bob@b.example", stranger=False)

    assert (rating.arriving(peer, "bob@b.example", stranger=False) > 0) is waits


def test_a_star_exempts_everybody() -> None:
    rating = Rating("b.example", Rates(peer_burst=1, exempt=("*",)), _Clock())

    assert [rating.arriving("a.example", "bob@b.example", stranger=False) for _ in range(9)] == [
        0
    ] * 9


def test_one_domain_is_counted_over_all_mailboxes() -> None:
    rating = Rating("b.example", Rates(peer_burst=2), _Clock())
    waits = [rating.arriving("a.example", f"p{n}@b.example", stranger=False) for n in range(3)]

    assert waits[:2] == [0, 0]
    assert 30 <= waits[2] < 300
