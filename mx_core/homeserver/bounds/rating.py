"""How much a person may send, and how much a peer domain may bring, in all and to one mailbox.

Senders are sealed, so these are the only counts of arrival that a home server can keep.  Mail
between people of this domain is counted where they submit it.
"""

from __future__ import annotations

import math
import secrets
from typing import Final

from mx_core.homeserver.bounds.rate import Rate
from mx_core.homeserver.config import Rates
from mx_core.model.clock import Now

_SOON_SECONDS: Final = 30
_SPREAD_SECONDS: Final = 270  # or a whole queue would come back in the same second


class Rating:
    """Of one served domain.  Owner: the event loop."""

    def __init__(self, own_domain: str, rates: Rates, now: Now) -> None:
        self._own_domain = own_domain
        self._now = now
        self.put_in_force(rates)

    def put_in_force(self, rates: Rates) -> None:
        """Count by *rates* from now on, from nothing."""
        self._rates = rates
        self._user = Rate(rates.user_per_minute, rates.user_burst, self._now)
        self._peer = Rate(rates.peer_per_minute, rates.peer_burst, self._now)
        self._mailbox = Rate(rates.peer_mailbox_per_minute, rates.peer_mailbox_burst, self._now)
        self._stranger = Rate(rates.stranger_per_minute, rates.stranger_burst, self._now)
        self._door = Rate(rates.door_per_minute, rates.door_burst, self._now)

    def submitting(self, mailbox_id: int) -> int:
        """Return 0 and count one envelope of a person, or the seconds to come back after."""
        if not self._rates.counts(self._own_domain):
            return 0
        return math.ceil(self._user.wait(mailbox_id))

    def at_the_door(self, address: str) -> int:
        """Return 0 and count one ordinary mail for *address*, or the seconds to come back after."""
        if not self._rates.counts(self._own_domain):
            return 0
        return math.ceil(self._door.wait(address))

    def telling(self, peer_domain: str) -> bool:
        """Count a word of *peer_domain* as an envelope; True: it has said too much of late."""
        return self.counts(peer_domain) and bool(self._peer.wait(peer_domain))

    def counts(self, peer_domain: str) -> bool:
        """Tell whether what *peer_domain* brings is counted at all."""
        return peer_domain != self._own_domain and self._rates.counts(peer_domain)

    def arriving(self, peer_domain: str, address: str, *, stranger: bool) -> int:
        """Return 0 and count one envelope for *address*, or the seconds to come back after.

        A *stranger* shows no token.  They are counted apart, so that they crowd out no contact.
        """
        if not self.counts(peer_domain):
            return 0
        of_mailbox = self._stranger if stranger else self._mailbox
        if self._peer.wait(peer_domain) or of_mailbox.wait((peer_domain, address)):
            return _SOON_SECONDS + secrets.randbelow(_SPREAD_SECONDS)
        return 0
