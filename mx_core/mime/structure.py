"""The tree of parts of a message, as offsets: one pass over its lines, whatever they say.

    header ──► body of a leaf ──────────────► delimiter of the innermost multipart that fits
       │                                           │ "--"  → the rest is epilogue
       ├─► multipart: its delimiter joins the open ones    │ else → the next part's header
       └─► message/rfc822: the header of the message inside

Invariants: children lie inside their parent's body, in order, without overlap; every offset
is within the octets; work is proportional to the octets (``Scan.looks`` counts the lines that
were compared).  Beyond ``limits`` a part is an opaque leaf.  Refuses to decode anything.
RFC 2046 §5.1, RFC 2045 §5; delimiters in doubt are read as Dovecot reads them.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct, field

from mx_core.mime import content_field, header
from mx_core.mime.content_field import ContentType
from mx_core.mime.limits import BOUNDARY_OCTETS_MAX, DEPTH_MAX, HEADER_OCTETS_MAX, PARTS_MAX
from mx_core.model.message import HeaderField

_DASHES: Final = b"--"
_DASH_LINE: Final = b"\n--"
_NEAR_OCTETS: Final = 4_096  # a shorter header is found without looking at each octet in turn
_REACH_OCTETS: Final = 65_536  # of a long header that are looked through at once
_DASH: Final = ord("-")
_EMPTY_OCTETS: Final = 3  # of an empty line, with the end of the line before it
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_HEADER_STOP: Final = re.compile(rb"\n(?:\r?\n|--)")


class Node(Struct, eq=False):
    """One part while and after it is scanned; ``octets[body_start:end]`` is its body."""

    parent: Node | None
    depth: int
    header_start: int
    has_mime: bool  # Content-* fields count: below a multipart, or MIME-Version or a type is there
    body_start: int = 0
    end: int = -1
    fields: tuple[HeaderField, ...] = ()
    type: ContentType | None = None  # None: no Content-Type, or it does not count
    multipart: bool = False
    message: bool = False
    opaque: bool = False  # a limit kept it from being taken apart
    children: list[Node] = field(default_factory=list)


class _Delimiter(Struct, frozen=True):
    text: bytes  # without the leading dashes
    node: Node
    depth: int  # place among the open ones


class _Hit(Struct, frozen=True):
    delimiter: _Delimiter
    line_start: int  # of the delimiter line
    before: int  # end of what precedes it: the line break belongs to the delimiter
    closes: bool
    after: int  # start of the next line, or -1 when there is none


class Scan:
    """One pass; ``root`` is whole when the constructor returns."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._open: list[_Delimiter] = []
        self._by_text: dict[bytes, list[_Delimiter]] = {}
        self._lengths: list[int] = []
        self._shortest = 0
        self._heads: frozenset[bytes] = frozenset()  # what a delimiter line may begin with
        self._mark = _DASH_LINE
        self._header_room = HEADER_OCTETS_MAX
        self._parts = 1
        self.looks = 0
        self.root = Node(None, 0, 0, has_mime=False)
        self._run()

    def _run(self) -> None:
        current = self.root
        hit = self._read_header(current)
        while True:
            if current.message:
                current = self._add_child(current, current.body_start)
                if hit is None:
                    hit = self._read_header(current)
                else:  # cut short: the message inside is empty
                    current.body_start = current.end = current.header_start
                continue
            if hit is None:
                hit = self._next_delimiter(current.body_start)
            while hit is not None:
                self._finish(current, hit)
                current = hit.delimiter.node
                if hit.after < 0:
                    hit = None
                    break
                if not hit.closes:
                    break
                hit = self._next_delimiter(hit.after)
            if hit is None:
                break
            current = self._add_child(current, hit.after, has_mime=True)
            hit = self._read_header(current)
        self._finish_all(current)

    # ── parts ────────────────────────────────────────────────────────────────────────
    def _add_child(self, parent: Node, at: int, has_mime: bool = False) -> Node:
        child = Node(parent, parent.depth + 1, at, has_mime)
        parent.children.append(child)
        self._parts += 1
        return child

    def _finish(self, current: Node, hit: _Hit) -> None:
        """End every part inside the delimiter's multipart, and forget the delimiters of these."""
        node: Node | None = current
        while node is not None and node is not hit.delimiter.node:
            if node.end < 0:
                node.end = hit.before
            node = node.parent
        self._close(hit.delimiter.depth + (0 if hit.closes else 1))

    def _finish_all(self, current: Node) -> None:
        node: Node | None = current
        while node is not None:
            if node.end < 0:
                node.end = len(self._octets)
            node = node.parent

    # ── headers ──────────────────────────────────────────────────────────────────────
    def _read_header(self, node: Node) -> _Hit | None:
        """Fill in *node*; return the delimiter that cut its header short, if one did."""
        start = node.header_start
        fields_end, hit, complete = self._header_extent(start)
        node.fields = header.split_fields(self._octets, start, fields_end, self._header_room)
        node.opaque = fields_end > start and self._header_room == 0
        self._header_room = max(0, self._header_room - (fields_end - start))
        node.body_start = fields_end
        if complete:
            node.body_start += 2 if self._octets[fields_end] == ord("\r") else 1
        if not node.opaque:
            self._read_type(node, complete)
        if complete:
            hit = self._delimiter_at(node.body_start, fields_end)
            if hit is not None and hit.delimiter.node is node:
                hit = None  # its own first part begins at once
        if hit is None:
            return None
        # The line break before the delimiter, even an empty line, is the delimiter's; it is
        # taken from this header only, an enclosing message keeps it.
        node.body_start = node.end = hit.before
        return _Hit(hit.delimiter, hit.line_start, hit.line_start, hit.closes, hit.after)

    def _header_extent(self, start: int) -> tuple[int, _Hit | None, bool]:
        """Return where the field lines end, a delimiter found there, whether a blank line is."""
        octets = self._octets
        if octets.startswith((b"\n", b"\r\n"), start):
            return start, None, True
        hit = self._delimiter_at(start, start)
        if hit is not None:
            return start, hit, False
        heads, shortest = self._heads, self._shortest
        may_end_parts = self._may_end_parts()
        blank = self._near_blank_line(start)
        if blank >= 0 and not (may_end_parts and octets.find(_DASH_LINE, start, blank) >= 0):
            return blank + 1, None, True
        if len(heads) <= 1:
            return self._long_header_extent(start)
        pattern = _HEADER_STOP if may_end_parts else _EMPTY_LINE
        for stop in pattern.finditer(octets, start):
            line, text = stop.start() + 1, stop.end()
            if octets[text - 1] != _DASH:
                return line, None, True
            if octets[text : text + shortest] not in heads:
                continue
            hit = self._delimiter_at(line, self._before_break(stop.start(), start))
            if hit is not None:
                return hit.before, hit, False
        return len(octets), None, False

    def _long_header_extent(self, start: int) -> tuple[int, _Hit | None, bool]:
        """As ``_header_extent``, where one text alone begins a delimiter: it is looked for itself."""
        octets, at = self._octets, start
        while at < len(octets):
            reach = at + _REACH_OCTETS
            mark = (
                octets.find(self._mark, at, reach + len(self._mark))
                if self._may_end_parts()
                else -1
            )
            blank = _EMPTY_LINE.search(octets, at, mark + 1 if mark >= 0 else reach + _EMPTY_OCTETS)
            if blank is not None:
                return blank.start() + 1, None, True
            if mark >= 0:
                hit = self._delimiter_at(mark + 1, self._before_break(mark, start))
                if hit is not None:
                    return hit.before, hit, False
            at = mark + 1 if mark >= 0 else reach
        return len(octets), None, False

    def _near_blank_line(self, start: int) -> int:
        """Return where the line before the first blank one ends, if that is near; else -1."""
        near = start + _NEAR_OCTETS
        crlf = self._octets.find(b"\n\r\n", start, near)
        lf = self._octets.find(b"\n\n", start, near if crlf < 0 else crlf + 1)
        return crlf if lf < 0 else lf

    def _read_type(self, node: Node, complete: bool) -> None:
        for entry in node.fields:
            if entry.name == b"mime-version":
                node.has_mime = True
            elif entry.name == b"content-type" and node.type is None:
                node.has_mime = True
                node.type = content_field.content_type(header.value(self._octets, entry))
        if node.type is None:
            parent = node.parent
            node.message = bool(
                parent and parent.multipart and parent.type and parent.type.is_digest()
            )
        else:
            node.multipart = node.type.is_multipart()
            node.opaque = node.type.main.lower() == b"multipart" and not node.multipart
            node.message = node.type.is_message()
        deep = node.depth + 1 >= DEPTH_MAX
        boundary = node.type.parameter(b"boundary") if node.type and node.multipart else None
        if boundary is not None and complete:
            if deep:
                node.multipart, node.opaque = False, True
            else:
                self._open_delimiter(node, boundary[:BOUNDARY_OCTETS_MAX])
        if node.message and (deep or self._parts >= PARTS_MAX):
            node.message, node.opaque = False, True

    # ── delimiters ───────────────────────────────────────────────────────────────────
    def _open_delimiter(self, node: Node, text: bytes) -> None:
        delimiter = _Delimiter(text, node, len(self._open))
        self._open.append(delimiter)
        self._by_text.setdefault(text, []).append(delimiter)
        self._index_open()

    def _index_open(self) -> None:
        self._lengths = sorted({len(text) for text in self._by_text})
        self._shortest = self._lengths[0] if self._lengths else 0
        self._heads = frozenset(text[: self._shortest] for text in self._by_text)
        # where there is one, it is found faster than dashes that mean nothing are passed over
        self._mark = _DASH_LINE + next(iter(self._heads)) if len(self._heads) == 1 else _DASH_LINE

    def _close(self, depth: int) -> None:
        if len(self._open) <= depth:
            return
        while len(self._open) > depth:
            text = self._open.pop().text
            self._by_text[text].pop()
            if not self._by_text[text]:
                del self._by_text[text]
        self._index_open()

    def _next_delimiter(self, start: int) -> _Hit | None:
        """Return the first delimiter line at or after the line start *start*."""
        hit = self._delimiter_at(start, start)
        if hit is not None or not self._may_end_parts():
            return hit
        octets, heads, shortest = self._octets, self._heads, self._shortest
        newline = octets.find(self._mark, start)
        while newline >= 0:
            text = newline + len(_DASH_LINE)
            if octets[text : text + shortest] in heads:
                hit = self._delimiter_at(newline + 1, self._before_break(newline, start))
                if hit is not None:
                    return hit
            newline = octets.find(self._mark, text)
        return None

    def _may_end_parts(self) -> bool:
        """Tell whether a delimiter is open and another part may still be made."""
        return bool(self._open) and self._parts < PARTS_MAX

    def _before_break(self, newline: int, floor: int) -> int:
        return (
            newline - 1 if newline > floor and self._octets[newline - 1] == ord("\r") else newline
        )

    def _delimiter_at(self, line: int, before: int) -> _Hit | None:
        """Return the open delimiter that the line at *line* is."""
        octets = self._octets
        if not self._may_end_parts() or not octets.startswith(_DASHES, line):
            return None
        self.looks += 1
        text = line + len(_DASHES)
        newline = octets.find(b"\n", text)
        line_end = len(octets) if newline < 0 else self._before_break(newline, text)
        best = self._best_delimiter(text, line_end)
        if best is None:
            return None
        closes = octets.startswith(_DASHES, text + len(best.text))
        return _Hit(best, line, before, closes, newline + 1 if newline >= 0 else -1)

    def _best_delimiter(self, text: int, line_end: int) -> _Delimiter | None:
        # The longest that the line begins with; an inner one that is the whole line wins
        # over a longer outer one ("foo--" inside "foo" ends foo).
        fitting: list[_Delimiter] = []
        for length in self._lengths:
            if text + length > line_end:
                break
            self.looks += 1
            same = self._by_text.get(self._octets[text : text + length])
            if same:
                fitting.append(same[-1])
        best: _Delimiter | None = None
        for delimiter in sorted(fitting, key=lambda fit: -fit.depth):
            if best is None or len(delimiter.text) > len(best.text):
                best = delimiter
                rest = self._octets[
                    text + len(best.text) : min(line_end, text + len(best.text) + 3)
                ]
                if rest in (b"", _DASHES):
                    break
        return best
