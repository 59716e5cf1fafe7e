"""How long an import rests between batches, so that the machine stays its person's.  Pure."""

from __future__ import annotations

from msgspec import Struct


class Pace(Struct, frozen=True):
    """At most *rate* messages a second (0: as many as can be), busy for *share* percent of the time."""

    rate: int = 0
    share: int = 100

    def pause_seconds(self, messages: int, busy_seconds: float) -> float:
        """Return how long to rest after a batch of *messages* that took *busy_seconds*."""
        by_share = busy_seconds * (100 - self.share) / self.share
        by_rate = messages / self.rate - busy_seconds if self.rate else 0.0
        return max(by_share, by_rate, 0.0)
