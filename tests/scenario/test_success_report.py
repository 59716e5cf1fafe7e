"""Who asks for it is told when the recipient's domain holds the message."""

import pytest

from gateway.arriving.status_block import Mail, parse
from gateway.demo.world import World
from tests.support.clients import about, smtp, status, wait_until

pytestmark = pytest.mark.fleet


def test_success_is_reported_as_relayed_with_the_senders_own_names(world: World) -> None:
    text = (
        f"From: {world.alice.address}\r\nTo: {world.bob.address}\r\nSubject: told-of-success\r\n"
        "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <success@a.example>\r\n\r\nx\r\n"
    )
    with smtp(world.alice.known) as client:
        client.sendmail(
            world.alice.address,
            [world.bob.address],
            text,
            mail_options=["ENVID=my+20name"],
            rcpt_options=["NOTIFY=SUCCESS", f"ORCPT=rfc822;{world.bob.address.title()}"],
        )
    wait_until(lambda: bool(about(world.alice.known, ": told-of-success")))
    wait_until(lambda: not status(world.alice)["outbox"])
    (report,) = about(world.alice.known, ": told-of-success")
    told = parse(report)

    assert told is not None
    assert told.mail is Mail.REPORT
    assert b"Action: relayed" in report
    assert b"Original-Envelope-Id: my name" in report
    assert f"Original-Recipient: rfc822; {world.bob.address.title()}".encode() in report
