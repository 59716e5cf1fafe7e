"""The same random commands on our server and on Dovecot: the same answers, but for named rules."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.side_by_side import servers
from tests.differential.pair import DIED, UNSURE, Difference, OurDoor, tell, two_servers
from tests.differential.rules import ALLOWED, RULES, Normaliser
from tests.support.torture import Measure, Sweep

STORIES_IN_SHORT = 100
STORIES_IN_FULL = 5_000
A_STEP = 50

pytestmark = pytest.mark.timeout(0)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[OurDoor, servers.Dovecot]]:
    with open_folder() as folder, two_servers(folder) as both:
        yield both


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that Dovecot's users may walk through; those of pytest are closed to them."""
    with tempfile.TemporaryDirectory(prefix="mx-pair-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.interop
def test_both_servers_answer_alike(pair: tuple[OurDoor, servers.Dovecot]) -> None:
    rules = Normaliser()
    compared = sum(tell(seed, *pair, rules) for seed in range(STORIES_IN_SHORT))
    print(f"\n{compared} commands compared; how often each rule changed an answer:")
    print(rules.table())
    for fault in (DIED, UNSURE):
        print(f"{rules.fired[fault]:>7}  {fault}")

    assert compared > STORIES_IN_SHORT * 20
    assert all(rules.fired[rule.name] for rule in (*RULES, *ALLOWED)), rules.table()


@pytest.mark.interop
def test_a_bug_in_our_server_is_found() -> None:
    with (
        open_folder() as folder,
        two_servers(folder, "tests.differential.faulty_door") as both,
    ):
        found = next((seed for seed in range(STORIES_IN_SHORT) if _differs(seed, *both)), None)

    assert found is not None


def _differs(seed: int, ours: OurDoor, theirs: servers.Dovecot) -> bool:
    try:
        tell(seed, ours, theirs, Normaliser())
    except Difference as difference:
        return b"FLAGS" in difference.step.command or b"SEARCH" in difference.step.command
    return False


@pytest.mark.torture
def test_full_differential() -> None:
    rules = Normaliser()

    def step(number: int) -> dict[str, float]:
        first = 1_000 + number * A_STEP
        # servers of their own: with each story both have more mailboxes, and take longer
        with open_folder() as folder, two_servers(folder) as both:
            compared = sum(tell(seed, *both, rules) for seed in range(first, first + A_STEP))
        print(rules.table())
        return {"stories": A_STEP, "commands": compared, "differences": 0}

    Sweep(
        "differential",
        STORIES_IN_FULL // A_STEP,
        (
            Measure("stories", "command sequences", "higher", goal=STORIES_IN_FULL),
            Measure("commands", "commands compared", "higher"),
            Measure("differences", "answers that differ", "lower", floor=0),
        ),
        ("imap_out", "mx_core/store", "mx_core/mime", "tests/differential"),
    ).run(step)
