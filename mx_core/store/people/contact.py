"""Whom the account knows: the pin of an address, and the chain it was last proved with.

The octets are ``mx_core.trust``'s and ``mx_core.passport``'s; here they are only kept.
Addresses are canonical.  The chain is a cache and may be empty; the pin never is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.store.outbox.reader import address_of
from mx_core.store.people import stale_secret
from mx_core.store.people.relation import Author, Topic, tell
from mx_core.trust.pin import Pin

if TYPE_CHECKING:
    import sqlalchemy as sa


class Contact(Struct, frozen=True):
    """One address and what is pinned for it."""

    address: Address
    pin: bytes
    chain: bytes = b""


class Contacts:
    """See the module."""

    def __init__(self, database: Database, now: Now, told: Callable[[], None]) -> None:
        """*told* is called when there is something new to tell, after the commit."""
        self._database = database
        self._now = now
        self._told = told

    async def get(self, address: Address) -> Contact | None:
        """Return what is pinned for *address*, folded to its canonical form."""
        wanted = str(address.canonical())

        def job(connection: sa.Connection) -> Contact | None:
            row = connection.exec_driver_sql(
                "SELECT pin, chain FROM contact WHERE address = ?", (wanted,)
            ).one_or_none()
            return None if row is None else Contact(address_of(wanted), row[0], row[1])

        return self._database.glance(job)

    async def of_pid(self, pid: Pid) -> Contact | None:
        """Return what was pinned last for *pid*, under whichever address.

        Without the version in the log of that address's domain, which is another one's elsewhere.
        """

        def job(connection: sa.Connection) -> Contact | None:
            row = connection.exec_driver_sql(
                "SELECT address, pin, chain FROM contact WHERE pid = ?"
                " ORDER BY updated DESC LIMIT 1",
                (pid,),
            ).one_or_none()
            if row is None:
                return None
            pin = replace(Pin.decode(row[1]), map_version=0)
            return Contact(address_of(row[0]), pin.encode(), row[2])

        return self._database.glance(job)

    async def elsewhere(self, address: Address) -> list[Contact]:
        """Return what is pinned at other addresses for the passport that is pinned at *address*."""
        wanted = str(address.canonical())

        def job(connection: sa.Connection) -> list[Contact]:
            rows = connection.exec_driver_sql(
                "SELECT other.address, other.pin, other.chain FROM contact AS this"
                " JOIN contact AS other ON other.pid = this.pid AND other.address != this.address"
                " WHERE this.address = ?",
                (wanted,),
            )
            return [Contact(address_of(row[0]), row[1], row[2]) for row in rows.all()]

        return self._database.glance(job)

    async def all(self) -> list[Contact]:
        """Return every contact, in order of address."""
        return await self._database.read(
            lambda connection: [
                Contact(address_of(address), pin, chain)
                for address, pin, chain in connection.exec_driver_sql(
                    "SELECT address, pin, chain FROM contact ORDER BY address"
                )
            ]
        )

    async def put(self, contact: Contact, *, changes: str = "", lost: bool = False) -> None:
        """Keep *contact* in place of what was there; *changes* of their keys are to be told.

        *lost*: a device of theirs is gone, and they are to get another secret.
        """
        now = int(self._now())

        def job(connection: sa.Connection) -> bool:
            put_contact(connection, contact, now)
            if not (lost or changes):
                return False
            author = Author(Pin.decode(contact.pin).pid, contact.address.canonical())
            if lost:
                stale_secret.grow_stale(connection, now, author.pid)
            if not changes:
                return False
            stale_secret.heard(connection, author.pid, changes, now)
            return tell(connection, Topic.KEYS, author, now, changes)

        if await self._database.write(job):
            self._told()


def put_contact(connection: sa.Connection, contact: Contact, now_seconds: int) -> None:
    """As ``Contacts.put``, inside another write job."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO contact (address, pin, chain, updated, pid) VALUES (?, ?, ?, ?, ?)",
        (
            str(contact.address.canonical()),
            contact.pin,
            contact.chain,
            now_seconds,
            Pin.decode(contact.pin).pid,
        ),
    )
