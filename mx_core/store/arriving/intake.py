"""Envelopes that arrived and cannot be judged yet, because the sender's domain cannot be found.

Kept as they came, so that they can be acknowledged and hold up nothing behind them; tried again
until they open, are refused, or have waited for too long.  Bounded: what does not fit stays at
the home server, unacknowledged.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.ids import EnvId
from mx_core.model.octets import Octets
from mx_core.store.bodies.body import BodyId, BodyReader
from mx_core.store.bodies.file import OpenedFile
from mx_core.store.bodies.long import LongBody
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

ENVELOPES_MAX: Final = 1_000
OCTETS_MAX: Final = 1 << 30


class Kept(Struct, frozen=True):
    """One envelope that waits; times are unix seconds."""

    env_id: EnvId
    peer_domain: str
    envelope: bytes
    body: Octets
    received: int
    attempts: int


class Intake:
    """See the module."""

    def __init__(self, database: Database, folder: Path, mail: Mail, now: Now) -> None:
        self._database = database
        self._folder = folder
        self._mail = mail
        self._now = now

    def begin_long(self) -> LongBody:
        """Return where octets go that are too long for memory, as they come; raises DiskFull."""
        return LongBody(self._folder)

    async def keep(
        self, env_id: EnvId, peer_domain: str, envelope: bytes, body: Octets, next_at: float
    ) -> bool:
        """Return True once the envelope is durable here, False if there is no room for it.

        Crash before the commit: the home server gives it again.
        """
        now = int(self._now())
        adopted = False

        def job(writer: Writer, connection: sa.Connection) -> bool:
            nonlocal adopted
            count, octets, known = connection.exec_driver_sql(
                "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(env_id = ?), 0) FROM intake",
                (env_id,),
            ).one()
            if known:
                return True
            size = len(envelope) + len(body)
            if count >= ENVELOPES_MAX or octets + size > OCTETS_MAX:
                return False
            connection.exec_driver_sql(
                "INSERT INTO intake VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
                (env_id, peer_domain, envelope, writer.bodies.keep(body), size, now, int(next_at)),
            )
            adopted = True
            return True

        kept = await self._mail.write_with(job)
        if adopted and isinstance(body, OpenedFile):
            body.adopted = True
        return kept

    async def due(self) -> list[EnvId]:
        """Return what is to be tried now, longest due first."""
        return await self._database.read(
            lambda connection: [
                EnvId(env_id)
                for env_id in connection.exec_driver_sql(
                    "SELECT env_id FROM intake WHERE next_at <= ? ORDER BY next_at LIMIT 100",
                    (int(self._now()),),
                ).scalars()
            ]
        )

    async def get(self, env_id: EnvId) -> Kept | None:
        """Return one envelope with its body."""

        def job(connection: sa.Connection) -> Kept | None:
            row = connection.exec_driver_sql(
                "SELECT peer_domain, envelope, body, received, attempts FROM intake"
                " WHERE env_id = ?",
                (env_id,),
            ).one_or_none()
            if row is None:
                return None
            peer_domain, envelope, body, received, attempts = row
            octets = BodyReader(connection, self._folder).opened(BodyId(body))
            return Kept(env_id, peer_domain, envelope, octets, received, attempts)

        return await self._database.read(job)

    async def put_off(self, env_id: EnvId, next_at: float) -> None:
        """Try again at *next_at*; counts an attempt."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE intake SET next_at = ?, attempts = attempts + 1 WHERE env_id = ?",
                    (int(next_at), env_id),
                ).rowcount
            )
        )

    async def drop(self, env_id: EnvId) -> None:
        """Let go of an envelope that was stored or refused.

        Crash before this: it is tried again, and the msg_id is known.
        """

        def job(writer: Writer, connection: sa.Connection) -> None:
            body = connection.exec_driver_sql(
                "DELETE FROM intake WHERE env_id = ? RETURNING body", (env_id,)
            ).scalar()
            if body is not None:
                writer.bodies.drop([BodyId(body)])

        await self._mail.write_with(job)

    async def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return await self._database.read(
            lambda connection: (
                not connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM intake)").scalar_one()
            )
        )
