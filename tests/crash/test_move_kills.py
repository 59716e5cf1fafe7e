"""A move is killed when the new home server has taken it: the next start goes on, and it is one move."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from mx_core.model.errors import Unavailable
from tests.support.clients import about, wait_until, write
from tests.support.gateways import add_person, addresses, gateway

pytestmark = pytest.mark.crash

OLD, NEW = "dora@a.example", "dora@c.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cast = (("alice", "a.example"), ("bob", "b.example"), ("carol", "c.example"))
    with World(tmp_path / "world", cast=cast) as made:
        yield made


def test_a_move_that_was_killed_is_finished_by_the_next_start(world: World) -> None:
    dora, words = add_person(world.alice, "dora")
    world.accept(world.bob, OLD)
    folder, program = world.alice.gateway_dir, world.alice.gateway
    code = run(["mx_core.homeserver", "invite", "--dir", str(world.sides[2].home_dir)]).strip()
    program.stop()
    program.environment["MX_FAILPOINT"] = "moved"
    program.start()
    with pytest.raises(Unavailable):
        gateway(folder, "account", "move", OLD, NEW, "--invite", code, stdin=words + "\n")
    status = program.wait(60)
    program.stop()
    del program.environment["MX_FAILPOINT"]

    program.start()
    wait_until(lambda: NEW in addresses(world))
    write(dataclasses.replace(dora, address=NEW), world.bob.known.address, "after-the-kill")
    wait_until(lambda: bool(about(world.bob.known, "after-the-kill")))

    assert status == -9, "the step was not reached"
    assert OLD not in addresses(world)
