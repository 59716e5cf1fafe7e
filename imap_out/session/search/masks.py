"""A search key made ready to judge thousands of messages at once.  RFC 3501 §6.4.4.

A mask is one whole number with an octet for each message of a stretch: 1 or 0.  So AND, OR and
NOT cost microseconds, and what Python does for each message is a look into a column.  A judgement
is two masks, who matches and who *may*: the latter are judged by their octets (`search_program`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from itertools import compress, pairwise
from typing import Final, NamedTuple, cast

from imap_out.session.search.program import text_of
from imap_out.wire.search_keys import (
    Aged,
    Arrived,
    Changed,
    Either,
    Every,
    HasFlag,
    InBody,
    InHeader,
    InText,
    Larger,
    Negated,
    Numbers,
    SearchKey,
    Sent,
    Smaller,
    Uids,
    When,
)
from mx_core.model.flags import RECENT, Flag, FlagSet
from mx_core.model.header_keys import NO_DAY, OrderNumber, TextField
from mx_core.model.ids import MessageId
from mx_core.model.part import Part
from mx_core.model.snapshot import Snapshot
from mx_core.model.text_hits import TextHits
from mx_core.ports import MailReader

PARTS_OF_STRETCH: Final = 8  # 8,192 messages: a few milliseconds of judging
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SECONDS_OF_DAY: Final = 86_400
_END: Final = 1 << 62  # no number of a message is so large
_FIELDS: Final = {field.value: field for field in TextField}


class Verdicts(NamedTuple):
    """Masks of who matches, and of who may; no message is in both."""

    sure: int
    open: int = 0


@dataclass(slots=True)
class Stretch:
    """Neighbouring messages of a view; *first* is the index of the first."""

    first: int
    parts: Sequence[Part]
    messages: Sequence[MessageId]
    reader: MailReader | None  # None: nothing is to be read

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def all(self) -> int:
        """Return the mask of all."""
        return int.from_bytes(b"\1" * len(self), "little")

    def mask(self, verdicts: Iterable[bool]) -> int:
        """Return the mask of one verdict for each message."""
        return int.from_bytes(bytes(verdicts), "little")

    def places(self, mask: int) -> Iterable[int]:
        """Return the indices in the view of those in *mask*, ascending."""
        whole = range(self.first, self.first + len(self))
        if not mask or mask == self.all:
            return whole if mask else ()
        return compress(whole, mask.to_bytes(len(self), "little"))


Judge = Callable[[Stretch], Verdicts]
Term = tuple[str, bool]  # folded text; in the body only


@dataclass(frozen=True, slots=True)
class Scene:
    """What a search is about, besides its keys."""

    rows: Snapshot
    is_recent: Callable[[int], bool]
    now: int  # unix seconds
    texts: Mapping[Term, TextHits]


def stretches(rows: Snapshot) -> Iterable[Stretch]:
    """Cut a view into stretches, in order."""
    first = 0
    for start in range(0, len(rows.parts), PARTS_OF_STRETCH):
        parts = rows.parts[start : start + PARTS_OF_STRETCH]
        messages = messages_of(parts)
        yield Stretch(first, parts, cast("Sequence[MessageId]", messages), None)
        first += len(messages)


def messages_of(parts: Sequence[Part]) -> Sequence[int]:
    """Return the ids of *parts*, a range where they follow each other."""
    runs = [part.run for part in parts]
    if runs and all(runs) and all(one.stop == more.start for one, more in pairwise(runs)):
        return range(runs[0].start, runs[-1].stop)
    messages = array("Q")
    for part in parts:
        messages += part.messages
    return messages


def terms_of(key: SearchKey) -> set[Term]:
    """Return the texts that the index is to be asked for.

    Raises:
        BadSyntax: Some text of *key* is not in UTF-8.
    """
    match key:
        case Every(keys):
            return {term for inner in keys for term in terms_of(inner)}
        case Either(one, other):
            return terms_of(one) | terms_of(other)
        case Negated(inner):
            return terms_of(inner)
        case InHeader(_, octets):
            text_of(octets)
            return set()
        case InBody(octets) | InText(octets):
            wanted = text_of(octets)
            return {(wanted, isinstance(key, InBody))} if wanted else set()
        case _:
            return set()


def reads(key: SearchKey) -> bool:
    """Tell whether flags, numbers and what the index found do not decide."""
    match key:
        case Every(keys):
            return any(map(reads, keys))
        case Either(one, other):
            return reads(one) or reads(other)
        case Negated(inner):
            return reads(inner)
        case HasFlag() | Numbers() | Uids() | Changed() | InBody() | InText():
            return False
        case _:
            return True


def prepare(key: SearchKey, scene: Scene) -> Judge:
    """Return the judge for *key*."""
    match key:
        case Every(keys):
            return _every([prepare(inner, scene) for inner in sorted(keys, key=reads)])
        case Either(one, other):
            return _either(prepare(one, scene), prepare(other, scene))
        case Negated(inner):
            return _negated(prepare(inner, scene))
        case HasFlag(flag):
            return _is_recent(scene.is_recent) if flag == RECENT else _has_flag(flag)
        case Numbers(which):
            return _in_ranges([range(low - 1, high) for low, high in which.spans(len(scene.rows))])
        case Uids(which):
            last = scene.rows.uids[-1] if len(scene.rows) else 0
            return _in_ranges(which.positions_of(last, scene.rows.place))
        case Changed(modseq):
            return lambda stretch: Verdicts(
                stretch.mask(each >= modseq for part in stretch.parts for each in part.modseqs)
            )
        case InHeader(name, octets) if name in _FIELDS:
            return _in_field(_FIELDS[name], text_of(octets))
        case InBody(octets) | InText(octets):
            return _in_text(scene.texts.get((text_of(octets), isinstance(key, InBody))))
        case _:
            number = _number_test(key, scene.now)
            return _open if number is None else _by_number(*number)


def _number_test(key: SearchKey, now: int) -> tuple[OrderNumber, range] | None:
    """Return which number of a message decides, and the range in which it holds."""
    match key:
        case Larger(least):
            return OrderNumber.SIZE, range(least + 1, _END)
        case Smaller(most):
            return OrderNumber.SIZE, range(-_END, most)
        case Aged(older=True, seconds=seconds):
            return OrderNumber.ARRIVED, range(-_END, now - seconds + 1)
        case Aged(older=False, seconds=seconds):
            return OrderNumber.ARRIVED, range(now - seconds, _END)
        case Arrived(when, day):
            low, high = _days(when, day)
            return OrderNumber.ARRIVED, range(low * _SECONDS_OF_DAY, high * _SECONDS_OF_DAY)
        case Sent(when, day):
            low, high = _days(when, day)
            return OrderNumber.SENT_DAY, range(max(low, NO_DAY + 1), high)
        case _:
            return None


def _days(when: When, day: date) -> tuple[int, int]:
    """Return the days since 1970, from and up to without, that compare so with *day*."""
    at = day.toordinal() - _EPOCH
    match when:
        case When.BEFORE:
            return -(2**40), at
        case When.ON:
            return at, at + 1
        case When.SINCE:
            return at, 2**40


# ── combining ────────────────────────────────────────────────────────────────────────
def _every(judges: Sequence[Judge]) -> Judge:
    def judge(stretch: Stretch) -> Verdicts:
        sure, may = stretch.all, stretch.all
        for inner in judges:
            verdicts = inner(stretch)
            sure &= verdicts.sure
            may &= verdicts.sure | verdicts.open
            if not may:
                break
        return Verdicts(sure, may & ~sure)

    return judge


def _either(one: Judge, other: Judge) -> Judge:
    def judge(stretch: Stretch) -> Verdicts:
        first, second = one(stretch), other(stretch)
        sure = first.sure | second.sure
        return Verdicts(sure, (first.open | second.open) & ~sure)

    return judge


def _negated(inner: Judge) -> Judge:
    def judge(stretch: Stretch) -> Verdicts:
        sure, open_ = inner(stretch)
        return Verdicts(stretch.all & ~(sure | open_), open_)

    return judge


# ── single keys ──────────────────────────────────────────────────────────────────────
def _open(stretch: Stretch) -> Verdicts:
    return Verdicts(0, stretch.all)


def _has_flag(flag: Flag) -> Judge:
    folded = flag.lower()  # keywords compare without case

    def has(flags: FlagSet) -> bool:
        return flag in flags or any(known.lower() == folded for known in flags)

    def judge(stretch: Stretch) -> Verdicts:
        octets = bytearray()
        for part in stretch.parts:
            kinds = {flags: has(flags) for flags in part.kinds}
            if len(set(kinds.values())) == 1:
                octets += bytes([next(iter(kinds.values()))]) * len(part)
            else:
                octets += bytes(map(kinds.__getitem__, part.flags))
        return Verdicts(int.from_bytes(octets, "little"))

    return judge


def _is_recent(recent: Callable[[int], bool]) -> Judge:
    return lambda stretch: Verdicts(
        stretch.mask(recent(uid) for part in stretch.parts for uid in part.uids)
    )


def _in_ranges(ranges: Sequence[range]) -> Judge:
    def judge(stretch: Stretch) -> Verdicts:
        octets = bytearray(len(stretch))
        for span in ranges:
            low = max(span.start - stretch.first, 0)
            high = min(span.stop - stretch.first, len(stretch))
            if low < high:
                octets[low:high] = b"\1" * (high - low)
        return Verdicts(int.from_bytes(octets, "little"))

    return judge


def _by_number(number: OrderNumber, holds: range) -> Judge:
    def judge(stretch: Stretch) -> Verdicts:
        if stretch.reader is None:
            return _open(stretch)
        octets = stretch.reader.within(number, stretch.messages, holds)
        return Verdicts(int.from_bytes(octets, "little"))

    return judge


def _in_field(field: TextField, wanted: str) -> Judge:
    def judge(stretch: Stretch) -> Verdicts:
        if stretch.reader is None:
            return _open(stretch)
        hits = stretch.reader.holding(field, wanted, stretch.messages)
        return Verdicts(_members(stretch, hits.sure), _members(stretch, hits.open))

    return judge


def _in_text(hits: TextHits | None) -> Judge:
    if hits is None:
        return _open

    def judge(stretch: Stretch) -> Verdicts:
        maybe = _members(stretch, hits.maybe) | _from(stretch, hits.unindexed_from)
        return Verdicts(_members(stretch, hits.sure) & ~maybe, maybe)

    return judge


def _from(stretch: Stretch, first: int) -> int:
    """Return the mask of the messages whose id is *first* or above."""
    messages = stretch.messages
    if isinstance(messages, range):
        if first >= messages.stop:
            return 0  # as nearly always
        below = min(max(first - messages.start, 0), len(messages))
        return int.from_bytes(bytes(below) + b"\1" * (len(messages) - below), "little")
    return stretch.mask(map(first.__le__, messages)) if max(messages) >= first else 0


def _members(stretch: Stretch, chosen: AbstractSet[MessageId]) -> int:
    messages = stretch.messages
    if isinstance(messages, range) and len(chosen) < len(messages):  # look from the fewer side
        octets = bytearray(len(messages))
        inside = [message for message in chosen if message in messages]
        for message in inside:
            octets[message - messages.start] = 1
        return int.from_bytes(octets, "little") if inside else 0
    if not chosen or chosen.isdisjoint(messages):
        return 0
    return stretch.mask(map(chosen.__contains__, messages))
