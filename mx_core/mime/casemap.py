"""One form for all spellings that differ in case: i;unicode-casemap.  RFC 5051.

Used for base subjects and for searching; the stored octets keep their case.  A long text is
folded piece by piece, so that no single call into the interpreter holds up other threads.  More
than 64 combining marks in a row, which no language writes, are put in order 64 at a time:
ordering them takes a time that grows with the square of their number.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from operator import and_
from typing import Final

_PIECE: Final = 16_384  # characters; at most two milliseconds
_CASED_END: Final = 0x20000  # no character from here on has a case
_ASCII: Final = re.compile(r"[\x00-\x7f]")
_OTHERS: Final = re.compile(r"[^\x00-\x7f]+")
_SELDOM: Final = 16  # where fewer than one in so many is not ASCII, the others are done apart
_SHORT: Final = 4  # characters of a run that is remembered
_MARKS_MAX: Final = 64  # UAX 15 has text with more than 30 in a row as not safe for streams

_ODD_MARKS: Final = "\u0f73\u0f75\u0f81"  # of class 0, and decompose into marks that are not


def fold(text: str) -> str:
    """Return *text* in title case, decomposed for compatibility (RFC 5051 §2)."""
    if text.isascii():
        return text.upper()
    return "".join(map(_folded, _pieces(text)))


def _folded(piece: str) -> str:
    if piece.isascii():
        return piece.upper()
    # every other character has two octets or more
    others = len(piece.encode("utf-8", "surrogatepass")) - len(piece)
    if others * _SELDOM > len(piece):
        return _decomposed(piece)
    return "".join(_between_ascii(piece))


def _between_ascii(piece: str) -> Iterator[str]:
    at = 0
    for run in _OTHERS.finditer(piece):
        yield piece[at : run.start()].upper()
        others = run.group()
        yield _short(others) if len(others) <= _SHORT else _decomposed(others)
        at = run.end()
    yield piece[at:].upper()


@functools.lru_cache(4_096)
def _short(text: str) -> str:
    # a language has few of them, and each comes a thousand times
    return _decomposed(text)


def _decomposed(text: str) -> str:
    titled = "".join(_titled_runs(text))
    if not _may_hold_many_marks(titled):
        return unicodedata.normalize("NFKD", titled)
    return "".join(
        unicodedata.normalize("NFKD", part) for part in _many_marks().split(titled) if part
    )


def _pieces(text: str) -> Iterator[str]:
    """Yield *text* in pieces that decompose apart as they do together.

    An ASCII character is never reordered and nothing is reordered over it; neither over any
    other character whose decomposition begins with one of combining class 0.
    """
    at = 0
    while len(text) - at > _PIECE:
        found = _ASCII.search(text, at + _PIECE, at + 2 * _PIECE)
        end = found.start() if found else at + _PIECE
        stop = min(end + _MARKS_MAX, len(text))
        while end < stop and not _begins(text[end]):
            end += 1
        yield text[at:end]
        at = end
    yield text[at:]


def _begins(character: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) == 0


def _titled_runs(text: str) -> Iterator[str]:
    # the language's upper case is the simple title case, but for a few characters
    at = 0
    for odd in _odd().finditer(text):
        yield text[at : odd.start()].upper()
        yield "".join(map(_titled, odd.group()))
        at = odd.end()
    yield text[at:].upper()


@functools.cache
def _odd() -> re.Pattern[str]:
    # cost: 30 ms, once
    odd = [c for c in map(chr, range(_CASED_END)) if c.upper() != _titled(c)]
    return re.compile(f"[{re.escape(''.join(odd))}]+")


def _may_hold_many_marks(text: str) -> bool:
    # so many in a row would be met twice by looking at every 32nd character
    met = [unicodedata.combining(c) > 0 or c in _ODD_MARKS for c in text[:: _MARKS_MAX // 2]]
    return any(map(and_, met, met[1:]))


@functools.cache
def _many_marks() -> re.Pattern[str]:
    marks = [c for c in map(chr, range(_CASED_END)) if unicodedata.combining(c)]
    return re.compile(f"([{''.join(marks)}{_ODD_MARKS}]{{{_MARKS_MAX}}})")


def _titled(character: str) -> str:
    # simple mappings only: a character that would become several keeps its own form
    title = character.title()
    return title if len(title) == 1 else character
