"""What a change of a pinned passport does: the table of identity §6.  Spec/card §6.

Compares a pin with a verified state and answers one level.  Every cause is named, because the
person reads it; the strictest one decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final

from msgspec import Struct

from mx_core.passport.effects import DELAY_SECONDS
from mx_core.passport.state import Change, ChangeKind, State
from mx_core.trust.pin import Pin, Tier


class Level(IntEnum):
    """What happens; each level does what the ones before it do."""

    QUIET = 0
    STATUS = 1  # a line in the status of the message
    NOTE = 2  # and a message in the folder of the gateway
    HOLD = 3  # nothing more goes there, or is believed from there, until the person accepts


class Cause(StrEnum):
    """What was seen; the values are those of the refusal classes and of spec/card §6."""

    DEVICE_ADDED = "device-added"
    DEVICE_RETIRED = "device-retired"
    DEVICE_LOST = "device-lost"
    DEVICE_STOLEN = "device-stolen"
    IDENTITY_ROTATED = "identity-rotated"
    RECOVERED = "recovered"
    RECOVERY_CHANGED = "recovery-changed"
    PROFILE_CHANGED = "profile-changed"
    SUITE_FLOOR_LOWERED = "suite-floor-lowered"
    MOVED = "moved"
    ENDED = "ended"
    DELAYED_KEY_USED = "delayed-key-used"
    SUITE_DROPPED = "suite-dropped"
    OTHER_PID = "other-pid"
    ROLLBACK = "rollback"
    FORK = "fork"


class Decision(Struct, frozen=True):
    """The level, its causes in the order of the entries, and whether it reads `key changed`."""

    level: Level
    causes: tuple[Cause, ...] = ()

    @property
    def key_changed(self) -> bool:
        """Tell whether the status line says that a key changed."""
        return any(cause in _KEY_CHANGED for cause in self.causes)

    @property
    def holds(self) -> bool:
        """Tell whether the person must decide first."""
        return self.level is Level.HOLD


# seen → (tier implicit, tier verified or endorsed).  A lost device is treated as a stolen one:
# who found it may use it.
_TABLE: Final[dict[Cause, tuple[Level, Level]]] = {
    Cause.DEVICE_ADDED: (Level.STATUS, Level.NOTE),
    Cause.DEVICE_RETIRED: (Level.STATUS, Level.NOTE),
    Cause.IDENTITY_ROTATED: (Level.NOTE, Level.NOTE),
    Cause.DEVICE_LOST: (Level.NOTE, Level.HOLD),
    Cause.DEVICE_STOLEN: (Level.NOTE, Level.HOLD),
    Cause.PROFILE_CHANGED: (Level.STATUS, Level.NOTE),
    Cause.RECOVERY_CHANGED: (Level.STATUS, Level.NOTE),
    Cause.MOVED: (Level.NOTE, Level.NOTE),
    Cause.RECOVERED: (Level.NOTE, Level.HOLD),
    Cause.SUITE_FLOOR_LOWERED: (Level.NOTE, Level.HOLD),
    Cause.SUITE_DROPPED: (Level.NOTE, Level.HOLD),
    Cause.DELAYED_KEY_USED: (Level.HOLD, Level.HOLD),
    Cause.ENDED: (Level.HOLD, Level.HOLD),
    Cause.OTHER_PID: (Level.HOLD, Level.HOLD),
    Cause.ROLLBACK: (Level.HOLD, Level.HOLD),
    Cause.FORK: (Level.HOLD, Level.HOLD),
}
_GONE: Final = {Cause.DEVICE_LOST, Cause.DEVICE_STOLEN, Cause.RECOVERED}
_KEY_CHANGED: Final = {
    Cause.DEVICE_LOST,
    Cause.DEVICE_STOLEN,
    Cause.RECOVERED,
    Cause.SUITE_FLOOR_LOWERED,
    Cause.SUITE_DROPPED,
    Cause.DELAYED_KEY_USED,
    Cause.OTHER_PID,
    Cause.FORK,
}


def is_device_gone(causes: Iterable[Cause]) -> bool:
    """Tell whether a device of theirs may be in other hands: what it knew is to be renewed."""
    return any(cause in _GONE for cause in causes)


def decide(pin: Pin, state: State, *, now: float, suite: int | None = None) -> Decision:
    """Return what the step from *pin* to *state* does at *now*.

    *suite* is the suite that the state's devices have in common, if the card showed it.
    """
    return _decision(pin.tier, causes_between(pin, state, now=now, suite=suite))


def causes_between(
    pin: Pin, state: State, *, now: float, suite: int | None = None
) -> tuple[Cause, ...]:
    """Return what happened since the pin, in the order of the entries, each cause once."""
    conflict = conflict_with(pin, state)
    if conflict is not None:
        return (conflict,)
    causes = [
        _CAUSE_OF[each.kind]
        for each in state.changes
        if each.seq > pin.seq and not _was_long_known(pin, each, now)
    ]
    if suite is not None and suite < pin.highest_suite:
        causes.append(Cause.SUITE_DROPPED)
    return tuple(dict.fromkeys(causes))


def _was_long_known(pin: Pin, change: Change, now: float) -> bool:
    """Tell whether a delayed recovery key was held by us for its 30 days: it is not backdated."""
    return (
        change.kind is ChangeKind.DELAYED_KEY_USED
        and pin.pending is not None
        and pin.pending.seq == change.key_seq
        and now >= pin.pending.since + DELAY_SECONDS
    )


def conflict_with(pin: Pin, state: State) -> Cause | None:
    """Return why *state* cannot come after the pinned one, or None."""
    if state.pid != pin.pid:
        return Cause.OTHER_PID
    if state.seq < pin.seq:
        return Cause.ROLLBACK
    if state.heads[pin.seq] != pin.head:
        return Cause.FORK
    return None


def _decision(tier: Tier, causes: tuple[Cause, ...]) -> Decision:
    column = 0 if tier is Tier.IMPLICIT else 1
    return Decision(max((_TABLE[cause][column] for cause in causes), default=Level.QUIET), causes)


_CAUSE_OF: Final = {kind: Cause(kind.value) for kind in ChangeKind}
