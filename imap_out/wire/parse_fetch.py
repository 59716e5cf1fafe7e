"""FETCH and its items."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import Final

from imap_out.wire.commands import Fetch
from imap_out.wire.cursor import TAG_CLASS, Cursor
from imap_out.wire.fetch_items import (
    ALL,
    FAST,
    FULL,
    RFC822,
    RFC822_HEADER,
    RFC822_TEXT,
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    Column,
    FetchItem,
    Section,
    SectionText,
)
from imap_out.wire.framing import Frame
from imap_out.wire.search_return import Partial, partial_range
from imap_out.wire.sequence_set import SequenceSet
from imap_out.wire.syntax import BadSyntax

_MACROS: Final[dict[bytes, tuple[FetchItem, ...]]] = {b"ALL": ALL, b"FAST": FAST, b"FULL": FULL}
_PLAIN: Final[dict[bytes, FetchItem]] = {item.value: item for item in (*Attribute, *Column)} | {
    b"RFC822": RFC822,
    b"RFC822.HEADER": RFC822_HEADER,
    b"RFC822.TEXT": RFC822_TEXT,
}
_NUMBER_MAX: Final = 2**32 - 1
_DEPTH_MAX: Final = 100  # deeper than any part map goes, so such a part does not exist
_ITEMS_MAX: Final = 500
_REMEMBERED: Final = 64  # ways to ask
_REMEMBERED_OCTETS: Final = 1024  # of each
# what is asked most, whole or range by range
_WHOLE: Final = re.compile(
    rb"BODY(\.PEEK)?\[\](?:<([0-9]{1,10})\.([0-9]{1,10})>)?(?=[ )]|\Z)", re.IGNORECASE
)

# A whole command that asks of one message, and of one range of it or of none: tag, UID, number, what stands before the range
# or is all, first octet, count, what stands behind.  Only its numbers differ from one message or range to the next.
LONE: Final = re.compile(
    rb"([%b]+) (UID )?FETCH ([1-9][0-9]{0,8}) ([^<{]+)"
    rb"(?:<([0-9]{1,9})\.([1-9][0-9]{0,8})>([^<{]*))?" % TAG_CLASS,
    re.IGNORECASE,
)


def fetch(args: Cursor, *, by_uid: bool) -> Fetch:
    """Read what follows ``FETCH``."""
    # fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" /
    #         fetch-att / "(" fetch-att *(SP fetch-att) ")")              RFC 9051 §9
    args.space()
    which = args.sequence_set()
    args.space()
    told = args.last_text(_REMEMBERED_OCTETS)
    if told is not None and (read := _read_again(told, by_uid)) is not None:
        args.rest()
        return Fetch(which, *read)
    return Fetch(which, *_what(args, by_uid=by_uid))


def fetch_one(number: int, told: bytes, *, by_uid: bool) -> Fetch | None:
    """Read FETCH of the one message *number*; None: *told*, behind the set, is to be read at length."""
    read = _read_again(told, by_uid) if len(told) <= _REMEMBERED_OCTETS else None
    return None if read is None else Fetch(SequenceSet.of_one(number), *read)


def _read_again(told: bytes, by_uid: bool) -> What | None:
    """Read what is asked alike of one message after the other; None: it is to be read at length."""
    with suppress(BadSyntax):  # read again, for the place where it is wrong
        return _remembered(told, by_uid) if b"<" not in told else _of_range(told, by_uid)
    return None


# BODY with its one section, and a range behind that
_ONE_RANGE: Final = re.compile(
    rb"([^\[\]<>]*BODY(?:\.PEEK)?\[[^\[\]<>]*\])<([0-9]{1,10})\.([0-9]{1,10})>([^\[\]<>]*)",
    re.IGNORECASE,
)

What = tuple[tuple[FetchItem, ...], bool, int | None, bool, Partial | None]


@lru_cache(_REMEMBERED)
def _remembered(text: bytes, by_uid: bool) -> What:
    """Read what follows the set; mail programs ask the same of one message after the other."""
    args = Cursor(Frame((text,)))
    what = _what(args, by_uid=by_uid)
    args.expect_end()
    return what


def _of_range(text: bytes, by_uid: bool) -> What | None:
    """Read what is remembered but for its one range, which differs each time; None: another text."""
    whole = _ONE_RANGE.fullmatch(text)
    if whole is None:
        return None
    before, first, count, after = whole.groups()
    if int(first) > _NUMBER_MAX or not 0 < int(count) <= _NUMBER_MAX:
        return None
    items, _, changed_since, vanished, partial = _remembered(before + after, by_uid)
    at = _only_section(items)
    if at is None:
        return None
    of = items[at]
    assert isinstance(of, BodySection)  # noqa: S101  # that is what was looked for
    ranged = BodySection(of.section, of.peek, (int(first), int(count)), of.spelling)
    return (*items[:at], ranged, *items[at + 1 :]), by_uid, changed_since, vanished, partial


@lru_cache(_REMEMBERED)
def _only_section(items: tuple[FetchItem, ...]) -> int | None:
    found = [at for at, item in enumerate(items) if isinstance(item, BodySection)]
    return found[0] if len(found) == 1 else None


def _what(args: Cursor, *, by_uid: bool) -> What:
    """Read items and modifiers."""
    if args.sees(b"("):
        items = args.listed(lambda: item(args))
    else:
        at = args.bad("a fetch item")
        items = list(_one(args))
        if not items:
            raise at
    if len(items) > _ITEMS_MAX:
        raise args.bad(f"at most {_ITEMS_MAX} items")
    changed_since, vanished, partial = _modifiers(args)
    if vanished and (changed_since is None or not by_uid):
        raise args.bad("VANISHED with CHANGEDSINCE in a UID FETCH")  # RFC 7162 §3.2.6
    return tuple(dict.fromkeys(items)), by_uid, changed_since, vanished, partial


def _modifiers(args: Cursor) -> tuple[int | None, bool, Partial | None]:
    # fetch-modifiers = SP "(" fetch-modifier *(SP fetch-modifier) ")"     RFC 4466 §2.4
    # chgsince-fetch-mod = "CHANGEDSINCE" SP mod-sequence-value            RFC 7162 §7
    # rexpunges-fetch-mod = "VANISHED"
    # modifier-partial = "PARTIAL" SP (partial-range-first / partial-range-last)  RFC 9394 §4
    changed_since: int | None = None
    vanished = False
    partial: Partial | None = None

    def modifier() -> None:
        nonlocal changed_since, vanished, partial
        name = args.word()
        if name == b"CHANGEDSINCE" and changed_since is None:
            args.space()
            changed_since = args.modseq()
        elif name == b"VANISHED" and not vanished:
            vanished = True
        elif name == b"PARTIAL" and partial is None:
            args.space()
            partial = partial_range(args)
        else:
            raise args.bad("a fetch modifier")

    if args.takes(b" ") and not args.at_end():
        args.listed(modifier)
    return changed_since, vanished, partial


def _one(args: Cursor) -> tuple[FetchItem, ...]:
    for name, items in _MACROS.items():
        if args.sees(name):
            word = args.word()
            if word in _MACROS:
                return items
            raise args.bad("a fetch item")
    return (item(args),)


def item(args: Cursor) -> FetchItem:
    """Read one item."""
    # fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"]
    #           / "BODY" ["STRUCTURE"] / "UID" / "BODY" [".PEEK"] section ["<" number "." nz-number ">"]
    whole = args.match(_WHOLE)
    if whole is not None:
        partial = None if whole[2] is None else _range(args, int(whole[2]), int(whole[3]))
        return BodySection(Section(), whole[1] is not None, partial)
    name = args.word()
    if args.sees(b"[") and name in {b"BODY", b"BODY.PEEK"}:
        section = _section(args)
        return BodySection(section, name == b"BODY.PEEK", _partial(args))
    if args.sees(b"[") and name in {b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"}:
        return _binary(args, name)
    plain = _PLAIN.get(name)
    if plain is Column.PREVIEW and args.takes(b" ("):
        # fetch-att =/ "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]   RFC 8970 §6
        args.expect(b"LAZY")
        args.expect(b")")
    if plain is None:
        raise args.bad("a fetch item")
    return plain


def _binary(args: Cursor, name: bytes) -> FetchItem:
    # fetch-att =/ "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
    # section-binary = "[" [section-part] "]"                              RFC 3516 §7
    section = _section(args)
    if section.text is not SectionText.WHOLE:
        raise args.bad("the number of a part")
    if name == b"BINARY.SIZE":
        return BinarySize(section.part)
    return BinarySection(section.part, name == b"BINARY.PEEK", _partial(args))


def _section(args: Cursor) -> Section:
    # section      = "[" [section-spec] "]"
    # section-spec = section-msgtext / (section-part ["." section-text])
    # section-part = nz-number *("." nz-number)
    args.expect(b"[")
    part: list[int] = []
    while not args.sees(b"]"):
        if not args.sees(b"H") and not args.sees(b"T") and not args.sees(b"M"):
            number = args.number()
            if not 0 < number <= _NUMBER_MAX or len(part) >= _DEPTH_MAX:
                raise args.bad("the number of a part")
            part.append(number)
            if args.takes(b"."):
                if args.sees(b"]"):
                    raise args.bad("a section")
                continue
            break
        text, fields = _section_text(args, inside=bool(part))
        args.expect(b"]")
        return Section(tuple(part), text, fields)
    args.expect(b"]")
    return Section(tuple(part))


def _section_text(args: Cursor, *, inside: bool) -> tuple[SectionText, tuple[bytes, ...]]:
    # section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
    # section-text    = section-msgtext / "MIME"
    name = args.word()
    if name in {b"HEADER.FIELDS", b"HEADER.FIELDS.NOT"}:
        args.space()
        # header-list = "(" header-fld-name *(SP header-fld-name) ")"
        names = args.listed(args.astring)
        return SectionText(name), tuple(name.upper() for name in names)
    if name in {b"HEADER", b"TEXT"} or (inside and name == b"MIME"):
        return SectionText(name), ()
    raise args.bad("a section")


def _partial(args: Cursor) -> tuple[int, int] | None:
    if not args.takes(b"<"):
        return None
    first = args.number()
    args.expect(b".")
    count = args.number()
    args.expect(b">")
    return _range(args, first, count)


def _range(args: Cursor, first: int, count: int) -> tuple[int, int]:
    if first > _NUMBER_MAX or not 0 < count <= _NUMBER_MAX:
        raise args.bad("first octet and count")
    return first, count
