"""Which group of events a mailbox belongs to, and what happens when too much does."""

import pytest

from imap_out.session.state.notify import NEW, Notice, by_mailbox
from imap_out.wire.commands import EventGroup, Mailboxes
from mx_core.model.change import MailboxGone, MessagesAdded, NameChanged
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId, MessageId, ModSeq, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from tests.support.memory_mail import MemoryAccount, MemoryAccounts, MemoryMail, one_account
from tests.support.transcript import Transcript

WORK, BELOW = MailboxName("Work"), MailboxName("Work/Old")
EVENTS = frozenset({NEW})
NONE: FlagSet = frozenset()


@pytest.mark.parametrize(
    ("mailboxes", "names", "heard"),
    [
        (Mailboxes.PERSONAL, (), {INBOX, WORK, BELOW}),
        (Mailboxes.INBOXES, (), {INBOX}),
        (Mailboxes.SUBSCRIBED, (), {WORK}),
        (Mailboxes.SUBTREE, ("Work",), {WORK, BELOW}),
        (Mailboxes.SUBTREE, ("Wor", "inbox"), {INBOX}),
        (Mailboxes.NAMED, ("Work", "//"), {WORK}),
        (Mailboxes.SELECTED, (), set()),
        (Mailboxes.SELECTED_DELAYED, (), set()),
    ],
)
def test_a_group_is_about_these_mailboxes(
    mailboxes: Mailboxes, names: tuple[str, ...], heard: set[MailboxName]
) -> None:
    notice = Notice((EventGroup(mailboxes, names, EVENTS),))

    assert {name for name in (INBOX, WORK, BELOW) if notice.events_of(name, {WORK})} == heard


def test_the_first_group_that_is_about_a_mailbox_counts() -> None:
    notice = Notice(
        (EventGroup(Mailboxes.NAMED, ("Work",)), EventGroup(Mailboxes.PERSONAL, (), EVENTS))
    )

    assert notice.events_of(WORK, ()) == frozenset()
    assert notice.events_of(INBOX, ()) == EVENTS


def test_without_a_group_for_it_the_selected_mailbox_is_told_of_as_always() -> None:
    assert Notice((EventGroup(Mailboxes.PERSONAL),)).allows(NEW)
    assert not Notice((EventGroup(Mailboxes.SELECTED),)).allows(NEW)
    assert not Notice().allows(NEW)


def test_events_of_messages_are_gathered_by_mailbox() -> None:
    one, other = MailboxId(1), MailboxId(2)
    added = [
        MessagesAdded(box, ModSeq(5), (Uid(1),), (MessageId(1),), (NONE,)) for box in (one, other)
    ]

    assert by_mailbox([*added, NameChanged(None, WORK), MailboxGone(one, ModSeq(6))]) == {
        one: {NEW},
        other: {NEW},
    }


@pytest.mark.anyio
async def test_more_than_can_be_told_ends_it_and_says_so() -> None:
    """RFC 5465 §5.8."""
    mail = MemoryMail(watch_bound=3)
    address = next(iter(one_account().accounts.values())).address
    world = Transcript(MemoryAccounts(MemoryAccount(address, "secret", mail)))
    line = await world.open("")
    await line.feed(b"a NOTIFY SET (PERSONAL (MessageNew MessageExpunge))\r\n")
    for _ in range(4):
        await mail.deliver(b"x", "Sent")
    line.taken()
    await line.news()
    said = line.taken()
    await mail.deliver(b"x", "Sent")
    await line.news()

    assert said.startswith(b"* OK [NOTIFICATIONOVERFLOW]")
    assert line.taken() == b""
    await world.end()
    assert mail._watches == []
