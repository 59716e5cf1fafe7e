"""A term looked up: which messages hold it, as far as words can tell.

A term without white space is decided.  Of one with white space each part is looked up as the
words allow it (the first ends a word, the last begins one, those between are whole), in the same
text of a message; whether they stand together only the text can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.model.ids import MessageId
from mx_core.model.text_hits import TextHits
from mx_core.store.text_index import block, runs
from mx_core.store.text_index.postings import Found
from mx_core.store.text_index.runs import Run
from mx_core.store.text_index.words import encode

if TYPE_CHECKING:
    import sqlalchemy as sa

NOTHING_KNOWN: Final = TextHits(frozenset(), frozenset(), MessageId(0))
_LF: Final = b"\n"


class _Part(Struct, frozen=True):
    """What a word must hold: *pattern* is the octets, with LF where a word must begin or end."""

    octets: bytes
    pattern: bytes


def find(connection: sa.Connection, term: str, *, body_only: bool) -> TextHits:
    """Look *term*, folded, up in all runs."""
    parts = _parts(term)
    if not parts:
        return NOTHING_KNOWN
    decided = term.split() == [term]  # a pattern's LF is any white space, a term's is an LF
    until = connection.exec_driver_sql("SELECT indexed_until FROM state").scalar_one()
    hits: set[MessageId] = set()
    for run in runs.whole(connection):
        hits.update(_in_run(connection, run, parts, body_only=body_only))
    unread = connection.exec_driver_sql("SELECT message FROM unread").scalars().all()
    if decided:
        return TextHits(frozenset(hits), frozenset(unread), until)
    return TextHits(frozenset(), frozenset(hits.union(unread)), until)


def _parts(term: str) -> list[_Part]:
    words = [encode(word) for word in term.split()]
    open_start = words[:1] and not term[0].isspace()
    open_end = words[:1] and not term[-1].isspace()
    parts = []
    for place, word in enumerate(words):
        begins = b"" if place == 0 and open_start else _LF
        ends = b"" if place == len(words) - 1 and open_end else _LF
        parts.append(_Part(word, begins + word + ends))
    return parts


def _in_run(
    connection: sa.Connection, run: Run, parts: Sequence[_Part], *, body_only: bool
) -> set[MessageId]:
    headers: set[int] | None = None
    bodies: set[int] | None = None
    for part in parts:
        in_headers, in_bodies = _holding(connection, run, part, body_only, len(parts) == 1)
        headers = in_headers if headers is None else headers & in_headers
        bodies = in_bodies if bodies is None else bodies & in_bodies
        if not headers and not bodies:
            return set()
    first = run.first_message
    return {MessageId(first + message) for message in (headers or set()) | (bodies or set())}


def _holding(
    connection: sa.Connection, run: Run, part: _Part, body_only: bool, together: bool
) -> tuple[set[int], set[int]]:
    """Return the messages of *run* with a word that holds *part*, by header and by body.

    *together*: only both at once are wanted, so they may be one set.
    """
    bodies = Found()
    headers = None if body_only else bodies if together else Found()
    for number in runs.possible_blocks(connection, run, part.octets):
        words = runs.words(connection, run, number)
        found = block.places(words, part.pattern)
        if not found:
            continue
        packed = runs.postings(connection, run, number)
        block.collect(words, packed, found, headers, bodies)
        if together and bodies.holds_all_of(run.messages):
            break
    return (set() if headers is None or headers is bodies else headers.all()), bodies.all()
