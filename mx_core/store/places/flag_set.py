"""Interned sets of flags: a message's state holds one number, and few sets ever occur.

Keywords compare without case and keep the spelling of their first use (RFC 9051 §2.3.2).
Rows of committed sets never change and are never deleted, so what a *reader* has seen may be
cached for good; a writer keeps what it made to itself, because its job may be undone, and its
numbers are learnt by the others with the announcement of its commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NewType

from mx_core.model.errors import NotPermitted, OverQuota
from mx_core.model.flags import RECENT, SYSTEM_FLAGS, Flag, FlagSet, canonical_flag

if TYPE_CHECKING:
    import sqlalchemy as sa

FlagSetId = NewType("FlagSetId", int)

_KEYWORDS_MAX: Final = 1_000  # of an account
_FLAGS_MAX: Final = 100  # of a message
_FLAG_OCTETS_MAX: Final = 255


@dataclass(slots=True)
class KnownSets:
    """Committed sets of an account, by number and the other way round; shared by all its jobs.

    Any thread asks and adds; what is added is committed, so it does not matter who comes first.
    """

    sets: dict[int, FlagSet] = field(default_factory=dict)
    numbers: dict[FlagSet, FlagSetId] = field(default_factory=dict)
    all_to: int = 0  # of every set up to this number both are here
    flags: set[Flag] = field(default_factory=set)  # of sets with numbers: spelled as they are kept

    def learn(self, made: Iterable[tuple[FlagSet, FlagSetId]] = ()) -> None:
        """Take in *made*, and note up to which number all are here."""
        for flags, number in made:
            self.sets.setdefault(number, flags)
            self.numbers[flags] = number
            self.flags.update(flags)
        while (known := self.all_to + 1) in self.sets:
            self.numbers.setdefault(self.sets[known], FlagSetId(known))
            self.flags.update(self.sets[known])
            self.all_to = known  # the last step: whoever sees it finds both


class FlagSets:
    """Reads sets by number.  *known*: what jobs have learnt before."""

    def __init__(self, connection: sa.Connection, known: KnownSets, *, fills: bool = True) -> None:
        self._connection = connection
        self._known = known
        self._own: dict[int, FlagSet] = known.sets if fills else {}

    def of(self, number: int) -> FlagSet:
        """Return the set that *number* stands for."""
        found = self._known.sets.get(number)
        if found is None:
            found = self._own.get(number)
        if found is None:
            text = self._connection.exec_driver_sql(
                "SELECT flags FROM flag_set WHERE id = ?", (number,)
            ).scalar_one()
            found = self._own[number] = _set_of(text)
        return found

    def of_all(self, numbers: Sequence[int]) -> tuple[FlagSet, ...]:
        """Return the sets of *numbers*, in order."""
        known = {number: self.of(number) for number in set(numbers)}
        return tuple(map(known.__getitem__, numbers))

    def look_at_all(self) -> None:
        """Learn every set that there is: with one statement, and no change has to ask for one then."""
        self._own.update(_beyond(self._connection, self._known.all_to))
        self._known.learn()


class FlagSetWriter(FlagSets):
    """Makes numbers for sets, within one write job."""

    def __init__(self, connection: sa.Connection, known: KnownSets) -> None:
        super().__init__(connection, known, fills=False)
        # what is announced from here on is looked for in the table
        self._all_to = known.all_to
        self._beyond: dict[FlagSet, FlagSetId] | None = None  # sets that are not known for certain
        self.numbers: dict[FlagSet, FlagSetId] = {}  # those that this job used

    def canonical(self, flags: FlagSet) -> FlagSet:
        r"""Return *flags* in the account's spelling, without \\Recent.

        Raises:
            NotPermitted: One is no flag.  OverQuota: Too many on a message, or keywords in all.
        """
        if flags <= self._known.flags:  # nearly always: they are spelled as they are kept
            result = flags
        else:
            result = frozenset(self._spelling(canonical_flag(flag)) for flag in flags) - {RECENT}
        if len(result) > _FLAGS_MAX:
            raise OverQuota(f"a message has at most {_FLAGS_MAX} flags")
        return result

    def number(self, flags: FlagSet) -> FlagSetId:
        """Return the number of *flags*, which are canonical.

        This thread alone makes sets, so what is neither known nor in the rest of the table is new.
        """
        known = self.numbers.get(flags) or self._known.numbers.get(flags)
        if known is None:
            known = self._rest().get(flags)
            if known is None:
                row = self._connection.exec_driver_sql(
                    "INSERT INTO flag_set (flags) VALUES (?)", (" ".join(sorted(flags)),)
                ).lastrowid
                known = FlagSetId(row)
            self.numbers[flags] = known
            self._own[known] = flags
        return known

    def _rest(self) -> dict[FlagSet, FlagSetId]:
        """Return the sets that jobs made whose announcement this one may not have heard."""
        if self._beyond is None:
            rest = _beyond(self._connection, self._all_to)
            self._own.update(rest)
            self._beyond = {flags: FlagSetId(number) for number, flags in rest.items()}
        return self._beyond

    def _spelling(self, flag: Flag) -> Flag:
        if flag in self._known.flags:
            return flag
        if flag in SYSTEM_FLAGS or flag.lower() == RECENT.lower():
            return RECENT if flag not in SYSTEM_FLAGS else flag
        if (
            not flag
            or len(flag.encode()) > _FLAG_OCTETS_MAX
            or not flag.isprintable()
            or " " in flag
        ):
            raise NotPermitted("that is no keyword")
        folded = flag.lower()
        spelling = self._connection.exec_driver_sql(
            "SELECT spelling FROM keyword WHERE folded = ?", (folded,)
        ).scalar()
        if spelling is not None:
            return Flag(spelling)
        count = self._connection.exec_driver_sql("SELECT count(*) FROM keyword").scalar_one()
        if count >= _KEYWORDS_MAX:
            raise OverQuota(f"an account has at most {_KEYWORDS_MAX} keywords")
        self._connection.exec_driver_sql("INSERT INTO keyword VALUES (?, ?)", (folded, flag))
        return flag


def _beyond(connection: sa.Connection, number: int) -> dict[int, FlagSet]:
    rows = connection.exec_driver_sql("SELECT id, flags FROM flag_set WHERE id > ?", (number,))
    return {row[0]: _set_of(row[1]) for row in rows}


def _set_of(text: str) -> FlagSet:
    return frozenset(Flag(flag) for flag in text.split())
