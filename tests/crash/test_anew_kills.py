"""Mail for a lost device, with each process killed at each step of sealing it anew: read once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import Program
from gateway.demo.world import World
from mx_core.mail_programs.mail_settings import MailSettings
from tests.crash.test_recovery_kills import up
from tests.support.clients import about, messages, wait_until, write
from tests.support.gateways import add_person, empty_home, gateway

# which process dies, and where; what follows is the way of any message, and is walked in full only
CASES = [
    ("reader", "unread"),
    ("reader", "told"),
    ("home", "passed"),
    ("writer", "asked"),
    *(
        pytest.param(*each, marks=pytest.mark.torture)
        for each in (("reader", "stored"), ("writer", "sealed"), ("writer", "sent"))
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("anew") / "world") as made:
        yield made


def on_new_computer(world: World, address: str, words: str) -> tuple[Path, MailSettings]:
    """Take *address* back with its sheet, on a computer that is then switched off."""
    fresh = empty_home(world.alice, f"fresh-{address.partition('@')[0]}")
    program = up(fresh)
    try:
        told = json.loads(gateway(fresh, "recover", address, "--json", stdin=words + "\n"))
        gateway(fresh, "contact", "accept", address, world.bob.address)
    finally:
        program.stop()
    return fresh, MailSettings(**told["settings"])


def restarted(victim: Program, step: str) -> None:
    victim.stop()
    victim.environment = {"MX_FAILPOINT": step} if step else {}
    victim.start()


def state_of(world: World) -> dict[str, int]:
    waiting: dict[str, int] = world.status(world.bob)["accounts"][0]["outbox"]
    return waiting


@pytest.mark.parametrize(("who", "step"), CASES)
def test_it_is_read_once(world: World, who: str, step: str) -> None:
    person = f"{who}-{step}"
    lost, words = add_person(world.alice, person)
    gateway(world.alice.gateway_dir, "contact", "accept", lost.address, world.bob.address)
    write(world.bob.known, lost.address, "known")
    wait_until(lambda: len(about(lost, "known")) == 1)
    world.alice.gateway.stop()
    fresh, settings = on_new_computer(world, lost.address, words)
    # by the old card, to the device that is gone
    write(world.bob.known, lost.address, "for-once")
    wait_until(lambda: not state_of(world))
    victims = {"home": world.bob.home, "writer": world.bob.gateway}
    victim = victims.get(who)
    if victim is not None:
        restarted(victim, step)
    reader = up(fresh, step if victim is None else "")
    try:
        status = (victim or reader).wait(60)
        if victim is None:
            reader.stop()
            reader = up(fresh)
        else:
            restarted(victim, "")
        wait_until(lambda: _subjects(settings).count("for-once") >= 1, 60)
        wait_until(lambda: not state_of(world), 60)
        subjects = _subjects(settings)
    finally:
        reader.stop()
        world.alice.gateway.start()

    assert status == -9, "the step was not reached"
    assert subjects.count("for-once") == 1


def _subjects(settings: MailSettings) -> list[str]:
    try:
        found = [*messages(settings, "INBOX"), *messages(settings, "Requests")]
    except OSError:
        return []  # the gateway is not up yet
    return [
        one.split(b"\r\nSubject: ", 1)[1].split(b"\r\n", 1)[0].decode()
        for one in found
        if b"\r\nSubject: " in one
    ]
