"""Mailboxes in memory: rows of messages, and the state of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from mx_core.model.flags import FlagSet
from mx_core.model.ids import GlobalId, MailboxId, MessageId, ModSeq, Uid, UidValidity
from mx_core.model.mailbox_name import MailboxName

FIRST = Uid(1)
START = ModSeq(1)


@dataclass
class Row:
    uid: Uid
    message: MessageId
    flags: FlagSet
    modseq: ModSeq
    date: int
    global_id: GlobalId


@dataclass
class Box:
    id: MailboxId
    name: MailboxName
    special_use: str
    uid_validity: UidValidity
    uid_next: Uid = FIRST
    first_recent: Uid = FIRST
    modseq: ModSeq = START
    rows: list[Row] = field(default_factory=list)
    saved: dict[Uid, int] = field(default_factory=dict)  # of expunged messages too
    vanished: dict[Uid, ModSeq] = field(default_factory=dict)
    rule: str = ""  # of a folder; see memory_folders
    shows: dict[Uid, tuple[MailboxId, Uid]] = field(default_factory=dict)


@dataclass
class State:
    boxes: dict[MailboxId, Box] = field(default_factory=dict)
    subscribed: set[MailboxName] = field(default_factory=set)
    modseq: int = 1
    next_id: int = 1
