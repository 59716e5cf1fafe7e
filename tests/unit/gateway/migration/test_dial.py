"""The dial: shares by person, and whom it proposes to invite."""

from collections import Counter

import pytest

from gateway.migration.dial import Dial, told
from mx_core.model.address import Address
from mx_core.store.people.exchanged import REMEMBERED_SECONDS, Exchanged
from tests.support.stores import START, Clock, memory_store

OWN = {"alice@a.example"}


def exchanged(**columns: dict[str, int]) -> Exchanged:
    names = ("sealed_in", "ordinary_in", "sealed_out", "ordinary_out")
    return Exchanged(*(Counter(columns.get(name, {})) for name in names))


def test_the_share_is_of_all_mail_both_ways_and_by_person() -> None:
    dial = told(
        exchanged(
            sealed_in={"bob@b.example": 5}, ordinary_in={"dora@old.example": 3},
            sealed_out={"bob@b.example": 1}, ordinary_out={"bob@b.example": 1},
        ),
        own=OWN,
    )  # fmt: skip

    assert (dial["percent"], dial["encrypted"], dial["messages"]) == (60, 6, 10)
    assert [(one["address"], one["percent"]) for one in dial["people"]] == [
        ("bob@b.example", 85),
        ("dora@old.example", 0),
    ]


def test_all_is_a_hundred_and_nothing_less_and_nothing_is_no_share() -> None:
    nearly = told(
        exchanged(sealed_in={"b@b.example": 999}, ordinary_in={"c@c.example": 1}), own=OWN
    )

    assert nearly["percent"] == 99
    assert told(exchanged(sealed_in={"b@b.example": 1}), own=OWN)["percent"] == 100
    assert told(exchanged(), own=OWN)["percent"] is None


def test_who_is_written_to_and_answers_in_clear_is_worth_inviting_and_nobody_else() -> None:
    dial = told(
        exchanged(
            ordinary_in={"both@x.example": 1, "news@x.example": 90, "some@x.example": 2},
            ordinary_out={"both@x.example": 1, "silent@x.example": 4, "some@x.example": 2},
            sealed_in={"some@x.example": 1},
        ),
        own=OWN,
    )

    assert dial["invite"] == ["both@x.example"]


def test_mail_to_oneself_does_not_count_and_a_tag_of_ours_is_no_other_person() -> None:
    dial = told(
        exchanged(
            ordinary_in={"dora@old.example": 1, "alice@a.example": 7},
            ordinary_out={"dora+mx-ordinary@old.example": 1, "dora@old.example": 1},
        ),
        own=OWN,
    )

    assert dial["messages"] == 3
    assert [one["address"] for one in dial["people"]] == ["dora@old.example"]


def test_who_came_to_the_network_is_one_person_with_both_addresses() -> None:
    dial = told(
        exchanged(
            ordinary_in={"dora@old.example": 3}, ordinary_out={"dora@old.example": 1},
            sealed_out={"dora@old.example": 2}, sealed_in={"dora@d.example": 4},
        ),
        own=OWN,
        same={"dora@old.example": "dora@d.example"},
    )  # fmt: skip

    assert [(one["address"], one["percent"]) for one in dial["people"]] == [("dora@d.example", 60)]
    assert dial["invite"] == []


@pytest.mark.anyio
async def test_it_is_counted_anew_and_addresses_that_are_pulled_are_ones_own() -> None:
    clock = Clock(START + REMEMBERED_SECONDS)
    with memory_store(clock) as store:
        await store.pulls.add("imaps://Alice@old.example@mail.example:993", "{}")
        dial = await Dial(store, clock).show(Address.parse("alice@a.example"))

    assert dial == {
        "days": 60, "messages": 0, "encrypted": 0, "percent": None, "people": [], "invite": [],
    }  # fmt: skip
