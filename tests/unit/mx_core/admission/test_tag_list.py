"""The list hides how many contacts there are, and knows exactly the weeks it should."""

from __future__ import annotations

import os

import pytest

from mx_core.admission.tag_list import CONTACTS_MAX, TAGS_MAX, good_until, size_of, tag_list
from mx_core.admission.token import WEEK_SECONDS, admits, is_sorted_list, tag_of, token_for, week_of

NOW = 1_800_000_000.0
FILLER = bytes(32)


@pytest.mark.parametrize(("contacts", "size"), [(0, 64), (1, 64), (4, 64), (5, 128), (100, 2_048)])
def test_it_is_sorted_and_a_power_of_two(contacts: int, size: int) -> None:
    tags = tag_list([os.urandom(32) for _ in range(contacts)], FILLER, NOW)

    assert len(tags) == size == size_of(contacts * 14)
    assert is_sorted_list(tags)


def test_it_knows_last_week_to_the_twelfth_ahead_and_no_other() -> None:
    secret, week = os.urandom(32), week_of(NOW)
    tags = set(tag_list([secret], FILLER, NOW))

    known = [ahead for ahead in range(-5, 20) if tag_of(secret, week + ahead) in tags]

    assert known == list(range(-1, 13))
    assert week_of(good_until(NOW) - 1) == week + 12
    assert good_until(NOW) % WEEK_SECONDS == 0


def test_what_fills_it_up_changes_by_the_week_as_contacts_do() -> None:
    secrets = [os.urandom(32), os.urandom(32)]
    now, later = set(tag_list(secrets, FILLER, NOW)), set(tag_list(secrets, FILLER, NOW + 604_800))

    assert len(now - later) == len(later - now) == 5  # 64 = 4 × 14 + 8: of each one or none


def test_more_contacts_than_it_holds_leave_the_last_out() -> None:
    secrets = [number.to_bytes(32, "big") for number in range(CONTACTS_MAX + 1)]
    tags = tag_list(secrets, FILLER, NOW)

    assert len(tags) == TAGS_MAX
    assert tag_of(secrets[-2], week_of(NOW)) in tags
    assert tag_of(secrets[-1], week_of(NOW)) not in tags


def test_a_token_is_good_for_one_envelope_and_one_date() -> None:
    tag, env_id = os.urandom(32), os.urandom(32)
    token = token_for(tag, env_id, 7)

    assert admits([os.urandom(32), tag], token, env_id, 7)
    assert not admits([tag], token, os.urandom(32), 7)
    assert not admits([tag], token, env_id, 8)
    assert not admits([tag[:8] + os.urandom(24)], token, env_id, 7)  # hinted at, and another's
    assert not admits([], token, env_id, 7)
