"""What a search is to return: RETURN of SEARCH and SORT, and PARTIAL of FETCH.

RFC 4731 §3.1 (ESEARCH), RFC 5182 §2.1 (SAVE), RFC 5267 §3 (ESORT), RFC 9394 §3.1 (PARTIAL).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

from imap_out.wire.cursor import Cursor

_NUMBER_MAX: Final = 2**32 - 1


class Item(Enum):
    """One thing to return."""

    MIN = b"MIN"
    MAX = b"MAX"
    ALL = b"ALL"
    COUNT = b"COUNT"
    SAVE = b"SAVE"


class Partial(Struct, frozen=True):
    """A range of results: from 1 up from the first on, from -1 down from the last on."""

    start: int
    end: int

    def of(self, count: int) -> range:
        """Return the indices it means among *count* results."""
        low, high = sorted((self.start, self.end))
        if low > 0:
            return range(min(low - 1, count), min(high, count))
        return range(max(count + low, 0), max(count + high + 1, 0))

    def render(self) -> bytes:
        """Spell it as it was asked."""
        return b"%d:%d" % (self.start, self.end)


class Returning(Struct, frozen=True):
    """All that is to be returned; an empty list means ALL, and is kept so."""

    items: frozenset[Item] = frozenset({Item.ALL})
    partial: Partial | None = None


def returning(args: Cursor) -> Returning:
    """Read what follows ``RETURN ``."""
    # search-return-opts = "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
    items: set[Item] = set()
    partial: Partial | None = None
    args.expect(b"(")
    while not args.takes(b")"):
        if items or partial is not None:
            args.expect(b" ")
        name = args.word()
        if name == b"PARTIAL":
            if partial is not None:
                raise args.bad("one PARTIAL")
            args.space()
            partial = partial_range(args)
        elif name in _ITEMS:
            items.add(_ITEMS[name])
        else:
            raise args.bad("something to return")
    if partial is not None and Item.ALL in items:
        raise args.bad("either PARTIAL or ALL")  # RFC 9394 §3.1
    if partial is None and not items:
        items.add(Item.ALL)
    return Returning(frozenset(items), partial)


def partial_range(args: Cursor) -> Partial:
    """Read a range of results."""
    # partial-range-first = nz-number ":" nz-number                         RFC 9394 §4
    # partial-range-last  = MINUS nz-number ":" MINUS nz-number
    sign = -1 if args.sees(b"-") else 1
    start = _signed(args, sign)
    args.expect(b":")
    return Partial(start, _signed(args, sign))


def _signed(args: Cursor, sign: int) -> int:
    if sign < 0:
        args.expect(b"-")
    number = args.number()
    if not 0 < number <= _NUMBER_MAX:
        raise args.bad("a number from 1 to 2^32 - 1")
    return sign * number


_ITEMS: Final = {item.value: item for item in Item}
