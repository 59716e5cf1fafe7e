"""Power cuts at random moments: what was promised is there exactly once, and nothing came back.

Each life of a disk goes on from what the cut before it left.  The controls show that the
ledger notices: a weaker setting of the database, or a disk that lies, breaks a promise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash import account_ledger, home_ledger
from tests.support.power_cut import Disk, Machine
from tests.support.torture import Measure, Sweep

LEDGERS: dict[str, Any] = {"account": account_ledger, "home": home_ledger}
SOURCES = {
    "account": ("mx_core/store", "mx_core/db", "tests/crash/account_ledger.py"),
    "home": ("mx_core/homeserver", "mx_core/db", "tests/crash/home_ledger.py"),
}
SHIM = ("tests/support/power_cut.c", "tests/support/power_cut.py", "tests/crash/test_power_cuts.py")
CUTS_IN_SHORT = 10
CUTS_A_DISK = 5
CUTS_IN_FULL = 200
ROUND_OCTETS = 256 * 1024


@pytest.fixture(scope="module", params=list(LEDGERS))
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    name: str = request.param
    with Machine(
        name, f"tests.crash.{name}_ledger:work", tmp_path_factory.mktemp("machine")
    ) as made:
        yield made


def cut_often(machine: Machine, folder: Path, seed: int) -> dict[str, float]:
    """Use one disk for a few lives; return how many promises were made, in how many cuts."""
    chance = random.Random(f"{machine.name} {seed}")
    disk = Disk.under(folder)
    ledger = LEDGERS[machine.name].Ledger()
    promises = 0
    for life in range(CUTS_A_DISK):
        after = chance.randrange(60)
        # with no promise yet it is cut while it opens: in a migration, or in a recovery
        delay = chance.random() * (0.05 if after else 0.5)
        # in every other life the log begins anew over its own octets every few commits
        rounds = {"round_octets": ROUND_OCTETS} if life % 2 else {}
        # and in two of five one change comes after the other: they are synced as their statements,
        # in one of the two as one block each, as those of a whole folder are
        statements = {"alone": life % 3 == 1, "packed": life > 2}
        arguments = {"first": ledger.next_number, **statements, **rounds}
        run = machine.run(disk, arguments, cut_after=after, delay=delay)
        assert run.cut
        promises += ledger.add(run)
        ledger.audit(disk.live)
    return {"cuts": CUTS_A_DISK, "promises": promises, "promises broken": 0}


def test_what_was_promised_before_a_cut_is_there_exactly_once_after_it(
    machine: Machine, tmp_path: Path
) -> None:
    promises = 0.0
    for seed in range(CUTS_IN_SHORT // CUTS_A_DISK):
        promises += cut_often(machine, tmp_path / str(seed), seed)["promises"]

    assert promises > CUTS_IN_SHORT


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ({"synchronous": "NORMAL"}, {}),
        ({"synchronous": "OFF"}, {}),
        ({}, {"MX_CUT_FORGET": "1"}),
    ],
    ids=["synchronous normal", "synchronous off", "a disk that lies"],
)
def test_the_ledger_notices_a_promise_that_is_broken(
    machine: Machine, tmp_path: Path, arguments: dict[str, Any], settings: dict[str, str]
) -> None:
    disk = Disk.under(tmp_path)
    ledger = LEDGERS[machine.name].Ledger()
    ledger.add(machine.run(disk, {"first": 0}, cut_after=5))
    ledger.audit(disk.live)

    # it comes to its end, and not to a moment that syncs: no close, and no round of the log is over
    careless = {"first": ledger.next_number, "most": 12, "leave_open": True, **arguments}
    run = machine.run(disk, careless, settings=settings, cut_at_end=True)
    assert run.status == 0
    assert ledger.add(run) > 12

    # without a compiler a cut is a SIGKILL, and the page cache keeps what was never synced
    assert ledger.is_lost(disk.live) is machine.cuts_power


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_power_cuts(machine: Machine, tmp_path: Path) -> None:
    assert machine.cuts_power, "the full form needs a C compiler"
    Sweep(
        f"power-cuts-{machine.name}",
        CUTS_IN_FULL // CUTS_A_DISK,
        (
            Measure("cuts", "power cuts", "higher", goal=CUTS_IN_FULL),
            Measure("promises", "acknowledged changes", "higher"),
            Measure("promises broken", "acknowledged changes", "lower", floor=0),
        ),
        (*SOURCES[machine.name], *SHIM),
    ).run(lambda step: cut_often(machine, tmp_path / str(step), 1_000 + step))
