"""INSERT … ON CONFLICT in the words of the database at hand: SQLite and PostgreSQL have one syntax, SQLAlchemy two classes.

Each is imported when a database of its kind is written to: that of PostgreSQL brings all its drivers' dialects, 2 MB.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def insert_into(table: sa.Table, dialect: str) -> Any:
    """Return an INSERT into *table* that has ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as of_a_file  # noqa: PLC0415  # see the module

        return of_a_file(table)
    from sqlalchemy.dialects.postgresql import insert as of_a_server  # noqa: PLC0415

    return of_a_server(table)
