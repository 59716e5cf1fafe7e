"""Bring a database to the newest schema that this program knows, in one transaction.

A migrations package holds ``versions/`` with alembic revisions and nothing else; there is no
``env.py`` and no ini file, because a program never migrates anything but its own database.
"""

from __future__ import annotations

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from mx_core.model.errors import SchemaTooNew


def migrate(connection: Connection, migrations: str, to: str = "head") -> None:
    """Upgrade to the revision *to* inside the transaction that *connection* has open.

    A crash here leaves the old schema whole: SQLite makes schema changes transactional.

    Raises:
        SchemaTooNew: The database names a revision that *migrations* does not hold.
    """
    package, _, folder = migrations.rpartition(".")
    config = Config()
    config.set_main_option("script_location", f"{package}:{folder}")
    scripts = ScriptDirectory.from_config(config)
    for revision in MigrationContext.configure(connection).get_current_heads():
        try:
            scripts.get_revision(revision)
        except CommandError as error:
            raise SchemaTooNew(
                f"the database was written by a newer version (schema {revision})"
            ) from error
    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _context: scripts._upgrade_revs(to, revision),  # noqa: SLF001  # what alembic's own upgrade command passes here
    ) as environment:
        environment.configure(connection=connection, target_metadata=None)
        environment.run_migrations()
