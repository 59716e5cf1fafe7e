"""The reader's gateway killed around the counting of an invitation's use: one guest uses one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.clients import about, messages, wait_until, write
from tests.support.gateways import contact, invitation
from tests.support.worlds import TestedWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedWorld]:
    with TestedWorld(
        tmp_path_factory.mktemp("invited"), rates="user_burst = 60", acquainted=False
    ) as made:
        yield made


@pytest.mark.parametrize("step", ["stored", "acked"])
def test_a_use_is_counted_once_whenever_the_reader_is_killed(world: TestedWorld, step: str) -> None:
    bob = world.bob
    guest = world.add_person(world.alice, f"guest-{step}")
    link = invitation(bob, "--name", step, "--uses", "2", "--no-qr")
    contact(world.alice, "add", guest.address, link)
    bob.gateway.stop()
    bob.gateway.environment = {"MX_FAILPOINT": step}
    bob.gateway.start()
    try:
        write(guest, bob.address, f"let-me-in-{step}")
        status = bob.gateway.wait(60)
    finally:
        bob.gateway.stop()
        bob.gateway.environment = {}
        bob.gateway.start()
    write(guest, bob.address, f"once-more-{step}")
    wait_until(lambda: bool(about(bob.known, f"once-more-{step}")), 60)
    made = json.loads(contact(bob, "invitations", bob.address, "--json"))
    [used] = [one["used"] for one in made if one["name"] == step]
    told = b"used your invitation"
    notes = [one for one in messages(bob.known, "Gateway") if told in one and step.encode() in one]

    assert status == -9, "the step was not reached"
    assert used == 1
    assert len(about(bob.known, f"let-me-in-{step}")) == 1
    assert len(notes) == 1
