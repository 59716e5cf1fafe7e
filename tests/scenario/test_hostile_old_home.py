"""The domain that a person leaves is hostile: they get away, contacts follow, and they are told."""

from __future__ import annotations

import contextlib
import dataclasses
import smtplib
from collections.abc import Iterator

import pytest

from gateway.demo.processes import run
from gateway.demo.world import Side, World
from mx_core.mail_programs.mail_settings import MailSettings
from tests.support.clients import about, arrives, wait_until, write
from tests.support.gateways import add_person, gateway, tiers

pytestmark = pytest.mark.fleet

SAID = {
    "refuses": (b"did not take the move", b"does not show to others"),
    "hides": (b"does not show to others that you have moved",),
    "another": (b"shows keys of somebody else",),
    "keeps": (b"did not take the move", b"gives out nothing of what waits"),
}
SPOOLED = "to-whoever-is-there-now"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    cast = (("alice", "a.example"), ("bob", "b.example"), ("carol", "c.example"))
    with World(tmp_path_factory.mktemp("w") / "world", cast=cast) as made:
        yield made


@contextlib.contextmanager
def lying(side: Side, lie: str) -> Iterator[None]:
    """Have the home server of *side* lie from now on."""
    home, honest = side.home, side.home.arguments
    home.stop()
    home.arguments = ["tests.support.hostile_home", lie, *honest[1:]]
    home.start()
    try:
        yield
    finally:
        home.stop()
        home.arguments = honest
        home.start()


def move(world: World, old: str, new: str, words: str) -> None:
    code = run(["mx_core.homeserver", "invite", "--dir", str(world.sides[2].home_dir)]).strip()
    folder = world.alice.gateway_dir
    gateway(folder, "account", "move", old, new, "--invite", code, stdin=words + "\n")


def spool(side: Side, to: str, subject: str) -> None:
    """Hand over by ``mx-sendmail`` while nobody is there to say no: it is held instead."""
    text = f"From: {side.address}\nTo: {to}\nSubject: {subject}\n\nsealed\n"
    gateway(side.gateway_dir, "sendmail", "-oi", to, stdin=text)


def all_left(side: Side) -> bool:
    """Tell whether nothing of *side* waits any more, at its gateway or its home server."""
    if gateway(side.gateway_dir, "queue"):
        return False
    return not run(["mx_core.homeserver", "queue", "list", "--dir", str(side.home_dir)])


def held(side: Side, subject: str) -> bool:
    return bool(about(side.known, subject, "Outbox"))


def plain(settings: MailSettings, subject: str) -> list[bytes]:
    """Return the letters of that subject, each on one line."""
    found = about(settings, subject)
    return [one.replace(b"=\r\n", b"").replace(b"\r\n", b" ") for one in found]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("lie", list(SAID))
def test_a_hostile_old_domain_keeps_nobody_and_the_person_is_told_once(
    world: World, lie: str
) -> None:
    old, new = f"{lie}@a.example", f"{lie}@c.example"
    dora, words = add_person(world.alice, lie)
    bob = world.bob.known
    world.accept(world.bob, old)
    gateway(world.alice.gateway_dir, "contact", "accept", old, bob.address)
    write(bob, old, f"{lie}-before")
    arrives(dora, f"{lie}-before")
    gateway(world.bob.gateway_dir, "contact", "verify", bob.address, old, "--yes")

    with lying(world.alice, lie):
        write(bob, old, f"{lie}-in-flight")
        wait_until(lambda: all_left(world.bob))  # a.example has it
        move(world, old, new, words)
        moved = dataclasses.replace(dora, address=new)
        if lie != "keeps":  # what it gives out is had
            arrives(moved, f"{lie}-in-flight")

        wait_until(lambda: bool(plain(moved, "does not go along with your move")), 120)
        [letter] = plain(moved, "does not go along with your move")
        for words_said in SAID[lie]:
            assert words_said in letter
        assert bob.address.encode() in letter

        world.bob.gateway.stop()
        if lie == "another":
            spool(world.bob, old, SPOOLED)
        world.bob.gateway.start()  # and has forgotten all cards
        if lie == "another":
            # nothing goes to the stranger; what could not be refused waits
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                write(bob, old, "to-a-stranger")
            wait_until(lambda: held(world.bob, SPOOLED), 120)
        write(moved, bob.address, f"{lie}-i-have-moved")
        arrives(bob, f"{lie}-i-have-moved")
        assert b"trust=verified" in about(bob, f"{lie}-i-have-moved")[0]
        if lie == "another":
            arrives(moved, SPOOLED)  # by itself: now it is known where they are
        write(bob, old, f"{lie}-follows")
        arrives(moved, f"{lie}-follows")
        assert tiers(world.bob)[new] == "verified"
        assert len(plain(moved, "does not go along with your move")) == 1
        assert about(moved, f"{lie}-before")

    if lie == "keeps":  # what it kept back is had as soon as it gives it out
        arrives(moved, f"{lie}-in-flight")
