"""``audited(store)``: what the audit of the folders finds wrong, on one consistent state."""

import sqlalchemy as sa

from mx_core.store.account_store import AccountStore
from mx_core.store.folders.audit import differences
from mx_core.store.writer import Writer


async def audited(store: AccountStore) -> list[str]:
    def job(writer: Writer, connection: sa.Connection) -> list[str]:
        return differences(connection, writer, writer.places.judging.now)

    return await store.mail.write_with(job)
