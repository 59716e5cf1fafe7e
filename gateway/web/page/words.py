"""What short words of the store mean, as the page says them to a person.

A word that is not known here is shown as it is: a newer store may have more of them.
"""

from __future__ import annotations

from typing import Final

# of ``mx_core.trust.pin.Tier``: in one word, and what it means
TIERS: Final = {
    "implicit": ("not compared", "It came with their first message, and has not been compared."),
    "endorsed": ("from an invitation", "It was in an invitation that you were sent, or sent."),
    "verified": ("verified", "You have compared it with them."),
}
# of ``mx_core.store.people.relation.Relation``
MAIL: Final = {
    "undecided": "waits in Requests",
    "accepted": "goes to INBOX",
    "blocked": "goes to Junk",
}
# of ``mx_core.store.outbox.reader.State``, as far as it waits
STATES: Final = {
    "queued": "waits to be encrypted",
    "sealed": "encrypted, about to leave",
    "sent": "at your home server, on its way",
    "held": "waits for you",
}
# of ``mx_core.passport`` removals
REMOVED: Final = {
    "retired": "taken out by you",
    "lost": "reported lost",
    "stolen": "reported stolen",
}
