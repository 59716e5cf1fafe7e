"""A mailbox at one modseq: immutable, and cheap to make again with a change in it.

A change makes new parts only where it falls and shares all others, so a hundred sessions
that know a hundred states of a mailbox hold hardly more than one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import InitVar, dataclass, field, replace
from itertools import compress, count
from typing import Any, Final

from typing_extensions import override

from mx_core.model.flag_column import FlagColumn, Turns
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.part import ALL, NO_PART, PART_MAX, Chosen, Column, Part, parts_of

_JOIN_BELOW: Final = 256  # two worn neighbours that fit together in so many become one
_UIDS_END: Final = 1 << 32
_MANY: Final = 8  # one in so many
_NO_UID: Final = Uid(0)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """See the module; made by :func:`snapshot_of` and by changes."""

    uid_validity: UidValidity
    uid_next: Uid
    highest_modseq: ModSeq
    parts: tuple[Part, ...] = ()
    first_recent: Uid = _NO_UID  # UIDs from here on had not been shown to any session
    _firsts: list[int] = field(init=False)  # of each part
    _starts: list[int] = field(init=False)  # index of each part's first message, and the length
    known: InitVar[tuple[list[int], list[int]] | None] = None  # both, of parts at the beginning

    def __post_init__(self, known: tuple[list[int], list[int]] | None) -> None:
        firsts, starts = known or ([], [0])
        for part in self.parts[len(firsts) :]:
            firsts.append(part.uids[0])
            starts.append(starts[-1] + len(part))
        object.__setattr__(self, "_firsts", firsts)
        object.__setattr__(self, "_starts", starts)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and _facts(self) == _facts(other)

    __hash__ = None  # type: ignore[assignment]  # compared by value

    # ── columns ─────────────────────────────────────────────────────────────────────
    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def uids(self) -> Column[Uid]:
        """Return the UIDs, ascending."""
        return Column(self.parts, self._starts, "uids")

    @property
    def messages(self) -> Column[MessageId]:
        """Return which message each is."""
        return Column(self.parts, self._starts, "messages")

    @property
    def modseqs(self) -> Column[ModSeq]:
        """Return when each changed last."""
        return Column(self.parts, self._starts, "modseqs")

    @property
    def flags(self) -> Column[FlagSet]:
        """Return the flags of each."""
        return Column(self.parts, self._starts, "column")

    def place(self, uid: int) -> int:
        """Return the index of *uid*, or where it would stand."""
        part = max(bisect_right(self._firsts, uid) - 1, 0)
        if not self.parts:
            return 0
        return self._starts[part] + bisect_left(self.parts[part].uids, uid)

    def position(self, uid: int) -> int | None:
        """Return the index of *uid*, or None."""
        part = bisect_right(self._firsts, uid) - 1
        if part < 0:
            return None
        column = self.parts[part].uids
        at = bisect_left(column, uid)
        return self._starts[part] + at if at < len(column) and column[at] == uid else None

    def places_of(self, uids: Sequence[int]) -> list[int]:
        """Return the indices of those of the ascending *uids* that are there."""
        found: list[int] = []
        low = 0
        while low < len(uids):
            number = max(bisect_right(self._firsts, uids[low]) - 1, 0)
            if number >= len(self.parts):
                break
            start, column = self._starts[number], self.parts[number].uids
            end = self._firsts[number + 1] if number + 1 < len(self.parts) else _UIDS_END
            high = bisect_left(uids, end, low)
            if (high - low) * _MANY > len(column):  # a look at each costs less than searches
                wanted = frozenset(uids[low:high])
                found += compress(count(start), map(wanted.__contains__, column))
            else:
                for uid in uids[low:high]:
                    at = bisect_left(column, uid)
                    if at < len(column) and column[at] == uid:
                        found.append(start + at)
            low = high
        return found

    def rows(self, places: Iterable[int]) -> Iterator[tuple[int, Part, int]]:
        """Yield, for ascending indices, the index, its part, and the index inside that."""
        part, start, end = NO_PART, 0, 0
        for at in places:
            if at >= end:
                number = bisect_right(self._starts, at) - 1
                part, start = self.parts[number], self._starts[number]
                end = start + len(part)
            yield at, part, at - start

    def row(self, at: int) -> tuple[Part, int]:
        """Return the part of the message at index *at*, which is there, and the index inside that."""
        number = bisect_right(self._starts, at) - 1
        return self.parts[number], at - self._starts[number]

    def changed_since(self, modseq: int) -> list[int]:
        """Return the indices of what changed after *modseq*; looks only into parts that did."""
        found: list[int] = []
        for start, part in zip(self._starts, self.parts, strict=False):
            if part.max_modseq > modseq:
                found += compress(count(start), map(modseq.__lt__, part.modseqs))
        return found

    def touched(self, places: Sequence[int]) -> Iterator[tuple[Part, int, Chosen]]:
        """Yield each part that ascending indices touch, where it starts, and which of it."""
        low = 0
        while low < len(places):
            number = bisect_right(self._starts, places[low]) - 1
            part, start = self.parts[number], self._starts[number]
            high = bisect_left(places, self._starts[number + 1], low)
            if high - low == len(part):
                yield part, start, ALL
            else:
                yield part, start, [at - start for at in places[low:high]]
            low = high

    # ── with a change in it ─────────────────────────────────────────────────────────
    def with_added(
        self, modseq: ModSeq, uids: Sequence[Uid], messages: Sequence[MessageId],
        flags: Sequence[FlagSet],
    ) -> Snapshot:  # fmt: skip
        """Return it with new messages at the end."""
        new = Part(
            array("I", uids), array("Q", messages), array("Q", [modseq]) * len(uids),
            FlagColumn(tuple(flags)), modseq,
        )  # fmt: skip
        parts = list(self.parts)
        low, same = 0, len(parts)
        if parts and len(parts[-1]) < PART_MAX:  # small parts at the end grow together
            low, same = PART_MAX - len(parts[-1]), same - 1
            parts[-1] = parts[-1].joined(new.only(range(len(new))[:low]))
        cuts = range(low, len(new), PART_MAX)
        parts += [new.only(range(len(new))[at : at + PART_MAX]) for at in cuts]
        return self._with(modseq, tuple(parts), Uid(uids[-1] + 1), same=same)

    def with_flags(self, modseq: ModSeq, uids: Sequence[int], turns: Turns) -> Snapshot:
        """Return it with the flags of the ascending *uids* changed as *turns* says.

        What is not there is ignored.
        """
        column = uids if isinstance(uids, array) else array("I", uids)
        parts = list(self.parts)
        low = 0
        while low < len(column):
            number = bisect_right(self._firsts, column[low]) - 1
            if number < 0:  # expunged meanwhile
                low += 1
                continue
            end = self._firsts[number + 1] if number + 1 < len(parts) else _UIDS_END
            high = bisect_left(column, end, low)
            parts[number] = parts[number].reflagged(modseq, column[low:high], turns)
            low = high
        return self._with(modseq, tuple(parts), same=len(parts))

    def without(self, modseq: ModSeq, uids: Sequence[Uid]) -> Snapshot:
        """Return it without some messages."""
        return self._with(modseq, self._cut(uids))

    def below(self, uid: Uid) -> Snapshot:
        """Return the messages below *uid*, at the same modseq."""
        if uid >= self.uid_next or self.place(uid) >= len(self):
            return self
        number = bisect_left(self._firsts, uid)
        parts = self.parts[:number]
        if parts and parts[-1].uids[-1] >= uid:
            parts = (*parts[:-1], parts[-1].only(range(bisect_left(parts[-1].uids, uid))))
        return self._with(self.highest_modseq, parts, uid)

    def with_rows(self, rows: Sequence[Part]) -> Snapshot:
        """Return it with messages put back in, from parts in ascending order of UID."""
        if not rows:
            return self
        back = [(part, at) for part in rows for at in range(len(part))]
        mine: list[tuple[Part, int]] = []
        kept: list[Part] = []
        low, high = rows[0].uids[0], rows[-1].uids[-1]
        for part in self.parts:
            if part.uids[-1] < low or part.uids[0] > high:
                kept.append(part)
            else:
                mine += [(part, at) for at in range(len(part))]
        merged = sorted(mine + back, key=lambda row: row[0].uids[row[1]])
        made = parts_of(
            array("I", [part.uids[at] for part, at in merged]),
            array("Q", [part.messages[at] for part, at in merged]),
            array("Q", [part.modseqs[at] for part, at in merged]),
            [part.flags[at] for part, at in merged],
        )
        parts = sorted([*kept, *made], key=lambda part: part.uids[0])
        return self._with(self.highest_modseq, tuple(parts))

    def recent_from(self, first: Uid) -> Snapshot:
        """Return it with another watermark."""
        return replace(self, first_recent=first)

    def of_uids(self, uids: Sequence[int]) -> list[Part]:
        """Return the rows of those of the ascending *uids* that are there."""
        return [part.only(inside) for part, _, inside in self._holding(uids)]

    def positions(self, uids: Sequence[int]) -> list[int]:
        """Return the indices, ascending, of those of the ascending *uids* that are there."""
        found: list[int] = []
        for _, start, inside in self._holding(uids):
            found += [start + at for at in inside]
        return found

    def _holding(self, uids: Sequence[int]) -> Iterator[tuple[Part, int, list[int]]]:
        """Yield each part with some of the ascending *uids*, where it starts, and where they are."""
        low = 0
        number = max(bisect_right(self._firsts, uids[0]) - 1, 0) if len(uids) else 0
        while low < len(uids) and number < len(self.parts):
            part, start = self.parts[number], self._starts[number]
            high = bisect_right(uids, part.uids[-1], low)
            inside = part.where(uids[low:high])
            if inside:
                yield part, start, inside
            low, number = high, number + 1

    def _with(
        self, modseq: ModSeq, parts: tuple[Part, ...], uid_next: Uid | None = None, same: int = 0
    ) -> Snapshot:
        """Return it with other parts, of which the first *same* begin with the UIDs, and have the length, of those here."""
        known = self._firsts, self._starts
        if not same == len(parts) == len(self.parts):
            known = self._firsts[:same], self._starts[: same + 1]
        return Snapshot(
            self.uid_validity, uid_next or self.uid_next, modseq, parts, self.first_recent, known
        )

    def _cut(self, uids: Sequence[Uid]) -> tuple[Part, ...]:
        gone = {start: inside for _, start, inside in self._holding(sorted(uids))}
        parts: list[Part] = []
        for start, part in zip(self._starts, self.parts, strict=False):
            if start not in gone:
                parts.append(part)
                continue
            if len(gone[start]) < len(part):
                worn = part.without(gone[start])
                if parts and len(parts[-1]) + len(worn) <= _JOIN_BELOW:
                    worn = parts.pop().joined(worn)
                parts.append(worn)
        return tuple(parts)


def snapshot_of(
    uid_validity: UidValidity, uid_next: Uid, highest_modseq: ModSeq, *columns: Any,
    first_recent: Uid = _NO_UID,
) -> Snapshot:  # fmt: skip
    """Return the snapshot of whole *columns*: uids, messages, modseqs, flags."""
    uids, messages, modseqs, flags = columns
    parts = parts_of(array("I", uids), array("Q", messages), array("Q", modseqs), flags)
    return Snapshot(uid_validity, uid_next, highest_modseq, parts, first_recent)


def _facts(snapshot: Snapshot) -> tuple[Any, ...]:
    numbers = (snapshot.uid_validity, snapshot.uid_next, snapshot.highest_modseq)
    columns = (snapshot.uids, snapshot.messages, snapshot.modseqs, snapshot.flags)
    return (*numbers, snapshot.first_recent, *(tuple[Any, ...](column) for column in columns))
