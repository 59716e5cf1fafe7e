"""Rows that must still leave.  Jobs for ``Database``; ``taking.py`` makes the rows.

Invariants: a row of ``outgoing`` goes in the same transaction in which its fate is noted, so every
submission ends in exactly one notice.  Of several processes over one database one at a time has
a row in hand: by a claim, which ends by itself if the process does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Sequence
from typing import Any, Final, assert_never

import sqlalchemy as sa
from msgspec import Struct

from mx_core.db.bulk import delete_rows
from mx_core.homeserver.mailboxes import appending
from mx_core.homeserver.mailboxes.appending import Place
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.queue import keeping, statements
from mx_core.homeserver.queue.retry import (
    NOT_ADMITTED,
    AsksPostage,
    Failed,
    Outcome,
    Relayed,
    TryAgain,
)
from mx_core.homeserver.schema import OUTGOING, SUBMITTED
from mx_core.homeserver.storage.bodies import Body, release

_IN_HAND_SECONDS: Final = 15.0
_INLINE_OCTETS: Final = 256 * 1024
_ANY: Final = 1 << 62  # octets: no bound, for a statement


class Leaving(Struct, frozen=True):
    """One envelope on its way to *destination*."""

    mailbox_id: int  # the submitter's
    device_id: bytes
    env_id: bytes
    destination: str  # domain
    route: bytes
    envelope: bytes
    body: Body
    token: bytes
    deliver_by: int
    submitted: int
    attempts: int = 0
    postage: bytes = b""

    @property
    def octets(self) -> int:
        """Return what the item weighs in a batch: a big blob travels in a batch of its own."""
        return len(self.envelope) + self.body.size


def count(tx: sa.Connection) -> int:
    """Return how many items wait to leave."""
    return tx.execute(statements.COUNT).scalar_one()


def destinations(tx: sa.Connection) -> list[str]:
    """Return the domains that something waits for."""
    return list(tx.execute(sa.select(OUTGOING.c.destination).distinct()).scalars())


def queues(tx: sa.Connection) -> list[tuple[str, int, float]]:
    """Return (destination, items, when the first is due) of all that waits, by its index alone."""
    rows = tx.execute(
        sa.select(OUTGOING.c.destination, sa.func.count(), sa.func.min(OUTGOING.c.next_at))
        .group_by(OUTGOING.c.destination)
        .order_by(OUTGOING.c.destination)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def waiting(tx: sa.Connection, destination: str, limit: int) -> list[Leaving]:
    """Return some of what waits for *destination*, due or not."""
    return due(tx, destination, float("inf"), longest_delay=0.0, limit=limit)


def hurry(tx: sa.Connection, now: float, destination: str | None = None) -> int:
    """Make due at once what is put off: after a restart, or when a peer answers again.

    Returns how many rows changed: what is due already is left alone, because a row is as large
    as its message and a long queue would be written anew.
    """
    update = OUTGOING.update().where(OUTGOING.c.next_at > now).values(next_at=now)
    if destination is not None:
        update = update.where(OUTGOING.c.destination == destination)
    return tx.execute(update).rowcount


def due(
    tx: sa.Connection,
    destination: str,
    now: float,
    *,
    longest_delay: float,
    limit: int,
    octets: float = math.inf,
    at_least: int = 1,
    but: Collection[Place] = (),
) -> list[Leaving]:
    """Return what should be tried now, oldest first, without the places in *but*.

    At most *limit* that weigh *octets* together, and if anything is due *at_least* so many.
    A row set further ahead than the longest delay comes from a clock that has jumped back.
    """
    asked = _asked(destination, now, longest_delay, limit, but)
    if tx.dialect.name == "sqlite":
        rows = _due_here(tx, asked, limit, but)
    else:
        rows = tx.execute(statements.DUE, asked).all()
    return _within([_leaving(row) for row in rows], octets, at_least)


def _due_here(
    tx: sa.Connection, asked: dict[str, Any], limit: int, but: Collection[Place]
) -> Sequence[Any]:
    """Return as ``due``, of a file: which rows they are first, by their index, then these alone."""
    others = set(but)
    found = statements.NEXT_HERE.rows(tx, {**asked, "most": limit + len(others)})
    wanted = [row for row, mailbox_id, env_id in found if (mailbox_id, env_id) not in others][
        :limit
    ]
    read = {row[0]: row[1:] for row in statements.THESE_HERE.rows(tx, {"rows": wanted})}
    return [read[row] for row in wanted]


def claim(
    tx: sa.Connection,
    destination: str,
    now: float,
    *,
    longest_delay: float,
    limit: int,
    octets: float = math.inf,
    at_least: int = 1,
    but: Collection[Place] = (),
) -> list[Leaving]:
    """Return as ``due`` what no other process has in hand, and take it in hand.

    Crash after the commit: the rows are due again when the claim has run out.
    """
    asked = _asked(destination, now, longest_delay, limit, but)
    asked.pop("places")
    asked |= {"long": _INLINE_OCTETS, "octets": int(min(octets, _ANY)), "at_least": at_least}
    found = sorted(map(tuple, statements.CLAIM.rows(tx, asked)), key=operator.itemgetter(-1))
    # under way for so long that its claim has run out: still in one batch at a time
    return [
        what
        for what in (_leaving(row[:-1]) for row in found)
        if (what.mailbox_id, what.env_id) not in but
    ]


def tried(
    tx: sa.Connection, destination: str, now: float, longest_delay: float, limit: int
) -> bool | None:
    """Tell whether any of the next *limit* items for *destination* was tried before.

    None: nothing is due that could be had.
    """
    asked = {"to": destination, "now": now, "far": now + longest_delay, "most": limit}
    attempts = tx.execute(statements.TRIED, asked).scalars().all()
    return any(attempts) if attempts else None


def next_due(tx: sa.Connection, destination: str, now: float) -> float | None:
    """Return when to look for *destination* again, or None if nothing waits for it.

    That is when the first row is due that nobody has in hand; or soon, if all are in hand.
    """
    free = tx.execute(
        statements.NEXT_FREE, {"destination": destination, "now": now}
    ).scalar_one_or_none()
    if free is not None:
        return float(free)
    some = tx.execute(statements.SOME, {"destination": destination}).one_or_none()
    return None if some is None else now + _IN_HAND_SECONDS


def record(
    tx: sa.Connection, results: Sequence[tuple[Leaving, Outcome, float]], now: float
) -> list[tuple[int, bytes]]:
    """Note what became of a batch; return the (mailbox, device) pairs that have news.

    Each result comes with the time of the next attempt, read only for ``TryAgain``.
    Crash before the commit: the batch is sent again, and the peer says DUPLICATE.
    """
    again = [
        {"mailbox": what.mailbox_id, "env": what.env_id, "tries": what.attempts + 1, "at": at}
        for what, outcome, at in results
        if isinstance(outcome, TryAgain)
    ]
    held = appending.ends(tx, {what.mailbox_id for what, _, _ in results})
    if again:
        tx.execute(statements.PUT_OFF, again)
    ended = {
        (what.mailbox_id, what.env_id): (what, outcome)
        for what, outcome, _ in results
        if not isinstance(outcome, TryAgain)
    }
    if not ended:
        return []
    # another may have its notice already
    gone = delete_rows(tx, OUTGOING, ("mailbox_id", "env_id"), sorted(ended))
    news = [what_came for place, what_came in ended.items() if place in gone]
    for what, outcome in news:
        if isinstance(outcome, Relayed) and outcome.body_stays:
            keeping.keep(tx, what.mailbox_id, what.env_id, what.destination, what.body, now)
        elif what.body.blob_id is not None:
            release(tx, what.body.blob_id, now)
    unpaid = [what for what, outcome in news if isinstance(outcome, AsksPostage)]
    if unpaid:
        # with postage the same envelope is a new submission, and not a duplicate
        tx.execute(
            statements.FORGET, [{"mailbox": what.mailbox_id, "env": what.env_id} for what in unpaid]
        )
    notices = [(what.mailbox_id, _notice(what, outcome)) for what, outcome in news]
    appending.notify(tx, notices, held)
    return [(what.mailbox_id, what.device_id) for what, _ in news]


def _notice(what: Leaving, outcome: Relayed | Failed | AsksPostage) -> Notice:
    match outcome:
        case AsksPostage(bits=bits):
            # what a gateway reads that does not know of postage: the words of a failure
            reason = f"{what.destination} asks for postage, which was not paid."
            return Notice(what.device_id, what.env_id, False, NOT_ADMITTED, reason, bits)
        case Relayed(_):
            return Notice(what.device_id, what.env_id, True, "2.0.0", "")
        case Failed(status=status, reason=reason):
            return Notice(what.device_id, what.env_id, False, status, reason)
        case _:
            assert_never(outcome)


def forget_submitted(tx: sa.Connection, now: int) -> int:
    """Forget who submitted what is long settled."""
    return tx.execute(SUBMITTED.delete().where(SUBMITTED.c.until < now)).rowcount


def _asked(
    destination: str, now: float, longest_delay: float, limit: int, but: Collection[Place]
) -> dict[str, Any]:
    return {
        "to": destination,
        "now": now,
        "far": now + longest_delay,
        "places": sorted(but),
        "most": limit,
    }


def _within(rows: list[Leaving], octets: float, at_least: int) -> list[Leaving]:
    total = 0
    for count, row in enumerate(rows):
        total += row.octets
        if total > octets and count >= at_least:
            return rows[:count]
    return rows


def _leaving(row: Sequence[Any]) -> Leaving:
    mailbox_id, device_id, env_id, destination, route, envelope = row[:6]
    body, blob_id, blob_size, token, deliver_by, submitted, attempts, postage = row[6:]
    return Leaving(
        mailbox_id=mailbox_id,
        device_id=device_id,
        env_id=env_id,
        destination=destination,
        route=route,
        envelope=envelope,
        body=Body.stored(body, blob_id, blob_size),
        token=token or b"",
        deliver_by=deliver_by,
        submitted=submitted,
        attempts=attempts,
        postage=postage or b"",
    )
