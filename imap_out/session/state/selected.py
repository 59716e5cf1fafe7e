"""The mailbox a session has selected, as its client knows it, and what has changed since.

*rows* is what the client was told; changes wait beside it until the moment comes when they may
be told (RFC 3501 §7.4.1: no EXPUNGE during FETCH, STORE and SEARCH, nor without a command).
Flags are the exception: the newest are always in *rows*, and *dirty* says whom to tell.
While nothing waits, *rows* is the very snapshot that all sessions of the mailbox share.
Invariant: sequence number n is ``rows.uids[n - 1]`` for us and for the client at every moment.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, cast

from imap_out.session.state.capability import CONDSTORE, IMAP4REV2, QRESYNC
from imap_out.session.state.difference import difference
from imap_out.session.state.kept_answer import KeptAnswer
from imap_out.session.state.recent import RecentClaims, RecentUids
from imap_out.session.state.untold import Untold
from imap_out.wire.render import FlagSpeller, flag_list
from imap_out.wire.sequence_set import uid_set
from mx_core.model.address import Address
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import RECENT, SEEN, SYSTEM_FLAGS, Flag, FlagSet
from mx_core.model.ids import ModSeq, Uid, UidValidity
from mx_core.model.part import Column, among
from mx_core.model.snapshot import Snapshot
from mx_core.ports import Follow, MailboxInfo, MailStore

_LINES_AT_ONCE: Final = 1_000
_NOTHING = Snapshot(UidValidity(0), Uid(1), ModSeq(0))


class SelectedView:
    """One session's view of one mailbox.  Owned by the task of the connection."""

    def __init__(
        self, mail: MailStore, info: MailboxInfo, owner: Address, *, read_only: bool,
        enabled: Collection[bytes] = (),
    ) -> None:  # fmt: skip
        self._mail = mail
        self._owner = owner
        self._info = info
        self.mailbox = info.id
        self.name = info.name
        self.read_only = read_only
        self._enabled = enabled  # by ENABLE, of the connection
        self.rows = _NOTHING
        self.uid_next = Uid(0)  # as told: what is from here on waits
        self.recent = RecentUids()
        self.removed = False  # the mailbox itself is gone
        self.modseq_told = ModSeq(0)  # up to here the client knows everything
        self.vanished = False  # the last news held expunges
        self.saved: array[int] = array("I")  # UIDs of the last result that was saved, "$"
        self.arrived = 0  # how many messages came in them
        self.kept = KeptAnswer()
        self.spell = FlagSpeller()
        self._newest = _NOTHING  # what has been absorbed
        self._gone: set[Uid] = set()  # in rows, and not in the newest
        self._dirty = Untold()
        self._keywords: frozenset[Flag] = frozenset()
        self._keywords_told: frozenset[Flag] = frozenset()
        self._shown_recent = False  # the store's watermark is to be raised when the view closes
        self._follow: Follow | None = None

    # ── life ────────────────────────────────────────────────────────────────────────
    async def open(self, claims: RecentClaims) -> None:
        """Fill the view; raises NoSuchMailbox."""
        self._claims = claims
        self._follow = await self._mail.follow(self.mailbox)
        try:
            first_recent = await self._first_recent()
            self._newest = self.rows = self._follow.newest()
            self._keywords = self._follow.keywords()
        except BaseException:
            self._follow.close()
            raise
        self.uid_next = self.rows.uid_next
        self.modseq_told = self.rows.highest_modseq
        self._claim(first_recent)
        self._follow.hold(self.rows)

    async def _first_recent(self) -> Uid:
        if not self._info.recent or IMAP4REV2 in self._enabled:
            return self._info.uid_next
        if self.read_only:
            job = self._mail.read(lambda reader: reader.snapshot(self.mailbox).first_recent)
        else:
            # Crash after the commit: the messages are recent to nobody, which harms nobody.
            job = self._mail.write(lambda writer: writer.forget_recent(self.mailbox))
        return await job

    async def close(self) -> None:
        """Let go of everything; raise the watermark for what was shown as recent."""
        if self._follow is not None:
            self._follow.close()
            self._follow = None
        if self._shown_recent and not self.removed:
            self._shown_recent = False
            try:
                await self._mail.write(lambda writer: writer.forget_recent(self.mailbox))
            except NoSuchMailbox:
                self._claims.forget(self._owner, self.mailbox)

    async def changed(self) -> None:
        """Return when something has happened in the mailbox."""
        if self._follow is not None:
            await self._follow.wait()

    # ── what has happened ───────────────────────────────────────────────────────────
    def absorb(self) -> None:
        """Take in what has happened since the last time."""
        if self._follow is None or not self._follow.has_news:
            return
        try:
            newest = self._follow.newest()
        except NoSuchMailbox:
            self.removed = True
            return
        if newest.highest_modseq == self._newest.highest_modseq:
            return
        changed = difference(self._newest, newest)
        self._keywords = self._follow.keywords()
        gone, reflagged = changed.gone, changed.reflagged
        if self._newest.uid_next > self.uid_next:  # of what was not told yet there is no news
            gone = [uid for uid in gone if uid < self.uid_next]
            reflagged = reflagged[: bisect_left(reflagged, self.uid_next)]
        self._gone.update(gone)
        self._dirty.add(reflagged)
        self._newest = newest
        waits = self._gone or self.uid_next < newest.uid_next
        if reflagged or not waits:  # else *rows* is still what was told
            self._show()

    def _show(self) -> None:
        """Make *rows* anew: what was told and is there, and what is gone and was not told."""
        lost = self.rows.of_uids(sorted(self._gone)) if self._gone else []
        self.rows = self._newest.below(self.uid_next).with_rows(lost)
        if self._follow is not None:
            self._follow.hold(self.rows)

    def forget_recent(self) -> None:
        r"""Call nothing \Recent from now on: IMAP4rev2 has no such flag."""
        self.recent = RecentUids()

    def _claim(self, low: int) -> None:
        if IMAP4REV2 in self._enabled:
            return  # left to sessions that know what it is
        high = self.uid_next - 1
        if self.read_only:
            self.recent.add(low, high)  # shown and not taken: EXAMINE loses no \Recent
            return
        first = self._claims.claim(self._owner, self.mailbox, low, high)
        self.recent.add(first, high)
        self._shown_recent = self._shown_recent or first <= high

    # ── flags there are ─────────────────────────────────────────────────────────────
    def new_keywords(self) -> Iterator[bytes]:
        """Yield the FLAGS lines if a keyword came that the client was not told of."""
        if self._keywords != self._keywords_told:
            yield from self.flags_known()

    def flags_known(self) -> Iterator[bytes]:
        """Yield which flags there are, and which can be changed.  RFC 3501 §7.2.6, §7.1."""
        self._keywords_told = self._keywords
        there = flag_list([*SYSTEM_FLAGS, *self._keywords])
        yield b"* FLAGS %b\r\n" % there
        if self.read_only:
            yield b"* OK [PERMANENTFLAGS ()] nothing can be changed\r\n"
        else:
            yield b"* OK [PERMANENTFLAGS %b \\*)] and any keyword\r\n" % there[:-1]

    # ── what to tell ────────────────────────────────────────────────────────────────
    def news(self, *, expunges: bool, arrivals: bool = True, flags: bool = True) -> Iterator[bytes]:
        """Yield what the client has to be told, and let it into the view.

        What is not allowed now waits: expunges until a command that lets numbers change, the
        others as long as NOTIFY leaves them out.
        """
        self.vanished, self.arrived = False, 0
        if flags:
            yield from self.new_keywords()
        goes = expunges and bool(self._gone)
        comes = arrivals and self.uid_next < self._newest.uid_next
        recent = self.recent.count(self.rows) if goes else -1
        if goes:
            yield from self._tell_expunges()
        if comes:
            before, first = len(self.rows), self.uid_next
            self.uid_next = self._newest.uid_next
            self._show()
            self._claim(first)
            there = len(self.rows)
            if there > before:  # else what came went unseen
                self.arrived = there - before
                yield b"* %d EXISTS\r\n" % there
                recent = -1
        if (goes or self.arrived) and IMAP4REV2 not in self._enabled:
            now_recent = self.recent.count(self.rows)
            if now_recent != recent:
                yield b"* %d RECENT\r\n" % now_recent
        if flags and self._dirty:
            for uid in self._dirty:
                at = self.rows.position(uid)
                if at is not None:
                    yield self.flags_line(at)
            self._dirty.clear()
        if not self._gone and not self._dirty and self.uid_next == self._newest.uid_next:
            self.modseq_told = self._newest.highest_modseq

    def _tell_expunges(self) -> Iterator[bytes]:
        if QRESYNC in self._enabled:  # RFC 7162 §3.2.10
            yield b"* VANISHED %b\r\n" % uid_set(sorted(self._gone))
        else:
            # descending, so that each number is the one the client knows
            places = self.rows.positions(sorted(self._gone))[::-1]
            for low in range(0, len(places), _LINES_AT_ONCE):
                some = places[low : low + _LINES_AT_ONCE]
                yield b"".join([b"* %d EXPUNGE\r\n" % (at + 1) for at in some])
        self.vanished = True
        self._dirty.told(self._gone)
        self._gone.clear()
        self._show()

    def flags_line(self, at: int) -> bytes:
        """Spell the untagged FETCH that tells the flags of the message at index *at*."""
        part, inside = self.rows.row(at)
        uid = part.uids[inside]
        flags = self.spell(part.column[inside], recent=uid in self.recent)
        if self.tells_modseq:
            line = (at + 1, uid, flags, part.modseqs[inside])
            return b"* %d FETCH (UID %d FLAGS %b MODSEQ (%d))\r\n" % line
        return b"* %d FETCH (UID %d FLAGS %b)\r\n" % (at + 1, uid, flags)

    def highest_modseq(self) -> bytes:
        """Spell up to where the client knows everything.  RFC 7162 §3.1.2.1."""
        return b"* OK [HIGHESTMODSEQ %d] all until then is told\r\n" % self.modseq_told

    def told_at(self, places: Sequence[int]) -> None:
        """Note that the client knows the flags at ascending indices."""
        if self._dirty:
            self.told(self.uids_at(places))

    def told(self, uids: Iterable[Uid]) -> None:
        """Note that the client knows the flags of *uids*."""
        self._dirty.told(uids)

    # ── questions ───────────────────────────────────────────────────────────────────
    @property
    def tells_modseq(self) -> bool:
        """Tell whether every FETCH of flags carries MODSEQ.  RFC 7162 §3.1."""
        return CONDSTORE in self._enabled

    @property
    def uids(self) -> Column[Uid]:
        """Return the UIDs in order of sequence number."""
        return self.rows.uids

    @property
    def flags(self) -> Column[FlagSet]:
        """Return the flags in order of sequence number."""
        return self.rows.flags

    def uids_at(self, places: Sequence[int]) -> Sequence[Uid]:
        """Return the UIDs at ascending indices, as an array."""
        uids = array("I")
        for part, _, chosen in self.rows.touched(places):
            uids.extend(among(part.uids, chosen))
        return cast("Sequence[Uid]", uids)  # as they are, without a call for each

    @property
    def is_told_all(self) -> bool:
        """Tell whether nothing has happened that the client was not told of."""
        if self._follow is None or self._follow.has_news or self._gone or self._dirty:
            return False
        if self.uid_next != self._newest.uid_next:
            return False
        return self._keywords is self._keywords_told or self._keywords == self._keywords_told

    def there(self, places: Sequence[int]) -> Sequence[int]:
        """Return those of *places* whose messages are not expunged."""
        if not self._gone:
            return places
        uids = self.uids_at(places)
        return [at for at, uid in zip(places, uids, strict=True) if uid not in self._gone]

    def is_gone(self, uid: Uid) -> bool:
        """Tell whether the message is expunged and the client was not told yet."""
        return uid in self._gone

    def first_unseen(self) -> int | None:
        r"""Return the sequence number of the first message without \\Seen."""
        before = 0
        for part in self.rows.parts:
            if any(SEEN not in kind for kind in part.kinds):
                inside = next(at for at, flags in enumerate(part.flags, 1) if SEEN not in flags)
                return before + inside
            before += len(part)
        return None

    def has(self, at: int, flag: Flag) -> bool:
        """Tell whether the message at index *at* has *flag*; keywords compare without case."""
        if flag == RECENT:
            return self.uids[at] in self.recent
        flags = self.flags[at]
        return flag in flags or (
            not flag.startswith("\\") and flag.lower() in {known.lower() for known in flags}
        )
