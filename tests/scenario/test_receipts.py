"""A device's signed word over two real domains: in the next letter, or alone some hours later.

Whoever asked for success hears `relayed` from a mailbox that gives no receipts and `delivered`
from one that does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import run
from gateway.demo.world import Side, World
from gateway.receipts.owing import LATEST_SECONDS, SOONEST_SECONDS
from gateway.unlocking import master_key
from mx_core.db.database import Database
from mx_core.store.opening import MIGRATIONS
from tests.support.clients import about, imap, smtp, status, wait_until

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("receipts")) as made:
        yield made


def send(sender: Side, recipient: Side, subject: str) -> None:
    text = (
        f"From: {sender.address}\r\nTo: {recipient.address}\r\nSubject: {subject}\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@a.example>\r\n\r\nx\r\n"
    )
    with smtp(sender.known) as client:
        client.sendmail(sender.address, [recipient.address], text, rcpt_options=["NOTIFY=SUCCESS"])
    wait_until(lambda: bool(about(recipient.known, subject)))


def reports(side: Side, subject: str) -> list[bytes]:
    """Return the machine's word of every report about the message, oldest first."""
    return [
        octets.split(b"\r\nAction: ")[1].split(b"\r\n")[0]
        for octets in about(side.known, f": {subject}")
    ]


def keywords(side: Side, subject: str) -> bytes:
    """Return the flags of the copy in Sent."""
    with imap(side.known) as client:
        client.select("Sent", readonly=True)
        number = client.search(None, "SUBJECT", subject)[1][0].decode()
        told = client.fetch(number, "(FLAGS)")[1][0]
        assert isinstance(told, bytes)
        return told


def give(side: Side, answer: str) -> None:
    run(
        ["gateway", "--home", str(side.gateway_dir)] + ["account", "receipts", side.address, answer]
    )


def test_a_receipt_rides_in_the_next_letter_and_success_is_then_delivered(world: World) -> None:
    alice, bob = world.alice, world.bob
    give(bob, "no")
    send(alice, bob, "before-he-opts-in")
    give(bob, "yes")
    send(alice, bob, "after-he-opted-in")
    wait_until(lambda: len(reports(alice, "after-he-opted-in")) == 1)
    assert reports(alice, "after-he-opted-in") == [b"relayed"]
    assert b"$MXDelivered" not in keywords(alice, "after-he-opted-in")

    send(bob, alice, "any-letter-of-his")

    wait_until(lambda: len(reports(alice, "after-he-opted-in")) == 2)
    assert reports(alice, "after-he-opted-in") == [b"relayed", b"delivered"]
    assert b"$MXDelivered" in keywords(alice, "after-he-opted-in")
    # what came before he opted in was never signed for
    assert reports(alice, "before-he-opts-in") == [b"relayed"]
    assert b"$MXDelivered" not in keywords(alice, "before-he-opts-in")


def test_a_receipt_that_no_letter_takes_along_goes_alone_hours_later(world: World) -> None:
    alice, bob = world.alice, world.bob
    give(bob, "yes")
    send(alice, bob, "nobody-answers")
    wait_until(lambda: reports(alice, "nobody-answers") == [b"relayed"])
    now = time.time()
    bob.gateway.stop()

    due = hours_pass(bob)

    assert SOONEST_SECONDS - 60 < due - now <= LATEST_SECONDS + 1
    received = len(about(alice.known, ""))
    bob.gateway.start()
    wait_until(lambda: b"delivered" in reports(alice, "nobody-answers"))
    assert b"$MXDelivered" in keywords(alice, "nobody-answers")
    # it is no mail: what came is the report alone
    assert len(about(alice.known, "")) == received + 1
    assert not status(alice)["refused"]


def hours_pass(side: Side) -> int:
    """Let what the stopped gateway owes be due now; return when it would have been."""
    data = Path(side.gateway_dir) / "data"
    [folder] = (data / "accounts").iterdir()
    key = master_key.account_key(master_key.load(data), folder.name)
    database = Database.open(folder / "mail.db", migrations=MIGRATIONS, key=key)
    try:
        [(due,)] = database.glance(
            lambda connection: connection.exec_driver_sql("SELECT due FROM owed_receipt").all()
        )
        database.write_at_start(
            lambda tx: tx.exec_driver_sql("UPDATE owed_receipt SET due = 0").rowcount
        )
    finally:
        database.close()
    return int(due)
