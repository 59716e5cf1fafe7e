"""The newest snapshots of an account's mailboxes, kept up with every commit and shared by all.

A snapshot is read from the disk once; from then on each announced change is put into it, so
that SELECT and every session's news cost no reading.  Mailboxes that a session follows are
always here, of the others the 16 used last.

Announcing and following happen on the event loop; ``kept`` and ``offer`` are for read jobs
in any thread, ``held`` for the writer's.  The lock is held for moments only.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Final, NamedTuple, assert_never

from mx_core.model.change import Change, FlagsChanged, MailboxGone, MessagesAdded, MessagesExpunged
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.ids import MailboxId, ModSeq
from mx_core.model.part import apart
from mx_core.model.snapshot import Snapshot

_UNFOLLOWED_MAX: Final = 16


class Following:
    """See ``ports.Follow``."""

    def __init__(self, live: Live, mailbox: MailboxId) -> None:
        self._live = live
        self._news = asyncio.Event()
        self.mailbox = mailbox
        self.held: Snapshot | None = None  # replaced on the loop, read by the writer thread
        self.gone = False

    def newest(self) -> Snapshot:
        """Return the mailbox after the last commit; raises NoSuchMailbox once it is deleted."""
        self._news.clear()
        return self._live.newest(self)

    def keywords(self) -> frozenset[Flag]:
        """Return every keyword seen since anybody follows the mailbox."""
        return self._live.keywords(self.mailbox)

    @property
    def has_news(self) -> bool:
        """Tell whether something has happened since ``newest`` was last called."""
        return self._news.is_set()

    async def wait(self) -> None:
        """Return when ``has_news``."""
        await self._news.wait()

    def hold(self, view: Snapshot) -> None:
        """Keep octets of all in *view* readable until other is held."""
        self.held = view

    def close(self) -> None:
        """Follow and hold no longer."""
        self.held = None
        self._live.leave(self)

    def tell(self) -> None:
        """Wake whoever waits."""
        self._news.set()


class _Met(NamedTuple):
    """The keywords of a mailbox, gathered from all snapshots *until* one."""

    until: Snapshot | None
    kinds: frozenset[FlagSet]  # the flag sets that they are of
    keywords: frozenset[Flag]


_NOT_MET: Final = _Met(None, frozenset(), frozenset())


class Live:
    """See the module."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._newest: OrderedDict[MailboxId, Snapshot] = OrderedDict()
        self._announced: dict[MailboxId, ModSeq] = {}
        # of a followed mailbox whose snapshot is still being read: the modseq that it must have
        # reached, and what has been announced since
        self._missed: dict[MailboxId, tuple[ModSeq, list[Change]]] = {}
        self._following: dict[MailboxId, list[Following]] = {}
        self._met: dict[MailboxId, _Met] = {}  # of followed mailboxes

    # ── for read jobs, in any thread ────────────────────────────────────────────────
    def kept(self, mailbox: MailboxId, highest: int) -> Snapshot | None:
        """Return the snapshot at modseq *highest*, if it is here."""
        with self._lock:
            kept = self._newest.get(mailbox)
            if kept is None or kept.highest_modseq != highest:
                return None
            self._newest.move_to_end(mailbox)
            return kept

    def offer(self, mailbox: MailboxId, read: Snapshot) -> None:
        """Keep what was read from the disk, unless what is here or announced is newer."""
        with self._lock:
            kept = self._newest.get(mailbox)
            if kept is not None and kept.parts is not read.parts:
                return  # it catches up by announcements, and shares its parts with sessions
            floor, missed = self._missed.pop(mailbox, (self._announced.get(mailbox, ModSeq(0)), []))
            if read.highest_modseq < floor:
                return  # it was read before what is announced already
            for change in missed:
                read, _ = _after(read, change)
            self._newest[mailbox] = read
            self._newest.move_to_end(mailbox)
            self._forget_some()

    # ── for the writer's thread ─────────────────────────────────────────────────────
    def held(self) -> Iterator[array[int]]:
        """Yield columns that name every expunged message which some session still sees.

        What is in the newest snapshot is not expunged, so only the parts that a session
        holds beside those are worth looking at.  A message that is swept was expunged a
        minute ago and more: by then that is announced.
        """
        with self._lock:
            newest = dict(self._newest)
            following = [each for some in self._following.values() for each in some]
        seen: set[int] = set()
        for each in following:
            view, now = each.held, newest.get(each.mailbox)
            if view is None or view is now:
                continue
            there = {id(part.messages) for part in now.parts} if now else set()
            for part in view.parts:
                column = part.messages
                if id(column) not in there and id(column) not in seen:
                    seen.add(id(column))
                    yield column

    # ── on the loop ─────────────────────────────────────────────────────────────────
    def announce(self, changes: Sequence[Change]) -> None:
        """Put in what a commit changed, and wake who follows; called in commit order."""
        for change in changes:
            with self._lock:
                self._put_in(change)
        for mailbox in {change.mailbox for change in changes}:
            for following in self._following.get(mailbox, ()):
                following.tell()

    def follow(self, mailbox: MailboxId) -> tuple[Following, bool]:
        """Return who follows from now on, and whether the snapshot is here already."""
        following = Following(self, mailbox)
        with self._lock:
            self._following.setdefault(mailbox, []).append(following)
            here = mailbox in self._newest
            if not here and mailbox not in self._missed:
                self._missed[mailbox] = (self._announced.get(mailbox, ModSeq(0)), [])
            return following, here

    def is_followed(self, mailbox: MailboxId) -> bool:
        """Tell whether anybody follows it."""
        return mailbox in self._following

    def leave(self, following: Following) -> None:
        """Follow no longer."""
        with self._lock:
            others = self._following.get(following.mailbox, [])
            if following in others:
                others.remove(following)
            if not others:
                self._following.pop(following.mailbox, None)
                self._missed.pop(following.mailbox, None)
                self._met.pop(following.mailbox, None)
            self._forget_some()

    def newest(self, following: Following) -> Snapshot:
        """Return the newest snapshot of a mailbox that is followed; raises NoSuchMailbox."""
        with self._lock:
            if following.gone:
                raise NoSuchMailbox("the mailbox was deleted")
            newest = self._newest[following.mailbox]
            self._meet(following.mailbox, newest)
            return newest

    def keywords(self, mailbox: MailboxId) -> frozenset[Flag]:
        """Return the keywords of a mailbox that is followed, in all snapshots that anybody saw."""
        with self._lock:
            return self._met[mailbox].keywords if mailbox in self._met else frozenset()

    # ── below ───────────────────────────────────────────────────────────────────────
    def _put_in(self, change: Change) -> None:
        mailbox = change.mailbox
        if isinstance(change, MailboxGone):
            self._newest.pop(mailbox, None)
            self._announced.pop(mailbox, None)
            for following in self._following.get(mailbox, ()):
                following.gone = True
            return
        self._announced[mailbox] = change.modseq
        kept = self._newest.get(mailbox)
        if kept is not None:
            newest, brought = _after(kept, change)
            self._newest[mailbox] = newest
            met = self._met.get(mailbox)
            if met is not None and met.until is kept and met.kinds.issuperset(brought):
                # whose parts need no look: all sets in them are known
                self._met[mailbox] = _Met(newest, met.kinds, met.keywords)
        elif mailbox in self._missed:
            self._missed[mailbox][1].append(change)

    def _meet(self, mailbox: MailboxId, newest: Snapshot) -> None:
        """Gather the keywords of what is new in *newest*, once for all who follow."""
        met = self._met.get(mailbox, _NOT_MET)
        if met.until is newest:
            return
        _, fresh = apart(met.until.parts if met.until is not None else (), newest.parts)
        known = met.kinds
        kinds = {kind for part in fresh for kind in part.column.likely if kind not in known}
        if not kinds:
            self._met[mailbox] = _Met(newest, known, met.keywords)
            return
        flags = {flag for kind in kinds for flag in kind if not flag.startswith("\\")}
        keywords = met.keywords if flags <= met.keywords else met.keywords | flags
        self._met[mailbox] = _Met(newest, known | kinds, keywords)

    def _forget_some(self) -> None:
        spare = [mailbox for mailbox in self._newest if mailbox not in self._following]
        for mailbox in spare[:-_UNFOLLOWED_MAX]:
            del self._newest[mailbox]


def _after(snapshot: Snapshot, change: Change) -> tuple[Snapshot, Iterable[FlagSet]]:
    """Return *snapshot* with *change* in it, if it is not there already, and the flag sets that came with it."""
    if change.modseq <= snapshot.highest_modseq:
        return snapshot, ()
    match change:
        case FlagsChanged():
            turns = change.turns
            return snapshot.with_flags(change.modseq, change.uids, turns), turns.values()
        case MessagesAdded(_, modseq, uids, messages, flags):
            return snapshot.with_added(modseq, uids, messages, flags), flags
        case MessagesExpunged(_, modseq, uids):
            return snapshot.without(modseq, uids), ()
        case MailboxGone():
            return snapshot, ()
        case _:
            assert_never(change)
