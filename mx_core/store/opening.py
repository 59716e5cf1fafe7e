"""The database of an account, opened: its name, its schema, and what tells its states apart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mx_core.db.database import Database
from mx_core.model.secret import Secret

NAME: Final = "mail.db"
MIGRATIONS: Final = "mx_core.store.migrations"
# Each change of an account gives out a modseq or writes a row of the journal, or both.
_WITNESS: Final = "SELECT modseq + device_seq FROM clock"


def open_database(folder: Path, key: Secret[bytes], *, plain: bool = True) -> Database:
    """Open or make the database of the account in *folder*; start-up is recovery.

    Raises:
        Refused, SchemaTooNew, StoreDamaged, DiskFull: as ``Database.open``.
    """
    return Database.open(
        folder / NAME, migrations=MIGRATIONS, key=key, plain=plain, witness=_WITNESS
    )
