"""Which flags two sides of an account share, and what becomes of changes on both.  Pure.

A flag is there or not, so changes of both sides to one flag since they agreed are the same
change: nothing is ever in conflict.  docs/spec/pull.md §4.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gateway.arriving.status_block import RESERVED_KEYWORD_PREFIX
from gateway.legacy.remote_mailbox import Opened
from mx_core.model.flags import DELETED, KEY_CHANGED, NOT_ENCRYPTED, UNVERIFIED, Flag, FlagSet

JUNK: Final = Flag("$Junk")
_JUNK_ELSEWHERE: Final = frozenset({"$junk", "junk"})  # as programs spell it
_NOT_JUNK: Final = frozenset({"$notjunk", "nonjunk", "notjunk"})
_OURS: Final = frozenset(flag.lower() for flag in (NOT_ENCRYPTED, KEY_CHANGED, UNVERIFIED, DELETED))
_STATE: Final = RESERVED_KEYWORD_PREFIX.lower()


class Shared(Struct, frozen=True):
    """Tells which flags the source keeps; of others nothing is known there."""

    keeps: frozenset[str] | None  # lower case; None: all

    @classmethod
    def of(cls, opened: Opened) -> Shared:
        """Return what a mailbox keeps as it said when it was opened."""
        if opened.makes or opened.keeps is None:
            return cls(None)
        return cls(frozenset(flag.lower() for flag in opened.keeps))

    def only(self, flags: FlagSet) -> FlagSet:
        r"""Return those of *flags* that both sides have: not \\Deleted, and not what we say."""
        return frozenset(flag for flag in flags if self._has(flag.lower()))

    def merged(self, agreed: FlagSet | None, ours: FlagSet, theirs: FlagSet) -> FlagSet:
        """Return *ours* with what has changed there."""
        mine, other = self.only(ours), self.only(theirs)
        if agreed is None:
            return ours | without(other, mine)
        both = without(mine, without(mine, other))
        changed = without(without(mine, other) | without(other, mine), agreed)
        return (ours - mine) | both | changed

    def to_push(self, agreed: FlagSet | None, ours: FlagSet) -> tuple[FlagSet, FlagSet]:
        """Return what to add there and what to remove."""
        mine, there = self.only(ours), self.only(agreed or frozenset())
        return without(mine, there), without(there, mine)

    def _has(self, flag: str) -> bool:
        if flag in _OURS or flag.startswith(_STATE):
            return False
        return self.keeps is None or flag in self.keeps


def without(flags: FlagSet, others: FlagSet) -> FlagSet:
    """Return *flags* less *others*, however those are spelt."""
    gone = _folded(others)
    return frozenset(flag for flag in flags if flag.lower() not in gone)


def same(one: FlagSet | None, other: FlagSet) -> bool:
    """Tell whether both are the same flags, however keywords are spelt.  RFC 9051 §2.3.2."""
    return one is not None and _folded(one) == _folded(other)


def pushed(
    agreed: FlagSet | None, change: tuple[FlagSet, FlagSet], told: FlagSet | None
) -> FlagSet:
    """Return what is agreed on after a push of (added, removed); *told* is what they have now.

    Of other flags that are told nothing is agreed on: somebody there may just have changed them.
    """
    add, remove = change
    if told is not None:
        add, remove = without(add, without(add, told)), without(remove, told)
    return without(agreed or frozenset(), remove) | add


def verdict(flags: FlagSet, folder_use: str, spam_header: bytes) -> FlagSet:
    """Return ``$Junk`` if the source takes a message for it.

    By its own keyword, by the folder that it stands in, or by what a filter wrote into the
    header, unless a person has said that it is none.
    """
    said = _folded(flags)
    if said & _NOT_JUNK:
        return frozenset()
    is_junk = bool(said & _JUNK_ELSEWHERE) or folder_use == "\\Junk" or spam_header == b"yes"
    return frozenset({JUNK}) if is_junk else frozenset()


def _folded(flags: FlagSet) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)
