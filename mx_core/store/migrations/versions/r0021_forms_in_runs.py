"""Prepared forms stand in runs of 128 messages.  docs/decisions/0016-forms-in-runs.md.

Those that are there stay rows, and are packed when there is time.
"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make a table for each piece, and the row that says which run is the next."""
    for piece in ("form_head", "form_told", "form_rest"):
        op.execute(
            f"CREATE TABLE {piece} (run INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
            " coding INTEGER NOT NULL, octets BLOB NOT NULL)"
        )
    op.execute(
        "CREATE TABLE form_run (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL)"
    )
    op.execute("INSERT INTO form_run VALUES (1, 0)")
