"""Whether one connection speaks alone: what it asks for may hold the loop for the moment of a commit.

ADR 0058.  While several speak, their changes share commits, and nobody waits for another's.
"""

from __future__ import annotations

import time
from typing import Final, final

ALONE_SECONDS: Final = 0.02  # so long nobody else has spoken


@final
class Company:
    """Who speaks to one server; for all its connections.  Of its loop."""

    def __init__(self) -> None:
        self._speaker: object = None
        self._since = 0.0  # monotonic seconds: nobody else has spoken

    def heard(self, speaker: object) -> None:
        """Note that octets of *speaker* came."""
        if speaker is not self._speaker:
            self._speaker, self._since = speaker, time.monotonic()

    def is_alone(self, speaker: object) -> bool:
        """Tell whether only *speaker* has spoken of late."""
        return speaker is self._speaker and time.monotonic() - self._since >= ALONE_SECONDS
