"""Invitations that this account has made: kept to be shown, counted, and taken back.

A use is counted in the transaction that stores the message which shows it, so that a link for one
person lets in one, whatever is repeated or killed.  Spec/invitations §3.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.admission.invitation import (
    DAYS_MAX,
    INVITATIONS_MAX,
    SEED_OCTETS,
    USES_MAX,
    Invitation,
    secret_after,
    use_of,
)
from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import OverQuota, Refused
from mx_core.model.ids import Pid

if TYPE_CHECKING:
    import sqlalchemy as sa

_DAY_SECONDS: Final = 86_400
_NAME_MAX: Final = 100
_COLUMNS: Final = "SELECT id, name, seed, uses, used, made, expires FROM invitation"
_LIVE: Final = "SELECT id, name, secret, expires FROM invitation WHERE used < uses AND expires > ?"


class MadeInvitation(Struct, frozen=True):
    """One invitation; *name* is the owner's own word for it, times are unix seconds."""

    id: int
    name: str
    seed: bytes
    uses: int
    used: int
    made: int
    expires: int

    def link(self, address: Address, pid: Pid) -> str:
        """Return the link that it gives to *address*."""
        return Invitation(address.canonical(), pid, self.seed, self.expires).link()


class Invitations:
    """See the module."""

    def __init__(self, database: Database, now: Now) -> None:
        self.changed: Callable[[], None] = lambda: None  # told when other tags let in
        self._database = database
        self._now = now

    async def make(
        self, address: Address, pid: Pid, *, name: str, uses: int, days: int
    ) -> MadeInvitation:
        """Return a new invitation to the passport *pid* at *address*, durable.

        Raises:
            Refused: So many uses or days are not possible.
            OverQuota: There are too many.
        """
        if not 1 <= uses <= USES_MAX or not 1 <= days <= DAYS_MAX:
            raise Refused(f"an invitation is for 1 to {USES_MAX} people and 1 to {DAYS_MAX} days")
        if len(name) > _NAME_MAX or not name.isprintable():
            raise Refused(f"the name of an invitation is one line of at most {_NAME_MAX} letters")
        now = int(self._now())
        seed, expires = secrets.token_bytes(SEED_OCTETS), now + days * _DAY_SECONDS
        secret = Invitation(address.canonical(), pid, seed, expires).secret

        def job(connection: sa.Connection) -> MadeInvitation:
            connection.exec_driver_sql("DELETE FROM invitation WHERE expires <= ?", (now,))
            there = connection.exec_driver_sql("SELECT count(*) FROM invitation").scalar_one()
            if there >= INVITATIONS_MAX:
                raise OverQuota(f"there are {there} invitations already; take some back first")
            made = connection.exec_driver_sql(
                "INSERT INTO invitation (name, seed, secret, uses, used, made, expires)"
                " VALUES (?, ?, ?, ?, 0, ?, ?)",
                (name, seed, secret, uses, now, expires),
            )
            return MadeInvitation(made.lastrowid, name, seed, uses, 0, now, expires)

        # Crash before the commit: there is no invitation, and no link was shown.
        made = await self._database.write(job)
        self.changed()
        return made

    async def all(self) -> list[MadeInvitation]:
        """Return those that have not ended, used up or not, the newest first."""
        now = int(self._now())
        return await self._database.read(
            lambda connection: [
                MadeInvitation(*row)
                for row in connection.exec_driver_sql(
                    f"{_COLUMNS} WHERE expires > ? ORDER BY id DESC", (now,)
                )
            ]
        )

    async def take_back(self, ident: int) -> bool:
        """Make an invitation useless; who has used it already stays a contact.  False: none such."""

        def job(connection: sa.Connection) -> bool:
            gone = connection.exec_driver_sql("DELETE FROM invitation WHERE id = ?", (ident,))
            return bool(gone.rowcount)

        # Crash after this: the home server lets in by it until the list is given at the next start.
        done = await self._database.write(job)
        self.changed()
        return done

    async def reaching(self) -> list[tuple[bytes, int]]:
        """Return the secret and the end of each that can still be used."""
        now = int(self._now())
        return await self._database.read(
            lambda connection: [
                (bytes(secret), ends)
                for _, _, secret, ends in connection.exec_driver_sql(_LIVE, (now,))
            ]
        )


def use(connection: sa.Connection, pid: Pid, proof: bytes, now: int) -> str | None:
    """Count that *pid* uses the invitation that *proof* shows; inside a write job.

    They have then been given the secret that follows from it.  Return the invitation's name, or
    None: it has ended, was used up or taken back, or *proof* is of somebody else.
    """
    for ident, name, secret, _ in connection.exec_driver_sql(_LIVE, (now,)).all():
        if not compare_digest(use_of(secret, pid), proof):
            continue
        connection.exec_driver_sql("UPDATE invitation SET used = used + 1 WHERE id = ?", (ident,))
        connection.exec_driver_sql(
            "INSERT INTO contact_secret (pid, mine, since) VALUES (?, ?, ?)"
            " ON CONFLICT (pid) DO UPDATE SET mine = coalesce(mine, excluded.mine)",
            (pid, secret_after(secret, pid), now),
        )
        return str(name)
    return None
