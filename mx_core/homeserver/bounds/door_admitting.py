"""Who takes ordinary mail: whoever said so, and as much as fits into their rate.  spec/door §2.

The counterpart of ``admitting`` for what the domain's own door has sealed: senders there have no
token and pay nothing, and nobody is reached who did not ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.admitting import Asking
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.people import doorway
from mx_core.proto.federation_pb2 import ACCEPTED, NOT_AVAILABLE, RATE_LIMITED, ItemReply


class DoorAdmitting:
    """Of one domain.  Owner: the event loop."""

    def __init__(self, database: Transactions, rating: Rating) -> None:
        self._database = database
        self._rating = rating

    async def judge(self, peer_domain: str, asking: Sequence[Asking]) -> list[ItemReply]:
        """Return for each whether it is let in; *peer_domain* is the own one."""
        if not asking:
            return []
        addresses = {each.address for each in asking}
        taking = await self._database.read(lambda tx: doorway.takes_ordinary(tx, addresses))
        return [self._judged(each.address, taking) for each in asking]

    def _judged(self, address: str, taking: set[str]) -> ItemReply:
        if address not in taking:
            return ItemReply(status=NOT_AVAILABLE)
        if wait := self._rating.at_the_door(address):
            return ItemReply(status=RATE_LIMITED, retry_after=wait)
        return ItemReply(status=ACCEPTED)
