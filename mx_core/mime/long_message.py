"""The form of a message that is not in memory: what its structure hangs on is read, the rest is passed.

Only a line that begins with two dashes can end a part, and only what follows one, or stands at the
top, can be a header.  So a long message is scanned without the insides of its bodies, and every
offset is then put back to where it belongs.  Where that cannot tell (a header, or such a line, that
is longer than what is kept of it) the whole is scanned.  The answer is always that of ``prepare``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from mx_core.mime import imap_form
from mx_core.mime.prepare import form_of, prepare
from mx_core.mime.structure import Node, Scan
from mx_core.model.message import HeaderField, MessageForm
from mx_core.model.octets import PIECE_OCTETS, Octets, whole

_KEPT_OCTETS: Final = 32 * 1024  # from the beginning, and from each line of two dashes
_MARKS_MAX: Final = 10_000
_DASH_LINE: Final = b"\n--"
_BREAK_OCTETS: Final = 1  # CR before the line of two dashes: the line break is the delimiter's


def prepare_long(
    octets: Octets, *, kept_octets: int = _KEPT_OCTETS, piece_octets: int = PIECE_OCTETS
) -> MessageForm:
    """Return ``prepare`` of *octets*, of which about a piece is held at a time; blocks."""
    passed = _Passed(octets, piece_octets)
    kept = None if len(passed.marks) > _MARKS_MAX else _Kept(octets, passed.marks, kept_octets)
    root = None if kept is None else kept.scanned()
    if kept is None or root is None:
        return prepare(whole(octets))
    return form_of(kept, len(octets), root, passed.lines_before(root))


class _Passed:
    """One pass over all octets: where lines of two dashes begin, and how many LF are before a piece."""

    def __init__(self, octets: Octets, piece_octets: int) -> None:
        self._octets = octets
        self._piece_octets = piece_octets
        self._lines = [0]
        self.marks: list[int] = []  # of the LF before the dashes
        rest = b""
        for start in range(0, len(octets), piece_octets):
            piece = octets[start : start + piece_octets]
            self._lines.append(self._lines[-1] + piece.count(b"\n"))
            window = rest + piece
            found = window.find(_DASH_LINE)
            while found >= 0 and len(self.marks) <= _MARKS_MAX:
                self.marks.append(start - len(rest) + found)
                found = window.find(_DASH_LINE, found + 1)
            rest = window[-(len(_DASH_LINE) - 1) :]

    def lines_before(self, root: Node) -> dict[int, int]:
        """Return what ``imap_form.line_counts`` does."""
        offsets = sorted(
            {at for node in imap_form.walk(root) for at in (node.body_start, node.end)}
        )
        counts: dict[int, int] = {}
        number, piece = -1, b""
        for at in offsets:
            if at // self._piece_octets != number:
                number = at // self._piece_octets
                first = number * self._piece_octets
                piece = self._octets[first : first + self._piece_octets]
            inside = at - number * self._piece_octets
            counts[at] = self._lines[number] + piece.count(b"\n", 0, inside)
        return counts


class _Kept:
    """Runs of the octets, asked for by where they are in the message."""

    def __init__(self, octets: Octets, marks: list[int], kept_octets: int) -> None:
        self._marks = marks
        self._starts: list[int] = []  # where each run begins in the message …
        self._places: list[int] = []  # … and in what is kept
        text = bytearray()
        for start, end in _runs(marks, len(octets), kept_octets):
            self._starts.append(start)
            self._places.append(len(text))
            text += octets[start:end]
        self._text = bytes(text)

    def scanned(self) -> Node | None:
        """Return the tree with its offsets in the message, or None if it hangs on what was passed."""
        if self._text.count(_DASH_LINE) != len(self._marks):
            return None  # where two runs meet they look like one
        if not all(map(self._has_whole_line, self._marks)):
            return None
        root = Scan(self._text).root
        nodes = list(imap_form.walk(root))
        if any(self._is_cut(node.header_start, node.body_start) for node in nodes):
            return None
        for node in nodes:
            node.fields = tuple(
                HeaderField(each.name, self._at(each.start), self._at(each.end))
                for each in node.fields
            )
            node.header_start = self._at(node.header_start)
            node.body_start = self._at(node.body_start)
            node.end = self._at(node.end)
        return root

    # what a reader of fields asks of octets
    def __getitem__(self, part: slice) -> bytes:
        return self._text[self._place(part.start) : self._place(part.stop)]

    def find(self, what: bytes, start: int, end: int) -> int:
        """As ``bytes.find``."""
        found = self._text.find(what, self._place(start), self._place(end))
        return found if found < 0 else self._at(found)

    def _has_whole_line(self, mark: int) -> bool:
        place = self._place(mark + 1)
        end = self._text.find(b"\n", place)
        return not self._is_cut(place, len(self._text) - 1 if end < 0 else end)

    def _is_cut(self, start: int, end: int) -> bool:
        """Tell whether something was passed between two places of what is kept."""
        return bisect_right(self._places, start) != bisect_right(self._places, end)

    def _place(self, at: int) -> int:
        run = bisect_right(self._starts, at) - 1
        return self._places[run] + at - self._starts[run]

    def _at(self, place: int) -> int:
        run = bisect_right(self._places, place) - 1
        return self._starts[run] + place - self._places[run]


def _runs(marks: list[int], size: int, kept_octets: int) -> Iterator[tuple[int, int]]:
    """Yield the runs to keep, apart from each other and in order; the last octets are in one."""
    start, end = 0, kept_octets
    for mark in [*marks, size - kept_octets]:
        first = mark - _BREAK_OCTETS
        if first > end:
            yield start, end
            start = first
        end = max(end, mark + kept_octets)
    yield start, min(end, size)
