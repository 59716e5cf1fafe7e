"""Which keys other domains had before, for as long as this database lives.

Implements ``discovery.finder.KeyMemory``; the octets are discovery's business.
"""

from __future__ import annotations

import sqlalchemy as sa
from typing_extensions import override

from mx_core.db.transactions import Transactions
from mx_core.db.upsert import insert_into
from mx_core.discovery.finder import KeyMemory
from mx_core.homeserver.schema import KNOWN_DOMAIN


class StoredKeyMemory(KeyMemory):
    """A memory in the server's own database."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    @override
    async def recall(self, domain: str) -> bytes | None:
        query = sa.select(KNOWN_DOMAIN.c.octets).where(KNOWN_DOMAIN.c.domain == domain)
        return await self._database.read(lambda tx: tx.execute(query).scalar_one_or_none())

    @override
    async def remember(self, domain: str, octets: bytes) -> None:
        def remember(tx: sa.Connection) -> None:
            row = insert_into(KNOWN_DOMAIN, tx.dialect.name).values(domain=domain, octets=octets)
            tx.execute(
                row.on_conflict_do_update(index_elements=["domain"], set_={"octets": octets})
            )

        await self._database.write(remember)
