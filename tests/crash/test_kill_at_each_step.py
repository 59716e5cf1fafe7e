"""SIGKILL of each process at every durable step: what was accepted arrives exactly once.

The steps are named in ``mx_core.db.failpoint``; each process reaches some of them.  Those of the
search index, which delivers nothing, are killed at in its own tests.
"""

import smtplib
import time
from collections.abc import Iterator

import pytest

from gateway.demo.processes import Program
from gateway.demo.world import World
from mx_core.db.failpoint import MAIL_STEPS
from tests.support.clients import messages, smtp, wait_until

# process → the steps it reaches while alice writes to bob, in the order of the flow
REACHED = {
    "gateway alice": ("accepted", "committed", "replied", "shown", "sealed", "sent", "acked"),
    "home a.example": ("accepted", "committed", "replied", "sent", "acked", "deleted"),
    "home b.example": ("accepted", "stored", "committed", "replied", "acked", "deleted"),
    "gateway bob": ("stored", "acked"),
}
ATTEMPTS = 60  # half a second apart
CASES = [(name, step) for name, steps in REACHED.items() for step in steps]


@pytest.fixture(scope="module")
def own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("crash")) as made:
        yield made


def program(world: World, name: str) -> Program:
    kind, _, whose = name.partition(" ")
    side = next(s for s in world.sides if whose in (s.person, s.domain))
    return side.home if kind == "home" else side.gateway


def text(world: World, subject: str) -> bytes:
    return (
        f"From: {world.alice.address}\r\nTo: {world.bob.address}\r\nSubject: {subject}\r\n"
        "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
        f"Message-ID: <{subject}@crash.example>\r\n\r\nstill here\r\n"
    ).encode()


def submit(world: World, subject: str) -> bool:
    """Return whether 250 was said.  A 450 is heard again: the gateway may not have come back yet."""
    for _ in range(ATTEMPTS):
        try:
            with smtp(world.alice.known) as client:
                client.sendmail(world.alice.address, [world.bob.address], text(world, subject))
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, sentence),) = refused.recipients.values()
            assert code == 450, sentence
            time.sleep(0.5)
        except (smtplib.SMTPException, OSError):
            return False
        else:
            return True
    raise AssertionError("the recipient was never accepted")


def copies(world: World, subject: str) -> int:
    return sum(f"Subject: {subject}\r\n".encode() in octets for octets in messages(world.bob.known))


def outbox_is_empty(world: World) -> bool:
    return not world.status(world.alice)["accounts"][0]["outbox"]


@pytest.mark.parametrize(("name", "step"), CASES, ids=lambda value: str(value).replace(" ", "-"))
def test_what_was_accepted_arrives_exactly_once(own_world: World, name: str, step: str) -> None:
    subject = f"{step} {name}".replace(" ", "-")
    victim = program(own_world, name)
    victim.stop()
    victim.environment = {"MX_FAILPOINT": step}
    victim.start()
    try:
        accepted = submit(own_world, subject)
        status = victim.wait(50)
    finally:  # whatever was not reached, the next case finds a whole world
        victim.stop()
        victim.environment = {}
        victim.start()
    if not accepted:
        assert submit(own_world, subject)  # as a mail program does that got no answer

    assert status == -9, "the step was not reached"
    # SMTP can not tell "not taken" from "taken, and the answer was lost" (RFC 1047)
    expected = 2 if not accepted and step == "committed" else 1
    wait_until(lambda: copies(own_world, subject) >= expected)
    wait_until(lambda: outbox_is_empty(own_world))
    assert copies(own_world, subject) == expected


def test_every_step_is_reached_by_some_process() -> None:
    reached = {step for steps in REACHED.values() for step in steps}

    assert reached == set(MAIL_STEPS)
