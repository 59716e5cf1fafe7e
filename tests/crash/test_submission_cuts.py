"""Power cuts at random moments of submission → outbox → delivery: each 250 is exactly one delivery.

Whoever got none finds at most one, because SMTP can not tell the two apart (RFC 1047).  Each life of
a disk goes on from what the cut before it left; the control shows that the ledger notices.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import submission_ledger
from tests.crash.submission_ledger import WORKERS, Ledger
from tests.support.power_cut import Disk, Machine
from tests.support.torture import Measure, Sweep

CUTS_A_DISK = 5
CUTS_IN_FULL = 200
ROUND_OCTETS = 256 * 1024
SOURCES = (
    *("gateway/sending", "gateway/policy", "mx_core/db", "mx_core/store", "smtp_in"),
    *("tests/crash/submission_ledger.py", "tests/crash/test_submission_cuts.py"),
    *("tests/crash/syscall_flow.py", "tests/support/power_cut.c", "tests/support/power_cut.py"),
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    workload = "tests.crash.submission_ledger:work"
    with Machine("submission", workload, tmp_path_factory.mktemp("machine")) as made:
        yield made


def new_disk(folder: Path) -> Disk:
    disk = Disk.under(folder)
    submission_ledger.prepare(disk.live)
    return disk


def cut_often(machine: Machine, folder: Path, seed: int) -> dict[str, float]:
    """Use one disk for a few lives; return how many messages were accepted, in how many cuts."""
    chance = random.Random(seed)
    disk, ledger = new_disk(folder), Ledger()
    accepted = 0
    for life in range(CUTS_A_DISK):
        # in every other life the log begins anew over its own octets every few commits
        rounds = {"round_octets": ROUND_OCTETS} if life % 2 else {}
        run = machine.run(
            disk,
            {"first": ledger.next_number, **rounds},
            cut_after=chance.randrange(1, 25),
            delay=chance.random() * 0.2,
        )
        assert run.cut
        accepted += ledger.add(run)
        ledger.audit(disk.live)
    return {"cuts": CUTS_A_DISK, "accepted": accepted, "promises broken": 0}


def test_what_was_accepted_before_a_cut_is_delivered_exactly_once_after_it(
    machine: Machine, tmp_path: Path
) -> None:
    assert cut_often(machine, tmp_path / "disk", 0)["accepted"] > CUTS_A_DISK


def test_the_ledger_notices_mail_that_was_accepted_and_is_lost(
    machine: Machine, tmp_path: Path
) -> None:
    disk, ledger = new_disk(tmp_path), Ledger()
    arguments = {"first": 0, "most": 5, "leave_open": True, "synchronous": "OFF"}
    ledger.add(machine.run(disk, arguments, cut_at_end=True))
    assert len(ledger.did) == 5 * WORKERS

    # without a compiler a cut is a SIGKILL, and the page cache keeps what was never synced
    assert ledger.is_lost(disk.live) is machine.cuts_power


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_submission_cuts(machine: Machine, tmp_path: Path) -> None:
    assert machine.cuts_power, "the full form needs a C compiler"
    Sweep(
        "power-cuts-submission",
        CUTS_IN_FULL // CUTS_A_DISK,
        (
            Measure("cuts", "power cuts", "higher", goal=CUTS_IN_FULL),
            Measure("accepted", "messages", "higher"),
            Measure("promises broken", "messages", "lower", floor=0),
        ),
        SOURCES,
    ).run(lambda step: cut_often(machine, tmp_path / str(step), 1_000 + step))
