"""FETCH of whole messages, or of one range of each: stored octets between two short texts.

One statement reads as many messages as fit ``read_octets``, and while they leave the next are
read, one reading right behind the other and each from where the last one ended: so a client waits for
the slower of the two and not for both.  Of a message larger than that pieces are read in the same way;
its octets never change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import repeat
from typing import Any, Final, cast

from msgspec import Struct

from imap_out.session.answers.out import Out
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Session
from imap_out.wire.dates import render_date_time
from imap_out.wire.fetch_items import Attribute, BodySection, FetchItem, Section, Spelling
from imap_out.wire.render import section_name
from mx_core.model.ids import MessageId
from mx_core.model.message import Whole
from mx_core.model.octets import unpacked
from mx_core.model.part import Part, among
from mx_core.ports import Begun, MailReader

_AT_ONCE: Final = 256  # messages of one read transaction
_AT_FIRST: Final = 16  # while it is not known how long they are
_IN_HAND: Final = 2  # readings that are begun: one is told of while the next is read
_KNOWN_PLANS: Final = 64
_WHOLE: Final = Section()
_SPELLED: Final = {
    Attribute.UID: b"UID %d",
    Attribute.FLAGS: b"FLAGS %b",
    Attribute.MODSEQ: b"MODSEQ (%d)",
    Attribute.SIZE: b"RFC822.SIZE %d",
    Attribute.INTERNALDATE: b'INTERNALDATE "%b"',
}
_OF_ROW: Final = {Attribute.SIZE, Attribute.INTERNALDATE}


class Plan(Struct, frozen=True):
    """How to spell an answer around octets, whichever range is asked for; formats, and what fills them."""

    head: bytes  # the number, then each of *before*, then where the range begins if it has one
    before: tuple[Attribute, ...]
    tail: bytes
    after: tuple[Attribute, ...]


class Asked(Struct, frozen=True):
    """What is to be told by *plan*; *partial*: first octet and count, None for whole messages."""

    plan: Plan
    partial: tuple[int, int] | None

    @property
    def octets_max(self) -> int:
        """Return how long a range is at most; 0 where whole messages are asked for."""
        return 0 if self.partial is None else self.partial[1]


def asked_of(items: tuple[FetchItem, ...]) -> Asked | None:
    """Return how to answer *items*; None if they are not one body and what is cheap beside it.

    A program that reads a message piece by piece asks each time for another range of the same.
    """
    for at, body in enumerate(items):
        if isinstance(body, BodySection):
            if body.section != _WHOLE:
                return None
            plan = _plan(items[:at], body.spelling, items[at + 1 :], body.partial is not None)
            return None if plan is None else Asked(plan, body.partial)
    return None


@lru_cache(_KNOWN_PLANS)
def _plan(
    before: tuple[FetchItem, ...], spelling: Spelling, after: tuple[FetchItem, ...], ranged: bool
) -> Plan | None:
    live, behind = _cheap(before), _cheap(after)
    if live is None or behind is None or (ranged and {*live, *behind} & _OF_ROW):
        return None
    name = section_name(BodySection(spelling=spelling)) + (b"<%d>" if ranged else b"")
    head = b"* %d FETCH (" + b"".join(_SPELLED[item] + b" " for item in live) + name
    tail = b"".join(b" " + _SPELLED[item] for item in behind) + b")\r\n"
    return Plan(head + b" {%d}\r\n", live, tail, behind)


def _cheap(items: Sequence[FetchItem]) -> tuple[Attribute, ...] | None:
    cheap = tuple(item for item in items if isinstance(item, Attribute) and item in _SPELLED)
    return cheap if len(cheap) == len(items) else None


# ── telling ──────────────────────────────────────────────────────────────────────────
async def tell(
    session: Session, view: SelectedView, places: Sequence[int], asked: Asked, out: Out
) -> None:
    """Put an answer for each of the ascending *places*, as the view is now."""
    if not places:
        return
    if len(places) == 1:
        # one message is read faster than a thread is found for it
        at, part, inside = next(view.rows.rows(places))
        message = MessageId(part.messages[inside])
        if asked.partial is None:
            row = session.mail.whole(message, session.limits.read_octets)
        else:
            first, count = asked.partial
            row = (0, 0, session.ahead.read(session.mail, message, first, first + count))
        await _put_one(session, view, asked, _Batch(part, at - inside, [inside]), row, out)
        return
    await _tell_many(session, view, places, asked, out)


async def _tell_many(
    session: Session, view: SelectedView, places: Sequence[int], asked: Asked, out: Out
) -> None:
    course = _Course(asked, view, places, session.limits.read_octets)
    last = session.mail.begin(course.read)
    hand = deque([last])  # in the order of the answers
    try:
        while hand and (read := await hand.popleft()) is not None:
            while read.more and len(hand) < _IN_HAND:
                last = session.mail.begin(course.read, last)
                hand.append(last)
            await _put(session, view, asked, read.batch, read.rows, out)
            if not read.more:
                return
    finally:
        for begun in hand:
            begun.cancel()


class _Course:
    """What is left to be read: each reading goes on where the one before it ended, wherever that was.

    So a next one can be begun before it is known how many messages fit the last.  One is run after the
    other, each on a thread that has it to itself.
    """

    def __init__(self, asked: Asked, view: SelectedView, places: Sequence[int], room: int) -> None:
        self._asked = asked
        self._room = room
        self._fit = _AT_FIRST  # messages that are likely to fill the room
        self._parts = view.rows.touched(places)
        self._left = self._next_part()  # of one part; None: all is read

    def _next_part(self) -> _Batch | None:
        for part, start, chosen in self._parts:
            inside = list(range(len(part))) if isinstance(chosen, slice) else chosen
            return _Batch(part, start, inside)
        return None

    def read(self, reader: MailReader) -> _Read | None:
        """Read the first of what is left, about as much as there is room for; None: nothing was left."""
        batch = self._left
        if batch is None:
            return None
        some = batch.first(self._fit)
        rows = _reading(self._asked, among(some.part.messages, some.inside), self._room)(reader)
        whole = len(rows) == len(batch.inside)
        self._left = self._next_part() if whole else batch.behind(len(rows))
        octets = sum(len(read) if isinstance(read, bytes) else size for size, _, read in rows)
        # some more than that: of what does not fit little is read, and what is not asked leaves room
        self._fit = min(self._room * len(rows) * 5 // 4 // max(octets, 1) + 1, _AT_ONCE)
        return _Read(batch.first(len(rows)), rows, more=self._left is not None)


class _Batch(Struct, frozen=True):
    """Neighbours in one part of the view."""

    part: Part
    start: int  # index of the part's first message in the view
    inside: list[int]  # the part

    def first(self, count: int) -> _Batch:
        return _Batch(self.part, self.start, self.inside[:count])

    def behind(self, count: int) -> _Batch:
        return _Batch(self.part, self.start, self.inside[count:])


class _Read(Struct, frozen=True):
    """One reading: what is told of each message, and whether it left any to read."""

    batch: _Batch
    rows: Sequence[Whole]
    more: bool


def _reading(
    asked: Asked, messages: Sequence[int], room: int
) -> Callable[[MailReader], list[Whole]]:
    """Return the job that reads what is asked of the first of *messages*, about *room* octets."""
    wanted = cast("Sequence[MessageId]", messages)
    if asked.partial is None:
        return lambda reader: reader.wholes(wanted, room)
    first, count = asked.partial
    return partial(_ranges, wanted=wanted, first=first, end=first + count, room=room)


def _ranges(
    reader: MailReader, wanted: Sequence[MessageId], first: int, end: int, room: int
) -> list[Whole]:
    rows: list[Whole] = []
    for message in wanted:
        octets = reader.octets(message, first, end)
        rows.append((0, 0, octets))
        room -= len(octets)
        if room <= 0:
            break
    return rows


async def _put_one(
    session: Session, view: SelectedView, asked: Asked, one: _Batch, row: Whole, out: Out
) -> None:
    part, plan, [at] = one.part, asked.plan, one.inside
    before = [value(attribute, view, part, at, row) for attribute in plan.before]
    if asked.partial is not None:
        before.append(asked.partial[0])
    size, _, octets = row
    if octets is None:
        out.put(plan.head % (one.start + at + 1, *before, size))
        await _stream(session, MessageId(part.messages[at]), size, out)
    else:
        whole = unpacked(octets)
        out.put(plan.head % (one.start + at + 1, *before, len(whole)))
        out.put(whole)
    after = [value(attribute, view, part, at, row) for attribute in plan.after]
    out.put(plan.tail % tuple(after))
    if out.is_full:
        await out.room()


async def _put(
    session: Session,
    view: SelectedView,
    asked: Asked,
    batch: _Batch,
    rows: Sequence[Whole],
    out: Out,
) -> None:
    part, plan = batch.part, asked.plan
    numbers = [batch.start + at + 1 for at in batch.inside]
    lengths = [len(octets) if isinstance(octets, bytes) else size for size, _, octets in rows]
    columns = [
        [value(attribute, view, part, at, row) for at, row in zip(batch.inside, rows, strict=True)]
        for attribute in (*plan.before, *plan.after)
    ]
    before, after = columns[: len(plan.before)], columns[len(plan.before) :]
    begins = () if asked.partial is None else (repeat(asked.partial[0]),)
    heads = map(plan.head.__mod__, zip(numbers, *before, *begins, lengths, strict=False))
    tails: Iterable[bytes] = (
        map(plan.tail.__mod__, zip(*after, strict=True)) if after else repeat(plan.tail % ())
    )
    for at, head, (size, _, octets), tail in zip(batch.inside, heads, rows, tails, strict=False):
        if octets is None:
            out.put(head)
            await _stream(session, MessageId(part.messages[at]), size, out)
        else:
            # before the head: nothing is announced that does not come
            whole = unpacked(octets)
            out.put(head)
            out.put(whole)
        out.put(tail)
        if out.is_full:
            await out.room()


def value(attribute: Attribute, view: SelectedView, part: Part, at: int, row: Whole) -> Any:
    """Return what fills the format of *attribute* for the message at *at* inside *part*."""
    if attribute is Attribute.UID:
        return part.uids[at]
    if attribute is Attribute.FLAGS:
        return view.spell(part.column[at], recent=part.uids[at] in view.recent)
    if attribute is Attribute.MODSEQ:
        return part.modseqs[at]
    return row[0] if attribute is Attribute.SIZE else render_date_time(row[1])


async def _stream(session: Session, message: MessageId, size: int, out: Out) -> None:
    step = session.limits.read_octets
    jobs = (
        partial(_octets, message=message, start=at, end=at + step) for at in range(0, size, step)
    )
    begun: Begun[bytes] | None = session.mail.begin(next(jobs))
    out.in_literal = True
    try:
        while begun is not None:
            octets = await begun
            job = next(jobs, None)
            begun = None if job is None else session.mail.begin(job)
            out.put(octets)
            await out.room()
    finally:
        if begun is not None:
            begun.cancel()
    out.in_literal = False


def _octets(reader: MailReader, message: MessageId, start: int, end: int) -> bytes:
    return reader.octets(message, start, end)
