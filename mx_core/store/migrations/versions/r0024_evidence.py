"""Evidence against domains, kept beside the letters that tell of it.  docs/spec/transparency.md §9."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the table; what was found before lies in the letters."""
    op.execute(
        # about: what it is about, so that one contradiction is told once
        """CREATE TABLE evidence (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind INTEGER NOT NULL,
            domain TEXT NOT NULL,
            about TEXT NOT NULL,
            at INTEGER NOT NULL,
            bundle BLOB NOT NULL,
            UNIQUE (kind, domain, about)
        )"""
    )
