"""What is asked of the rows of the queue: statements made once, because compiling them is dear.

Each goes by an index, however long the queue is: a row is as large as its message.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from mx_core.db.bulk import Among, Twofold, given, twofold
from mx_core.db.prepared import Prepared
from mx_core.homeserver.schema import OUTGOING, SUBMITTED

BLOB_CLAIM_SECONDS: Final = 900.0  # longer than a call, and the transfer of a big body before it

NOW: Final = sa.bindparam("now", type_=sa.Float())
FREE: Final = sa.or_(
    OUTGOING.c.claimed_until.is_(None),
    OUTGOING.c.claimed_until <= NOW,
    OUTGOING.c.claimed_until > NOW + BLOB_CLAIM_SECONDS,  # of a clock that has jumped back
)
NEXT_FREE: Final = (
    sa.select(OUTGOING.c.next_at)
    .where(OUTGOING.c.destination == sa.bindparam("destination"), FREE)
    .order_by(OUTGOING.c.next_at)  # its index answers with one row
    .limit(1)
)
_DUE: Final = (
    sa.select(
        OUTGOING.c.mailbox_id,
        OUTGOING.c.device_id,
        OUTGOING.c.env_id,
        OUTGOING.c.destination,
        OUTGOING.c.route,
        OUTGOING.c.envelope,
        OUTGOING.c.body,
        OUTGOING.c.blob_id,
        OUTGOING.c.blob_size,
        OUTGOING.c.token,
        OUTGOING.c.deliver_by,
        OUTGOING.c.submitted,
        OUTGOING.c.attempts,
        OUTGOING.c.postage,
    )
    .where(
        OUTGOING.c.destination == sa.bindparam("destination"),
        sa.or_(OUTGOING.c.next_at <= NOW, OUTGOING.c.next_at > sa.bindparam("far")),
        FREE,
    )
    .order_by(OUTGOING.c.next_at)  # and by its index alone: a long queue is not sorted each time
    .limit(sa.bindparam("most"))
)
TRIED: Final = (
    sa.select(OUTGOING.c.attempts)
    .where(
        OUTGOING.c.destination == sa.bindparam("destination"),
        sa.or_(OUTGOING.c.next_at <= NOW, OUTGOING.c.next_at > sa.bindparam("far")),
        FREE,
    )
    .order_by(OUTGOING.c.next_at)
    .limit(sa.bindparam("most"))
)
DUE: Final = _DUE.where(
    sa.tuple_(OUTGOING.c.mailbox_id, OUTGOING.c.env_id).not_in(
        sa.bindparam("places", expanding=True)
    )
)
_LOCKED: Final = _DUE.with_for_update(skip_locked=True)  # what is under way is claimed
DUE_LOCKED: Final = Twofold(_LOCKED, Prepared(_LOCKED))
# Two lists, and not pairs: a quarter less of the server's processor.  Should two people have submitted
# one envelope, both rows are claimed, and the other is tried when its claim has run out.
CLAIM: Final = twofold(
    lambda among: (
        OUTGOING.update()
        .where(among(OUTGOING.c.mailbox_id, "mailboxes"), among(OUTGOING.c.env_id, "envs"))
        .values(claimed_until=sa.bindparam("until"))
    )
)
PUT_OFF: Final = (
    OUTGOING.update()
    .where(
        OUTGOING.c.mailbox_id == sa.bindparam("mailbox"), OUTGOING.c.env_id == sa.bindparam("env")
    )
    .values(attempts=sa.bindparam("tries"), next_at=sa.bindparam("at"), claimed_until=None)
)
_ENDED: Final = ("mailbox_id", "env_id")


def _end(among: Among, pairs: sa.ColumnElement[bool]) -> Any:
    # the lists go by the index: for pairs alone SQLite reads the whole queue
    return (
        OUTGOING.delete()
        .where(among(OUTGOING.c.mailbox_id, "mailboxes"), among(OUTGOING.c.env_id, "envs"), pairs)
        .returning(OUTGOING.c.mailbox_id, OUTGOING.c.env_id)
    )


_PLACE: Final = sa.tuple_(OUTGOING.c.mailbox_id, OUTGOING.c.env_id)
END: Final = Twofold(
    twofold(lambda among: _end(among, _PLACE.in_(sa.bindparam("places", expanding=True)))).here,
    twofold(lambda among: _end(among, _PLACE.in_(sa.select(given(OUTGOING, _ENDED))))).server,
)

IS_KNOWN: Final = sa.select(SUBMITTED.c.until).where(
    SUBMITTED.c.mailbox_id == sa.bindparam("mailbox"), SUBMITTED.c.env_id == sa.bindparam("env")
)
COUNT: Final = sa.select(sa.func.count()).select_from(OUTGOING)
COUNT_OF_SOME: Final = twofold(
    lambda among: (
        sa.select(OUTGOING.c.mailbox_id, sa.func.count())
        .where(among(OUTGOING.c.mailbox_id, "mailboxes"))
        .group_by(OUTGOING.c.mailbox_id)
    )
)
SOME: Final = (
    sa.select(OUTGOING.c.env_id)
    .where(OUTGOING.c.destination == sa.bindparam("destination"))
    .limit(1)
)
FORGET: Final = SUBMITTED.delete().where(
    SUBMITTED.c.mailbox_id == sa.bindparam("mailbox"), SUBMITTED.c.env_id == sa.bindparam("env")
)
