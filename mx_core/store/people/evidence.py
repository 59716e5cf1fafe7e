"""Evidence against domains, as it was found: kept with the letter that tells of it, both or neither.

The octets are ``mx_core.directory``'s; here they are only kept.  Spec/transparency §9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database

if TYPE_CHECKING:
    import sqlalchemy as sa

_KEPT_MAX: Final = 100


class KeptEvidence(Struct, frozen=True):
    """One bundle; *about* tells one contradiction of a domain from another, *at* is unix seconds."""

    kind: int
    domain: str
    about: str
    at: int
    bundle: bytes
    id: int = 0


class KeptEvidences:
    """What was found so far."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[KeptEvidence]:
        """Return everything, the newest first."""
        return await self._database.read(
            lambda connection: [
                KeptEvidence(*row)
                for row in connection.exec_driver_sql(
                    "SELECT kind, domain, about, at, bundle, id FROM evidence ORDER BY id DESC"
                )
            ]
        )


def keep(connection: sa.Connection, found: KeptEvidence) -> bool:
    """Keep *found*; False: it was there already.  Inside a write job."""
    kept = connection.exec_driver_sql(
        "INSERT OR IGNORE INTO evidence (kind, domain, about, at, bundle) VALUES (?, ?, ?, ?, ?)",
        (found.kind, found.domain, found.about, found.at, found.bundle),
    )
    connection.exec_driver_sql(
        "DELETE FROM evidence WHERE id <= (SELECT max(id) FROM evidence) - ?", (_KEPT_MAX,)
    )
    return bool(kept.rowcount)
