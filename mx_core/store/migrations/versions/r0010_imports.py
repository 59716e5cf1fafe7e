"""What was brought from elsewhere, so that it is brought once.  docs/spec/imports.md §2."""

from alembic import op

revision = "0010"
down_revision = "0009"

_TABLES = {
    "import_source": "id INTEGER PRIMARY KEY, location TEXT NOT NULL UNIQUE, asked TEXT NOT NULL,"
    " state TEXT NOT NULL, began INTEGER NOT NULL, trouble TEXT NOT NULL, report TEXT NOT NULL",
    "import_folder": "id INTEGER PRIMARY KEY, source INTEGER NOT NULL, place BLOB NOT NULL,"
    " mailbox BLOB NOT NULL, UNIQUE (source, place)",
}
_BY_NAME = {
    "imported": "folder INTEGER NOT NULL, key BLOB NOT NULL, digest BLOB NOT NULL,"
    " message INTEGER NOT NULL, PRIMARY KEY (folder, key)",
    "import_shared": "source INTEGER NOT NULL, name BLOB NOT NULL, message INTEGER NOT NULL,"
    " digest BLOB NOT NULL, PRIMARY KEY (source, name)",
    "import_trouble": "source INTEGER NOT NULL, place TEXT NOT NULL, why TEXT NOT NULL,"
    " PRIMARY KEY (source, place)",
}


def upgrade() -> None:
    """Make the ledger of imports."""
    for name, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {name} ({columns})")
    for name, columns in _BY_NAME.items():
        op.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
    # bodies lie in order of message on the disk, and are read back in that order
    op.execute("CREATE INDEX imported_message ON imported (folder, message)")
