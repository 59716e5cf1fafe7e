from typing import Any

import pytest

from gateway.web.page.beginning.ticks import progress
from mx_core.trail_port import Step

MADE = 1000
ALL = {step.value: MADE + n for n, step in enumerate(Step)}


def program(steps: dict[str, int], client: str = "") -> dict[str, Any]:
    return {"name": "laptop", "since": MADE, "client": client, "steps": steps}


def test_every_step_has_its_tick_and_nothing_is_left_to_look_at() -> None:
    seen = progress(program(ALL, "Thunderbird"), {}, MADE + 9)

    assert [tick.done for tick in seen.ticks] == [True] * 6
    assert (seen.done, seen.hint) == (True, "")
    assert seen.ticks[2].note == "it calls itself Thunderbird"


@pytest.mark.parametrize("missing", [step for step in Step if step is not Step.LOGGED_IN])
def test_without_any_one_step_it_is_not_done_but_for_tls_on_this_computer(missing: Step) -> None:
    steps = {step: at for step, at in ALL.items() if step != missing.value}
    seen = progress(program(steps), {}, MADE + 9)

    assert seen.done is (missing is Step.SECURED)
    assert bool(seen.hint) is (missing in {Step.LISTED, Step.FETCHED, Step.SUBMITTED})


@pytest.mark.parametrize(
    ("knocks", "waited", "ticked", "hint"),
    [
        ({}, 10, 0, ""),
        ({}, 61, 0, "Nothing has connected"),
        ({"reached": MADE - 1, "refused": MADE - 1}, 61, 0, "Nothing has connected"),
        ({"reached": MADE}, 10, 1, "not logged in"),
        ({"reached": MADE, "secured": MADE}, 10, 2, "not logged in"),
        ({"tls_begun": MADE + 1}, 10, 1, "does not trust the certificate"),
        ({"secured": MADE, "tls_begun": MADE + 1}, 10, 2, "does not trust the certificate"),
        ({"secured": MADE + 1, "tls_begun": MADE + 1, "refused": MADE + 1}, 10, 2, "wrong name"),
        ({"refused": MADE, "tls_begun": MADE + 1}, 10, 1, "does not trust the certificate"),
    ],
)
def test_before_the_login_what_stands_at_the_door_says_what_to_look_at(
    knocks: dict[str, int], waited: int, ticked: int, hint: str
) -> None:
    seen = progress(program({}), knocks, MADE + waited)

    assert sum(tick.done for tick in seen.ticks) == ticked
    assert not seen.done
    assert hint in seen.hint
    assert bool(hint) is bool(seen.hint)
