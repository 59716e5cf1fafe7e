"""Folders with behaviour: their rules, and which messages are in them.

A folder is also a row of ``mailbox`` with segments and tombstones of its own.  Everything here
but ``folder`` is derived.  docs/spec/folders.md.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = (
    # complete: every message that was there before the folder has been judged.
    """CREATE TABLE folder (
        mailbox INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        fixed INTEGER NOT NULL,
        complete INTEGER NOT NULL
    )""",
    # The place (mailbox, original) stands at uid of the folder.
    """CREATE TABLE folder_member (
        message INTEGER NOT NULL,
        folder INTEGER NOT NULL,
        mailbox INTEGER NOT NULL,
        original INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        PRIMARY KEY (message, folder, mailbox, original)
    ) WITHOUT ROWID""",
    # When the verdict on a place may turn by itself, unix seconds.
    """CREATE TABLE folder_turn (
        at INTEGER NOT NULL,
        folder INTEGER NOT NULL,
        mailbox INTEGER NOT NULL,
        original INTEGER NOT NULL,
        PRIMARY KEY (at, folder, mailbox, original)
    ) WITHOUT ROWID""",
    # Places whose text a rule has yet to see.
    """CREATE TABLE folder_waiting (
        folder INTEGER NOT NULL,
        mailbox INTEGER NOT NULL,
        original INTEGER NOT NULL,
        PRIMARY KEY (folder, mailbox, original)
    ) WITHOUT ROWID""",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _TABLES:
        op.execute(statement)
