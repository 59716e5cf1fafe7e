"""A disk that fails a sync, or that is full from one write to another: no promise is broken.

The k-th call of a run fails, for many k; then the power goes.  A failed sync ends with the
sentence of a failing disk and status 74; a full disk refuses until there is room again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash import account_ledger, home_ledger
from tests.support.power_cut import Disk, Machine, Run
from tests.support.torture import Measure, Sweep

LEDGERS: dict[str, Any] = {"account": account_ledger, "home": home_ledger}
MOST = 10  # changes of each kind
FIRST = {"account": 0, "home": 4}  # some of them need a file
TOLD = {"sync": {"StoreDamaged"}, "write": {"DiskFull", "DEFERRED"}}
IN_SHORT = 6
WRITES_IN_A_ROW = 40  # of the disk that stays full for a while
# as many as a run makes, which differs a little from one to the next
CALLS_IN_FULL = {
    ("account", "sync"): 60,
    ("account", "write"): 800,
    ("home", "sync"): 60,
    ("home", "write"): 450,
}
SOURCES = ("mx_core/db", "tests/support/power_cut.c", "tests/crash/test_disk_faults.py")


@pytest.fixture(scope="module", params=list(LEDGERS))
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    name: str = request.param
    with Machine(
        name, f"tests.crash.{name}_ledger:work", tmp_path_factory.mktemp("machine")
    ) as made:
        yield made


@pytest.fixture(scope="module")
def calls(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many syncs and writes a run makes on a disk without faults."""
    disk = Disk.under(tmp_path_factory.mktemp("clean"))
    run = machine.run(disk, _arguments(machine))
    assert run.status == 0
    assert not run.said("refused")
    [[syncs, writes]] = run.said("counted")
    return {"sync": int(syncs), "write": int(writes)}


def _arguments(machine: Machine) -> dict[str, Any]:
    return {"first": FIRST[machine.name], "most": MOST}


def fail(machine: Machine, folder: Path, what: str, first: int, many: int) -> Run:
    """Let the calls from *first* on fail, *many* of them; take the power away; audit."""
    disk = Disk.under(folder)
    ledger = LEDGERS[machine.name].Ledger()
    run = machine.run(
        disk,
        _arguments(machine),
        settings={"MX_CUT_FAIL": f"{what} {first} {many}"},
        cut_at_end=True,
    )
    ledger.add(run)
    ledger.audit(disk.live)
    refused = {error for where, error in run.said("refused") if where != "open"}
    assert refused <= TOLD[what]
    # one write that fails while it opens may be any: the driver does not say, and there is room
    opened = not any(where == "open" for where, _ in run.said("refused"))
    stops = what == "sync" or not opened
    assert os.waitstatus_to_exitcode(run.status) == (74 if stops and run.said("refused") else 0)
    return run


@pytest.mark.parametrize(
    ("what", "many"),
    [("sync", 1), ("write", 1), ("write", WRITES_IN_A_ROW)],
    ids=["a sync fails", "a write finds no room", "no room for a while"],
)
def test_a_fault_of_the_disk_breaks_no_promise(
    machine: Machine, calls: dict[str, int], tmp_path: Path, what: str, many: int
) -> None:
    # without a compiler no call can be made to fail, and the runs are audited as they are
    step = max(1, calls[what] // IN_SHORT)
    refusing = 0
    for at in range(IN_SHORT):
        run = fail(machine, tmp_path / str(at), what, at * step + step // 2 + 1, many)
        refusing += bool(run.said("refused"))

    assert refusing >= IN_SHORT // 2 or not machine.cuts_power


def test_a_fault_while_a_new_store_is_made_leaves_nothing_half_sure(
    machine: Machine, tmp_path: Path
) -> None:
    """One of these syncs decides whether the database has its log; without it a cut undoes."""
    for first in range(1, 13):
        fail(machine, tmp_path / str(first), "sync", first, 1)


@pytest.mark.torture
@pytest.mark.timeout(0)
@pytest.mark.parametrize("what", ["sync", "write"])
def test_full_disk_faults(machine: Machine, tmp_path: Path, what: str) -> None:
    """Every call of the run, one after the other."""
    assert machine.cuts_power, "the full form needs a C compiler"

    def step(number: int) -> dict[str, float]:
        run = fail(machine, tmp_path / str(number), what, number + 1, 1)
        return {"refusals": len(run.said("refused")), "promises": len(run.said("did"))}

    package = "mx_core/store" if machine.name == "account" else "mx_core/homeserver"
    Sweep(
        f"disk-{what}-{machine.name}",
        CALLS_IN_FULL[machine.name, what],
        (
            Measure("refusals", "changes", "lower"),
            Measure("promises", "changes", "higher"),
        ),
        (*SOURCES, package, f"tests/crash/{machine.name}_ledger.py"),
    ).run(step)
