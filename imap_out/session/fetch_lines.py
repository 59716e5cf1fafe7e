"""FETCH of what never changes about a message, with live flags spliced in: whole lines at once.

A *recipe* is the format of one line and the columns that fill it.  UID, FLAGS and the number
come from the view; what stands between them is made once for each message and kept on a
shelf.  Lines of flags alone are kept joined, for each part of the snapshot that they tell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from imap_out.session import flag_lines
from imap_out.session.flag_lines import Heads
from imap_out.session.out import Out
from imap_out.session.selected import SelectedView
from imap_out.session.session import Session
from imap_out.session.shelves import Shelf
from imap_out.wire.dates import render_date_time
from imap_out.wire.fetch_items import Attribute, BodySection, FetchItem, SectionText
from imap_out.wire.render import section_name
from mx_core.mime.field_table import Cut
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MessageId
from mx_core.model.message import Fact, HeaderTable
from mx_core.model.part import ALL, Chosen, Part, among
from mx_core.ports import MailReader

_LIVE: Final = {
    Attribute.UID: b"UID %d",
    Attribute.FLAGS: b"FLAGS %b",
    Attribute.MODSEQ: b"MODSEQ (%d)",
}
_FACTS: Final = {
    Attribute.SIZE: (Fact.SIZE, b"RFC822.SIZE %d"),
    Attribute.ENVELOPE: (Fact.ENVELOPE, b"ENVELOPE %b"),
    Attribute.BODY: (Fact.BODY, b"BODY %b"),
    Attribute.BODYSTRUCTURE: (Fact.BODYSTRUCTURE, b"BODYSTRUCTURE %b"),
}
_KNOWN_RECIPES: Final = 64
_KNOWN_PIECES: Final = 16
Piece = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Recipe:
    """*live* names the columns that the view gives; None stands for the next prepared one."""

    line: bytes  # format: the number, then each column
    live: tuple[Attribute | None, ...]
    runs: tuple[tuple[FetchItem, ...], ...]  # what one prepared column holds

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Return what the runs are made of."""
        return tuple(dict.fromkeys(_fact(item) for item in chain.from_iterable(self.runs)))


@lru_cache(_KNOWN_RECIPES)
def recipe_of(items: tuple[FetchItem, ...]) -> Recipe | None:
    """Return how to make lines of *items*; None if one of them is not made here."""
    spelled: list[bytes] = []
    live: list[Attribute | None] = []
    runs: list[list[FetchItem]] = []
    for item in items:
        if isinstance(item, Attribute) and item in _LIVE:
            spelled.append(_LIVE[item])
            live.append(item)
        elif not _is_prepared(item):
            return None
        elif live and live[-1] is None:
            runs[-1].append(item)
        else:
            spelled.append(b"%b")
            live.append(None)
            runs.append([item])
    line = b"* %d FETCH (" + b" ".join(spelled) + b")\r\n"
    return Recipe(line, tuple(live), tuple(map(tuple, runs)))


def _is_prepared(item: FetchItem) -> bool:
    if isinstance(item, BodySection):
        section = item.section
        asks_fields = section.text in {SectionText.FIELDS, SectionText.FIELDS_NOT}
        return asks_fields and not section.part and item.partial is None
    return item in _FACTS or item is Attribute.INTERNALDATE


def _fact(item: FetchItem) -> Fact:
    if isinstance(item, Attribute):
        return Fact.INTERNAL_DATE if item is Attribute.INTERNALDATE else _FACTS[item][0]
    return Fact.HEADER


@lru_cache(_KNOWN_PIECES)
def _piece(item: FetchItem) -> Piece:
    """Return what spells *item* from its fact."""
    if isinstance(item, BodySection):
        of = Cut(item.section.fields, item.section.text is SectionText.FIELDS_NOT)
        head = section_name(item).replace(b"%", b"%%") + b" {%d}\r\n%b"

        def cut(table: HeaderTable) -> bytes:
            octets = of(*table)
            return head % (len(octets), octets)

        return cut
    if item is Attribute.INTERNALDATE:
        return lambda date: b'INTERNALDATE "%b"' % render_date_time(date)
    return _FACTS[item][1].__mod__  # type: ignore[index]  # a Column is never prepared


# ── telling ──────────────────────────────────────────────────────────────────────────
async def tell(
    session: Session, view: SelectedView, places: Sequence[int], recipe: Recipe, out: Out
) -> None:
    """Put a line for each of the ascending *places*, as the view is now."""
    lines = _Lines(session, view, recipe)
    for part, start, chosen in view.rows.touched(places):
        async for octets in lines.of(part, start, chosen):
            out.put(octets)
            await out.room()


class _Lines:
    """The lines of one FETCH."""

    def __init__(self, session: Session, view: SelectedView, recipe: Recipe) -> None:
        self._session = session
        self._recent = view.recent
        self._spell = view.spell
        self._recipe = recipe
        account = session.account.address if session.account else None
        self._kind = (account, recipe.runs)
        self._joined_kind = (account, recipe.line)
        # an account's ids never repeat, so what stands on a shelf is right for good
        self._shelf: Shelf = session.shelves.shelf(self._kind)

    async def of(self, part: Part, start: int, chosen: Chosen) -> AsyncIterator[bytes]:
        """Yield the joined lines of a part, as many at once as memory may hold."""
        if self._recipe.runs:
            left = list(range(len(part))) if chosen is ALL else chosen
            assert isinstance(left, list)  # noqa: S101  # a slice is always ALL
            for begin in range(0, len(left), _AT_ONCE):
                async for octets in self._spliced(part, start, left[begin : begin + _AT_ONCE]):
                    yield octets
        elif chosen is not ALL or self._recent.touches(part.uids[0], part.uids[-1]):
            yield self._join(part, start, chosen, ())
        else:
            yield self._kept(part, start)

    def _kept(self, part: Part, start: int) -> bytes:
        shelf, key = self._session.shelves.shelf(self._joined_kind), (id(part), start)
        kept: tuple[bytes, Part] | None = shelf.items.get(key)
        if kept is None:
            # the part stands beside its lines, so its id is not used again while they are kept
            kept = self._made(part, start), part
            octets = len(kept[0]) + _PART_OCTETS * len(part)
            self._session.shelves.put(self._joined_kind, [(key, kept, octets)])
        return kept[0]

    def _made(self, part: Part, start: int) -> bytes:
        recipe, shelves = self._recipe, self._session.shelves
        if not flag_lines.is_kept(recipe.live):
            return self._join(part, start, ALL, ())
        kind, key = ("heads", self._joined_kind), (id(part.uids), start)
        heads: Heads | None = shelves.shelf(kind).items.get(key)
        if heads is None:
            heads = Heads.of(recipe.line, recipe.live, part, start)
            octets = len(heads.text) + flag_lines.OVERHEAD * len(part)
            shelves.put(kind, [(key, heads, octets)])
        return heads.lines(part.flags, self._spelled(part))

    def _spelled(self, part: Part) -> dict[FlagSet, bytes]:
        return {kind: self._spell(kind, recent=False) for kind in part.kinds}

    async def _spliced(self, part: Part, start: int, chosen: list[int]) -> AsyncIterator[bytes]:
        while chosen:
            rows = await self._rows(among(part.messages, chosen))
            yield self._join(part, start, chosen[: len(rows)], list(zip(*rows, strict=True)))
            chosen = chosen[len(rows) :]

    def _join(
        self, part: Part, start: int, chosen: Chosen, prepared: Sequence[Sequence[bytes]]
    ) -> bytes:
        count = len(part) if chosen is ALL else len(among(part.uids, chosen))
        columns: list[Sequence[Any]] = [
            range(start + 1, start + 1 + count)
            if isinstance(chosen, slice)
            else [start + 1 + at for at in chosen]
        ]
        runs = iter(prepared)
        for live in self._recipe.live:
            if live is None:
                columns.append(next(runs))
            elif live is Attribute.UID:
                columns.append(among(part.uids, chosen))
            elif live is Attribute.MODSEQ:
                columns.append(among(part.modseqs, chosen))
            else:
                columns.append(self._flags(part, chosen))
        return b"".join(map(self._recipe.line.__mod__, zip(*columns, strict=True)))

    def _flags(self, part: Part, chosen: Chosen) -> list[bytes]:
        spell, flags = self._spell, among(part.flags, chosen)
        if self._recent.touches(part.uids[0], part.uids[-1]):
            recent, uids = self._recent, among(part.uids, chosen)
            return [spell(f, recent=uid in recent) for uid, f in zip(uids, flags, strict=True)]
        return list(map(self._spelled(part).__getitem__, flags))

    async def _rows(self, messages: Sequence[int]) -> list[tuple[bytes, ...]]:
        """Return the prepared pieces of the first of *messages*, at least one.

        What is on no shelf is read and made, as much as one read transaction brings.
        """
        rows: list[Any] = list(map(self._shelf.items.get, messages))
        missing = [n for n, row in enumerate(rows) if row is None]
        if not missing:
            return rows
        wanted = [MessageId(messages[n]) for n in missing]
        recipe, mail = self._recipe, self._session.mail

        def make(reader: MailReader) -> list[tuple[bytes, ...]]:
            return _pieces(recipe, reader.facts(wanted, recipe.facts))

        made = mail.glance(make) if len(wanted) <= _FEW else await mail.read(make)
        self._session.shelves.put_pieces(self._kind, wanted, made)
        if len(missing) == len(rows):
            return made
        for n, row in zip(missing, made, strict=False):
            rows[n] = row
        return rows if len(made) == len(missing) else rows[: missing[len(made)]]


def _pieces(recipe: Recipe, facts: Sequence[tuple[Any, ...]]) -> list[tuple[bytes, ...]]:
    """Return for each message what its prepared columns hold."""
    order = {fact: n for n, fact in enumerate(recipe.facts)}
    columns = list(zip(*facts, strict=True))
    runs: list[list[bytes]] = []
    for run in recipe.runs:
        spelled = [map(_piece(item), columns[order[_fact(item)]]) for item in run]
        runs.append(list(map(b" ".join, zip(*spelled, strict=True))))
    return list(zip(*runs, strict=True))


_AT_ONCE: Final = 512  # messages of one read transaction
_FEW: Final = 16  # are read faster than a thread is found for them
_PART_OCTETS: Final = 28  # a message in a part that is kept beside its lines
