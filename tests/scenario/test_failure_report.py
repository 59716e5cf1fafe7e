"""Mail that cannot arrive is told to its sender: once, in the INBOX, over restarts."""

import email
import email.message
import email.policy
import itertools
from email.message import EmailMessage
from typing import cast

import pytest

from gateway.arriving.status_block import Mail, parse
from gateway.demo.world import World
from tests.support.clients import about, smtp, status, wait_until
from tests.support.home_device import HomeDevice
from tests.support.mallory import RunningHome
from tests.support.worlds import vanish

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

_numbers = itertools.count(1)


async def _somebody_at_b(world: World) -> str:
    """Return the address of somebody new, who has no gateway here."""
    home = RunningHome(world.bob)
    async with HomeDevice(home, f"somebody{next(_numbers)}") as device:  # type: ignore[arg-type]
        await device.register(home.invite())
        return str(device.address)


def _send(world: World, subject: str, *recipients: str) -> None:
    text = (
        f"From: alice@a.example\r\nTo: {', '.join(recipients)}\r\nSubject: {subject}\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@a.example>\r\n"
        "\r\nthis text is returned to nobody\r\n"
    )
    with smtp(world.alice.known) as client:
        assert client.sendmail(world.alice.address, recipients, text.encode()) == {}


def _reports(world: World, subject: str) -> list[bytes]:
    """Return the reports in alice's INBOX about the message of that subject."""
    return about(world.alice.known, f": {subject}")


def _copies_at_bob(world: World, subject: str) -> int:
    return len(about(world.bob.known, subject))


def _is_settled(world: World) -> bool:
    return not status(world.alice)["outbox"]


async def test_a_failure_is_reported_once_and_harms_no_other_recipient(world: World) -> None:
    """Deliver 6: failure is reported to the sender's INBOX as an RFC 3464 report."""
    gone = await _somebody_at_b(world)
    _send(world, f"before-{gone.partition('@')[0]}", gone)
    wait_until(lambda: _is_settled(world))
    vanish(world.bob, gone)
    subject = f"after-{gone.partition('@')[0]}"

    # the card is held for a while: accepted here, refused by the home server of b.example
    _send(world, subject, gone, world.bob.address)

    wait_until(lambda: len(_reports(world, subject)) == 1)
    wait_until(lambda: _copies_at_bob(world, subject) == 1)
    wait_until(lambda: _is_settled(world))
    report = _reports(world, subject)[0]
    told = parse(report)
    assert told is not None
    assert told.mail is Mail.REPORT
    _is_rfc_3464(report, about=gone)
    world.alice.gateway.stop()
    world.alice.gateway.start()
    assert len(_reports(world, subject)) == 1


async def test_a_failure_is_reported_once_over_restarts_of_everything(world: World) -> None:
    """Deliver 6: delivery is retried over restarts, and its end is told exactly once."""
    gone = await _somebody_at_b(world)
    _send(world, f"before-{gone.partition('@')[0]}", gone, world.bob.address)
    wait_until(lambda: _is_settled(world))
    subject = f"waits-{gone.partition('@')[0]}"

    world.alice.home.stop()
    # known contacts: accepted although nothing can leave now
    _send(world, subject, gone, world.bob.address)
    world.alice.gateway.kill()
    world.alice.gateway.start()
    assert not _is_settled(world)
    vanish(world.bob, gone)
    world.alice.home.start()

    wait_until(lambda: len(_reports(world, subject)) == 1)
    wait_until(lambda: _copies_at_bob(world, subject) == 1)
    wait_until(lambda: _is_settled(world))
    _is_rfc_3464(_reports(world, subject)[0], about=gone)
    world.alice.gateway.stop()
    world.alice.gateway.start()
    assert len(_reports(world, subject)) == 1
    assert _copies_at_bob(world, subject) == 1


def _is_rfc_3464(octets: bytes, about: str) -> None:
    report = email.message_from_bytes(octets, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"] == "auto-replied"
    words, machine, returned = list(report.iter_parts())
    assert about in words.get_content()
    assert machine.get_content_type() == "message/delivery-status"
    _, recipient = cast("list[EmailMessage]", machine.get_payload())
    assert recipient["Final-Recipient"] == f"rfc822; {about}"
    assert recipient["Action"] == "failed"
    assert recipient["Status"] == "5.1.1"
    assert returned.get_content_type() == "text/rfc822-headers"
    assert b"this text is returned to nobody" not in octets
