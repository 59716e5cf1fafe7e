"""Bodies of strangers' messages that are still at their server, until the owner accepts them.

What is needed to open one is kept as verified on arrival, because the key of the envelope may be
destroyed before the body comes.  A fetched message is stored once, in the transaction in which
its row goes.  Spec/requests §5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.body_name import BodyName
from mx_core.model.clock import Now
from mx_core.model.errors import StoreDamaged
from mx_core.model.flags import FlagSet
from mx_core.model.ids import EnvId, Pid
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import MessageForm
from mx_core.model.secret import Secret
from mx_core.store.mail import copies
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox.reader import address_of
from mx_core.store.people import relation
from mx_core.store.people.policy import note_encrypted
from mx_core.store.people.relation import Author, Relation, Topic

if TYPE_CHECKING:
    import sqlalchemy as sa

_AT_ONCE: Final = 20


class Awaited(Struct, frozen=True):
    """One body that is awaited; *status* is the block that its message will begin with."""

    env_id: EnvId
    author: Author
    peer_domain: str
    name: BodyName
    body_key: Secret[bytes]
    statement: bytes
    status: bytes
    received: int  # unix seconds
    attempts: int = 0


class AwaitedBodies:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    async def due(self) -> list[Awaited]:
        """Return bodies of people whom the owner has accepted, to be fetched now; a bounded number."""
        return await self._database.read(
            lambda connection: [
                _awaited(row)
                for row in connection.exec_driver_sql(
                    "SELECT env_id, awaited_body.pid, address, peer_domain, name, body_key,"
                    " statement, status, received, attempts FROM awaited_body"
                    " JOIN relation ON relation.pid = awaited_body.pid"
                    " WHERE relation.state = ? AND next_at <= ? ORDER BY next_at LIMIT ?",
                    (Relation.ACCEPTED, int(self._now()), _AT_ONCE),
                ).all()
            ]
        )

    async def store(self, one: Awaited, octets: bytes, form: MessageForm, flags: FlagSet) -> bool:
        """Put the message of a body that came into INBOX, once; False: it was put there before."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not _drop(connection, one.env_id):
                return False
            inbox = writer.mailbox(INBOX).id
            appended = writer.append(inbox, octets, form, flags, author=one.author, own=True)
            if copies.are_looked_for(connection):
                copies.take_over(writer, connection, inbox, appended.uid, octets, form)
            note_encrypted(connection, form.message_id)
            return True

        # Crash before the commit: fetched again.  After it: the row is gone, and nothing is due.
        stored = await self._mail.write_with(job)
        failpoint.reach("fetched")
        return stored

    async def put_off(self, env_id: EnvId, next_at: float) -> None:
        """Try again at *next_at*; counts an attempt."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE awaited_body SET next_at = ?, attempts = attempts + 1 WHERE env_id = ?",
                    (int(next_at), env_id),
                ).rowcount
            )
        )

    async def give_up(self, one: Awaited) -> None:
        """Await it no more, and have it told: its server keeps it no longer, or gave another."""

        def job(writer: Writer, connection: sa.Connection) -> None:
            if _drop(connection, one.env_id):
                detail = one.env_id.hex()
                writer.stirred |= relation.tell(
                    connection, Topic.GONE, one.author, int(self._now()), detail
                )

        await self._mail.write_with(job)


def put(connection: sa.Connection, one: Awaited) -> None:
    """Await *one*; inside the job that stores what is shown in its place."""
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO awaited_body VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
        (
            one.env_id,
            one.author.pid,
            str(one.author.address),
            one.peer_domain,
            one.name.encode(),
            one.body_key.reveal(),
            one.statement,
            one.status,
            one.received,
        ),
    )


def _drop(connection: sa.Connection, env_id: EnvId) -> bool:
    gone = connection.exec_driver_sql("DELETE FROM awaited_body WHERE env_id = ?", (env_id,))
    return bool(gone.rowcount)


def _awaited(row: sa.Row[Any]) -> Awaited:
    env_id, pid, address, peer_domain, name, key, statement, status, received, attempts = tuple(row)
    named = BodyName.read(name)
    if named is None:
        raise StoreDamaged("the name of a body that is awaited cannot be read")
    return Awaited(
        EnvId(env_id),
        Author(Pid(pid), address_of(address)),
        peer_domain,
        named,
        Secret(key),
        statement,
        status,
        received,
        attempts,
    )
