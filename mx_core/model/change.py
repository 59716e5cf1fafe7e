"""What a commit changed in an account's mail, as those are told who follow it.  Values only."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from mx_core.model.flag_column import Turns
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId, MessageId, ModSeq, Uid
from mx_core.model.mailbox_name import MailboxName


class MessagesAdded(Struct, frozen=True):
    """New messages, ascending by UID."""

    mailbox: MailboxId
    modseq: ModSeq
    uids: tuple[Uid, ...]
    messages: tuple[MessageId, ...]
    flags: tuple[FlagSet, ...]


class FlagsChanged(Struct, frozen=True):
    """Whose flags changed, ascending by UID, and what has become of each set that one of them had."""

    mailbox: MailboxId
    modseq: ModSeq
    uids: Sequence[Uid]
    turns: Turns


class MessagesExpunged(Struct, frozen=True):
    """Messages that are gone, ascending by UID."""

    mailbox: MailboxId
    modseq: ModSeq
    uids: tuple[Uid, ...]


class MailboxGone(Struct, frozen=True):
    """The mailbox was deleted; a session that has it selected is told so."""

    mailbox: MailboxId
    modseq: ModSeq


Change = MessagesAdded | FlagsChanged | MessagesExpunged | MailboxGone


class NameChanged(Struct, frozen=True):
    """A mailbox was made (no old name), renamed, or deleted (no new name)."""

    old: MailboxName | None
    new: MailboxName | None
    by_rule: bool = False  # it is a folder, which some logins are not shown (spec/folders §1)


class SubscriptionChanged(Struct, frozen=True):
    """A name was subscribed, or is no longer."""

    name: MailboxName
    subscribed: bool


News = Change | NameChanged | SubscriptionChanged
