"""Whether one connection speaks alone: what it asks for may hold the loop for the moment of a commit.

ADR 0058.  While several speak, their changes share commits, and nobody waits for another's.
"""

from __future__ import annotations

import math
from typing import Final, final

ALONE_SECONDS: Final = 0.02  # so long nobody else has spoken


@final
class Company:
    """Who speaks to one server; for all its connections.  Of its loop."""

    def __init__(self) -> None:
        self._speaker: object = None
        self._spoke_at = -math.inf  # monotonic seconds
        self._other_at = -math.inf  # when anybody else last spoke

    def heard(self, speaker: object, now: float) -> None:
        """Note that octets of *speaker* came, in monotonic seconds."""
        if speaker is not self._speaker:
            self._speaker, self._other_at = speaker, self._spoke_at
        self._spoke_at = now

    def is_alone(self, speaker: object, now: float) -> bool:
        """Tell whether only *speaker* has spoken of late, in monotonic seconds."""
        return speaker is self._speaker and now - self._other_at >= ALONE_SECONDS
