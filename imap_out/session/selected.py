"""The mailbox a session has selected, as its client knows it, and what has changed since.

The view is what the client was told; changes wait beside it until the moment comes when they may
be told (RFC 3501 §7.4.1: no EXPUNGE during FETCH, STORE and SEARCH, nor without a command).
Flags are the exception: the newest are always in the view, and *dirty* says whom to tell.
Invariant: sequence number n is ``uids[n - 1]`` for us and for the client at every moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Final, TypeVar, assert_never

from imap_out.session.recent import RecentClaims
from imap_out.wire.render import FlagSpeller, flag_list
from mx_core.model.address import Address
from mx_core.model.errors import Busy, NoSuchMailbox
from mx_core.model.flags import RECENT, SEEN, SYSTEM_FLAGS, Flag, FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.message import Snapshot
from mx_core.ports import (
    FlagsChanged,
    MailboxGone,
    MailboxInfo,
    MailStore,
    MailWriter,
    MessagesAdded,
    MessagesExpunged,
    Watch,
)

T = TypeVar("T")
_FEW: Final = 8  # up to so many expunges, deleting in place beats making new lists
_PINS_MAX: Final = 64
_MET_MAX: Final = 10_000


class SelectedView:
    """One session's view of one mailbox.  Owned by the task of the connection."""

    def __init__(
        self, mail: MailStore, info: MailboxInfo, owner: Address, *, read_only: bool
    ) -> None:
        self._mail = mail
        self._owner = owner
        self.mailbox = info.id
        self.name = info.name
        self.read_only = read_only
        self.uid_validity = UidValidity(0)
        self.uid_next = Uid(0)
        self.uids: list[Uid] = []
        self.messages: list[MessageId] = []
        self.flags: list[FlagSet] = []
        self.recent: set[Uid] = set()
        self.removed = False  # the mailbox itself is gone
        self.spell = FlagSpeller()
        self._modseq = ModSeq(0)  # changes up to here are in the view or wait in it
        self._met: set[FlagSet] = set()
        self._keywords: set[Flag] = set()
        self._keywords_told = 0
        self._arrivals: dict[Uid, tuple[MessageId, FlagSet]] = {}
        self._gone: set[Uid] = set()
        self._dirty: set[Uid] = set()
        self._shown_recent = False  # the store's watermark is to be raised when the view closes
        self._resources = ExitStack()
        self._pins = ExitStack()
        self._pin_count = 0
        self._watch: Watch | None = None

    # ── life ────────────────────────────────────────────────────────────────────────
    async def open(self, claims: RecentClaims) -> None:
        """Fill the view; raises NoSuchMailbox."""
        self._claims = claims
        # the watch first, then the snapshot: what comes between is in both, and skipped once
        self._watch = self._resources.enter_context(self._mail.watch(self.mailbox))
        try:
            snapshot = await self._mail.read(lambda reader: reader.snapshot(self.mailbox))
            if not self.read_only and snapshot.uid_next > snapshot.first_recent:
                snapshot = await self._mail.write(self._take_recent)
            self._fill(snapshot)
        except BaseException:
            self._resources.close()
            raise

    def _take_recent(self, writer: MailWriter) -> Snapshot:
        # Crash after the commit: the messages are recent to nobody, which harms nobody.
        snapshot = writer.snapshot(self.mailbox)
        writer.forget_recent(self.mailbox)
        return snapshot

    def _fill(self, snapshot: Snapshot) -> None:
        self.uid_validity = snapshot.uid_validity
        self.uid_next = snapshot.uid_next
        self._modseq = snapshot.highest_modseq
        self.uids = list(snapshot.uids)
        self.messages = list(snapshot.messages)
        self.flags = list(snapshot.flags)
        for flags in set(self.flags):
            self._meet(flags)
        first = bisect_left(self.uids, snapshot.first_recent)
        self._claim(self.uids[first:])
        self._pin(self.messages)

    async def close(self) -> None:
        """Let go of everything; raise the watermark for what was shown as recent."""
        self._resources.close()
        self._pins.close()
        if self._shown_recent and not self.removed:
            self._shown_recent = False
            try:
                await self._mail.write(lambda writer: writer.forget_recent(self.mailbox))
            except NoSuchMailbox:
                self._claims.forget(self._owner, self.mailbox)

    async def changed(self) -> None:
        """Return when something has happened in the mailbox."""
        if self._watch is not None:
            await self._watch.wait()

    # ── what has happened ───────────────────────────────────────────────────────────
    async def absorb(self) -> None:
        """Take in what has happened since the last time."""
        if self._watch is None:
            return
        try:
            changes = self._watch.take()
        except Busy:
            await self._start_over()
            return
        for change in changes:
            if change.modseq <= self._modseq and not isinstance(change, MailboxGone):
                continue
            match change:
                case MessagesAdded():
                    news = zip(change.uids, change.messages, change.flags, strict=True)
                    for uid, message, flags in news:
                        self._arrivals[uid] = (message, flags)
                        self._meet(flags)
                    self._pin(change.messages)
                case FlagsChanged():
                    for uid, flags in zip(change.uids, change.flags, strict=True):
                        self._set_flags(uid, flags)
                case MessagesExpunged():
                    self._lose(change.uids)
                case MailboxGone():
                    self.removed = True
                case _:
                    assert_never(change)
        if changes:
            self._modseq = max(self._modseq, changes[-1].modseq)

    async def _start_over(self) -> None:
        """More happened than the watch holds: compare the view with a new snapshot."""
        try:
            snapshot = await self._mail.read(lambda reader: reader.snapshot(self.mailbox))
        except NoSuchMailbox:
            self.removed = True
            return
        self._modseq = snapshot.highest_modseq
        known = set(self.uids)
        there = set(snapshot.uids)
        self._lose(uid for uid in known | set(self._arrivals) if uid not in there)
        rows = zip(snapshot.uids, snapshot.messages, snapshot.flags, strict=True)
        for uid, message, flags in rows:
            if uid in known:
                self._set_flags(uid, flags)
            else:
                self._arrivals[uid] = (message, flags)
                self._meet(flags)
        self._pin([message for message, _ in self._arrivals.values()])

    def _set_flags(self, uid: Uid, flags: FlagSet) -> None:
        self._meet(flags)
        if uid in self._arrivals:
            self._arrivals[uid] = (self._arrivals[uid][0], flags)
            return
        at = self.position(uid)
        if at is not None and self.flags[at] != flags:
            self.flags[at] = flags
            self._dirty.add(uid)

    def _lose(self, uids: Iterable[Uid]) -> None:
        for uid in list(uids):
            if self._arrivals.pop(uid, None) is None and self.position(uid) is not None:
                self._gone.add(uid)

    def _claim(self, uids: list[Uid]) -> None:
        if self.read_only:
            self.recent.update(uids)  # shown and not taken: EXAMINE loses no \Recent
            return
        mine = self._claims.claim(self._owner, self.mailbox, uids)
        self.recent |= mine

    def _pin(self, messages: Iterable[MessageId]) -> None:
        # octets of a message in the view stay readable when another session expunges it
        self._pin_count += 1
        if self._pin_count > _PINS_MAX:
            before, self._pins = self._pins, ExitStack()
            waiting = [message for message, _ in self._arrivals.values()]
            self._pins.enter_context(self._mail.pin_view([*self.messages, *waiting]))
            self._pin_count = 1
            before.close()
            return
        self._pins.enter_context(self._mail.pin_view(list(messages)))

    # ── flags there are ─────────────────────────────────────────────────────────────
    def _meet(self, flags: FlagSet) -> None:
        if flags not in self._met:
            if len(self._met) >= _MET_MAX:
                self._met.clear()
            self._met.add(flags)
            self._keywords.update(flag for flag in flags if not flag.startswith("\\"))

    def new_keywords(self) -> Iterator[bytes]:
        """Yield the FLAGS lines if a keyword came that the client was not told of."""
        if len(self._keywords) > self._keywords_told:
            yield from self.flags_known()

    def flags_known(self) -> Iterator[bytes]:
        """Yield which flags there are, and which can be changed.  RFC 3501 §7.2.6, §7.1."""
        self._keywords_told = len(self._keywords)
        there = flag_list([*SYSTEM_FLAGS, *self._keywords])
        yield b"* FLAGS %b\r\n" % there
        if self.read_only:
            yield b"* OK [PERMANENTFLAGS ()] nothing can be changed\r\n"
        else:
            yield b"* OK [PERMANENTFLAGS %b \\*)] and any keyword\r\n" % there[:-1]

    # ── what to tell ────────────────────────────────────────────────────────────────
    def news(self, *, expunges: bool) -> Iterator[bytes]:
        """Yield what the client has to be told, and let it into the view."""
        yield from self.new_keywords()
        counted = False
        if expunges and self._gone:
            counted = bool(self.recent & self._gone)
            yield from self._tell_expunges()
        if self._arrivals:
            uids = sorted(self._arrivals)
            for uid in uids:
                message, flags = self._arrivals[uid]
                self.uids.append(uid)
                self.messages.append(message)
                self.flags.append(flags)
            self._arrivals.clear()
            self.uid_next = Uid(uids[-1] + 1)
            self._claim(uids)
            self._shown_recent = self._shown_recent or not self.read_only
            yield b"* %d EXISTS\r\n" % len(self.uids)
            counted = True
        if counted:
            yield b"* %d RECENT\r\n" % len(self.recent)
        if self._dirty:
            for uid in sorted(self._dirty):
                at = self.position(uid)
                if at is not None:
                    yield self.flags_line(at)
            self._dirty.clear()

    def _tell_expunges(self) -> Iterator[bytes]:
        # descending, so that each number is the one the client knows
        places = sorted(bisect_left(self.uids, uid) for uid in self._gone)
        for at in reversed(places):
            yield b"* %d EXPUNGE\r\n" % (at + 1)
        _remove(self.uids, places)
        _remove(self.messages, places)
        _remove(self.flags, places)
        self.recent -= self._gone
        self._dirty -= self._gone
        self._gone.clear()

    def flags_line(self, at: int) -> bytes:
        """Spell the untagged FETCH that tells the flags of the message at index *at*."""
        uid = self.uids[at]
        flags = self.spell(self.flags[at], recent=uid in self.recent)
        return b"* %d FETCH (UID %d FLAGS %b)\r\n" % (at + 1, uid, flags)

    def told(self, uids: Iterable[Uid]) -> None:
        """Note that the client knows the flags of *uids*."""
        self._dirty.difference_update(uids)

    # ── questions ───────────────────────────────────────────────────────────────────
    def position(self, uid: Uid) -> int | None:
        """Return the index of *uid*, or None."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def is_gone(self, uid: Uid) -> bool:
        """Tell whether the message is expunged and the client was not told yet."""
        return uid in self._gone

    def first_unseen(self) -> int | None:
        r"""Return the sequence number of the first message without \\Seen."""
        return next((at for at, flags in enumerate(self.flags, 1) if SEEN not in flags), None)

    def has(self, at: int, flag: Flag) -> bool:
        """Tell whether the message at index *at* has *flag*; keywords compare without case."""
        if flag == RECENT:
            return self.uids[at] in self.recent
        flags = self.flags[at]
        return flag in flags or (
            not flag.startswith("\\") and flag.lower() in {known.lower() for known in flags}
        )


def _remove(column: list[T], places: list[int]) -> None:
    """Delete the ascending indices *places* from *column*, in place."""
    if len(places) <= _FEW:
        for at in reversed(places):
            del column[at]
        return
    gone = set(places)
    column[:] = [item for at, item in enumerate(column) if at not in gone]
