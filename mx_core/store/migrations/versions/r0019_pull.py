"""Accounts elsewhere whose mail is pulled, over the ledger of imports.  docs/spec/pull.md §2."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the tables, and room in the ledger for what both sides agreed on last."""
    for statement in (
        # asked: JSON of the gateway's.  since: unix seconds of the first failure, 0: it works.
        """CREATE TABLE pull_account (
            id INTEGER PRIMARY KEY,
            location TEXT NOT NULL UNIQUE,
            asked TEXT NOT NULL,
            trouble TEXT NOT NULL,
            since INTEGER NOT NULL,
            told INTEGER NOT NULL
        )""",
        # folder: of import_folder.  How far both sides are: theirs as they count, ours as we do.
        """CREATE TABLE pull_folder (
            folder INTEGER PRIMARY KEY,
            uid_validity INTEGER NOT NULL,
            uid_next INTEGER NOT NULL,
            modseq INTEGER NOT NULL,
            ours INTEGER NOT NULL
        )""",
        "ALTER TABLE imported ADD COLUMN flags TEXT",  # agreed on; NULL: nothing yet
        "ALTER TABLE imported ADD COLUMN kept BLOB",  # digest of what is stored; NULL: as brought
    ):
        op.execute(statement)
