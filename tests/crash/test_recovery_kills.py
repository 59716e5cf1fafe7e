"""A recovery is killed at each of its steps: it is finished by the next start, or left no trace."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import Program
from gateway.demo.world import World
from mx_core.control.client import ControlClient
from mx_core.model.errors import Unavailable
from tests.support.clients import hashes, wait_until
from tests.support.gateways import add_person, empty_home, gateway


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "world", cast=(("alice", "a.example"),)) as made:
        yield made


def up(folder: Path, step: str = "") -> Program:
    program = Program(
        f"mx-gateway in {folder.name}",
        ["gateway", "--home", str(folder), "up"],
        folder.with_name(f"gateway-{folder.name}.log"),
        {"MX_FAILPOINT": step} if step else {},
    )
    program.start()
    return program


def accounts(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(gateway(folder, "account", "list", "--json"))
    return found


@pytest.mark.parametrize("step", ["restored", "recovered"])
def test_a_restore_that_was_killed_is_finished_by_the_next_start(
    world: World, tmp_path: Path, step: str
) -> None:
    carol, words = add_person(world.alice, "carol")
    file = tmp_path / "carol.mxbackup"
    gateway(world.alice.gateway_dir, "backup", str(file), "--account", carol.address)
    before = hashes(carol)
    world.alice.gateway.stop()
    fresh = empty_home(world.alice, "fresh")
    killed = up(fresh, step)
    with pytest.raises(Unavailable):
        gateway(fresh, "restore", str(file), "--json", stdin=words + "\n")
    status = killed.wait(30)
    killed.stop()

    program = up(fresh)
    try:
        wait_until(lambda: len(accounts(fresh)) == 1)
        devices = json.loads(gateway(fresh, "device", "list", "--json"))
        password = gateway(fresh, "password", "add", carol.address, "after").strip()
        root = str(fresh / "data" / "ca" / "root.pem")
        settings = dataclasses.replace(carol, password=password, ca=root)
        after = hashes(settings)
        again = gateway(fresh, "backup", str(tmp_path / "again"))
    finally:
        program.stop()

    assert status == -9, "the step was not reached"
    assert [one["active"] for one in devices] == [False, True]
    assert {
        name: set(found) >= set(before[name]) for name, found in after.items()
    } == dict.fromkeys(before, True)
    assert "is written" in again


def test_a_restore_that_was_begun_and_killed_leaves_nothing_and_the_sheet_counts(
    world: World, tmp_path: Path
) -> None:
    carol, words = add_person(world.alice, "carol")
    file = tmp_path / "carol.mxbackup"
    gateway(world.alice.gateway_dir, "backup", str(file), "--account", carol.address)
    world.alice.gateway.stop()
    fresh = empty_home(world.alice, "fresh")
    begun = up(fresh)
    _begin(fresh, file, words)
    left = list((fresh / "data" / "restoring").iterdir())
    begun.kill()
    begun.stop()
    program = up(fresh)
    try:
        swept = (fresh / "data" / "restoring").exists()
        none = accounts(fresh)
        told = json.loads(gateway(fresh, "restore", str(file), "--json", stdin=words + "\n"))
    finally:
        program.stop()

    assert (len(left), swept, none) == (1, False, [])
    assert told["address"] == carol.address


def _begin(folder: Path, file: Path, words: str) -> None:
    """Do the first of the two steps of ``restore``."""
    client = ControlClient(folder / "run" / "control.sock", "mx-gateway", 60)
    client.post("/recoveries/begin", {"file": str(file), "words": words})
