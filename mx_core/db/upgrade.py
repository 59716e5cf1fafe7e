"""The revisions that a database lacks, run by alembic."""

from __future__ import annotations

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from mx_core.model.errors import SchemaTooNew


def upgrade(connection: Connection, migrations: str, to: str) -> None:
    """As ``mx_core.db.migrate.migrate``, which is where to come from."""
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
