"""``audited(store)``: what a deep check finds wrong in the mailboxes of an open store, on one consistent state."""

import sqlalchemy as sa

from mx_core.store.account_store import BODIES, AccountStore
from mx_core.store.fsck.check import look_at_mailboxes
from mx_core.store.mail.writer import Writer


class _Undone(Exception):
    """Ends the job, so that nothing is committed."""


async def audited(store: AccountStore) -> list[str]:
    found: list[str] = []

    def job(writer: Writer, connection: sa.Connection) -> None:
        report = look_at_mailboxes(
            connection, store.folder / BODIES, lambda: writer.places.judging.now
        )
        found.extend(finding.sentence for finding in report.findings)
        raise _Undone

    try:
        await store.mail.write_with(job)
    except _Undone:
        return found
    raise AssertionError("the job ends with an exception")
