"""The words of a folded text, as octets; pure.

Octets, because the vocabulary is searched as one long string: in UTF-8 a character is never
found inside another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import Final

_SPACE: Final = re.compile(r"\s")
_PIECE: Final = 16_384  # characters that are split in one call
_SORTED: Final = 4_096  # words that are sorted in one call

Breathe = Callable[[], None]  # called between pieces of work of a millisecond or so


def distinct(text: str, breathe: Breathe) -> set[str]:
    """Return the words of *text*."""
    words: set[str] = set()
    at = 0
    while at < len(text):
        space = _SPACE.search(text, at + _PIECE)
        end = space.start() if space else len(text)
        words.update(text[at:end].split())
        at = end
        breathe()
    return words


def encode(word: str) -> bytes:
    """Return the octets under which *word* is kept and looked for."""
    return word.encode("utf-8", "surrogatepass")


def in_order(words: Iterable[str], breathe: Breathe) -> Iterator[str]:
    """Yield *words* ascending, sorted in pieces."""
    pieces: list[list[str]] = []
    piece: list[str] = []
    for word in words:
        piece.append(word)
        if len(piece) == _SORTED:
            piece.sort()
            pieces.append(piece)
            piece = []
            breathe()
    piece.sort()
    yield from merge(*pieces, piece)
