"""Every finding that is bad says what to do, and what is well is said too."""

from pathlib import Path
from typing import Any

import pytest

from gateway.directories import directories
from gateway.doctor.examine import examine, judge

NOW = 1_800_000_000
WELL: dict[str, Any] = {
    "address": "alice@a.example",
    "connected": True,
    "trouble": "",
    "outbox": {"sent": 3},
    "refused": 0,
    "backup": {"last": NOW - 86_400, "folder": "", "trouble": "", "possible": True},
    "search_index": {"waiting": 0, "faults": 0, "last_fault": ""},
}


def bad(**changed: Any) -> list[str]:
    told = {"locked": False, "accounts": [{**WELL, **changed}]}
    return [one.do for one in judge(told, NOW) if one.do]


def test_of_an_account_that_is_well_nothing_is_bad() -> None:
    assert bad() == []


@pytest.mark.parametrize(
    ("changed", "do"),
    [
        ({"connected": False, "trouble": "no route"}, "mx-home doctor"),
        ({"outbox": {"held": 2}}, "mx-gateway queue list"),
        ({"refused": 1}, "sent again"),
        ({"backup": {**WELL["backup"], "last": None}}, "backup --daily"),
        ({"backup": {**WELL["backup"], "last": NOW - 8 * 86_400}}, "backup --daily"),
        ({"search_index": {**WELL["search_index"], "faults": 1}}, "reindex alice@a.example"),
    ],
)
def test_what_is_not_well_says_what_to_do(changed: dict[str, Any], do: str) -> None:
    [said] = bad(**changed)

    assert do in said


def test_a_locked_gateway_and_an_empty_one_say_how_to_go_on() -> None:
    locked = list(judge({"locked": True, "accounts": []}, NOW))
    empty = list(judge({"locked": False, "accounts": []}, NOW))

    assert [one.do for one in locked] == ["unlock it: mx-gateway unlock"]
    assert [one.do for one in empty] == ["begin on the page: mx-gateway page"]


def test_it_goes_from_the_configuration_outwards_and_stops_where_nothing_more_is_known(
    tmp_path: Path,
) -> None:
    places = directories(tmp_path)
    nothing = [one.do for one in examine(places)]
    places.prepare()
    stopped = [one.do for one in examine(places)]
    places.config_file.write_text("[listen]\nimap = 'x'\n")
    broken = list(examine(places))

    assert nothing[-1] == "start the gateway once: mx-gateway up"
    assert stopped[-1] == "start it: mx-gateway up"
    assert len(broken) == 1
    assert "mend or remove" in broken[0].do
