"""What SEARCH, SORT and THREAD compare, kept apart from the forms so that reading it is cheap.

Written with each message.  Messages that were there before get their rows in steps, later;
until then their keys are made from their octets when they are asked for.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    # thread: u64 little-endian: id, base subject, 1 for a reply, then the references.
    """CREATE TABLE header_key (
        message INTEGER PRIMARY KEY,
        sent INTEGER,
        sent_day INTEGER NOT NULL,
        thread BLOB NOT NULL,
        subject BLOB NOT NULL,
        sender BLOB NOT NULL,
        recipient BLOB NOT NULL,
        copied BLOB NOT NULL,
        display_sender BLOB NOT NULL,
        display_recipient BLOB NOT NULL
    )""",
    """CREATE TABLE header_text (
        message INTEGER PRIMARY KEY,
        subject BLOB NOT NULL,
        sender BLOB NOT NULL,
        recipient BLOB NOT NULL,
        copied BLOB NOT NULL,
        hidden BLOB NOT NULL,
        message_id BLOB NOT NULL
    )""",
)


def upgrade() -> None:
    """Make both tables, empty."""
    for statement in _STATEMENTS:
        op.execute(statement)
