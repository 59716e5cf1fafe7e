"""SORT and THREAD.  RFC 5256 §5, RFC 5267 §3 (RETURN)."""

from __future__ import annotations

from typing import Final

from imap_out.wire.commands import Sort, Thread
from imap_out.wire.cursor import Cursor
from imap_out.wire.parse_search import program
from imap_out.wire.search_return import returning
from imap_out.wire.sorting import Criterion, SortBy, Threading

_CRITERIA_MAX: Final = 20


def sort(args: Cursor, *, by_uid: bool) -> Sort:
    """Read what follows ``SORT``."""
    # sort = ["UID" SP] "SORT" [SP search-return-opts] SP sort-criteria SP search-criteria
    # sort-criteria   = "(" sort-criterion *(SP sort-criterion) ")"
    # search-criteria = charset 1*(SP search-key)
    args.space()
    what = None
    if args.takes(b"RETURN "):
        what = returning(args)
        args.space()
    criteria = args.listed(lambda: _criterion(args))
    if len(criteria) > _CRITERIA_MAX:
        raise args.bad(f"at most {_CRITERIA_MAX} criteria")
    args.space()
    charset = args.astring()
    args.space()
    return Sort(tuple(criteria), program(args), charset, by_uid, what)


def thread(args: Cursor, *, by_uid: bool) -> Thread:
    """Read what follows ``THREAD``."""
    # thread = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
    args.space()
    try:
        algorithm = Threading(args.word())
    except ValueError as error:
        raise args.bad("REFERENCES or ORDEREDSUBJECT") from error
    args.space()
    charset = args.astring()
    args.space()
    return Thread(algorithm, program(args), charset, by_uid)


def _criterion(args: Cursor) -> Criterion:
    # sort-criterion = ["REVERSE" SP] sort-key
    reverse = args.takes(b"REVERSE ")
    try:
        return Criterion(SortBy(args.word()), reverse)
    except ValueError as error:
        raise args.bad("a key to sort by") from error
