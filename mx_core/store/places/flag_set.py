"""Interned sets of flags: a message's state holds one number, and few sets ever occur.

Keywords compare without case and keep the spelling of their first use (RFC 9051 §2.3.2).
Rows of committed sets never change and are never deleted, so what a *reader* has seen may be
cached for good; a writer keeps what it made to itself, because its job may be undone, and its
numbers are learnt by the others with the announcement of its commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NewType

from mx_core.model.errors import NotPermitted, OverQuota
from mx_core.model.flags import RECENT, SYSTEM_FLAGS, Flag, FlagSet, canonical_flag

if TYPE_CHECKING:
    import sqlalchemy as sa

FlagSetId = NewType("FlagSetId", int)

_KEYWORDS_MAX: Final = 1_000  # of an account
_FLAGS_MAX: Final = 100  # of a message
_FLAG_OCTETS_MAX: Final = 255


class FlagSets:
    """Reads sets by number.  *committed* is shared by all jobs of an account; see the module."""

    def __init__(
        self, connection: sa.Connection, committed: dict[int, FlagSet], *, fills: bool = True
    ) -> None:
        self._connection = connection
        self._committed = committed
        self._own: dict[int, FlagSet] = committed if fills else {}

    def of(self, number: int) -> FlagSet:
        """Return the set that *number* stands for."""
        found = self._committed.get(number)
        if found is None:
            found = self._own.get(number)
        if found is None:
            text = self._connection.exec_driver_sql(
                "SELECT flags FROM flag_set WHERE id = ?", (number,)
            ).scalar_one()
            found = self._own[number] = frozenset(Flag(flag) for flag in text.split())
        return found

    def of_all(self, numbers: Sequence[int]) -> tuple[FlagSet, ...]:
        """Return the sets of *numbers*, in order."""
        known = {number: self.of(number) for number in set(numbers)}
        return tuple(map(known.__getitem__, numbers))


class FlagSetWriter(FlagSets):
    """Makes numbers for sets, within one write job."""

    def __init__(
        self,
        connection: sa.Connection,
        committed: dict[int, FlagSet],
        numbers: Mapping[FlagSet, FlagSetId] = MappingProxyType({}),
    ) -> None:
        super().__init__(connection, committed, fills=False)
        self._committed_numbers = numbers
        self.numbers: dict[FlagSet, FlagSetId] = {}  # those that this job used

    def canonical(self, flags: Iterable[Flag]) -> FlagSet:
        r"""Return *flags* in the account's spelling, without \\Recent.

        Raises:
            NotPermitted: One is no flag.  OverQuota: Too many on a message, or keywords in all.
        """
        result = frozenset(self._spelling(canonical_flag(flag)) for flag in flags) - {RECENT}
        if len(result) > _FLAGS_MAX:
            raise OverQuota(f"a message has at most {_FLAGS_MAX} flags")
        return result

    def number(self, flags: FlagSet) -> FlagSetId:
        """Return the number of *flags*, which are canonical."""
        known = self.numbers.get(flags) or self._committed_numbers.get(flags)
        if known is None:
            text = " ".join(sorted(flags))
            select = "SELECT id FROM flag_set WHERE flags = ?"
            row = self._connection.exec_driver_sql(select, (text,)).scalar()
            if row is None:
                row = self._connection.exec_driver_sql(
                    "INSERT INTO flag_set (flags) VALUES (?)", (text,)
                ).lastrowid
            known = self.numbers[flags] = FlagSetId(row)
            self._own[known] = flags
        return known

    def _spelling(self, flag: Flag) -> Flag:
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
