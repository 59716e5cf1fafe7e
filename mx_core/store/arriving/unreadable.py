"""Envelopes that opened with no key of this device: noted, told, and only then acknowledged.

spec/unreadable §3.  Whoever sealed one seals it anew; the message then comes as any other does, so
a row here is only what is still to be said, and what the person may have to hear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.ids import EnvId
from mx_core.model.mailbox_name import GATEWAY
from mx_core.model.message import MessageForm
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

_KEPT_MAX: Final = 10_000
_AT_ONCE: Final = 50
_TO_TELL, _TOLD, _NOBODY = 0, 1, 2


class Unopened(Struct, frozen=True):
    """One envelope that is to be told of, or whose sender nobody knows; times are unix seconds."""

    env_id: EnvId
    peer_domain: str
    at: int
    attempts: int


class UnreadableEnvelopes:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    async def note(self, env_id: EnvId, peer_domain: str) -> bool:
        """Note it, and return whether it was told; a second time changes nothing.

        Crash before the commit, and until it is acknowledged: the home server gives it again.
        """
        now = int(self._now())

        def job(connection: sa.Connection) -> bool:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO unreadable_envelope VALUES (?, ?, ?, ?, 0, ?)",
                (env_id, peer_domain, now, now, _TO_TELL),
            )
            connection.exec_driver_sql(
                "DELETE FROM unreadable_envelope WHERE env_id IN (SELECT env_id"
                " FROM unreadable_envelope ORDER BY at DESC LIMIT -1 OFFSET ?)",
                (_KEPT_MAX,),
            )
            told = connection.exec_driver_sql(
                "SELECT told FROM unreadable_envelope WHERE env_id = ?", (env_id,)
            ).scalar()
            return told != _TO_TELL

        said = await self._database.write(job)
        failpoint.reach("unread")
        return said

    async def due(self) -> list[Unopened]:
        """Return what is to be told now; a bounded number."""
        return await self._rows("told = ? AND next_at <= ? ORDER BY next_at", _TO_TELL, self._now())

    async def nobodys(self) -> list[Unopened]:
        """Return those whose sender nobody knows any more, until the person is told."""
        return await self._rows("told = ? AND at <= ? ORDER BY at", _NOBODY, self._now())

    async def told(self, env_id: EnvId, *, known: bool) -> None:
        """Note that its sender's server has heard of it, and whether it knows the sender."""
        await self._change(
            "UPDATE unreadable_envelope SET told = ? WHERE env_id = ?",
            (_TOLD if known else _NOBODY, env_id),
        )
        failpoint.reach("told")

    async def put_off(self, env_id: EnvId, next_at: float) -> None:
        """Tell it again at *next_at*; counts an attempt."""
        await self._change(
            "UPDATE unreadable_envelope SET next_at = ?, attempts = attempts + 1 WHERE env_id = ?",
            (int(next_at), env_id),
        )

    async def forget(self, before: float) -> None:
        """Forget those noted before then that were told."""
        await self._change(
            "DELETE FROM unreadable_envelope WHERE told = ? AND at < ?", (_TOLD, int(before))
        )

    async def count(self) -> int:
        """Return how many there were, until they are forgotten."""
        return await self._database.read(
            lambda connection: int(
                connection.exec_driver_sql("SELECT count(*) FROM unreadable_envelope").scalar_one()
            )
        )

    async def write_note(
        self, octets: bytes, prepare: Callable[[bytes], MessageForm], of: Sequence[Unopened]
    ) -> None:
        """Tell the person of those that nobody knows, and do so once: both or neither."""
        form = prepare(octets)

        def job(writer: Writer, connection: sa.Connection) -> None:
            writer.append(writer.mailbox(GATEWAY).id, octets, form, frozenset())
            connection.exec_driver_sql(
                "UPDATE unreadable_envelope SET told = ? WHERE env_id = ?",
                [(_TOLD, one.env_id) for one in of],
            )

        await self._mail.write_with(job)

    async def _rows(self, which: str, told: int, until: float) -> list[Unopened]:
        return await self._database.read(
            lambda connection: [
                Unopened(EnvId(env_id), peer_domain, at, attempts)
                for env_id, peer_domain, at, attempts in connection.exec_driver_sql(
                    "SELECT env_id, peer_domain, at, attempts FROM unreadable_envelope"  # noqa: S608  # literals
                    f" WHERE {which} LIMIT ?",
                    (told, int(until), _AT_ONCE),
                )
            ]
        )

    async def _change(self, statement: str, values: tuple[object, ...]) -> None:
        await self._database.write(
            lambda connection: connection.exec_driver_sql(statement, values).rowcount
        )
