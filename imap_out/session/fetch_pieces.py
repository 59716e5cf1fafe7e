"""What never changes about a message as FETCH spells it, for hundreds at once.

A *run* is items that follow each other in an answer: it is spelled by one format, filled from
columns of facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, starmap
from typing import Any, Final

from imap_out.wire.dates import render_date_time
from imap_out.wire.fetch_items import Attribute, BodySection, FetchItem, SectionText
from imap_out.wire.render import section_name
from mx_core.mime.listed import LISTED, Cut
from mx_core.model.message import Fact, Facts

_SPELLED: Final = {
    Attribute.SIZE: (Fact.SIZE, b"RFC822.SIZE %d"),
    Attribute.INTERNALDATE: (Fact.INTERNAL_DATE, b'INTERNALDATE "%b"'),
    Attribute.ENVELOPE: (Fact.ENVELOPE, b"ENVELOPE %b"),
    Attribute.BODY: (Fact.BODY, b"BODY %b"),
    Attribute.BODYSTRUCTURE: (Fact.BODYSTRUCTURE, b"BODYSTRUCTURE %b"),
}
_KNOWN_CUTS: Final = 16
Run = tuple[FetchItem, ...]


def is_prepared(item: FetchItem) -> bool:
    """Tell whether *item* is spelled here."""
    if isinstance(item, BodySection):
        section = item.section
        asks_fields = section.text in {SectionText.FIELDS, SectionText.FIELDS_NOT}
        return asks_fields and not section.part and item.partial is None
    return item in _SPELLED


def facts_of(runs: Iterable[Run]) -> tuple[Fact, ...]:
    """Return what *runs* are made of, each once."""
    return tuple(dict.fromkeys(_fact(item) for item in chain.from_iterable(runs)))


def _fact(item: FetchItem) -> Fact:
    if isinstance(item, BodySection):
        return Fact.LISTED if _asks_listed(item) else Fact.HEADER
    return _SPELLED[item][0]  # type: ignore[index]  # nothing else is prepared


@lru_cache(_KNOWN_CUTS)
def _asks_listed(item: BodySection) -> bool:
    names = {name.lower() for name in item.section.fields}
    return item.section.text is SectionText.FIELDS and names == LISTED


@lru_cache(_KNOWN_CUTS)
def _cut(item: BodySection) -> Cut:
    return Cut(item.section.fields, item.section.text is SectionText.FIELDS_NOT)


def spell(runs: Sequence[Run], facts: Sequence[Facts]) -> list[list[bytes]]:
    """Return the column of each of *runs*; *facts* of each message are those of ``facts_of``."""
    columns = dict(zip(facts_of(runs), zip(*facts, strict=True), strict=True))
    return [_spelled(run, columns) for run in runs]


def _spelled(run: Run, columns: dict[Fact, tuple[Any, ...]]) -> list[bytes]:
    formats: list[bytes] = []
    filling: list[Iterable[Any]] = []
    for item in run:
        column: Iterable[Any] = columns[_fact(item)]
        if isinstance(item, BodySection):
            texts = column if _asks_listed(item) else list(starmap(_cut(item), column))
            formats.append(section_name(item).replace(b"%", b"%%") + b" {%d}\r\n%b")
            filling += map(len, texts), texts
            continue
        formats.append(_SPELLED[item][1])  # type: ignore[index]  # as above
        dates = item is Attribute.INTERNALDATE
        filling.append(map(render_date_time, column) if dates else column)
    return list(map(b" ".join(formats).__mod__, zip(*filling, strict=True)))
