"""An echo answers each message once at most, and keeps none: over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.arriving.status_block import Mail, Status, render
from gateway.echo.answering import Answering
from gateway.echo.window import EACH_PER_HOUR
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import DiskFull
from mx_core.model.flags import ANSWERED
from mx_core.model.mailbox_name import INBOX, REQUESTS, MailboxName
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.outbox import OutboxTable

pytestmark = pytest.mark.anyio
OWN = Address.parse("echo@b.example")
ALICE = Address.parse("alice@a.example")
NOW = 1_790_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    opened = AccountStore.open(tmp_path / "echo", Secret(bytes(32)), lambda: NOW)
    yield opened
    opened.close()


def echo_over(store: AccountStore) -> Answering:
    return Answering(store, OWN, lambda: None, lambda: NOW)


async def put(
    store: AccountStore, mailbox: MailboxName, mail: Mail = Mail.NETWORK, answered: bool = False
) -> None:
    sender = ALICE if mail is Mail.NETWORK else None
    trust = "none" if sender is None else "implicit"
    octets = render(Status(mail, NOW, sender, trust), sender) + b"Subject: x\r\n\r\nx\r\n"
    flags = frozenset({ANSWERED}) if answered else frozenset()

    def job(writer: MailWriter) -> None:
        writer.append(writer.mailbox(mailbox).id, octets, prepare(octets), flags)

    await store.mail.write(job)


async def waiting(store: AccountStore) -> list[Address]:
    return [item.recipient for item in await store.outbox.unsettled()]


async def kept(store: AccountStore) -> int:
    return sum(box.messages for box in await store.mail.read(lambda mail: mail.mailboxes()))


async def test_a_stranger_and_a_contact_are_answered_and_nothing_is_kept(
    store: AccountStore,
) -> None:
    await put(store, REQUESTS)
    await put(store, INBOX)

    await echo_over(store).round()

    assert await waiting(store) == [ALICE, ALICE]
    assert await kept(store) == 0


async def test_a_report_is_not_answered_and_goes_too(store: AccountStore) -> None:
    await put(store, INBOX, Mail.REPORT)
    await put(store, MailboxName("Gateway"), Mail.REPORT)

    await echo_over(store).round()

    assert await waiting(store) == []
    assert await kept(store) == 0


async def test_blocked_mail_is_not_answered(store: AccountStore) -> None:
    await put(store, MailboxName("Junk"))

    await echo_over(store).round()

    assert await waiting(store) == []
    assert await kept(store) == 0


async def test_what_was_marked_before_a_crash_is_not_answered_a_second_time(
    store: AccountStore,
) -> None:
    await put(store, INBOX, answered=True)

    await echo_over(store).round()

    assert await waiting(store) == []
    assert await kept(store) == 0


async def test_a_full_disk_costs_an_answer_and_gives_no_second(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    await put(store, INBOX)
    with monkeypatch.context() as patched:
        patched.setattr(OutboxTable, "enqueue", full)
        with pytest.raises(DiskFull):
            await echo_over(store).round()

    await echo_over(store).round()

    assert await waiting(store) == []
    assert await kept(store) == 0


async def test_over_the_rate_nothing_is_answered_and_nothing_is_kept(store: AccountStore) -> None:
    for _ in range(EACH_PER_HOUR + 2):
        await put(store, INBOX)

    await echo_over(store).round()

    assert len(await waiting(store)) == EACH_PER_HOUR
    assert await kept(store) == 0


async def test_an_answer_that_waits_for_a_person_is_given_up(store: AccountStore) -> None:
    echo = echo_over(store)
    octets = b"Subject: x\r\n\r\nx\r\n"
    queue_id = await store.outbox.enqueue(Submission(OWN, (ALICE,), octets))
    await store.outbox.hold(queue_id, ALICE, "another passport")

    await echo.round()

    assert await waiting(store) == []


async def test_no_mailbox_shows_the_answer(store: AccountStore) -> None:
    await put(store, INBOX)
    await echo_over(store).round()

    def flags(writer: MailWriter) -> None:
        assert writer.mailbox(MailboxName("Outbox")).messages == 0
        assert writer.mailbox(MailboxName("Sent")).messages == 0
        writer.store_flags(writer.mailbox(INBOX).id, [], FlagChange.ADD, frozenset())

    await store.mail.write(flags)
