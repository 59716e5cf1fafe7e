"""Real Thunderbird, headless, against the running demo: all 28 steps of a day's work."""

from collections.abc import Callable

import pytest

from tests.interop.http_trap import http_trap
from tests.interop.story import Story
from tests.interop.thunderbird import folders, reading, writing
from tests.interop.thunderbird.program import thunderbird
from tests.interop.thunderbird.run import Run
from tests.interop.witness import Witness

pytestmark = pytest.mark.interop

STEPS: tuple[Callable[[Run], object], ...] = (
    reading.trust,
    reading.logins,
    reading.sync,
    reading.folders,
    reading.show,
    reading.mark_read,
    reading.body,
    reading.idle,
    folders.flag,
    folders.unflag,
    folders.flag_from_outside,
    folders.create_folder,
    folders.move,
    folders.copy,
    folders.delete,
    folders.requests,
    folders.junk,
    folders.automatic_junk,
    reading.search,
    writing.send,
    writing.reply,
    writing.draft,
    folders.rename_folder,
    folders.compact,
    folders.taken_along,
    reading.offline,
    reading.reconnect,
    reading.quiet,
)


@pytest.mark.parametrize("starttls", [False, True], ids=["tls", "starttls"])
def test_thunderbird_does_a_day_s_work(
    alice: Witness, bob: Witness, carol: Witness, starttls: bool
) -> None:
    story = Story("Thunderbird")
    with (
        http_trap() as (trap_port, knocks),
        thunderbird(alice.settings, starttls=starttls, trap_port=trap_port) as program,
    ):
        run = Run(program, alice, bob, carol)
        story.play(
            [(step.__name__, lambda step=step: step(run)) for step in STEPS],  # type: ignore[misc]  # bound now
            vital=frozenset({"trust", "logins", "sync"}),
            on_failure=lambda _name: program.dismiss_dialog(),
        )

    assert story.failed == {}
    assert len(story.passed) == 28
    assert knocks == [], "nothing leaves the machine"
