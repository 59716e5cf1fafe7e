"""Secrets that this account and its contacts have given to each other, by pid.  Spec/admission §1.

*Mine* is what I gave them: their tokens are made of it, and whoever is blocked is left out of the
list that my home server holds.  *Theirs* is what they gave me: my tokens are made of it.  A secret
is durable before it is sealed into mail, so what they hold is always known here.  What a device
knew that is gone, mine or theirs, is *stale*: the next mail to them brings another.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mx_core.admission.token import SECRET_OCTETS
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.store.people import held_invitation
from mx_core.store.people.held_invitation import HeldInvitations
from mx_core.store.people.relation import Relation

if TYPE_CHECKING:
    import sqlalchemy as sa

REPLACED_SECONDS: Final = 14 * 86_400  # so long one that was replaced still lets in
STALE_SECONDS: Final = 90 * 86_400  # … and one that could not be: no mail went to them since
_FILLER: Final = "admission.filler"  # the setting: what the list is filled up with


class ContactSecrets:
    """See the module."""

    def __init__(self, database: Database, now: Now) -> None:
        self.gave: Callable[[], None] = lambda: None  # told when a new one was made
        self.held = HeldInvitations(database, now)  # until they give one
        self._database = database
        self._now = now

    async def mine(self, pid: Pid) -> bytes:
        """Return the secret that *pid* is given, the same each time; made and durable if it is new.

        It is new for who had none, and instead of one that is stale.  Crash after this: it is given
        with the next mail.
        """
        known = await self._read("CASE WHEN stale = 0 THEN mine END", pid)
        if known is not None:
            return known

        def job(connection: sa.Connection) -> bytes:
            now = int(self._now())
            connection.exec_driver_sql(
                "UPDATE contact_secret SET before = mine, before_until = ?, mine = NULL, stale = 0"
                " WHERE pid = ? AND stale != 0",
                (now + REPLACED_SECONDS, pid),
            )
            connection.exec_driver_sql(
                "INSERT INTO contact_secret (pid, mine, since) VALUES (?, ?, ?)"
                " ON CONFLICT (pid) DO UPDATE SET mine = coalesce(mine, excluded.mine)",
                (pid, secrets.token_bytes(SECRET_OCTETS), now),
            )
            return bytes(
                connection.exec_driver_sql(
                    "SELECT mine FROM contact_secret WHERE pid = ?", (pid,)
                ).scalar_one()
            )

        made = await self._database.write(job)
        self.gave()
        return made

    async def theirs(self, pid: Pid) -> bytes | None:
        """Return the secret that *pid* gave, or None."""
        return await self._read("theirs", pid)

    async def given(self, *, closed: bool = False) -> list[bytes]:
        """Return what was given to everybody who is not blocked, the newest first.

        *closed*: nobody but contacts finds the account, so that a stale secret lets in until it
        could be replaced, however long that takes.  What was replaced stands last.
        """
        now = int(self._now())
        not_blocked = (
            "NOT EXISTS (SELECT 1 FROM relation"
            " WHERE relation.pid = contact_secret.pid AND state = ?) ORDER BY since DESC, pid"
        )

        def job(connection: sa.Connection) -> list[bytes]:
            mine = connection.exec_driver_sql(
                "SELECT mine FROM contact_secret WHERE mine IS NOT NULL"  # noqa: S608  # literals
                f" AND (stale = 0 OR stale > ? OR ?) AND {not_blocked}",
                (now - STALE_SECONDS, closed, Relation.BLOCKED),
            ).scalars()
            before = connection.exec_driver_sql(
                f"SELECT before FROM contact_secret WHERE before_until > ? AND {not_blocked}",  # noqa: S608  # literals
                (now, Relation.BLOCKED),
            ).scalars()
            return [*mine.all(), *before.all()]

        return await self._database.read(job)

    async def filler(self) -> bytes:
        """Return what the list of tags is filled up with; made once, told nobody."""

        def job(connection: sa.Connection) -> bytes:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO setting VALUES (?, ?)",
                (_FILLER, secrets.token_bytes(SECRET_OCTETS)),
            )
            return bytes(
                connection.exec_driver_sql(
                    "SELECT octets FROM setting WHERE name = ?", (_FILLER,)
                ).scalar_one()
            )

        return await self._database.write(job)

    async def _read(self, which: str, pid: Pid) -> bytes | None:
        return self._database.glance(
            lambda connection: connection.exec_driver_sql(
                f"SELECT {which} FROM contact_secret WHERE pid = ?",  # noqa: S608  # a literal
                (pid,),
            ).scalar()
        )


def take(connection: sa.Connection, pid: Pid, secret: bytes, now: int) -> None:
    """Keep the secret that *pid* gave with a message that was verified; inside a write job."""
    connection.exec_driver_sql(
        "INSERT INTO contact_secret (pid, theirs, since) VALUES (?, ?, ?)"
        " ON CONFLICT (pid) DO UPDATE SET theirs = excluded.theirs",
        (pid, secret, now),
    )
    held_invitation.drop(connection, pid)
