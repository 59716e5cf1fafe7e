"""What peers say of the time, by the way: how a clock that is ahead is noticed.

A cosignature carries its peer's time and is seconds old when it comes.  To a clock that is wrong by days
nobody gives one: everybody's certificates and documents look expired then, or not yet good.  Nothing is asked
for this, and nothing is changed by it.
"""

from __future__ import annotations

import statistics
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from mx_core.model.clock import Now
from mx_core.model.errors import Untrusted

_PEERS_MAX: Final = 64
_OF_TIME: Final = {"leaf-expired", "document-expired"}  # how an Untrusted names it


@dataclass(frozen=True, slots=True)
class PeersSay:
    """*peers* have told their time, and this clock is *ahead* of most of them by so many seconds.

    *expired*: of so many what they show looks expired, or not yet good.
    """

    peers: int
    ahead: float
    expired: int


class PeerTimes:
    """What was heard last from each peer.  Owner: the event loop."""

    def __init__(self, now: Now, steady: Now = time.monotonic) -> None:
        """*steady* is a clock that nobody sets: what peers said stays good when *now* is set right."""
        self._now = now
        self._steady = steady
        self._said: OrderedDict[str, float | None] = OrderedDict()  # less *steady*; None: expired

    def heard(self, peer: str, at: float) -> None:
        """*peer* said a moment ago that it is *at*."""
        self._note(peer, at - self._steady())

    def failed(self, peer: str, error: Exception) -> None:
        """A call to *peer* failed: perhaps because of its dates."""
        if isinstance(error, Untrusted) and error.failure in _OF_TIME:
            self._note(peer, None)

    def works(self, peer: str) -> None:
        """A call to *peer* went well, so its dates are good."""
        if self._said.get(peer, 0.0) is None:
            del self._said[peer]

    def told(self) -> PeersSay:
        """Return what all of them say."""
        here = self._now() - self._steady()
        ahead = [here - there for there in self._said.values() if there is not None]
        expired = len(self._said) - len(ahead)
        return PeersSay(len(ahead), statistics.median(ahead) if ahead else 0.0, expired)

    def _note(self, peer: str, what: float | None) -> None:
        self._said[peer] = what
        self._said.move_to_end(peer)
        if len(self._said) > _PEERS_MAX:
            self._said.popitem(last=False)
