"""What is asked of the rows of the queue: statements made once, because compiling them is dear.

Each goes by an index, however long the queue is: a row is as large as its message.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from mx_core.db.bulk import Twofold, twofold
from mx_core.db.prepared import Prepared
from mx_core.db.stepped import Stepped
from mx_core.homeserver.schema import OUTGOING, SUBMITTED

CLAIM_SECONDS: Final = 180.0  # longer than a call, the connection before it and the note after it
BLOB_CLAIM_SECONDS: Final = 900.0  # likewise, and the transfer of a big body before it

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
IS_DUE: Final = (
    OUTGOING.c.destination == sa.bindparam("to"),
    sa.or_(OUTGOING.c.next_at <= NOW, OUTGOING.c.next_at > sa.bindparam("far", type_=sa.Float())),
    FREE,
)
LEAVING: Final = (
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
TRIED: Final = (
    sa.select(OUTGOING.c.attempts)
    .where(*IS_DUE)
    .order_by(OUTGOING.c.next_at)
    .limit(sa.bindparam("most"))
)
DUE: Final = (
    sa.select(*LEAVING)
    .where(
        *IS_DUE,
        sa.tuple_(OUTGOING.c.mailbox_id, OUTGOING.c.env_id).not_in(
            sa.bindparam("places", expanding=True)
        ),
    )
    .order_by(OUTGOING.c.next_at)  # by its index alone: a long queue is not sorted each time
    .limit(sa.bindparam("most"))
)
# Over a file what is under way is known here and left out here: to have SQLite compare each row with a list of
# hundreds took longer than to read the batch.  Of these rows no body is read.
_ROW: Final = sa.literal_column("outgoing.rowid", sa.Integer())
NEXT_HERE: Final = Stepped(
    sa.select(_ROW, OUTGOING.c.mailbox_id, OUTGOING.c.env_id)
    .where(*IS_DUE)
    .order_by(OUTGOING.c.next_at)
    .limit(sa.bindparam("most"))
)
THESE_HERE: Final = Stepped(
    sa.select(_ROW, *LEAVING).where(_ROW.in_(sa.bindparam("rows", expanding=True)))
)


def _claim(*others: sa.FromClause) -> Any:
    """Take in hand what is due and fits, as one statement; *others* are joined to it.

    What does not fit is neither read nor changed: what a row weighs is known without its body.
    """
    weight = sa.func.length(OUTGOING.c.envelope) + sa.func.coalesce(
        sa.func.length(OUTGOING.c.body), OUTGOING.c.blob_size, 0
    )
    is_long = OUTGOING.c.blob_size > sa.bindparam("long", type_=sa.BigInteger())
    due = (
        sa.select(
            OUTGOING.c.mailbox_id,
            OUTGOING.c.env_id,
            OUTGOING.c.next_at,
            weight.label("octets"),
            sa.case((is_long, BLOB_CLAIM_SECONDS), else_=CLAIM_SECONDS).label("seconds"),
        )
        .where(*IS_DUE)
        .order_by(OUTGOING.c.next_at)  # by its index alone: a long queue is not sorted each time
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)  # what is under way is claimed
        .cte("due")
    )
    so_far: dict[str, Any] = {"order_by": due.c.next_at, "rows": (None, 0)}
    summed = sa.select(
        due.c.mailbox_id,
        due.c.env_id,
        due.c.seconds,
        sa.func.sum(due.c.octets).over(**so_far).label("total"),
        sa.func.row_number().over(**so_far).label("number"),
    ).cte("summed")
    fit = (
        sa.select(
            summed.c.mailbox_id,
            summed.c.env_id,
            sa.func.max(summed.c.seconds).over().label("seconds"),
        )
        .select_from(summed, *others)
        .where(
            sa.or_(
                summed.c.total <= sa.bindparam("octets", type_=sa.BigInteger()),
                summed.c.number <= sa.bindparam("at_least", type_=sa.BigInteger()),
            )
        )
        .cte("fit")
    )
    return (
        OUTGOING.update()
        .where(OUTGOING.c.mailbox_id == fit.c.mailbox_id, OUTGOING.c.env_id == fit.c.env_id)
        .values(claimed_until=NOW + fit.c.seconds)
        .returning(*LEAVING, OUTGOING.c.next_at)
    )


# Nobody waits for the disk of the server: a claim that it forgets is a batch that is sent twice.
_LAZILY: Final = sa.select(
    sa.func.set_config("synchronous_commit", "off", sa.true()).label("set")
).cte("lazily")
CLAIM: Final = Twofold(Stepped(_claim()), Prepared(_claim(_LAZILY)))
PUT_OFF: Final = (
    OUTGOING.update()
    .where(
        OUTGOING.c.mailbox_id == sa.bindparam("mailbox"), OUTGOING.c.env_id == sa.bindparam("env")
    )
    .values(attempts=sa.bindparam("tries"), next_at=sa.bindparam("at"), claimed_until=None)
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
