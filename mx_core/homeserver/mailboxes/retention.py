"""When an envelope may be deleted.  Pure; identity §5, ARCHITECTURE "The two flows"."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

SYNC_SECONDS: Final = 60 * 86_400


@dataclass(frozen=True, slots=True)
class ActiveDevice:
    """A device of the passport's present state; *synced*: when it was added or last collected."""

    device_id: bytes
    synced: int


def may_delete(acked: Collection[bytes], active: Sequence[ActiveDevice], now: float) -> bool:
    """Tell whether every active device that synced within 60 days has acked, and one at all has.

    A device asleep for longer catches up by the journal of the others.
    """
    awaited = {device.device_id for device in active if device.synced >= now - SYNC_SECONDS}
    return awaited <= set(acked) and any(device.device_id in acked for device in active)
