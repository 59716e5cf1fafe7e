"""Invitations of others that this account uses, until they answer with a secret of their own.

Tokens are made of the invitation's secret until it is used, of the one that follows from it
afterwards.  Which of the two the other side knows can only be tried.  Spec/invitations §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mx_core.admission.invitation import Invitation, secret_after, use_of
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.store.people import relation
from mx_core.store.people.contact import Contact, put_contact

if TYPE_CHECKING:
    import sqlalchemy as sa


class HeldInvitation(Struct, frozen=True):
    """What is shown to whom it is of: *secret* makes tokens now, *proof* goes inside of mail."""

    secret: bytes
    proof: bytes
    is_used: bool


class HeldInvitations:
    """See the module."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    async def take_up(self, invitation: Invitation, contact: Contact, own: Pid) -> None:
        """Know *contact* by *invitation*, accept them, and use it with what is sent to them."""
        now, pid = int(self._now()), invitation.pid
        row = (
            pid,
            invitation.secret,
            secret_after(invitation.secret, own),
            use_of(invitation.secret, own),
            invitation.expires,
        )

        def job(connection: sa.Connection) -> None:
            put_contact(connection, contact, now)
            relation.accept(connection, pid, now)
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO held_invitation VALUES (?, ?, ?, ?, ?, 0)", row
            )

        # Crash before the commit: nothing of it; the link is opened again.
        await self._database.write(job)

    async def of(self, pid: Pid) -> HeldInvitation | None:
        """Return the invitation of *pid* that is used, or None."""

        def job(connection: sa.Connection) -> HeldInvitation | None:
            row = connection.exec_driver_sql(
                "SELECT secret, after, proof, expires, is_used FROM held_invitation WHERE pid = ?",
                (pid,),
            ).one_or_none()
            if row is None:
                return None
            secret, after, proof, expires, is_used = row
            used = bool(is_used) or expires <= self._now()
            return HeldInvitation(after if used else secret, proof, used)

        return self._database.glance(job)

    async def note_used(self, pid: Pid, *, used: bool = True) -> None:
        """Make tokens of the secret that follows (or not yet) from now on."""
        await self._database.write(lambda connection: note_used(connection, pid, used=used))


def note_used(connection: sa.Connection, pid: Pid, *, used: bool) -> None:
    """As ``HeldInvitations.note_used``, inside another write job."""
    connection.exec_driver_sql("UPDATE held_invitation SET is_used = ? WHERE pid = ?", (used, pid))


def drop(connection: sa.Connection, pid: Pid) -> None:
    """Forget the invitation of *pid*: they gave a secret; inside a write job."""
    connection.exec_driver_sql("DELETE FROM held_invitation WHERE pid = ?", (pid,))
