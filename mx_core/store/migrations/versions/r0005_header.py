"""The top header beside the form, so that header fields of thousands are read without bodies.

Of mail that was there before it is empty, and read from the octets as it was until now.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; octets up to and with the empty line, NULL if there are too many."""
    op.execute("ALTER TABLE form ADD COLUMN header BLOB")
