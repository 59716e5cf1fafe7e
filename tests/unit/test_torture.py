"""A full sweep goes on where it stopped, and counts while the code under it is the same."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.torture import Measure, Sweep

LOST = Measure("lost", "promises", "lower", floor=0)
WORST = Measure("worst", "ms", "lower", combine="max")


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep("x", 5, (LOST, WORST), ("tests/support/torture.py",), tmp_path)


def kept(sweep: Sweep) -> dict[str, object]:
    found: dict[str, object] = json.loads(sweep.file.read_text(encoding="utf-8"))
    return found


def test_a_sweep_that_was_broken_off_goes_on_with_the_step_that_failed(sweep: Sweep) -> None:
    steps: list[int] = []

    def step(number: int) -> Mapping[str, float]:
        steps.append(number)
        if steps.count(3) == 1:
            raise KeyboardInterrupt
        return {"worst": 10 - number}

    with pytest.raises(KeyboardInterrupt):
        sweep.run(step)
    assert (kept(sweep)["done"], kept(sweep)["of"]) == (3, 5)

    sweep.run(step)

    assert steps == [0, 1, 2, 3, 3, 4]
    assert kept(sweep)["figures"] == {"lost": 0, "worst": 10}


def test_a_finished_sweep_counts_until_the_code_changes(sweep: Sweep) -> None:
    steps: list[int] = []

    def step(number: int) -> Mapping[str, float]:
        steps.append(number)
        return {}

    sweep.run(step)
    sweep.run(step)
    assert len(steps) == 5

    replace(sweep, sources=("tests/support/torture.py", "tests/conftest.py")).run(step)

    assert len(steps) == 10


def test_a_figure_below_its_floor_fails_the_sweep_also_in_later_sittings(sweep: Sweep) -> None:
    for _ in range(2):
        with pytest.raises(AssertionError, match="lost"):
            sweep.run(lambda number: {"lost": number == 2})


def test_a_sitting_can_be_limited(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MX_TORTURE_SECONDS", "0")

    sweep.run(lambda _: {})

    assert not sweep.file.exists()


def test_what_is_to_be_counted_is_asked_of_the_whole_alone(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = replace(sweep, of=2, measures=(Measure("kills", "kills", "higher", floor=2),))

    def step(number: int) -> Mapping[str, float]:
        if number:
            raise KeyboardInterrupt
        return {"kills": 1}

    with pytest.raises(KeyboardInterrupt):
        counting.run(step)
    monkeypatch.setenv("MX_TORTURE_SECONDS", "0")
    counting.run(step)
    monkeypatch.delenv("MX_TORTURE_SECONDS")

    with pytest.raises(AssertionError, match="kills"):
        counting.run(lambda _: {"kills": 0})
