"""Mailboxes held for one transaction: what a single writer guarantees, between several processes.

SQLite has one writer, and the statement is not run there.  On a shared database whoever changes
the rows of a mailbox holds it first, several in the order of their ids; so sequences are given out
in the order in which they become visible, and two transactions never wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from mx_core.db.bulk import twofold
from mx_core.homeserver.schema import MAILBOX

_HOLD: Final = twofold(
    lambda among: (
        sa.select(MAILBOX.c.mailbox_id)
        .where(among(MAILBOX.c.mailbox_id, "mailboxes"))
        .order_by(MAILBOX.c.mailbox_id)
        .with_for_update()
    )
)


def hold(tx: sa.Connection, mailboxes: Collection[int]) -> None:
    """Wait until nobody else changes rows of *mailboxes*, and let nobody until *tx* ends."""
    if tx.dialect.name != "sqlite":
        _HOLD.rows(tx, {"mailboxes": sorted(mailboxes)})
