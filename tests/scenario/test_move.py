"""A move to another domain with mail in flight: nothing is lost, and whoever writes is led there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import run
from gateway.demo.world import Side, World
from tests.support.clients import about, arrives, messages, status, wait_until, write
from tests.support.gateways import add_person, addresses, gateway, tiers

pytestmark = pytest.mark.fleet

OLD, NEW = "dora@a.example", "dora@c.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cast = (("alice", "a.example"), ("bob", "b.example"), ("carol", "c.example"))
    with World(tmp_path / "world", cast=cast) as made:
        yield made


def move(world: World, words: str) -> None:
    code = run(["mx_core.homeserver", "invite", "--dir", str(world.sides[2].home_dir)]).strip()
    gateway(
        world.alice.gateway_dir, "account", "move", OLD, NEW, "--invite", code, stdin=words + "\n"
    )
    wait_until(lambda: NEW in addresses(world))


def forget_cards(side: Side) -> None:
    side.gateway.stop()
    side.gateway.start()


@pytest.mark.timeout(400)
def test_a_move_loses_nothing_and_leads_everybody_to_the_new_address(world: World) -> None:
    dora, words = add_person(world.alice, "dora")
    bob = world.bob.known
    gateway(world.alice.gateway_dir, "contact", "accept", OLD, bob.address)
    world.accept(world.bob, OLD)
    write(bob, OLD, "before-the-move")
    arrives(dora, "before-the-move")
    gateway(world.bob.gateway_dir, "contact", "verify", bob.address, OLD, "--yes")

    move(world, words)
    moved = dataclasses.replace(dora, address=NEW)  # its From; it logs in as before
    write(bob, OLD, "with-a-card-of-before")
    arrives(moved, "with-a-card-of-before")
    assert about(moved, "before-the-move")

    forget_cards(world.bob)
    write(bob, OLD, "led-to-the-new-address")
    arrives(moved, "led-to-the-new-address")
    assert tiers(world.bob)[NEW] == "verified"
    told = b"moved to this address"
    wait_until(lambda: any(told in octets for octets in messages(bob, "Gateway")))
    write(moved, bob.address, "from-the-new-address")
    arrives(bob, "from-the-new-address")
    [shown] = about(bob, "from-the-new-address")
    assert b"trust=verified" in shown

    world.alice.home.stop()  # the old domain is dead
    forget_cards(world.bob)
    write(bob, OLD, "the-old-domain-is-gone")
    arrives(moved, "the-old-domain-is-gone")
    wait_until(lambda: not status(world.bob)["outbox"])


@pytest.mark.timeout(400)
def test_a_domain_that_is_gone_holds_nobody_and_a_sealed_mail_tells(world: World) -> None:
    dora, words = add_person(world.alice, "dora")
    bob = world.bob.known
    world.accept(world.bob, OLD)
    gateway(world.alice.gateway_dir, "contact", "accept", OLD, bob.address)
    world.alice.home.stop()

    move(world, words)
    moved = dataclasses.replace(dora, address=NEW)
    write(moved, bob.address, "i-have-moved")
    arrives(bob, "i-have-moved")
    forget_cards(world.bob)
    write(bob, OLD, "to-the-dead-domain")
    arrives(moved, "to-the-dead-domain")
