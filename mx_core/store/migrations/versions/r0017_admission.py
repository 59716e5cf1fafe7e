"""Contact secrets, and the postage that a parcel is asked for.  docs/spec/admission.md."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add them; contacts of before get a secret with the next mail."""
    for statement in (
        # mine: given to them.  theirs: given by them.  since: when the row was made.
        """CREATE TABLE contact_secret (
            pid BLOB PRIMARY KEY,
            mine BLOB,
            theirs BLOB,
            since INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "ALTER TABLE parcel ADD COLUMN postage_bits INTEGER NOT NULL DEFAULT 0",
    ):
        op.execute(statement)
