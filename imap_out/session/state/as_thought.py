"""Whether a STORE.SILENT did what the client must think it did.  RFC 9051 §6.4.6.

Flags that came out otherwise, since somebody else changed them too, are told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from operator import ne

from imap_out.wire.commands import Store
from mx_core.model.flags import FlagSet
from mx_core.model.ids import Uid
from mx_core.model.part import among
from mx_core.model.snapshot import Snapshot
from mx_core.ports import FlagChange


def otherwise(
    before: Snapshot, after: Snapshot, places: Sequence[int], command: Store
) -> list[Uid]:
    """Return the UIDs at ascending indices whose flags after *command* a client can not think.

    Both show the same messages, of which it knew *before*.
    """
    made = {_folded(kind): kind for kind in _kinds(after, places)}
    # of each set that it knew, the very one that it must have become, if that occurs at all
    thought = {kind: made.get(_folded(_changed(kind, command))) for kind in _kinds(before, places)}
    there = _flags(after, places)
    expected = list(map(thought.__getitem__, _flags(before, places)))
    if expected == there:
        return []
    uids = [uid for part, _, chosen in after.touched(places) for uid in among(part.uids, chosen)]
    return list(compress(uids, map(ne, expected, there)))


def _kinds(rows: Snapshot, places: Sequence[int]) -> set[FlagSet]:
    return {kind for part, _, _ in rows.touched(places) for kind in part.kinds}


def _flags(rows: Snapshot, places: Sequence[int]) -> list[FlagSet]:
    flags: list[FlagSet] = []
    for part, _, chosen in rows.touched(places):
        flags.extend(among(part.flags, chosen))
    return flags


def _changed(before: FlagSet, command: Store) -> FlagSet:
    match command.change:
        case FlagChange.REPLACE:
            return command.flags
        case FlagChange.ADD:
            return before | command.flags
        case FlagChange.REMOVE:
            gone = _folded(command.flags)
            return frozenset(flag for flag in before if flag.lower() not in gone)


def _folded(flags: Iterable[str]) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)
