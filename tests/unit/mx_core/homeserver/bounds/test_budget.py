"""Who asks too often waits, and the askers known are bounded."""

from __future__ import annotations

import pytest

from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.doors.hello_service import network_of
from mx_core.homeserver.people.padding import SIZES, padded_reply
from mx_core.model.errors import StoreDamaged


class _Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_distinct_names_are_counted_and_a_miss_costs_three() -> None:
    clock = _Clock()
    budget = NameBudget(5, clock)
    budget.spend("b.example", "bob", found=True)
    budget.spend("b.example", "bob", found=True)
    budget.spend("b.example", "nobody", found=False)
    assert budget.wait("b.example", "carol") == 0
    budget.spend("b.example", "carol", found=True)

    assert budget.wait("b.example", "dave") == 3_601
    assert budget.wait("b.example", "bob") == 0  # known already
    assert budget.wait("c.example", "dave") == 0  # another asker
    clock.now += 3_600
    assert budget.wait("b.example", "dave") == 0


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:192.0.2.77:5000", "192.0.2.0/24"),
        ("ipv6:[2001:db8:1:2::7]:5000", "2001:db8:1::/48"),
        ("ipv6:%5B2001:db8:1:2::7%5D:5000", "2001:db8:1::/48"),
        ("unix:", "unix"),
    ],
)
def test_neighbours_share_a_budget(peer: str, network: str) -> None:
    assert network_of(peer) == network


@pytest.mark.parametrize(
    "octets", [0, 1, 100, 16_000, 16_375, 16_376, 16_377, 16_378, 16_379, 16_380, 40_000, 65_400]
)
def test_every_answer_has_one_of_two_sizes(octets: int) -> None:
    """Identity §3."""
    reply = padded_reply(bytes(octets))

    assert reply.ByteSize() in SIZES
    assert reply.card == bytes(octets)


def test_a_rate_limit_looks_like_any_answer() -> None:
    assert padded_reply(retry_after=3_600).ByteSize() == SIZES[0]


def test_every_length_up_to_the_smaller_size_can_be_padded() -> None:
    sizes = {padded_reply(bytes(octets)).ByteSize() for octets in range(16_000, 16_500)}

    assert sizes == set(SIZES)


def test_a_card_larger_than_any_answer_is_a_fault_of_ours() -> None:
    with pytest.raises(StoreDamaged):
        padded_reply(bytes(66_000))
