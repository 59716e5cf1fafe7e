"""What a client asked to hear of, and what that means of a mailbox.  RFC 5465.  Pure decisions.

Of several groups the first that is about a mailbox counts (§3.1).  The selected mailbox belongs
to SELECTED or SELECTED-DELAYED alone; without either it is told of as if nobody had asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import ExitStack
from typing import Final

from msgspec import Struct, field

from imap_out.wire.commands import EventGroup, Mailboxes
from mx_core.model.change import (
    FlagsChanged,
    MailboxGone,
    MessagesAdded,
    MessagesExpunged,
    NameChanged,
    News,
    SubscriptionChanged,
)
from mx_core.model.errors import BadMailboxName
from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import DELIMITER, INBOX, MailboxName, mailbox_name
from mx_core.ports import Watch

NEW: Final = b"MESSAGENEW"
EXPUNGE: Final = b"MESSAGEEXPUNGE"
FLAGS: Final = b"FLAGCHANGE"
NAME: Final = b"MAILBOXNAME"
SUBSCRIPTION: Final = b"SUBSCRIPTIONCHANGE"
KNOWN: Final = (
    b"MessageNew", b"MessageExpunge", b"FlagChange", b"MailboxName", b"SubscriptionChange",
)  # fmt: skip
EVENTS: Final = frozenset(event.upper() for event in KNOWN)
OF_MESSAGES: Final = frozenset({NEW, EXPUNGE, FLAGS})
_SELECTED: Final = (Mailboxes.SELECTED, Mailboxes.SELECTED_DELAYED)


class Notice(Struct):
    """What is asked for; without groups nothing is told at all (NOTIFY NONE)."""

    groups: tuple[EventGroup, ...] = ()
    watch: Watch | None = None  # of the whole account
    resources: ExitStack = field(default_factory=ExitStack)  # closes the watch

    @property
    def selected(self) -> EventGroup | None:
        """Return what is asked of the selected mailbox."""
        return next((group for group in self.groups if group.mailboxes in _SELECTED), None)

    @property
    def pushes_selected(self) -> bool:
        """Tell whether news of the selected mailbox are told without a command."""
        return self.selected is not None

    @property
    def pushes_expunges(self) -> bool:
        """Tell whether numbers may change without a command."""
        return self.selected is not None and self.selected.mailboxes is Mailboxes.SELECTED

    def allows(self, event: bytes) -> bool:
        """Tell whether *event* of the selected mailbox is told."""
        if self.selected is not None:
            return event in self.selected.events
        return bool(self.groups)

    def events_of(self, name: MailboxName, subscribed: Collection[MailboxName]) -> frozenset[bytes]:
        """Return the events that are told of a mailbox that is not selected."""
        for group in self.groups:
            if group.mailboxes not in _SELECTED and _about(group, name, subscribed):
                return group.events
        return frozenset()


def _about(group: EventGroup, name: MailboxName, subscribed: Collection[MailboxName]) -> bool:
    match group.mailboxes:
        case Mailboxes.PERSONAL:
            return True
        case Mailboxes.INBOXES:
            return name == INBOX  # nothing else is delivered to from outside
        case Mailboxes.SUBSCRIBED:
            return name in subscribed
        case Mailboxes.NAMED:
            return name in _names(group.names)
        case Mailboxes.SUBTREE:
            return any(
                name == above or name.startswith(above + DELIMITER) for above in _names(group.names)
            )
        case _:
            return False


def _names(texts: Iterable[str]) -> list[MailboxName]:
    # what is no name, or names no mailbox, is ignored: RFC 5465 §6
    names: list[MailboxName] = []
    for text in texts:
        try:
            names.append(mailbox_name(text))
        except BadMailboxName:
            continue
    return names


def by_mailbox(news: Iterable[News]) -> dict[MailboxId, set[bytes]]:
    """Return which events happened to the messages of each mailbox."""
    happened: dict[MailboxId, set[bytes]] = {}
    for each in news:
        match each:
            case MessagesAdded():
                happened.setdefault(each.mailbox, set()).add(NEW)
            case MessagesExpunged():
                happened.setdefault(each.mailbox, set()).add(EXPUNGE)
            case FlagsChanged():
                happened.setdefault(each.mailbox, set()).add(FLAGS)
            case MailboxGone() | NameChanged() | SubscriptionChanged():
                pass  # told under its name
    return happened
