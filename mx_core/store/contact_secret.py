"""Secrets that this account and its contacts have given to each other, by pid.  Spec/admission §1.

*Mine* is what I gave them: their tokens are made of it, and whoever is blocked is left out of the
list that my home server holds.  *Theirs* is what they gave me: my tokens are made of it.  A secret
is durable before it is sealed into mail, so what they hold is always known here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from mx_core.admission.token import SECRET_OCTETS
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.store import held_invitation
from mx_core.store.held_invitation import HeldInvitations
from mx_core.store.relation import Relation

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

        Crash after this: it is given with the next mail.
        """
        known = await self._read("mine", pid)
        if known is not None:
            return known

        def job(connection: sa.Connection) -> bytes:
            connection.exec_driver_sql(
                "INSERT INTO contact_secret VALUES (?, ?, NULL, ?)"
                " ON CONFLICT (pid) DO UPDATE SET mine = coalesce(mine, excluded.mine)",
                (pid, secrets.token_bytes(SECRET_OCTETS), int(self._now())),
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

    async def given(self) -> list[bytes]:
        """Return what was given to everybody who is not blocked, the newest first."""
        return await self._database.read(
            lambda connection: list(
                connection.exec_driver_sql(
                    "SELECT mine FROM contact_secret WHERE mine IS NOT NULL AND NOT EXISTS"
                    " (SELECT 1 FROM relation WHERE relation.pid = contact_secret.pid AND state = ?)"
                    " ORDER BY since DESC, pid",
                    (Relation.BLOCKED,),
                ).scalars()
            )
        )

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
        column = {"mine": "mine", "theirs": "theirs"}[which]
        return await self._database.read(
            lambda connection: connection.exec_driver_sql(
                f"SELECT {column} FROM contact_secret WHERE pid = ?",  # noqa: S608  # a literal
                (pid,),
            ).scalar()
        )


def take(connection: sa.Connection, pid: Pid, secret: bytes, now: int) -> None:
    """Keep the secret that *pid* gave with a message that was verified; inside a write job."""
    connection.exec_driver_sql(
        "INSERT INTO contact_secret VALUES (?, NULL, ?, ?)"
        " ON CONFLICT (pid) DO UPDATE SET theirs = excluded.theirs",
        (pid, secret, now),
    )
    held_invitation.drop(connection, pid)
