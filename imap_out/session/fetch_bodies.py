"""FETCH of whole messages, or of one range of each: stored octets between two short texts.

One statement reads as many messages as fit ``read_octets``, and while they leave the next are
read: so a client waits for the slower of the two and not for both.  Of a message larger than
that pieces are read in the same way; its octets never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from imap_out.session.out import Out
from imap_out.session.selected import SelectedView
from imap_out.session.session import Session
from imap_out.wire.dates import render_date_time
from imap_out.wire.fetch_items import Attribute, BodySection, FetchItem, Section
from imap_out.wire.render import section_name
from mx_core.model.ids import MessageId
from mx_core.model.message import Whole
from mx_core.model.part import Part, among
from mx_core.ports import Begun, MailReader

_AT_ONCE: Final = 256  # messages of one read transaction
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


@dataclass(frozen=True, slots=True)
class Plan:
    """How to spell an answer around the octets of *body*; formats, and what fills them."""

    body: BodySection
    head: bytes  # the number, then each of *before*, then the count of octets
    before: tuple[Attribute, ...]
    tail: bytes
    after: tuple[Attribute, ...]

    @property
    def octets_max(self) -> int:
        """Return how long a range is at most; 0 where whole messages are asked for."""
        return 0 if self.body.partial is None else self.body.partial[1]


@lru_cache(_KNOWN_PLANS)
def plan_of(items: tuple[FetchItem, ...]) -> Plan | None:
    """Return how to answer *items*; None if they are not one body and what is cheap beside it."""
    bodies = [at for at, item in enumerate(items) if isinstance(item, BodySection)]
    if len(bodies) != 1:
        return None
    at = bodies[0]
    body, before, after = items[at], _cheap(items[:at]), _cheap(items[at + 1 :])
    if not isinstance(body, BodySection) or before is None or after is None:
        return None
    if body.section != _WHOLE or (body.partial is not None and {*before, *after} & _OF_ROW):
        return None
    name = section_name(body)
    head = b"* %d FETCH (" + b"".join(_SPELLED[item] + b" " for item in before) + name
    tail = b"".join(b" " + _SPELLED[item] for item in after) + b")\r\n"
    return Plan(body, head + b" {%d}\r\n", before, tail, after)


def _cheap(items: Sequence[FetchItem]) -> tuple[Attribute, ...] | None:
    cheap = tuple(item for item in items if isinstance(item, Attribute) and item in _SPELLED)
    return cheap if len(cheap) == len(items) else None


# ── telling ──────────────────────────────────────────────────────────────────────────
async def tell(
    session: Session, view: SelectedView, places: Sequence[int], plan: Plan, out: Out
) -> None:
    """Put an answer for each of the ascending *places*, as the view is now."""
    if len(places) == 1:
        # one message is read faster than a thread is found for it
        part, start, _ = next(view.rows.touched(places))
        one = _Batch(part, start, [places[0] - start])
        if plan.body.partial is None:
            rows = session.mail.glance(_reading(session, plan, among(part.messages, one.inside)))
        else:
            first, count = plan.body.partial
            message = MessageId(part.messages[places[0] - start])
            octets = await session.ahead.read(session.mail, message, first, first + count)
            rows = [(0, 0, octets)]
        await _put(session, view, plan, one, rows, out)
        return
    batches = _batches(view, places)
    batch = next(batches, None)
    if batch is None:
        return
    begun = _begin(session, plan, batch)
    try:
        while batch is not None:
            rows = await begun
            told, batch = batch.first(len(rows)), batch.behind(len(rows)) or next(batches, None)
            if batch is not None:
                begun = _begin(session, plan, batch)
            await _put(session, view, plan, told, rows, out)
    finally:
        begun.cancel()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Neighbours in one part of the view."""

    part: Part
    start: int  # index of the part's first message in the view
    inside: list[int]  # the part

    def first(self, count: int) -> _Batch:
        return _Batch(self.part, self.start, self.inside[:count])

    def behind(self, count: int) -> _Batch | None:
        rest = self.inside[count:]
        return _Batch(self.part, self.start, rest) if rest else None


def _batches(view: SelectedView, places: Sequence[int]) -> Iterator[_Batch]:
    for part, start, chosen in view.rows.touched(places):
        inside = list(range(len(part))) if isinstance(chosen, slice) else chosen
        for at in range(0, len(inside), _AT_ONCE):
            yield _Batch(part, start, inside[at : at + _AT_ONCE])


def _begin(session: Session, plan: Plan, batch: _Batch) -> Begun[list[Whole]]:
    return session.mail.begin(_reading(session, plan, among(batch.part.messages, batch.inside)))


def _reading(
    session: Session, plan: Plan, messages: Sequence[int]
) -> Callable[[MailReader], list[Whole]]:
    """Return the job that reads what is asked of the first of *messages*."""
    wanted = [MessageId(message) for message in messages]
    room = session.limits.read_octets
    if plan.body.partial is None:
        return lambda reader: reader.wholes(wanted, room)
    first, count = plan.body.partial
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


async def _put(
    session: Session,
    view: SelectedView,
    plan: Plan,
    batch: _Batch,
    rows: Sequence[Whole],
    out: Out,
) -> None:
    part = batch.part
    for at, row in zip(batch.inside, rows, strict=True):
        size, _, octets = row
        before = [_value(attribute, view, part, at, row) for attribute in plan.before]
        length = size if octets is None else len(octets)
        out.put(plan.head % (batch.start + at + 1, *before, length))
        if octets is None:
            await _stream(session, MessageId(part.messages[at]), size, out)
        else:
            out.put(octets)
        after = [_value(attribute, view, part, at, row) for attribute in plan.after]
        out.put(plan.tail % tuple(after))
        await out.room()


def _value(attribute: Attribute, view: SelectedView, part: Part, at: int, row: Whole) -> Any:
    if attribute is Attribute.UID:
        return part.uids[at]
    if attribute is Attribute.FLAGS:
        return view.spell(part.flags[at], recent=part.uids[at] in view.recent)
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
