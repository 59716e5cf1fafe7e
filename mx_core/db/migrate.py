"""Bring a database to the newest schema that this program knows, in one transaction.

A migrations package holds ``versions/`` with revisions and nothing else; there is no ``env.py``
and no ini file, because a program never migrates anything but its own database.  A revision's
number stands in the name of its file, ``r0001_first.py``, and is told from there: alembic, and
SQLAlchemy below it, are imported where there is something to do, since they take longer than all
else of a start.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlalchemy as sa

_VERSION: Final = "SELECT version_num FROM alembic_version"
_THERE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"


def newest_revision(migrations: str) -> str:
    """Return the last revision, four digits, of the package *migrations* (a dotted name)."""
    names = (entry.name for entry in resources.files(f"{migrations}.versions").iterdir())
    return max(name[1:5] for name in names if name[1:5].isdigit())


def is_newest(connection: sa.Connection, migrations: str) -> bool:
    """Tell whether the SQLite file of *connection* has the last revision of *migrations*."""
    if connection.exec_driver_sql(_THERE).scalar() is None:
        return False
    return connection.exec_driver_sql(_VERSION).scalars().all() == [newest_revision(migrations)]


def migrate(connection: sa.Connection, migrations: str, to: str = "head") -> None:
    """Upgrade to the revision *to* inside the transaction that *connection* has open.

    A crash here leaves the old schema whole: SQLite makes schema changes transactional.

    Raises:
        SchemaTooNew: The database names a revision that *migrations* does not hold.
    """
    wanted = newest_revision(migrations) if to == "head" else to
    if connection.dialect.has_table(connection, "alembic_version") and connection.exec_driver_sql(
        _VERSION
    ).scalars().all() == [wanted]:
        return
    from mx_core.db.upgrade import upgrade  # noqa: PLC0415  # 0.2 s of a start that seldom needs it

    upgrade(connection, migrations, to)
