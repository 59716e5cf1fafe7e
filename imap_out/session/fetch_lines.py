"""FETCH of what never changes about a message, with live flags spliced in: whole lines at once.

A *recipe* is the format of one line and the columns that fill it.  UID, FLAGS and the number
come from the view; what stands between them is made once for each message and kept on a
shelf.  Lines of flags alone are kept joined, for each part of the snapshot that they tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from imap_out.session import flag_lines
from imap_out.session.fetch_pieces import Run, facts_of, is_prepared, spell
from imap_out.session.flag_lines import Heads
from imap_out.session.out import Out
from imap_out.session.selected import SelectedView
from imap_out.session.session import Session
from imap_out.session.shelves import Shelf
from imap_out.wire.fetch_items import Attribute, FetchItem
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MessageId
from mx_core.model.part import ALL, Chosen, Part, among
from mx_core.ports import Begun, MailReader

_LIVE: Final = {
    Attribute.UID: b"UID %d",
    Attribute.FLAGS: b"FLAGS %b",
    Attribute.MODSEQ: b"MODSEQ (%d)",
}
_KNOWN_RECIPES: Final = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """*live* names the columns that the view gives; None stands for the next prepared one."""

    line: bytes  # format: the number, then each column
    live: tuple[Attribute | None, ...]
    runs: tuple[Run, ...]  # what one prepared column holds


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
        elif not is_prepared(item):
            return None
        elif live and live[-1] is None:
            runs[-1].append(item)
        else:
            spelled.append(b"%b")
            live.append(None)
            runs.append([item])
    line = b"* %d FETCH (" + b" ".join(spelled) + b")\r\n"
    return Recipe(line, tuple(live), tuple(map(tuple, runs)))


# ── telling ──────────────────────────────────────────────────────────────────────────
async def tell(
    session: Session, view: SelectedView, places: Sequence[int], recipe: Recipe, out: Out
) -> None:
    """Put a line for each of the ascending *places*, as the view is now."""
    lines = _Lines(session, view, recipe)
    if recipe.runs:
        await _tell_prepared(lines, _batches(view, places), out)
        return
    for part, start, chosen in view.rows.touched(places):
        out.put(lines.of_flags(part, start, chosen))
        await out.room()


async def _tell_prepared(lines: _Lines, batches: Iterator[_Batch], out: Out) -> None:
    """While lines of one batch leave, what the next one lacks is read."""
    batch = next(batches, None)
    begun = None if batch is None else lines.begin(batch)
    try:
        while batch is not None and begun is not None:
            rows = await lines.rows(begun)
            told, batch = batch.first(len(rows)), batch.behind(len(rows)) or next(batches, None)
            begun = None if batch is None else lines.begin(batch)
            out.put(lines.join(told, rows))
            await out.room()
    finally:
        if begun is not None and begun.reading is not None:
            begun.reading.cancel()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Neighbours in one part of the view."""

    part: Part
    start: int  # index of the part's first message in the view
    inside: list[int]  # the part

    def first(self, count: int) -> _Batch:
        whole = count == len(self.inside)
        return self if whole else _Batch(self.part, self.start, self.inside[:count])

    def behind(self, count: int) -> _Batch | None:
        rest = self.inside[count:]
        return _Batch(self.part, self.start, rest) if rest else None


def _batches(view: SelectedView, places: Sequence[int]) -> Iterator[_Batch]:
    for part, start, chosen in view.rows.touched(places):
        inside = list(range(len(part))) if isinstance(chosen, slice) else chosen
        for at in range(0, len(inside), _AT_ONCE):
            yield _Batch(part, start, inside[at : at + _AT_ONCE])


_Row = tuple[bytes, ...]  # a piece for each run


@dataclass(frozen=True, slots=True)
class _BegunRows:
    """What is on a shelf, and how the others are on their way."""

    rows: list[Any]  # None where one is missing
    missing: list[int]
    wanted: list[MessageId]  # those missing
    reading: Begun[list[_Row]] | None  # None: they are read when they are needed


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

    def of_flags(self, part: Part, start: int, chosen: Chosen) -> bytes:
        """Return the joined lines of a part, of what the view gives alone."""
        if chosen is not ALL or self._recent.touches(part.uids[0], part.uids[-1]):
            return self._join(part, start, chosen, ())
        return self._kept(part, start)

    def begin(self, batch: _Batch) -> _BegunRows:
        """Return the prepared pieces of *batch*, or begin to make them."""
        messages = among(batch.part.messages, batch.inside)
        rows: list[Any] = list(map(self._shelf.items.get, messages))
        missing = [n for n, row in enumerate(rows) if row is None] if None in rows else []
        wanted = [MessageId(messages[n]) for n in missing]
        few = len(wanted) <= _FEW
        reading = None if few else self._session.mail.begin(self._making(wanted))
        return _BegunRows(rows, missing, wanted, reading)

    async def rows(self, begun: _BegunRows) -> list[_Row]:
        """Return the pieces of the first messages of a batch, at least of one.

        Of as many as one read transaction brings.
        """
        rows, missing, wanted = begun.rows, begun.missing, begun.wanted
        if not missing:
            return rows
        if begun.reading is None:
            # so few are read faster than a thread is found for them
            made = self._session.mail.glance(self._making(wanted))
        else:
            made = await begun.reading
        self._session.shelves.put_pieces(self._kind, wanted, made)
        if len(missing) == len(rows):
            return made
        for n, row in zip(missing, made, strict=False):
            rows[n] = row
        return rows if len(made) == len(missing) else rows[: missing[len(made)]]

    def _making(self, wanted: Sequence[MessageId]) -> Callable[[MailReader], list[_Row]]:
        runs = self._recipe.runs

        def make(reader: MailReader) -> list[_Row]:
            return list(zip(*spell(runs, reader.facts(wanted, facts_of(runs))), strict=True))

        return make

    def join(self, batch: _Batch, rows: Sequence[_Row]) -> bytes:
        """Return the lines of *batch*, of which *rows* are the pieces."""
        return self._join(batch.part, batch.start, batch.inside, list(zip(*rows, strict=True)))

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


_AT_ONCE: Final = 512  # messages of one read transaction
_FEW: Final = 16  # are read faster than a thread is found for them
_PART_OCTETS: Final = 28  # a message in a part that is kept beside its lines
