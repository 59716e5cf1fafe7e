"""Rows that must still leave, and who asked for it.  Jobs for ``Database``.

Invariants: a submission is taken once for its ``env_id`` (``submitted`` remembers it for 30
days); a row of ``outgoing`` goes in the same transaction in which its fate is noted, so every
submission ends in exactly one notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import sqlalchemy as sa

from mx_core.homeserver import deliveries
from mx_core.homeserver.bodies import Body, release, take
from mx_core.homeserver.deliveries import Notice
from mx_core.homeserver.retry import Failed, Outcome, Relayed, TryAgain
from mx_core.homeserver.schema import OUTGOING, SUBMITTED

_REMEMBER_SECONDS: Final = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Leaving:
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

    @property
    def octets(self) -> int:
        """Return what the item weighs in a batch: a big blob travels in a batch of its own."""
        return len(self.envelope) + self.body.size


def submit(tx: sa.Connection, what: Leaving) -> bool:
    """Take an item for sending; return False if it was taken before.

    Raises:
        BlobMissing: Its body has not been put.
    """
    if is_known(tx, what.mailbox_id, what.env_id):
        return False
    take(tx, what.body)
    tx.execute(
        SUBMITTED.insert().values(
            mailbox_id=what.mailbox_id,
            env_id=what.env_id,
            device_id=what.device_id,
            until=what.submitted + _REMEMBER_SECONDS,
        )
    )
    tx.execute(
        OUTGOING.insert().values(
            mailbox_id=what.mailbox_id,
            env_id=what.env_id,
            device_id=what.device_id,
            destination=what.destination,
            route=what.route,
            envelope=what.envelope,
            body=what.body.inline,
            blob_id=what.body.blob_id,
            blob_size=what.body.size if what.body.blob_id else None,
            token=what.token,
            deliver_by=what.deliver_by,
            submitted=what.submitted,
            attempts=what.attempts,
            next_at=what.submitted,
        )
    )
    return True


def is_known(tx: sa.Connection, mailbox_id: int, env_id: bytes) -> bool:
    """Tell whether the envelope was submitted before."""
    return (
        tx.execute(
            sa.select(SUBMITTED.c.until).where(
                SUBMITTED.c.mailbox_id == mailbox_id, SUBMITTED.c.env_id == env_id
            )
        ).one_or_none()
        is not None
    )


def count(tx: sa.Connection, mailbox_id: int | None = None) -> int:
    """Return how many items wait to leave, of one person or of all."""
    query = sa.select(sa.func.count()).select_from(OUTGOING)
    if mailbox_id is not None:
        query = query.where(OUTGOING.c.mailbox_id == mailbox_id)
    return tx.execute(query).scalar_one()


def destinations(tx: sa.Connection) -> list[str]:
    """Return the domains that something waits for."""
    return list(tx.execute(sa.select(OUTGOING.c.destination).distinct()).scalars())


def hurry(tx: sa.Connection, destination: str | None = None) -> None:
    """Make everything due at once: after a restart, or when a peer answers again."""
    update = OUTGOING.update().values(next_at=0.0)
    if destination is not None:
        update = update.where(OUTGOING.c.destination == destination)
    tx.execute(update)


def due(
    tx: sa.Connection, destination: str, now: float, *, longest_delay: float, limit: int
) -> list[Leaving]:
    """Return what should be tried now, oldest first.

    A row set further ahead than the longest delay comes from a clock that has jumped back.
    """
    rows = tx.execute(
        sa.select(OUTGOING)
        .where(
            OUTGOING.c.destination == destination,
            sa.or_(OUTGOING.c.next_at <= now, OUTGOING.c.next_at > now + longest_delay),
        )
        .order_by(OUTGOING.c.next_at, OUTGOING.c.submitted)
        .limit(limit)
    )
    return [_leaving(row) for row in rows]


def next_due(tx: sa.Connection, destination: str) -> float | None:
    """Return when the first row for *destination* is due, or None if there is none."""
    return tx.execute(
        sa.select(sa.func.min(OUTGOING.c.next_at)).where(OUTGOING.c.destination == destination)
    ).scalar_one_or_none()


def record(
    tx: sa.Connection, results: Sequence[tuple[Leaving, Outcome, float]], now: float
) -> list[tuple[int, bytes]]:
    """Note what became of a batch; return the (mailbox, device) pairs that have news.

    Each result comes with the time of the next attempt, read only for ``TryAgain``.
    Crash before the commit: the batch is sent again, and the peer says DUPLICATE.
    """
    told: list[tuple[int, bytes]] = []
    for what, outcome, next_at in results:
        mine = sa.and_(OUTGOING.c.mailbox_id == what.mailbox_id, OUTGOING.c.env_id == what.env_id)
        match outcome:
            case TryAgain():
                tx.execute(
                    OUTGOING.update()
                    .where(mine)
                    .values(attempts=what.attempts + 1, next_at=next_at)
                )
                continue
            case Relayed():
                notice = Notice(what.device_id, what.env_id, True, "2.0.0", "")
            case Failed(status=status, reason=reason):
                notice = Notice(what.device_id, what.env_id, False, status, reason)
            case _:
                assert_never(outcome)
        if tx.execute(OUTGOING.delete().where(mine)).rowcount == 0:
            continue  # its fate is noted already
        if what.body.blob_id is not None:
            release(tx, what.body.blob_id, now)
        deliveries.notify(tx, what.mailbox_id, notice)
        told.append((what.mailbox_id, what.device_id))
    return told


def forget_submitted(tx: sa.Connection, now: int) -> int:
    """Forget who submitted what is long settled."""
    return tx.execute(SUBMITTED.delete().where(SUBMITTED.c.until < now)).rowcount


def _leaving(row: sa.Row[tuple[object, ...]]) -> Leaving:
    columns = row._mapping  # noqa: SLF001  # the public name of SQLAlchemy for a row's columns
    return Leaving(
        mailbox_id=columns["mailbox_id"],
        device_id=columns["device_id"],
        env_id=columns["env_id"],
        destination=columns["destination"],
        route=columns["route"],
        envelope=columns["envelope"],
        body=Body.stored(columns["body"], columns["blob_id"], columns["blob_size"]),
        token=columns["token"] or b"",
        deliver_by=columns["deliver_by"],
        submitted=columns["submitted"],
        attempts=columns["attempts"],
    )
