"""SEARCH and its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from imap_out.wire.commands import Search
from imap_out.wire.cursor import Cursor
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
    OfEmail,
    OfThread,
    Saved,
    SearchKey,
    Sent,
    Smaller,
    Uids,
    When,
)
from imap_out.wire.search_return import returning
from mx_core.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, RECENT, SEEN, Flag

_DEPTH_MAX: Final = 64  # a filter "from any of 40 people" is 39 nested ORs
_KEYS_MAX: Final = 1000
_STARTS_SET: Final = b"0123456789*$"
_NUMBER_MAX: Final = 2**32 - 1


def search(args: Cursor, *, by_uid: bool) -> Search:
    """Read what follows ``SEARCH``."""
    # search  = "SEARCH" [SP search-return-opts] SP search-program         RFC 3501 §9
    # search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
    args.space()
    what = None
    if args.takes(b"RETURN "):
        what = returning(args)
        args.space()
    charset = None
    if args.takes(b"CHARSET "):
        charset = args.astring()
        args.space()
    return Search(program(args), charset, by_uid, what)


def program(args: Cursor) -> SearchKey:
    """Read one key or more, up to the end of the command."""
    keys = [_key(args)]
    while args.takes(b" ") and not args.at_end():
        keys.append(_key(args))
        if len(keys) > _KEYS_MAX:
            raise args.bad(f"at most {_KEYS_MAX} keys")
    return _all_of(keys)


def _all_of(keys: list[SearchKey]) -> SearchKey:
    return keys[0] if len(keys) == 1 else Every(tuple(keys))


def _key(args: Cursor) -> SearchKey:
    if args.depth >= _DEPTH_MAX:
        raise args.bad(f"at most {_DEPTH_MAX} levels")
    args.depth += 1
    key = _inner(args)
    args.depth -= 1
    return key


def _inner(args: Cursor) -> SearchKey:
    if args.sees(b"("):
        # search-key =/ "(" search-key *(SP search-key) ")"
        return _all_of(args.listed(lambda: _key(args)))
    if any(args.sees(bytes([sign])) for sign in _STARTS_SET):
        return Numbers(args.sequence_set())
    name = args.word()
    if name in _PLAIN:
        return _PLAIN[name]
    read = _WITH_ARGUMENT.get(name)
    if read is None:
        raise args.bad("a search key")
    args.space()
    return read(args)


def _either(args: Cursor) -> SearchKey:
    one = _key(args)
    args.space()
    return Either(one, _key(args))


def _header(args: Cursor) -> SearchKey:
    name = args.astring()
    args.space()
    return InHeader(name.lower(), args.astring())


def _keyword(args: Cursor) -> SearchKey:
    return HasFlag(Flag(args.atom().decode()))


def _field(name: bytes) -> Callable[[Cursor], SearchKey]:
    return lambda args: InHeader(name, args.astring())


def _arrived(when: When) -> Callable[[Cursor], SearchKey]:
    return lambda args: Arrived(when, args.day())


def _sent(when: When) -> Callable[[Cursor], SearchKey]:
    return lambda args: Sent(when, args.day())


def _saved(when: When) -> Callable[[Cursor], SearchKey]:
    return lambda args: Saved(when, args.day())


def _changed(args: Cursor) -> SearchKey:
    # search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer   RFC 7162 §7
    # search-modseq-ext  = SP entry-name SP entry-type-req
    # All flags of a message share one modseq, so the entry makes no difference (§3.1.5).
    if args.sees(b'"'):
        args.string()
        args.space()
        if args.word() not in {b"PRIV", b"SHARED", b"ALL"}:
            raise args.bad("priv, shared or all")
        args.space()
    return Changed(args.modseq())


def _interval(args: Cursor) -> int:
    # search-key =/ ("OLDER" / "YOUNGER") SP nz-number                      RFC 5032 §5
    seconds = args.number()
    if not 0 < seconds <= _NUMBER_MAX:
        raise args.bad("a number of seconds from 1 to 2^32 - 1")
    return seconds


_PLAIN: Final[dict[bytes, SearchKey]] = {
    b"ALL": Every(),
    b"SAVEDATESUPPORTED": Every(),
    b"ANSWERED": HasFlag(ANSWERED),
    b"DELETED": HasFlag(DELETED),
    b"DRAFT": HasFlag(DRAFT),
    b"FLAGGED": HasFlag(FLAGGED),
    b"SEEN": HasFlag(SEEN),
    b"RECENT": HasFlag(RECENT),
    b"NEW": Every((HasFlag(RECENT), Negated(HasFlag(SEEN)))),
    b"OLD": Negated(HasFlag(RECENT)),
    b"UNANSWERED": Negated(HasFlag(ANSWERED)),
    b"UNDELETED": Negated(HasFlag(DELETED)),
    b"UNDRAFT": Negated(HasFlag(DRAFT)),
    b"UNFLAGGED": Negated(HasFlag(FLAGGED)),
    b"UNSEEN": Negated(HasFlag(SEEN)),
}
_WITH_ARGUMENT: Final[dict[bytes, Callable[[Cursor], SearchKey]]] = {
    b"BCC": _field(b"bcc"),
    b"CC": _field(b"cc"),
    b"FROM": _field(b"from"),
    b"SUBJECT": _field(b"subject"),
    b"TO": _field(b"to"),
    b"HEADER": _header,
    b"BODY": lambda args: InBody(args.astring()),
    b"TEXT": lambda args: InText(args.astring()),
    b"KEYWORD": _keyword,
    b"UNKEYWORD": lambda args: Negated(_keyword(args)),
    b"BEFORE": _arrived(When.BEFORE),
    b"ON": _arrived(When.ON),
    b"SINCE": _arrived(When.SINCE),
    b"SENTBEFORE": _sent(When.BEFORE),
    b"SENTON": _sent(When.ON),
    b"SENTSINCE": _sent(When.SINCE),
    b"SAVEDBEFORE": _saved(When.BEFORE),
    b"SAVEDON": _saved(When.ON),
    b"SAVEDSINCE": _saved(When.SINCE),
    b"EMAILID": lambda args: OfEmail(args.astring()),
    b"THREADID": lambda args: OfThread(args.astring()),
    b"LARGER": lambda args: Larger(args.number()),
    b"SMALLER": lambda args: Smaller(args.number()),
    b"MODSEQ": _changed,
    b"UID": lambda args: Uids(args.sequence_set()),
    b"OLDER": lambda args: Aged(older=True, seconds=_interval(args)),
    b"YOUNGER": lambda args: Aged(older=False, seconds=_interval(args)),
    b"NOT": lambda args: Negated(_key(args)),
    b"OR": _either,
}
