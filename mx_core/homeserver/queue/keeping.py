"""Bodies that stay here after their envelope has left: first messages to people of other domains.

Whoever was written to accepts the sender first, and then their home server fetches the body, as
often as devices need it.  Kept for 30 days, then gone.  Jobs for ``Database``.  spec/requests §5.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from mx_core.db.bulk import twofold
from mx_core.homeserver.schema import KEPT
from mx_core.homeserver.storage.bodies import Body, release
from mx_core.notation.hashing import b2_plain

KEEP_SECONDS: Final = 30 * 86_400
COUNT_OF_SOME: Final = twofold(  # how many bodies are kept of what each of some people wrote
    lambda among: (
        sa.select(KEPT.c.mailbox_id, sa.func.count())
        .where(among(KEPT.c.mailbox_id, "mailboxes"))
        .group_by(KEPT.c.mailbox_id)
    )
)


def body_name(body: Body) -> bytes:
    """Return what a body is fetched by: BLAKE2b-256 of its octets."""
    return body.blob_id or b2_plain(body.inline or b"")


def keep(
    tx: sa.Connection, mailbox_id: int, env_id: bytes, destination: str, body: Body, now: float
) -> None:
    """Keep *body*, without which its envelope has left; a use of its blob passes to the row.

    Crash before the commit: the envelope is sent again, and the peer says DUPLICATE.
    """
    tx.execute(
        KEPT.insert().values(
            mailbox_id=mailbox_id,
            env_id=env_id,
            destination=destination,
            body_id=body_name(body),
            body=body.inline,
            size=body.size,
            until=int(now) + KEEP_SECONDS,
        )
    )


def find(tx: sa.Connection, destination: str, body_id: bytes, now: float) -> Body | None:
    """Return a body that is kept for *destination*; nobody else's business."""
    row = tx.execute(
        sa.select(KEPT.c.body, KEPT.c.size)
        .where(
            KEPT.c.destination == destination, KEPT.c.body_id == body_id, KEPT.c.until > int(now)
        )
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Body.of(row[0]) if row[0] is not None else Body(None, body_id, row[1])


def forget_old(tx: sa.Connection, now: int) -> int:
    """Let go of what nobody has accepted in time; return how many that were."""
    gone = tx.execute(
        KEPT.delete().where(KEPT.c.until <= now).returning(KEPT.c.body, KEPT.c.body_id)
    ).all()
    for body, body_id in gone:
        if body is None:
            release(tx, body_id, now)
    return len(gone)
