"""What a changed domain key may do."""

from __future__ import annotations

import pytest

from mx_core.discovery.continuity import How, Judgement, Remembered, judge_keys
from mx_core.discovery.document import Roll, sign_roll
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from tests.support.certificates import key_of, pk_of

NOW = 1_800_000_000
HOUR = 3_600
OLD, MID, NEW = pk_of("old"), pk_of("mid"), pk_of("new")
KNOWN = Remembered((OLD,))


def judge(
    seen: list[bytes],
    how: How,
    *rolls: Roll,
    remembered: Remembered | None = KNOWN,
    now: int = NOW,
) -> Judgement:
    return judge_keys("a.test", seen, how, rolls, remembered=remembered, now=now)


@pytest.mark.parametrize("how", How)
def test_the_first_keys_are_used_and_remembered(how: How) -> None:
    assert judge([OLD, NEW], how, remembered=None) == Judgement((OLD, NEW), Remembered((OLD, NEW)))


@pytest.mark.parametrize("how", How)
def test_the_same_key_again_is_no_news(how: How) -> None:
    assert judge([OLD], how) == Judgement((OLD,), KNOWN)


def test_a_changed_key_without_dnssec_is_refused_and_nothing_is_learnt() -> None:
    assert judge([NEW], How.HTTPS) == Judgement((), KNOWN, "domain-key")


def test_without_dnssec_a_strange_key_beside_the_known_one_is_passed_over() -> None:
    assert judge([OLD, NEW], How.HTTPS) == Judgement((OLD,), KNOWN)


def test_a_key_that_the_known_key_signed_for_is_used_over_several_steps() -> None:
    steps = [
        sign_roll("a.test", key_of("mid"), NEW),
        sign_roll("a.test", key_of("old"), MID),
    ]

    assert judge([NEW], How.HTTPS, *steps) == Judgement((NEW,), Remembered((NEW,)))


@pytest.mark.parametrize(
    "roll",
    [
        sign_roll("c.test", key_of("old"), NEW),
        sign_roll("a.test", key_of("new"), NEW),
        sign_roll("a.test", key_of("mid"), NEW),
        sign_roll("a.test", key_of("mid"), NEW)._replace(old_key=OLD),
    ],
)
def test_a_word_for_another_domain_or_by_another_key_is_worth_nothing(roll: Roll) -> None:
    assert judge([NEW], How.HTTPS, roll).failure == "domain-key"


def test_once_the_old_key_is_gone_it_does_not_come_back() -> None:
    after = judge([NEW], How.HTTPS, sign_roll("a.test", key_of("old"), NEW)).remembered

    assert judge([OLD], How.HTTPS, remembered=after).failure == "domain-key"


def test_with_dnssec_a_strange_key_waits_72_hours_unchanged() -> None:
    first = judge([NEW], How.DNSSEC)
    assert first == Judgement((), Remembered((OLD,), (NEW,), NOW), "domain-key-held")

    early = judge([NEW], How.DNSSEC, remembered=first.remembered, now=NOW + 72 * HOUR - 1)
    assert early.failure == "domain-key-held"
    assert early.remembered == first.remembered

    late = judge([NEW], How.DNSSEC, remembered=first.remembered, now=NOW + 72 * HOUR)
    assert late == Judgement((NEW,), Remembered((NEW,)))


def test_another_strange_key_starts_the_wait_again() -> None:
    waiting = judge([NEW], How.DNSSEC).remembered

    again = judge([MID], How.DNSSEC, remembered=waiting, now=NOW + 72 * HOUR)

    assert again == Judgement((), Remembered((OLD,), (MID,), NOW + 72 * HOUR), "domain-key-held")


def test_while_a_strange_key_waits_the_known_one_is_used() -> None:
    assert judge([OLD, NEW], How.DNSSEC) == Judgement((OLD,), Remembered((OLD,), (NEW,), NOW))


def test_a_strange_key_that_goes_away_leaves_no_trace() -> None:
    waiting = judge([NEW], How.DNSSEC).remembered

    assert judge([OLD], How.DNSSEC, remembered=waiting) == Judgement((OLD,), KNOWN)


def test_the_operators_word_settles_it() -> None:
    assert judge([NEW], How.STATIC) == Judgement((NEW,), Remembered((NEW,)))


def test_what_is_remembered_is_read_back_and_nothing_else_is() -> None:
    remembered = Remembered((OLD, MID), (NEW,), NOW)
    assert Remembered.decode(remembered.encode()) == remembered

    for octets in (cbor.encode({0: 2}), cbor.encode({0: 1, 1: [1], 2: [], 3: 0}), b""):
        with pytest.raises(Untrusted):
            Remembered.decode(octets)
