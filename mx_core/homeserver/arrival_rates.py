"""How much a peer domain may bring, in all and to one mailbox.

Senders are sealed, so these are the only two counts that a home server can keep.  Mail between
people of this domain is counted where they submit it.
"""

from __future__ import annotations

import secrets
from typing import Final

from mx_core.homeserver.config import Rates
from mx_core.homeserver.rate import Rate
from mx_core.model.clock import Now

_SOON_SECONDS: Final = 30
_SPREAD_SECONDS: Final = 270  # or a whole queue would come back in the same second


class ArrivalRates:
    """Of one served domain.  Owner: the event loop."""

    def __init__(self, own_domain: str, rates: Rates, now: Now) -> None:
        self._own_domain = own_domain
        self._rates = rates
        self._peer = Rate(rates.peer_per_minute, rates.peer_burst, now)
        self._mailbox = Rate(rates.peer_mailbox_per_minute, rates.peer_mailbox_burst, now)

    def wait(self, peer_domain: str, address: str) -> int:
        """Return 0 and count one envelope for *address*, or the seconds to come back after."""
        if peer_domain == self._own_domain or not self._rates.counts(peer_domain):
            return 0
        if self._peer.wait(peer_domain) or self._mailbox.wait((peer_domain, address)):
            return _SOON_SECONDS + secrets.randbelow(_SPREAD_SECONDS)
        return 0
