"""FETCH of what never changes about a message, with live flags spliced in: whole lines at once.

UID, FLAGS and the number come from the view; the values that stand between them are made once for each
message and kept on a shelf.  Lines of flags alone are kept joined, for each part of the snapshot that
they tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

from imap_out.session.answers import flag_lines
from imap_out.session.answers.flag_lines import Heads
from imap_out.session.answers.out import Out
from imap_out.session.fetch.bodies import value
from imap_out.session.fetch.left import Left, Some
from imap_out.session.fetch.pieces import Columns, Recipe, Stretch, facts_of, values
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Session
from imap_out.session.state.shelves import Shelf
from imap_out.wire.fetch_items import Attribute
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MessageId
from mx_core.model.part import ALL, Chosen, Part, among
from mx_core.ports import Begun, MailReader


async def tell(
    session: Session, view: SelectedView, places: Sequence[int], recipe: Recipe, out: Out
) -> None:
    """Put a line for each of the ascending *places*, as the view is now."""
    if len(places) == 1 and not recipe.kept:
        out.put(_lone(view, places[0], recipe))
        await out.room()
        return
    lines = _Lines(session, view, recipe)
    if recipe.kept:
        await _tell_prepared(lines, Left(view.rows.touched(places)), out)
        return
    for part, start, chosen in view.rows.touched(places):
        out.put(lines.of_flags(part, start, chosen))
        await out.room()


def _lone(view: SelectedView, at: int, recipe: Recipe) -> bytes:
    """Return the line of one message, of what the view gives alone."""
    [line] = recipe.stretches
    part, inside = view.rows.row(at)
    told = [
        value(fills, view, part, inside, _NO_ROW)
        for fills in line.filling
        if isinstance(fills, Attribute)
    ]
    return line.format % (at + 1, *told)


async def _tell_prepared(lines: _Lines, left: Left, out: Out) -> None:
    """While lines leave, what the next ones lack is read, and then what those behind them lack.

    That is begun only while readings bring all that they are asked for: else it is not known where the next begins.
    """
    hand: deque[_BegunRows] = deque()  # in the order of the lines
    in_hand = 1
    try:
        while True:
            _begin_some(lines, left, hand, in_hand)
            if not hand:
                return
            begun = hand.popleft()
            columns = await lines.columns(begun)
            count = len(columns[0])
            in_hand = _IN_HAND if count == len(begun.rows) else 1
            if in_hand == 1:
                _let_go(hand)
                left.fit(count)
            told = left.taken(count)
            _begin_some(lines, left, hand, in_hand)
            at = 0
            for some in told:
                end = at + len(some.inside)
                out.put(lines.join(some, [column[at:end] for column in columns]))
                await out.room()
                at = end
    finally:
        _let_go(hand)


def _begin_some(lines: _Lines, left: Left, hand: deque[_BegunRows], in_hand: int) -> None:
    ahead = sum(len(begun.rows) for begun in hand)
    while len(hand) < in_hand:
        begun = lines.begin(left.next(ahead), hand[-1] if hand else None)
        if begun is None:
            return
        hand.append(begun)
        ahead += len(begun.rows)


def _let_go(hand: deque[_BegunRows]) -> None:
    for begun in hand:
        if begun.reading is not None:
            begun.reading.cancel()
    hand.clear()


@dataclass(frozen=True, slots=True)
class _BegunRows:
    """What is on a shelf, and how the others are on their way."""

    rows: list[Any]  # None where one is missing
    missing: Sequence[int]
    wanted: Sequence[MessageId]  # those missing
    reading: Begun[Columns] | None  # None: they are read when they are needed


class _Lines:
    """The lines of one FETCH."""

    def __init__(self, session: Session, view: SelectedView, recipe: Recipe) -> None:
        self._session = session
        self._recent = view.recent
        self._spell = view.spell
        self._recipe = recipe
        account = session.account.address if session.account else None
        self._kind = (account, recipe.kept)
        self._joined_kind = (account, recipe.stretches)
        # an account's ids never repeat, so what stands on a shelf is right for good
        self._shelf: Shelf = session.shelves.shelf(self._kind)

    def of_flags(self, part: Part, start: int, chosen: Chosen) -> bytes:
        """Return the joined lines of a part, of what the view gives alone."""
        if chosen is not ALL:
            return self._join(part, start, chosen, ())
        if self._recent.touches(part.uids[0], part.uids[-1]):
            return self._made(part, start)  # to this session alone, so it is not kept
        return self._kept(part, start)

    def begin(self, messages: Sequence[int], behind: _BegunRows | None = None) -> _BegunRows | None:
        """Return the kept values of *messages*, or begin to make them; None if there are none.

        Right *behind* those of others, if these are being made.
        """
        if not messages:
            return None
        rows: list[Any] = list(map(self._shelf.items.get, messages))
        missing: Sequence[int] = ()
        wanted: Sequence[Any] = ()
        if not any(rows):  # what is kept of a message is never nothing
            missing, wanted = range(len(rows)), messages
        elif not all(rows):
            missing = [n for n, row in enumerate(rows) if row is None]
            wanted = [messages[n] for n in missing]
        few = len(wanted) <= _FEW
        after = None if behind is None else behind.reading
        reading = None if few else self._session.mail.begin(self._making(wanted), after)
        return _BegunRows(rows, missing, wanted, reading)

    async def columns(self, begun: _BegunRows) -> Columns:
        """Return the values of the first messages that were asked for, at least of one.

        Of as many as one read transaction brings.
        """
        rows, missing, wanted = begun.rows, begun.missing, begun.wanted
        if not missing:
            return list(zip(*rows, strict=True))
        if begun.reading is None:
            # so few are read faster than a thread is found for them
            made = self._session.mail.glance(self._making(wanted))
        else:
            made = await begun.reading
        self._session.shelves.put_pieces(self._kind, wanted, made)
        if len(missing) == len(rows):
            return made
        count = len(made[0])
        for n, row in zip(missing, zip(*made, strict=True), strict=False):
            rows[n] = row
        first = rows if count == len(missing) else rows[: missing[count]]
        return list(zip(*first, strict=True))

    def _making(self, wanted: Sequence[MessageId]) -> Callable[[MailReader], Columns]:
        kept = self._recipe.kept
        return lambda reader: values(kept, reader.facts(wanted, facts_of(kept)))

    def join(self, some: Some, kept: Columns) -> bytes:
        """Return the lines of *some*, of which *kept* are the values that are kept."""
        return self._join(some.part, some.start, some.chosen, kept)

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
        [line], shelves = self._recipe.stretches, self._session.shelves
        recent = self._recent_of(part)
        if recent is None or not flag_lines.is_kept(line.filling):
            return self._join(part, start, ALL, ())
        kind, key = ("heads", self._joined_kind), (id(part.uids), start)
        heads: Heads | None = shelves.shelf(kind).items.get(key)
        if heads is None:
            heads = Heads.of(line.format, line.filling, part, start)
            octets = len(heads.text) + flag_lines.OVERHEAD * len(part)
            shelves.put(kind, [(key, heads, octets)])
        return heads.lines(part.column, self._spelled(part.column.kinds, recent=recent))

    def _spelled(self, kinds: Iterable[FlagSet], *, recent: bool) -> dict[FlagSet, bytes]:
        return {kind: self._spell(kind, recent=recent) for kind in kinds}

    def _recent_of(self, part: Part) -> bool | None:
        """Tell whether the messages of *part* are recent; None: some of them."""
        low, high = part.uids[0], part.uids[-1]
        if not self._recent.touches(low, high):
            return False
        return True if self._recent.covers(low, high) else None

    def _join(self, part: Part, start: int, chosen: Chosen, kept: Columns) -> bytes:
        numbers = (
            range(start + 1, start + 1 + len(part))[chosen]
            if isinstance(chosen, slice)
            else [start + 1 + at for at in chosen]
        )
        first, *others = self._recipe.stretches
        columns = [numbers, *self._columns(first, part, chosen, kept)]
        if not others:
            # many at once take two thirds of the time of one by one
            filling = chain.from_iterable(zip(*columns, strict=True))
            return first.format * len(numbers) % tuple(filling)
        pieces: list[Iterable[bytes]] = []
        for stretch in self._recipe.stretches:
            if stretch is not first:
                columns = self._columns(stretch, part, chosen, kept)
            if columns:
                pieces.append(map(stretch.format.__mod__, zip(*columns, strict=True)))
            else:
                pieces.append(repeat(stretch.format))
            if stretch.section is not None:
                pieces.append(kept[stretch.section])  # copied once, into what is sent
        return b"".join(chain.from_iterable(zip(*pieces, strict=False)))

    def _columns(
        self, stretch: Stretch, part: Part, chosen: Chosen, kept: Columns
    ) -> list[Sequence[Any]]:
        """Return what fills the format of *stretch*."""
        columns: list[Sequence[Any]] = []
        for fills in stretch.filling:
            if fills == stretch.section:
                columns.append(list(map(len, kept[stretch.section])))
            elif isinstance(fills, int):
                columns.append(kept[fills])
            else:
                columns.append(self._live(fills, part, chosen))
        return columns

    def _live(self, attribute: Attribute, part: Part, chosen: Chosen) -> Sequence[Any]:
        if attribute is Attribute.UID:
            return among(part.uids, chosen)
        if attribute is Attribute.MODSEQ:
            return among(part.modseqs, chosen)
        return self._flags(part, chosen)

    def _flags(self, part: Part, chosen: Chosen) -> list[bytes]:
        flags, recent = part.column.among(chosen), self._recent_of(part)
        if recent is None:
            spell, some, uids = self._spell, self._recent, among(part.uids, chosen)
            return [spell(f, recent=uid in some) for uid, f in zip(uids, flags, strict=True)]
        kinds = part.kinds if chosen is ALL else set(flags)
        return list(map(self._spelled(kinds, recent=recent).__getitem__, flags))


_NO_ROW: Final = (0, 0, None)  # nothing of it is told
_IN_HAND: Final = 2  # readings that are begun
_FEW: Final = 16  # are read faster than a thread is found for them
_PART_OCTETS: Final = 28  # a message in a part that is kept beside its lines
