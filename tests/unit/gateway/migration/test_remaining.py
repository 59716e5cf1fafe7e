"""How long it still takes."""

import pytest

from gateway.migration.remaining import seconds_left, spelt

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("seen", "seconds", "a_day", "left"),
    [
        (0, 0.0, 0, 200),  # what the look reckoned
        (50, 1.0, 0, 100),  # too early to say
        (50, 10.0, 0, 10),
        (100, 20.0, 0, 0),
        (50, 10.0, 2 * GB, 10),  # what is left comes in one day
        (50, 10.0, GB, 5 * 43_200),  # and here it does not
    ],
)
def test_speed_counts_and_what_the_source_gives_in_a_day(
    seen: int, seconds: float, a_day: int, left: int
) -> None:
    octets = 2 * GB if a_day == 2 * GB else 5 * GB
    assert seconds_left(100, seen, seconds, octets=octets, octets_a_day=a_day, guess=200) == left


def test_nothing_to_bring_takes_no_time() -> None:
    assert seconds_left(0, 0, 9.0, octets=0, octets_a_day=1, guess=0) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59, "less than a minute"), (90, "about 2 min"), (7_199, "about 120 min"),
        (7_200, "about 2 h"), (172_800, "about 2 days"),
    ],
)  # fmt: skip
def test_a_time_is_said_as_people_say_it(seconds: int, text: str) -> None:
    assert spelt(seconds) == text
