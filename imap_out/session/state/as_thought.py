"""Whether a STORE.SILENT did what the client must think it did.  RFC 9051 §6.4.6.

Flags that came out otherwise, since somebody else changed them too, are told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from operator import not_

from imap_out.wire.commands import Store
from mx_core.model.flags import FlagSet
from mx_core.model.ids import Uid
from mx_core.model.part import ALL, Chosen, Part, among
from mx_core.model.snapshot import Snapshot
from mx_core.ports import FlagChange

_Touched = tuple[Part, int, Chosen]


def otherwise(
    before: Snapshot, after: Snapshot, places: Sequence[int], command: Store
) -> list[Uid]:
    """Return the UIDs at ascending indices whose flags after *command* a client can not think.

    Both show the same messages, of which it knew *before*.
    """
    fits = _Fits(command)
    were, are = list(before.touched(places)), list(after.touched(places))
    if len(were) != len(are) or any(map(_is_cut_otherwise, were, are)):
        return _by_message(were, are, fits)
    uids: list[Uid] = []
    for was, now in zip(were, are, strict=True):
        if now[2] is ALL and was[0].column.which is now[0].column.which:
            uids += _by_kind(was[0], now[0], fits)
        else:
            uids += _by_message([was], [now], fits)
    return uids


class _Fits(dict[tuple[FlagSet, FlagSet], bool]):
    """Whether a client that knew a set must think that *command* made the other of it."""

    def __init__(self, command: Store) -> None:
        super().__init__()
        self._command = command

    def __missing__(self, turn: tuple[FlagSet, FlagSet]) -> bool:
        fits = self[turn] = self._is_plain(*turn) or (
            _folded(_changed(turn[0], self._command)) == _folded(turn[1])
        )
        return fits

    def _is_plain(self, was: FlagSet, now: FlagSet) -> bool:
        """Tell whether *now* is to the letter what becomes of *was*: nearly always, and soon seen."""
        flags = self._command.flags
        match self._command.change:
            case FlagChange.ADD:
                return was | flags == now
            case FlagChange.REMOVE:  # no message has a keyword in two spellings
                return flags <= was and was - flags == now
            case FlagChange.REPLACE:
                return flags == now


def _is_cut_otherwise(was: _Touched, now: _Touched) -> bool:
    return was[0].uids is not now[0].uids and was[0].uids != now[0].uids


def _by_kind(was: Part, now: Part, fits: _Fits) -> list[Uid]:
    """Judge the few sets that there are, of messages that were changed together."""
    turns = zip(was.column.kinds, now.column.kinds, strict=True)
    others = {at for at, turn in enumerate(turns) if not fits[turn]}
    if not others:
        return []
    each = zip(now.uids, now.column.which, strict=True)
    return [Uid(uid) for uid, at in each if at in others]


def _by_message(were: Sequence[_Touched], are: Sequence[_Touched], fits: _Fits) -> list[Uid]:
    turns = zip(_flags(were), _flags(are), strict=True)
    uids = [uid for part, _, chosen in are for uid in among(part.uids, chosen)]
    return list(compress(uids, map(not_, map(fits.__getitem__, turns))))


def _flags(touched: Iterable[_Touched]) -> list[FlagSet]:
    flags: list[FlagSet] = []
    for part, _, chosen in touched:
        flags.extend(part.column.among(chosen))
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
