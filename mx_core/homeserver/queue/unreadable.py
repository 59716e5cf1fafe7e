"""A device of the reader cannot open an envelope: its submitter is told, once.  docs/spec/unreadable.md.

Only the domain that the envelope went to may say so, and the word itself is for the gateway that
sealed it: this server can not judge whose signature it bears, and only passes it on.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
import structlog

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.mailboxes import appending
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.people import accounts
from mx_core.homeserver.queue.retry import NOT_UNDERSTOOD
from mx_core.homeserver.schema import SUBMITTED
from mx_core.model.errors import Busy, Refused
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.passport.unreadable import SIGNED_OCTETS_MAX

_log = structlog.get_logger()
# what a gateway reads that knows nothing of sealing anew: the words of a failure
_REASON: Final = "The message reached {}, where no key of its reader opens it."


class Unread:
    """Of one served domain."""

    def __init__(self, database: Transactions, arrivals: Arrivals, rating: Rating) -> None:
        """Nothing is kept but in the rows of what was submitted."""
        self._database = database
        self._arrivals = arrivals
        self._rating = rating

    async def tell(self, peer_domain: str, env_id: bytes, signed: bytes) -> bool:
        """Return True once the submitter of *env_id* is told, False if none is known here.

        Raises:
            Busy: *peer_domain* has said too much of late.  Refused: It is too long or too short.
        """
        if len(env_id) != DIGEST_OCTETS or not 0 < len(signed) <= SIGNED_OCTETS_MAX:
            raise Refused("no word about an envelope")
        if self._rating.telling(peer_domain):
            raise Busy("too much was said in a minute; try again in one")

        def store(tx: sa.Connection) -> tuple[bool, list[int]]:
            submitted = _submitted(tx, peer_domain, env_id)
            hold(tx, {mailbox_id for mailbox_id, _ in submitted})
            told = [
                mailbox_id
                for mailbox_id, device_id in submitted
                if _mark(tx, mailbox_id, env_id)
                and _notify(tx, mailbox_id, device_id, env_id, (peer_domain, signed))
            ]
            return bool(submitted), told

        def announce(outcome: tuple[bool, list[int]]) -> None:
            for mailbox_id in outcome[1]:
                self._arrivals.announce(mailbox_id)

        # Crash before the commit: it is said again.  After it: known, and told once.
        known, told = await self._database.write(store, announce)
        failpoint.reach("passed")
        _log.info(
            "unreadable_told", peer_domain=peer_domain, env_id=env_id.hex()[:16], new=len(told)
        )
        return known


def _submitted(tx: sa.Connection, destination: str, env_id: bytes) -> list[tuple[int, bytes]]:
    rows = tx.execute(
        sa.select(SUBMITTED.c.mailbox_id, SUBMITTED.c.device_id).where(
            SUBMITTED.c.env_id == env_id, SUBMITTED.c.destination == destination
        )
    )
    return [(row[0], row[1]) for row in rows]


def _mark(tx: sa.Connection, mailbox_id: int, env_id: bytes) -> bool:
    """Note that the word was passed on; False: it was before."""
    marked = tx.execute(
        SUBMITTED.update()
        .where(
            SUBMITTED.c.mailbox_id == mailbox_id,
            SUBMITTED.c.env_id == env_id,
            SUBMITTED.c.unreadable.is_(False),
        )
        .values(unreadable=True)
    )
    return bool(marked.rowcount)


def _notify(
    tx: sa.Connection, mailbox_id: int, device_id: bytes, env_id: bytes, said: tuple[str, bytes]
) -> bool:
    """Tell the device that submitted; if it is gone, those that may have its outbox from a backup."""
    active = [device.device_id for device in accounts.active_devices(tx, mailbox_id)]
    told = [device_id] if device_id in active else active
    domain, signed = said
    reason = _REASON.format(domain)
    notices = [
        Notice(each, env_id, False, NOT_UNDERSTOOD, reason, unreadable=signed) for each in told
    ]
    appending.notify(tx, [(mailbox_id, notice) for notice in notices])
    return bool(told)
