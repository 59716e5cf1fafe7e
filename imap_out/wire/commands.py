"""Commands as values: what a client can ask, one class each.  No behaviour.

A mailbox is the *text* its spelling stands for, not yet judged as a name (`model.mailbox_name`
does that, so a bad name is a NO and not a BAD).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from msgspec import Struct

from imap_out.wire.fetch_items import FetchItem
from imap_out.wire.search_keys import SearchKey
from imap_out.wire.search_return import Partial, Returning
from imap_out.wire.sequence_set import SequenceSet
from imap_out.wire.sorting import Criterion, Threading
from mx_core.model.flags import Flag
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange


class Capability(Struct, frozen=True):
    """RFC 9051 §6.1.1."""


class Noop(Struct, frozen=True):
    """RFC 9051 §6.1.2."""


class Logout(Struct, frozen=True):
    """RFC 9051 §6.1.3."""


class Id(Struct, frozen=True):
    """RFC 2971 §3.1; of what the client says of itself only its name is read."""

    name: bytes = b""


class StartTls(Struct, frozen=True):
    """RFC 9051 §6.2.1."""


class Compress(Struct, frozen=True):
    """RFC 4978 §3."""

    mechanism: bytes


@dataclass(frozen=True, slots=True)
class Authenticate:
    """RFC 9051 §6.2.2; *initial* is the still encoded initial response of RFC 4959."""

    mechanism: bytes
    initial: Secret[bytes] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Login:
    """RFC 9051 §6.2.3."""

    username: bytes
    password: Secret[bytes] = field(compare=False)


class Enable(Struct, frozen=True):
    """RFC 9051 §6.3.1."""

    extensions: tuple[bytes, ...]


class Resync(Struct, frozen=True):
    """What a client remembers of a mailbox.  RFC 7162 §3.2.5."""

    uid_validity: int
    modseq: int
    known: SequenceSet | None = None  # UIDs; None: all below the next
    match: tuple[SequenceSet, SequenceSet] | None = None  # numbers and UIDs at that time


class Select(Struct, frozen=True):
    """SELECT, or EXAMINE if *read_only*.  RFC 9051 §6.3.2, §6.3.3, RFC 7162 §3.1.8, §3.2.5."""

    mailbox: str
    read_only: bool = False
    condstore: bool = False
    resync: Resync | None = None


class Create(Struct, frozen=True):
    """RFC 9051 §6.3.4, RFC 6154 §3 (USE)."""

    mailbox: str
    special_use: tuple[bytes, ...] = ()


class Delete(Struct, frozen=True):
    """RFC 9051 §6.3.5."""

    mailbox: str


class Rename(Struct, frozen=True):
    """RFC 9051 §6.3.6."""

    old: str
    new: str


class Subscribe(Struct, frozen=True):
    """SUBSCRIBE, or UNSUBSCRIBE.  RFC 9051 §6.3.7, §6.3.8."""

    mailbox: str
    subscribed: bool = True


class List(Struct, frozen=True):
    """LIST with RFC 5258 selection and return options, and STATUS of RFC 5819."""

    reference: str
    patterns: tuple[str, ...]
    extended: bool = False  # any syntax of RFC 5258 was used
    selecting: frozenset[bytes] = frozenset()  # SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE
    returning: frozenset[bytes] = frozenset()  # SUBSCRIBED CHILDREN SPECIAL-USE
    status: tuple[bytes, ...] = ()


class Lsub(Struct, frozen=True):
    """RFC 3501 §6.3.9."""

    reference: str
    pattern: str


class Namespace(Struct, frozen=True):
    """RFC 2342 §5."""


class Status(Struct, frozen=True):
    """RFC 9051 §6.3.11, with RECENT of RFC 3501."""

    mailbox: str
    items: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message of an APPEND."""

    octets: bytes = field(repr=False)
    flags: frozenset[Flag] = frozenset()
    date: int | None = None
    binary: bool = False  # sent as literal8 (RFC 3516 §4.4): it may hold NUL


class Append(Struct, frozen=True):
    """RFC 9051 §6.3.12; several messages are RFC 3502."""

    mailbox: str
    messages: tuple[NewMessage, ...]


class Replace(Struct, frozen=True):
    """REPLACE of one message, or UID REPLACE.  RFC 8508 §3."""

    number: int
    mailbox: str
    message: NewMessage
    by_uid: bool = False


class GetQuota(Struct, frozen=True):
    """RFC 9208 §4.2."""

    root: bytes


class GetQuotaRoot(Struct, frozen=True):
    """RFC 9208 §4.3."""

    mailbox: str


class SetQuota(Struct, frozen=True):
    """RFC 9208 §4.4; QUOTASET is never announced, and what was asked is not kept."""


class Idle(Struct, frozen=True):
    """RFC 2177 §3."""


class Mailboxes(Enum):
    """Which mailboxes a group of events is about.  RFC 5465 §6."""

    SELECTED = b"SELECTED"
    SELECTED_DELAYED = b"SELECTED-DELAYED"
    INBOXES = b"INBOXES"
    PERSONAL = b"PERSONAL"
    SUBSCRIBED = b"SUBSCRIBED"
    SUBTREE = b"SUBTREE"
    NAMED = b"MAILBOXES"


class EventGroup(Struct, frozen=True):
    """Events, in upper case, of some mailboxes; *items* are fetched of each new message."""

    mailboxes: Mailboxes
    names: tuple[str, ...] = ()
    events: frozenset[bytes] = frozenset()
    items: tuple[FetchItem, ...] = ()


class Notify(Struct, frozen=True):
    """RFC 5465 §3.1; without groups NOTIFY NONE."""

    groups: tuple[EventGroup, ...]
    status: bool = False


class Check(Struct, frozen=True):
    """RFC 3501 §6.4.1."""


class Close(Struct, frozen=True):
    """RFC 9051 §6.4.1."""


class Unselect(Struct, frozen=True):
    """RFC 9051 §6.4.2."""


class Expunge(Struct, frozen=True):
    """EXPUNGE, or UID EXPUNGE of *uids*.  RFC 9051 §6.4.3, §6.4.9."""

    uids: SequenceSet | None = None


class Search(Struct, frozen=True):
    """RFC 3501 §6.4.4; *returning* makes the answer an ESEARCH (RFC 4731 §3.1)."""

    key: SearchKey
    charset: bytes | None = None
    by_uid: bool = False
    returning: Returning | None = None


class Sort(Struct, frozen=True):
    """RFC 5256 §3; *returning* makes the answer an ESEARCH (RFC 5267 §3)."""

    criteria: tuple[Criterion, ...]
    key: SearchKey
    charset: bytes
    by_uid: bool = False
    returning: Returning | None = None


class Thread(Struct, frozen=True):
    """RFC 5256 §3."""

    algorithm: Threading
    key: SearchKey
    charset: bytes
    by_uid: bool = False


class Fetch(Struct, frozen=True):
    """RFC 9051 §6.4.5; macros are spelled out."""

    which: SequenceSet
    items: tuple[FetchItem, ...]
    by_uid: bool = False
    changed_since: int | None = None  # RFC 7162 §3.1.4.1
    vanished: bool = False  # RFC 7162 §3.2.6
    partial: Partial | None = None  # RFC 9394 §3.3


class Store(Struct, frozen=True):
    """RFC 9051 §6.4.6."""

    which: SequenceSet
    change: FlagChange
    flags: frozenset[Flag]
    silent: bool = False
    by_uid: bool = False
    unchanged_since: int | None = None  # RFC 7162 §3.1.3


class Copy(Struct, frozen=True):
    """COPY, or MOVE.  RFC 9051 §6.4.7, §6.4.8."""

    which: SequenceSet
    mailbox: str
    move: bool = False
    by_uid: bool = False


Command = (
    Capability | Noop | Logout | Id | StartTls | Compress | Authenticate | Login | Enable | Select | Create
    | Delete | Rename | Subscribe | List | Lsub | Namespace | Status | Append | Idle | Check
    | Close | Unselect | Expunge | Search | Sort | Thread | Fetch | Store | Copy | Replace
    | GetQuota | GetQuotaRoot | SetQuota | Notify
)  # fmt: skip
