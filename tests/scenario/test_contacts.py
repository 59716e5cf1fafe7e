"""Keys that two people compare, and a key that changed: seen, held, accepted, sent."""

import json
import smtplib
import subprocess
import sys
from typing import Any

import pytest

from gateway.demo.processes import run
from gateway.demo.world import Side, World
from tests.support.clients import about, messages, status, wait_until, write
from tests.support.home_device import HomeDevice
from tests.support.mallory import RunningHome
from tests.support.worlds import vanish

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


def contact(side: Side, verb: str, *arguments: str) -> str:
    return run(
        ["gateway", "--home", str(side.gateway_dir), "contact", verb, side.address, *arguments]
    )


def refused(side: Side, verb: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--home", str(side.gateway_dir)]
        + ["contact", verb, side.address, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def words(side: Side, address: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(contact(side, "words", address, "--json"))
    return answer


def tier(side: Side, address: str) -> str:
    found = json.loads(contact(side, "list", "--json"))
    return str({one["address"]: one["tier"] for one in found}[address])


def forget_cards(world: World) -> None:
    """Start alice's gateway anew: cards are kept in memory, pins are not."""
    world.alice.gateway.stop()
    world.alice.gateway.start()


async def test_two_people_see_the_same_words_and_a_verification_is_kept(world: World) -> None:
    write(world.alice.known, world.bob.address, "compare")
    wait_until(lambda: bool(about(world.bob.known, "compare")))
    mine, theirs = words(world.alice, world.bob.address), words(world.bob, world.alice.address)

    assert mine["words"] == theirs["words"]
    assert len(set(mine["words"])) > 8
    assert tier(world.alice, world.bob.address) == "implicit"
    assert refused(world.alice, "verify", world.bob.address, "--code", mine["code"])[0] != 0
    assert tier(world.alice, world.bob.address) == "implicit"

    contact(world.alice, "verify", world.bob.address, "--code", theirs["code"])
    contact(world.bob, "verify", world.alice.address, "--yes")

    assert tier(world.alice, world.bob.address) == "verified"
    write(world.alice.known, world.bob.address, "verified")
    wait_until(lambda: bool(about(world.bob.known, "verified")))
    (shown,) = [
        octets for octets in messages(world.bob.known) if b"Subject: verified\r\n" in octets
    ]
    assert b"trust=verified" in shown


async def test_a_key_that_is_renewed_holds_up_no_mail_and_keeps_the_verification(
    world: World,
) -> None:
    dora = world.add_person(world.bob, "dora")
    write(world.alice.known, dora.address, "before-all")
    wait_until(lambda: bool(about(dora, "before-all", "Requests")))
    contact(world.alice, "verify", dora.address, "--yes")
    write(world.alice.known, dora.address, "before-the-rotation")
    run(["gateway", "--home", str(world.bob.gateway_dir), "account", "rotate", dora.address])
    forget_cards(world)
    write(world.alice.known, dora.address, "after-the-rotation")

    for subject in ("before-the-rotation", "after-the-rotation"):
        wait_until(lambda subject=subject: bool(about(dora, subject, "Requests")))  # type: ignore[misc]
    assert tier(world.alice, dora.address) == "verified"
    told = b"renewed their key"
    wait_until(lambda: any(told in octets for octets in messages(world.alice.known, "Gateway")))


async def test_somebody_unknown_is_told_to_be_unknown(world: World) -> None:
    code, sentence = refused(world.alice, "words", "nobody@b.example")

    assert code == 65
    assert sentence.startswith("mx-gateway: nobody@b.example has not written to you")


async def test_mail_to_a_changed_key_is_held_until_the_person_accepts_it(world: World) -> None:
    home = RunningHome(world.bob)
    async with HomeDevice(home, "changing") as device:  # type: ignore[arg-type]
        await device.register(home.invite())
        address = str(device.address)
    write(world.alice.known, address, "before-the-change")
    wait_until(lambda: not status(world.alice)["outbox"])
    vanish(world.bob, address)
    async with HomeDevice(home, "changing") as device:  # type: ignore[arg-type]
        await device.register(home.invite())
    forget_cards(world)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        write(world.alice.known, address, "refused-at-once")
    world.alice.home.stop()  # accepted while nobody can be asked, and found out afterwards
    forget_cards(world)
    write(world.alice.known, address, "after-the-change")
    world.alice.home.start()
    wait_until(lambda: status(world.alice)["outbox"] == {"held": 1})
    told = contact(world.alice, "accept", address)

    ((code, sentence),) = refusal.value.recipients.values()
    assert code == 550
    assert f"contact accept {world.alice.address} {address}".encode() in sentence

    assert "1 held messages go on" in told
    wait_until(lambda: not status(world.alice)["outbox"])
    assert tier(world.alice, address) == "implicit"
