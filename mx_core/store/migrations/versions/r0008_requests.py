"""Who wrote each message of the network, what the owner said of them, and what is to be told.

Whoever was known until now had their mail in INBOX: they are accepted.  docs/spec/requests.md.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from mx_core.notation import cbor

revision = "0008"
down_revision = "0007"

_PID: Final = 1  # in a pin, spec/card §6
_ACCEPTED: Final = 2
_TABLES: Final = (
    # state: 2 accepted, 3 blocked; who is in neither has no row.  before: the state that a block
    # took away; source: the mailbox from which the message came that was moved to Junk.
    """CREATE TABLE relation (
        pid BLOB PRIMARY KEY,
        state INTEGER NOT NULL,
        before INTEGER,
        source INTEGER,
        at INTEGER NOT NULL
    ) WITHOUT ROWID""",
    # As it was verified when the message was stored.
    """CREATE TABLE written_by (
        message INTEGER PRIMARY KEY,
        pid BLOB NOT NULL,
        address TEXT NOT NULL
    )""",
    # What the gateway has yet to say, or (told) has said and is not to say again.
    """CREATE TABLE news (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        pid BLOB NOT NULL,
        address TEXT NOT NULL,
        detail TEXT NOT NULL,
        at INTEGER NOT NULL,
        told INTEGER NOT NULL,
        UNIQUE (kind, pid, detail)
    )""",
)


def upgrade() -> None:
    """Make the tables, and accept whom the account knows."""
    for statement in _TABLES:
        op.execute(statement)
    connection = op.get_bind()
    for pin, updated in connection.execute(sa.text("SELECT pin, updated FROM contact")).all():
        fields = cbor.decode(pin)
        if isinstance(fields, dict):
            connection.execute(
                sa.text("INSERT OR IGNORE INTO relation VALUES (:pid, :state, NULL, NULL, :at)"),
                {"pid": fields[_PID], "state": _ACCEPTED, "at": updated},
            )
