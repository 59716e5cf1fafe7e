"""A row of the journal as a value, and places by name instead of by UID.  Pure.

On the disk of the device that wrote it a row names places by UID; when it travels it names
them by the ``added`` row that made them (spec/journal §1).  :class:`PlaceNames` turns one
into the other.  Knows the shapes, not what they come to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from mx_core.model.errors import StoreDamaged
from mx_core.notation import cbor

Value = cbor.Value


class Op(IntEnum):
    """What a row says happened; spec/journal §3."""

    MADE = 1
    RENAMED = 2
    REMOVED = 3
    ADDED = 4
    FLAGGED = 5
    EXPUNGED = 6
    SUBSCRIBED = 7


class PlaceName(NamedTuple):
    """One message in one mailbox: the row that put it there, and which of that row's it is."""

    change: bytes
    at: int  # from 0


class Row(Struct, frozen=True):
    """One change.  *ids* is decoded and has the shape that spec/journal §3 gives to *op*."""

    device: bytes
    device_seq: int
    hybrid: int
    change: bytes
    op: Op
    mailbox: bytes
    ids: dict[int, Any]

    @property
    def order(self) -> tuple[int, bytes, int]:
        """Sort by this: later rows win (spec/journal §2)."""
        return self.hybrid, self.device, self.device_seq


def read_row(columns: Sequence[Any]) -> Row:
    """Return the row that the seven columns of the table stand for.

    Raises:
        StoreDamaged: It has not the shape of its operation.
    """
    device, device_seq, hybrid, change, op, mailbox, octets = columns
    try:
        ids = cbor.decode(octets)
        row = Row(device, device_seq, hybrid, change, Op(op), mailbox, dict(ids))  # type: ignore[arg-type]  # _fits looks
    except (ValueError, TypeError) as error:
        raise StoreDamaged(f"row {device_seq} of the journal can not be read") from error
    if not _fits(row):
        raise StoreDamaged(f"row {device_seq} of the journal has not the shape of its operation")
    return row


def ranges(uids: Sequence[int]) -> list[Value]:
    """Return ascending *uids* as pairs of first and last."""
    result: list[Value] = []
    at = 0
    while at < len(uids):
        end = _run_end(uids, at)
        result += (uids[at], uids[end])
        at = end + 1
    return result


def _run_end(uids: Sequence[int], start: int) -> int:
    """Return the last index of the run without a gap that begins at *start*; in few looks."""
    last = len(uids) - 1
    if uids[last] - uids[start] == last - start:
        return last
    ahead = 1
    while start + ahead <= last and uids[start + ahead] - uids[start] == ahead:
        ahead *= 2
    inside, beyond = ahead // 2, min(ahead, last - start + 1)
    while beyond - inside > 1:
        middle = (inside + beyond) // 2
        if uids[start + middle] - uids[start] == middle:
            inside = middle
        else:
            beyond = middle
    return start + inside


def unfold(spans: Sequence[int]) -> Iterator[int]:
    """Yield the numbers that ``ranges`` folded."""
    for first, last in zip(spans[::2], spans[1::2], strict=True):
        yield from range(first, last + 1)


def texts(flags: Iterable[str]) -> list[Value]:
    """Return *flags* in one order."""
    return [*sorted(flags)]


def signed(number: int) -> int:
    """Fold a number that may be negative into an unsigned one: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return number * 2 if number >= 0 else -number * 2 - 1


class _Block(Struct):
    first: int  # UID; the others follow without a gap
    last: int
    change: bytes
    index: int  # of *first* in the row


class PlaceNames(Struct):
    """Names of the places of one device, learnt from its ``added`` rows in order."""

    _blocks: dict[bytes, list[_Block]] = field(default_factory=dict)  # by mailbox, UIDs ascending

    def travelling(self, row: Row) -> Row:
        """Return *row*, the device's next one, with places by name.

        Raises:
            StoreDamaged: It names a UID that no row before it gave out.
        """
        match row.op:
            case Op.ADDED:
                blocks = self._blocks.setdefault(row.mailbox, [])
                index = 0
                for first, last in _pairs(row.ids[0]):
                    blocks.append(_Block(first, last, row.change, index))
                    index += last - first + 1
                return replace(row, ids={**row.ids, 0: [[row.change, 0, index - 1]]})
            case Op.FLAGGED:
                named = [
                    [self._named(row, places), flags, cleared]
                    for places, flags, cleared in row.ids[0]
                ]
                return replace(row, ids={0: named})
            case Op.EXPUNGED:
                return replace(row, ids={0: self._named(row, row.ids[0])})
            case Op.MADE | Op.RENAMED | Op.REMOVED | Op.SUBSCRIBED:
                return row

    def name(self, mailbox: bytes, uid: int) -> PlaceName:
        """Return the name of the place that has *uid*; raises StoreDamaged if none had."""
        [[change, index, _]] = self._spans(mailbox, uid, uid)
        return PlaceName(change, index)

    def _named(self, row: Row, spans: Sequence[int]) -> list[list[Any]]:
        return [
            span for first, last in _pairs(spans) for span in self._spans(row.mailbox, first, last)
        ]

    def _spans(self, mailbox: bytes, first: int, last: int) -> list[list[Any]]:
        blocks = self._blocks.get(mailbox, [])
        found = []
        at = bisect_right(blocks, first, key=lambda block: block.first) - 1
        while first <= last:
            if not 0 <= at < len(blocks) or not blocks[at].first <= first <= blocks[at].last:
                raise StoreDamaged(f"the journal speaks of UID {first}, which it never gave out")
            block, end = blocks[at], min(last, blocks[at].last)
            start = block.index + first - block.first
            found.append([block.change, start, start + end - first])
            first, at = end + 1, at + 1
        return found


def _pairs(spans: Sequence[int]) -> Iterator[tuple[int, int]]:
    yield from zip(spans[::2], spans[1::2], strict=True)


def _fits(row: Row) -> bool:
    """Tell whether *ids* has the shape of a row on the disk."""
    ids = row.ids
    match row.op:
        case Op.MADE:
            return _are(str, ids.get(0), ids.get(1), ids.get(2, ""))
        case Op.RENAMED:
            return _are(str, ids.get(0))
        case Op.REMOVED:
            return all(_is_pair(pair) for pair in ids.get(0, []))
        case Op.ADDED:
            places, messages, sets, chosen = (ids.get(key) for key in range(4))
            return (
                _is_spans(places)
                and isinstance(messages, list)
                and isinstance(sets, list)
                and isinstance(chosen, list)
                and _are(bytes, *messages)
                and all(_is_texts(each) for each in sets)
                and all(isinstance(at, int) and at < len(sets) for at in chosen)
                and len(messages) == len(chosen) == _count(places)
            )
        case Op.FLAGGED:
            return isinstance(ids.get(0), list) and all(
                isinstance(part, list)
                and len(part) == 3  # noqa: PLR2004  # places, set, cleared
                and _is_spans(part[0])
                and _is_texts(part[1])
                and _is_texts(part[2])
                for part in ids[0]
            )
        case Op.EXPUNGED:
            return _is_spans(ids.get(0))
        case Op.SUBSCRIBED:
            return _are(str, ids.get(0)) and isinstance(ids.get(1), bool)


def _are(kind: type, *values: object) -> bool:
    return all(isinstance(value, kind) for value in values)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and _are(str, *value)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004  # device, device_seq
        and isinstance(value[0], bytes)
        and isinstance(value[1], int)
    )


def _is_spans(value: object) -> bool:
    if not isinstance(value, list) or len(value) % 2 or not _are(int, *value):
        return False
    return value == sorted(value) and all(
        before < after for before, after in zip(value[1::2], value[2::2], strict=False)
    )


def _count(spans: Any) -> int:
    return sum(last - first + 1 for first, last in _pairs(spans))
