"""HOLDFOR and HOLDUNTIL of MAIL."""

import pytest

from smtp_in.future import NONE, Hold, announced, parse_hold

NOW = 1_800_000_000  # 2027-01-15T08:00:00Z
MONTH = 30 * 86400


@pytest.mark.parametrize(
    ("parameters", "moment"),
    [
        ({}, 0),
        ({"HOLDFOR": "1"}, NOW + 1),
        ({"HOLDFOR": str(MONTH)}, NOW + MONTH),
        ({"HOLDUNTIL": "2027-01-15T09:00:00Z"}, NOW + 3600),
        ({"HOLDUNTIL": "2027-01-15T09:00:00.25Z"}, NOW + 3600),
        ({"HOLDUNTIL": "2027-01-15T07:59:59Z"}, 0),  # has passed
    ],
)
def test_a_wish_is_a_moment(parameters: dict[str, str], moment: int) -> None:
    hold = parse_hold(parameters, NOW, MONTH)

    assert hold is not None
    assert hold.moment(NOW) == moment


@pytest.mark.parametrize(
    "parameters",
    [
        {"HOLDFOR": "0"}, {"HOLDFOR": "-1"}, {"HOLDFOR": ""}, {"HOLDFOR": "9" * 10}, {"HOLDFOR": "01"},
        {"HOLDFOR": str(MONTH + 1)}, {"HOLDUNTIL": "2027-02-15T08:00:00Z"},
        {"HOLDUNTIL": "2027-01-15T09:00:00"}, {"HOLDUNTIL": "2027-13-15T09:00:00Z"}, {"HOLDUNTIL": ""},
        {"HOLDUNTIL": "2027-01-15T09:00:00+01:00"},
        {"HOLDFOR": "1", "HOLDUNTIL": "2027-01-15T09:00:00Z"},
    ],
)  # fmt: skip
def test_what_can_not_be_had_is_none(parameters: dict[str, str]) -> None:
    assert parse_hold(parameters, NOW, MONTH) is None


def test_no_wish_is_none_of_them_and_the_greeting_says_how_far() -> None:
    assert parse_hold({"SIZE": "1"}, NOW, MONTH) == NONE == Hold()
    assert announced(NOW, MONTH) == "FUTURERELEASE 2592000 2027-02-14T08:00:00Z"
