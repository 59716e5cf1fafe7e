"""Ordinary addresses for which somebody of the network stands: offered by mail, taken by the owner.

What is offered counts for nothing.  What is taken decides to whom mail for that address is sealed,
until the owner says otherwise: it never lapses by itself.  docs/spec/ownership.md §5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.model.mailbox_name import GATEWAY
from mx_core.model.message import MessageForm
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox.reader import address_of

if TYPE_CHECKING:
    import sqlalchemy as sa

_OFFERS_MAX: Final = 200
_OFFERS_FOR_ONE_MAX: Final = 3
_OFFERED, _TAKEN, _LEFT = 0, 1, 2


class StandIn(Struct, frozen=True):
    """That mail for *ordinary* is for the passport *pid*, who is, or was, at *address*."""

    ordinary: Address  # canonical
    address: Address
    pid: Pid


class Offer(Struct, frozen=True):
    """What a message says of its sender; *message* is all of it, as it came."""

    stand_in: StandIn
    message: bytes


class StandIns:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now
        self._taken: dict[Address, StandIn] | None = None  # all; written here alone

    async def of(self, ordinary: Address) -> StandIn | None:
        """Return who stands for *ordinary*, because the owner has taken it so."""
        if self._taken is None:
            rows = self._database.glance(lambda connection: _rows(connection, _TAKEN))
            self._taken = {one.stand_in.ordinary: one.stand_in for one in rows}
        return self._taken.get(ordinary.canonical())

    async def all(self) -> list[StandIn]:
        """Return everybody who stands for an address."""
        rows = self._database.glance(lambda connection: _rows(connection, _TAKEN))
        return [one.stand_in for one in rows]

    async def offers(self) -> list[Offer]:
        """Return what was offered, and neither taken nor left alone; oldest first."""
        return await self._database.read(lambda connection: _rows(connection, _OFFERED))

    async def offer(self, offer: Offer, note: bytes, form: MessageForm) -> bool:
        """Keep *offer* and put the *note* that tells of it into Gateway, once; False: no news."""
        one = offer.stand_in

        def job(writer: Writer, connection: sa.Connection) -> bool:
            for_one, all_ = connection.exec_driver_sql(
                "SELECT count(*) FILTER (WHERE ordinary = ?), count(*) FROM stand_in"
                " WHERE state = ?",
                (str(one.ordinary), _OFFERED),
            ).one()
            if for_one >= _OFFERS_FOR_ONE_MAX or all_ >= _OFFERS_MAX:
                return False
            made = connection.exec_driver_sql(
                "INSERT OR IGNORE INTO stand_in (ordinary, pid, address, message, state, at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    str(one.ordinary), one.pid, str(one.address), offer.message, _OFFERED,
                    int(self._now()),
                ),
            ).rowcount  # fmt: skip
            if made:
                writer.append(writer.mailbox(GATEWAY).id, note, form, frozenset(), own=True)
            return bool(made)

        # Crash before the commit: neither; the message itself is stored, and says so again by hand.
        return await self._mail.write_with(job)

    async def take(self, one: StandIn) -> None:
        """Have *one* stand for their ordinary address from now on; durable when this returns."""

        def job(connection: sa.Connection) -> None:
            connection.exec_driver_sql(
                "DELETE FROM stand_in WHERE ordinary = ?", (str(one.ordinary),)
            )
            connection.exec_driver_sql(
                "INSERT INTO stand_in (ordinary, pid, address, message, state, at)"
                " VALUES (?, ?, ?, x'', ?, ?)",
                (str(one.ordinary), one.pid, str(one.address), _TAKEN, int(self._now())),
            )

        await self._database.write(job, self._forget)

    async def leave(self, ordinary: Address) -> bool:
        """Let nobody stand for *ordinary*, and hear no more of what was offered; False: nothing was."""

        def job(connection: sa.Connection) -> int:
            return connection.exec_driver_sql(
                "UPDATE stand_in SET state = ?, message = x'' WHERE ordinary = ? AND state <> ?",
                (_LEFT, str(ordinary.canonical()), _LEFT),
            ).rowcount

        return bool(await self._database.write(job, self._forget))

    def _forget(self, _rows: object) -> None:
        self._taken = None


def _rows(connection: sa.Connection, state: int) -> list[Offer]:
    rows = connection.exec_driver_sql(
        "SELECT ordinary, address, pid, message FROM stand_in WHERE state = ? ORDER BY id", (state,)
    ).all()
    return [
        Offer(StandIn(address_of(ordinary), address_of(address), Pid(pid)), message)
        for ordinary, address, pid, message in rows
    ]
