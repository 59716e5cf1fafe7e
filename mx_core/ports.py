"""The narrow interfaces between the front doors, the flows, and what stands behind them.

A front door sees of the core only this module, ``model`` and the pure ``mime``.  Jobs are
synchronous functions given to ``read`` and ``write``: a transaction cannot await.
Whoever implements a port says what is durable when the call returns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol, TypeVar

from msgspec import Struct

from mx_core.keys_port import KeysReader
from mx_core.model.address import Address
from mx_core.model.change import News
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.ids import (
    GlobalId,
    MailboxId,
    MessageId,
    ModSeq,
    QueueId,
    Uid,
    UidValidity,
)
from mx_core.model.long_octets import LongOctets
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.message import Fact, FactColumns, InHand, MessageForm, Submission, Whole
from mx_core.model.octets import Octets
from mx_core.model.secret import Secret
from mx_core.model.snapshot import Snapshot
from mx_core.model.text_hits import TextHits

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


# ── mail at rest ─────────────────────────────────────────────────────────────────────
class MailboxInfo(Struct, frozen=True):
    """One mailbox as LIST and STATUS show it; counters are kept, never counted on demand."""

    id: MailboxId
    name: MailboxName
    global_id: GlobalId
    special_use: str  # "\\Sent" …, or ""
    subscribed: bool
    uid_validity: UidValidity
    uid_next: Uid
    highest_modseq: ModSeq
    messages: int
    unseen: int
    deleted: int
    recent: int
    size: int
    rule: str = ""  # of a folder that shows what is in other mailboxes; spec/folders


class NewMail(Struct, frozen=True):
    """A message to be stored; *form* is prepared from *octets*, best with its keys.

    None: the store makes it, if ``MailStore.forms_may_wait`` has said so.
    """

    octets: Octets
    form: MessageForm | None
    flags: FlagSet
    internal_date: int | None = None  # unix seconds; None: now


class Appended(Struct, frozen=True):
    """Where a message went.  RFC 4315 §3 (APPENDUID)."""

    uid_validity: UidValidity
    uid: Uid


class Copied(Struct, frozen=True):
    """Pairs of a COPY or MOVE, in ascending source UID.  RFC 4315 §3 (COPYUID)."""

    uid_validity: UidValidity
    source: tuple[Uid, ...]
    target: tuple[Uid, ...]


class FlagChange(Enum):
    """How STORE combines.  RFC 9051 §6.4.6."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


class MailReader(KeysReader, Protocol):
    """What a read job may ask; one consistent snapshot of the database throughout the job."""

    def mailboxes(self) -> list[MailboxInfo]:
        """Return all mailboxes, in order of name."""

    def subscriptions(self) -> list[MailboxName]:
        """Return subscribed names; a name may have no mailbox (RFC 9051 §6.3.7)."""

    def mailbox(self, name: MailboxName) -> MailboxInfo:
        """Raises NoSuchMailbox."""

    def snapshot(self, mailbox: MailboxId) -> Snapshot:
        """Raises NoSuchMailbox if it was deleted meanwhile."""

    def changed_since(self, mailbox: MailboxId, uids: Sequence[Uid], modseq: int) -> set[Uid]:
        """Return those of *uids* that changed after *modseq* (UNCHANGEDSINCE, RFC 7162 §3.1.3)."""

    def vanished_since(self, mailbox: MailboxId, modseq: int) -> list[Uid]:
        """Return the UIDs expunged after *modseq*, ascending, from tombstones (RFC 7162 §3.2)."""

    def forms(self, messages: Sequence[MessageId]) -> list[MessageForm]:
        """Return the prepared forms in the order asked, expunged ones included while kept."""

    def facts(self, messages: Sequence[MessageId], asked: Sequence[Fact]) -> FactColumns:
        """Return each fact of the first of *messages*: of at least one, and about 1 MiB."""

    def sizes_and_dates(self, messages: Sequence[MessageId]) -> list[tuple[int, int]]:
        """Return (RFC822.SIZE, INTERNALDATE as unix seconds) for each."""

    def octets(self, message: MessageId, start: int = 0, end: int | None = None) -> bytes:
        """Return octets[start:end]; raises StoreDamaged."""

    def opened(self, message: MessageId) -> Octets:
        """Return the octets, to be read after the job too; raises as ``octets``, then too."""

    def wholes(self, messages: Sequence[MessageId], octets_max: int) -> list[Whole]:
        """Return the first of *messages* whole: of at least one, and about *octets_max*."""

    def global_ids(self, messages: Sequence[MessageId]) -> list[GlobalId]:
        """Return the ids that follow a message through COPY and MOVE (EMAILID)."""

    def save_dates(self, mailbox: MailboxId, uids: Sequence[Uid]) -> list[int]:
        """Return for each UID, as unix seconds, when it came into *mailbox* (RFC 8514)."""


class MailWriter(MailReader, Protocol):
    """What a write job may do; all of it or nothing, and durable before the caller resumes."""

    def create(self, name: MailboxName, special_use: str = "") -> MailboxInfo:
        """Make the mailbox and those above it; raises MailboxExists, OverQuota."""

    def add_folder(self, name: MailboxName, rule: str) -> MailboxInfo:
        """Make a mailbox that shows mail by a rule (spec/folders §2); raises BadRule, as create."""

    def delete(self, name: MailboxName) -> None:
        """Raises NoSuchMailbox, NotPermitted (INBOX, or one with children)."""

    def rename(self, old: MailboxName, new: MailboxName) -> None:
        """Raises as create and delete; renaming INBOX moves its mail (RFC 9051 §6.3.6)."""

    def subscribe(self, name: MailboxName, subscribed: bool) -> None:
        """Remember or forget a name."""

    def append(
        self,
        mailbox: MailboxId,
        octets: bytes,
        form: MessageForm,
        flags: FlagSet,
        internal_date: int | None = None,
    ) -> Appended:
        """Store *octets* unaltered as the newest message; raises NoSuchMailbox, OverQuota."""

    def append_all(self, mailbox: MailboxId, new: Sequence[NewMail]) -> list[Appended]:
        """As ``append``, of several at once: UIDs rise in the order given."""

    def mailbox_id(self, name: MailboxName) -> MailboxId:
        """Return the id of a mailbox to which something is added; raises NoSuchMailbox."""

    def store_flags(
        self, mailbox: MailboxId, uids: Sequence[Uid], change: FlagChange, flags: FlagSet
    ) -> None:
        """Change flags of those that exist; one modseq for all; unknown UIDs are ignored."""

    def expunge(self, mailbox: MailboxId, uids: Sequence[Uid] | None = None) -> tuple[Uid, ...]:
        r"""Remove what is \\Deleted, of *uids* or of all; return what went, ascending."""

    def copy(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        """Raises NoSuchMailbox for the target (``[TRYCREATE]``)."""

    def move(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        """As copy, and the sources are expunged in the same transaction."""

    def forget_recent(self, mailbox: MailboxId) -> Uid:
        """Raise the persistent watermark: what is recent now has been shown to a session.

        Returns where it was: UIDs from there on had not been shown.
        """


class Watch(Protocol):
    """What happened in an account since the watch was opened, in order, bounded."""

    def take(self) -> list[News]:
        """Return and forget what has come; never blocks; raises Busy: more came than is held."""

    async def wait(self) -> None:
        """Return when ``take`` would give something."""


class Follow(Protocol):
    """One mailbox as it is now, for one session.  All sessions share its snapshots."""

    def newest(self) -> Snapshot:
        """Return the mailbox after the last commit; raises NoSuchMailbox once it is deleted."""

    @property
    def has_news(self) -> bool:
        """Tell whether something has happened since ``newest`` was last called."""

    async def wait(self) -> None:
        """Return when ``has_news``."""

    def keywords(self) -> frozenset[Flag]:
        """Return every keyword seen in the mailbox since anybody follows it.

        The same for all who follow, and never fewer while one does, so that all sessions
        name the same flags whenever they came (RFC 3501 §7.2.6).
        """

    def hold(self, view: Snapshot) -> None:
        """Keep octets of all in *view* readable until other is held (RFC 2180 §4.1)."""

    def close(self) -> None:
        """Follow and hold no longer; may be called twice."""


class Begun(Awaitable[T_co], Protocol[T_co]):
    """A read job that is on its way; to be awaited or cancelled."""

    def cancel(self) -> object:
        """Let go of it; nothing happens if it was awaited."""


class MailStore(Protocol):
    """One account's mail."""

    async def read(self, job: Callable[[MailReader], T]) -> T:
        """Run *job* in one read transaction."""

    def begin(self, job: Callable[[MailReader], T], after: Begun[object] | None = None) -> Begun[T]:
        """As ``read``, for a caller that does something else meanwhile.

        Right behind *after*, the last that was begun, if that is under way: never beside it.
        """

    def glance(self, job: Callable[[MailReader], T]) -> T:
        """As ``read``, at once: for jobs that read a few rows."""

    def whole(self, message: MessageId, octets_max: int) -> InHand:
        """Return one message at once, its octets None if there are more than *octets_max*.

        Raises StoreDamaged, MessageGone.
        """

    def mailbox(self, name: MailboxName) -> MailboxInfo:
        """Return what the last announced commit left there, at once; raises NoSuchMailbox."""

    async def write(self, job: Callable[[MailWriter], T]) -> T:
        """Run *job*, commit with fsync, announce its changes, then return its result."""

    def write_here(self, job: Callable[[MailWriter], T]) -> tuple[T] | None:
        """As ``write``, at once, while the loop waits; None: nothing was done.

        Since others are at work, or it would take long after all.  For a job that changes few messages, or flags of
        up to ten thousand, where nobody else waits as far as the caller knows.
        """

    def forms_may_wait(self, sizes: Sequence[int]) -> list[bool]:
        """Tell of new messages of so many octets which may be stored before their forms are made."""

    def now(self) -> int:
        """Return unix seconds by the clock that stamps INTERNALDATE."""

    async def text_hits(self, term: str, *, body_only: bool) -> TextHits:
        """Look *term*, folded and not empty, up in the index; nothing is promised but what is true.

        The texts are those of ``mx_core.mime.search_text``: of the body, or of header and body.
        A message that could be read before the call is judged rightly by the answer.
        """

    def watch(self, mailbox: MailboxId | None = None) -> AbstractContextManager[Watch]:
        """Hear of one mailbox's messages, or (None) of all mailboxes and of their names."""

    async def follow(self, mailbox: MailboxId) -> Follow:
        """Follow a mailbox from now on; raises NoSuchMailbox."""


# ── sending ──────────────────────────────────────────────────────────────────────────
class Outbox(Protocol):
    """What submission may ask of one account."""

    async def judge(self, sender: Address, recipient: Address) -> str:
        """Return how mail would leave: the verdict at RCPT TO; raises with a sentence for people."""

    def begin_long(self) -> LongOctets:
        """Return where a message too long for memory goes (``Submission.long``); raises DiskFull."""

    async def enqueue(self, submission: Submission) -> QueueId:
        """Return once the submission is durable; it then leaves exactly once, or is reported.

        Raises:
            EncryptionRequired: The message as a whole must not leave as it is (spec/policy §4).
        """


class Account(Protocol):
    """One person's account, as the front doors see it after a login."""

    address: Address
    mail: MailStore
    outbox: Outbox
    shows_folders: bool = True  # in lists, those with a rule; spec/folders §1
    program: str = ""  # whose client password it was

    def may_send_as(self, sender: Address) -> bool:
        """Tell whether *sender* (with any +tag) is this account."""


class Accounts(Protocol):
    """All accounts of this gateway."""

    async def authenticate(self, username: str, password: Secret[str]) -> Account:
        """Raises BadCredentials, after the same work for a known and an unknown name."""
