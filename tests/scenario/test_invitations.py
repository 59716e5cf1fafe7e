"""A link lets one person find somebody who is closed, and write to their INBOX, without postage."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import run
from gateway.demo.world import Side
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.proto.federation_pb2 import ACCEPTED, Batch, BatchReply
from tests.support.clients import about, messages, status, wait_until, write
from tests.support.gateways import contact, invitation
from tests.support.worlds import TestedWorld

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedWorld]:
    with TestedWorld(
        tmp_path_factory.mktemp("invitations"),
        rates="user_burst = 60",
        acquainted=False,
        recorded=True,
    ) as made:
        run(["gateway", "--home", str(made.bob.gateway_dir)]
            + ["account", "reach", made.bob.address, "contacts"])  # fmt: skip
        yield made


def refused(side: Side, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--home", str(side.gateway_dir), "contact", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {65, 76}
    return done.stderr


def statuses(world: TestedWorld, side: Side) -> list[int]:
    """Return what every item was answered that a peer brought to *side*, in order."""
    folder: Path = world.recording(side)
    return [
        answer.status
        for asked, told in zip(
            sorted(folder.glob("*-DeliverBatch-in-*")),
            sorted(folder.glob("*-DeliverBatch-out-*")),
            strict=False,  # the last one may not be answered yet
        )
        if Batch.FromString(asked.read_bytes()).items
        for answer in BatchReply.FromString(told.read_bytes()).items
    ]


def test_one_link_lets_one_person_in_who_can_go_on_before_there_is_an_answer(
    world: TestedWorld,
) -> None:
    alice, bob = world.alice.known, world.bob.known
    ann = world.add_person(world.alice, "ann")
    link = invitation(world.bob, "--name", "fair", "--no-qr")

    told = contact(world.alice, "add", alice.address, link)
    assert f"{bob.address} is a contact; their key is the one that the link names" in told
    write(alice, bob.address, "first-letter", 9_000)
    wait_until(lambda: bool(about(bob, "first-letter")))

    wait_until(lambda: statuses(world, world.bob) != [])  # an item is seen before its answer
    assert statuses(world, world.bob) == [ACCEPTED], "no postage, and with its body"
    [known] = json.loads(contact(world.alice, "list", alice.address, "--json"))
    assert (known["tier"], known["mail"]) == ("endorsed", "accepted")
    [used] = json.loads(contact(world.bob, "invitations", bob.address, "--json"))
    assert (used["name"], used["used"], used["uses"]) == ("fair", 1, 1)
    note = b"used your invitation"
    wait_until(lambda: any(note in octets for octets in messages(bob, "Gateway")))

    wait_until(lambda: "used up or taken back" in _added(world, ann, link))
    write(alice, bob.address, "second-letter")
    wait_until(lambda: bool(about(bob, "second-letter")))
    wait_until(lambda: not status(world.alice)["outbox"])

    write(bob, alice.address, "answer")
    wait_until(lambda: bool(about(alice, "answer")))


def test_what_was_taken_back_opens_nothing_and_what_is_damaged_asks_nobody(
    world: TestedWorld,
) -> None:
    ann = world.add_person(world.alice, "anna")
    link = invitation(world.bob, "--uses", "3", "--no-qr")
    [made, *_] = json.loads(contact(world.bob, "invitations", world.bob.address, "--json"))

    assert "damaged" in refused(world.alice, "add", ann.address, link[:-4])
    contact(world.bob, "revoke", world.bob.address, str(made["id"]))

    wait_until(lambda: "used up or taken back" in _added(world, ann, link))


def _added(world: TestedWorld, who: MailSettings, link: str) -> str:
    """Try to open *link*; until the list of the home server has changed, it may still open."""
    try:
        return refused(world.alice, "add", who.address, link)
    except AssertionError:
        return ""
