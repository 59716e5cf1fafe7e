"""Whether mail of a device is good, when the device may have been removed.  Identity §6, last rule.

Pure: the times are those of the message, of its arrival, and of our learning of the removal.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from mx_core.passport.op import Reason
from mx_core.passport.state import DeviceRecord

IN_FLIGHT_SECONDS: Final = 6 * 86_400


class Standing(Enum):
    """What a signature of the device is worth."""

    GOOD = "good"
    REMOVED = "removed"  # marked, to Requests, never verified


def judge_device(
    record: DeviceRecord, *, created: float, received: float, knew_at: float | None
) -> Standing:
    """Return the standing of a message *created* by its device and *received* here.

    *knew_at* is when we learned of a removal; None if that is now, with this message or later.
    """
    removal = record.removal
    if removal is None:
        return Standing.GOOD
    if removal.reason is Reason.RETIRED:
        in_flight = received <= removal.time + IN_FLIGHT_SECONDS
        return Standing.GOOD if in_flight else Standing.REMOVED
    after_loss = removal.since is not None and created >= removal.since
    after_we_knew = knew_at is not None and received >= knew_at
    return Standing.REMOVED if after_loss or after_we_knew else Standing.GOOD
