"""The untagged answers of SEARCH and SORT, spelled in pieces however many numbers they hold.

RFC 3501 §7.2.5 (SEARCH), RFC 5256 §4 (SORT), RFC 4731 §3.1 (ESEARCH), RFC 9394 §3.1 (PARTIAL).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from imap_out.session.answers.out import Out
from imap_out.session.state.selected import SelectedView
from imap_out.wire.search_return import Item, Returning
from imap_out.wire.sequence_set import uid_set
from mx_core.model.snapshot import Snapshot

_SLICE: Final = 8_192  # numbers spelled at once, about 2 ms


class Numbers:
    """The numbers by which a client is told of the messages at some indices, in their order."""

    def __init__(self, view: SelectedView, found: Sequence[int], *, by_uid: bool) -> None:
        self._found = found
        self._uids = joined_column(view.rows, "I", "uids") if by_uid else None

    def __len__(self) -> int:
        return len(self._found)

    def at(self, places: range) -> Sequence[int]:
        """Return the numbers of some results."""
        found = self._found[places.start : places.stop]
        if not found:
            return ()
        run = range(found[0], found[0] + len(found))
        if found[-1] == run[-1] and (found == run or list(found) == list(run)):  # all of a stretch
            if self._uids is None:
                return range(run.start + 1, run.stop + 1)
            return self._uids[run.start : run.stop]
        if self._uids is None:
            return [at + 1 for at in found]
        return list(map(self._uids.__getitem__, found))


def joined_column(rows: Snapshot, code: Literal["I", "Q"], name: str) -> array[int]:
    """Return one column of *rows* as a whole: a copy of memory, and an item costs a look."""
    column: array[int] = array(code)
    for part in rows.parts:
        column += getattr(part, name)
    return column


async def tell(word: bytes, numbers: Numbers, out: Out, end: bytes = b"") -> list[bytes]:
    """Say ``* SEARCH`` or ``* SORT``; return what was said."""
    said = [b"* " + word]
    out.put(said[0])
    for places in _slices(range(len(numbers))):
        # as Python spells a list, which is four times as fast as number by number
        said.append(b" " + str([*numbers.at(places)])[1:-1].replace(",", "").encode())
        out.put(said[-1])
        await out.room()
    said.append(end + b"\r\n")
    out.put(said[-1])
    return said


async def tell_esearch(
    returning: Returning, numbers: Numbers, out: Out, end: bytes = b"", *, by_uid: bool
) -> None:
    """Say ``* ESEARCH``, unless nothing but SAVE was asked for (RFC 5182 §2.1)."""
    # esearch-response  = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
    # search-correlator = SP "(" "TAG" SP tag-string ")"                    RFC 4466 §2.6.2
    items = returning.items
    if items == {Item.SAVE} and returning.partial is None:
        return
    out.put(b'* ESEARCH (TAG "%b")%b' % (out.tag, b" UID" if by_uid else b""))
    count = len(numbers)
    if Item.MIN in items and count:
        out.put(b" MIN %d" % numbers.at(range(1))[0])
    if Item.MAX in items and count:
        out.put(b" MAX %d" % numbers.at(range(count - 1, count))[0])
    if Item.COUNT in items:
        out.put(b" COUNT %d" % count)
    if Item.ALL in items and count:
        out.put(b" ALL ")
        await _tell_set(numbers, range(count), out)
    if returning.partial is not None:
        span = returning.partial.of(count)
        out.put(b" PARTIAL (%b " % returning.partial.render())
        if span:
            await _tell_set(numbers, span, out)
        else:
            out.put(b"NIL")
        out.put(b")")
    out.put(end + b"\r\n")


async def _tell_set(numbers: Numbers, places: range, out: Out) -> None:
    """Say a sequence-set; of sorted results it keeps their order (RFC 5267 §3)."""
    comma = b""
    for slice_ in _slices(places):
        out.put(comma + uid_set(numbers.at(slice_)))
        comma = b","
        await out.room()


def _slices(places: range) -> Iterator[range]:
    for start in range(places.start, places.stop, _SLICE):
        yield range(start, min(start + _SLICE, places.stop))
