"""Real mutt and neomutt in a terminal, against the running demo: all 15 steps of a day."""

import contextlib
from pathlib import Path

import pytest

from tests.interop.mutt.profile import make_profile
from tests.interop.mutt.steps import Day
from tests.interop.story import Story
from tests.interop.witness import Witness

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    ("client", "starttls", "resync"),
    [
        ("mutt", False, ""),
        ("neomutt", True, ""),
        ("mutt", True, "condstore"),
        ("mutt", False, "qresync"),
        ("neomutt", False, "qresync"),
    ],
    ids=["mutt-tls", "neomutt-starttls", "mutt-condstore", "mutt-qresync", "neomutt-qresync"],
)
def test_a_terminal_client_does_a_day_s_work(
    alice: Witness,
    bob: Witness,
    carol: Witness,
    tmp_path: Path,
    client: str,
    starttls: bool,
    resync: str,
) -> None:
    story = Story(client)
    profile = make_profile(tmp_path, client, alice.settings, starttls=starttls, resync=resync)
    with contextlib.closing(Day(profile, alice, bob, carol)) as day:
        story.play(day.steps(), vital=frozenset({"sync"}), on_failure=day.recover)

    assert story.failed == {}
    assert len(story.passed) == 15
