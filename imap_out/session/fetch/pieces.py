"""How a line of FETCH is put together: formats, and the values of a message that fill them.

What never changes is made from facts, for hundreds of messages at once, and kept; the formats are
filled when lines are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap
from typing import Any, Final, cast

from imap_out.wire.dates import render_date_times
from imap_out.wire.fetch_items import Attribute, BodySection, FetchItem, SectionText
from imap_out.wire.render import section_name
from mx_core.mime.listed import LISTED, Cut
from mx_core.model.message import Fact, FactColumns

_SPELLED: Final = {
    Attribute.SIZE: (Fact.SIZE, b"RFC822.SIZE %d"),
    Attribute.INTERNALDATE: (Fact.INTERNAL_DATE, b'INTERNALDATE "%b"'),
    Attribute.ENVELOPE: (Fact.ENVELOPE, b"ENVELOPE %b"),
    Attribute.BODY: (Fact.BODY, b"BODY %b"),
    Attribute.BODYSTRUCTURE: (Fact.BODYSTRUCTURE, b"BODYSTRUCTURE %b"),
}
_LIVE: Final = {
    Attribute.UID: b"UID %d",
    Attribute.FLAGS: b"FLAGS %b",
    Attribute.MODSEQ: b"MODSEQ (%d)",
}
_KNOWN_RECIPES: Final = 64
_KNOWN_CUTS: Final = 16
Prepared = Attribute | BodySection
Columns = Sequence[Sequence[Any]]  # of each item a value for each message


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is spelled by one format; then the octets of a section, if one follows.

    *filling*: what the view gives, or which of the kept values, of a section how long it is.
    """

    format: bytes
    filling: tuple[Attribute | int, ...]
    section: int | None = None  # which of the kept values


@dataclass(frozen=True, slots=True)
class Recipe:
    """A line, which begins with its number."""

    stretches: tuple[Stretch, ...]
    kept: tuple[Prepared, ...]


@lru_cache(_KNOWN_RECIPES)
def recipe_of(items: tuple[FetchItem, ...]) -> Recipe | None:
    """Return how to make lines of *items*; None if one of them is not made here."""
    stretches: list[Stretch] = []
    kept: list[Prepared] = []
    text, filling = b"* %d FETCH (", list[Attribute | int]()
    for number, item in enumerate(items):
        text += b" " if number else b""
        if isinstance(item, Attribute) and item in _LIVE:
            text += _LIVE[item]
            filling.append(item)
            continue
        ready = _prepared(item)
        if ready is None:
            return None
        text += _spelled(ready)
        filling.append(len(kept))
        if isinstance(ready, BodySection):
            stretches.append(Stretch(text, tuple(filling), len(kept)))
            text, filling = b"", []
        kept.append(ready)
    stretches.append(Stretch(text + b")\r\n", tuple(filling)))
    return Recipe(tuple(stretches), tuple(kept))


def _prepared(item: FetchItem) -> Prepared | None:
    """Return *item* if it is spelled here."""
    if isinstance(item, BodySection):
        section = item.section
        asks_fields = section.text in {SectionText.FIELDS, SectionText.FIELDS_NOT}
        return item if asks_fields and not section.part and item.partial is None else None
    return item if isinstance(item, Attribute) and item in _SPELLED else None


def _spelled(item: Prepared) -> bytes:
    """Return the format of *item*; of a section's octets only how many they are is filled in."""
    if isinstance(item, BodySection):
        return section_name(item).replace(b"%", b"%%") + b" {%d}\r\n"
    return _SPELLED[item][1]


def facts_of(items: Iterable[Prepared]) -> tuple[Fact, ...]:
    """Return what *items* are made of, each once."""
    return tuple(dict.fromkeys(map(_fact, items)))


def _fact(item: Prepared) -> Fact:
    if isinstance(item, BodySection):
        return Fact.LISTED if _asks_listed(item) else Fact.HEADER
    return _SPELLED[item][0]


@lru_cache(_KNOWN_CUTS)
def _asks_listed(item: BodySection) -> bool:
    names = {name.lower() for name in item.section.fields}
    return item.section.text is SectionText.FIELDS and names == LISTED


@lru_cache(_KNOWN_CUTS)
def _cut(item: BodySection) -> Cut:
    return Cut(item.section.fields, item.section.text is SectionText.FIELDS_NOT)


def values(items: Sequence[Prepared], facts: FactColumns) -> Columns:
    """Return the values of *items*, made of *facts*, which are those of ``facts_of``."""
    column_of = dict(zip(facts_of(items), facts, strict=True))
    return [_values(item, column_of[_fact(item)]) for item in items]


def _values(item: Prepared, column: Sequence[Any]) -> Sequence[Any]:
    if item is Attribute.INTERNALDATE:
        return render_date_times(column)
    if _fact(item) is Fact.HEADER:
        return list(starmap(_cut(cast("BodySection", item)), column))
    return column
