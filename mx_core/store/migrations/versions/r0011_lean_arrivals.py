"""An arrival touches fewer pages, each of which is sealed anew and written with every commit.

Ids of messages come from the counters in ``clock``, which each change writes anyway, and no longer
from a table of their own; bodies in rows are in no index.  The octets of all mail are copied once,
so this takes a few seconds for each gigabyte, and for that long as much disk again.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

_STATEMENTS = (
    # The greatest id that a message ever had.
    "ALTER TABLE clock ADD COLUMN newest_message INTEGER NOT NULL DEFAULT 0",
    """UPDATE clock SET newest_message =
        ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0)""",
    """CREATE TABLE lean_message (
        id INTEGER PRIMARY KEY,
        global_id BLOB NOT NULL,
        body INTEGER NOT NULL,
        size INTEGER NOT NULL,
        internal_date INTEGER NOT NULL,
        uses INTEGER NOT NULL
    )""",
    "INSERT INTO lean_message SELECT id, global_id, body, size, internal_date, uses FROM message",
    "DROP TABLE message",
    "ALTER TABLE lean_message RENAME TO message",
    # An id may come again: nothing remembers it once the row that names it is gone.
    """CREATE TABLE lean_body (
        id INTEGER PRIMARY KEY,
        size INTEGER NOT NULL,
        octets BLOB,
        file BLOB,
        key BLOB,
        CHECK ((octets IS NULL) = (file IS NOT NULL AND key IS NOT NULL))
    )""",
    "INSERT INTO lean_body SELECT id, size, octets, file, key FROM body",
    "DROP TABLE body",
    "ALTER TABLE lean_body RENAME TO body",
    "CREATE UNIQUE INDEX body_file ON body (file) WHERE file IS NOT NULL",
)


def upgrade() -> None:
    """Copy both tables into leaner ones."""
    for statement in _STATEMENTS:
        op.execute(statement)
