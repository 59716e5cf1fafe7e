"""What waits to leave, read: items, their octets and their sealed parcels."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from mx_core.carrier_port import Parcel
from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.model.errors import MessageGone
from mx_core.model.ids import EnvId, MsgId, QueueId
from mx_core.model.notify import NotifyRequest
from mx_core.model.octets import Octets
from mx_core.store.accepting.record import Accepted
from mx_core.store.bodies.body import BodyReader

if TYPE_CHECKING:
    import sqlalchemy as sa


class State(Enum):
    """Where one recipient of one submission stands.

    queued → sealed → sent → relayed | failed, and aside from queued or sealed: held.
    """

    QUEUED = "queued"  # durable, not sealed yet
    SEALED = "sealed"  # may or may not have left: a parcel is stored, or a relay was being asked
    SENT = "sent"  # the own home server holds it durably
    RELAYED = "relayed"  # settled: the recipient's home server holds it durably
    FAILED = "failed"  # settled: the sender was told
    HELD = "held"  # waits for a person


class OutboxItem(Struct, frozen=True):
    """One recipient of one submission; times are unix seconds."""

    queue_id: QueueId
    recipient: Address
    sender: Address
    hidden: bool
    msg_id: MsgId
    policy: str  # frozen when the submission was accepted
    state: State
    attempts: int
    next_at: int
    reason: str
    status: str  # RFC 3463 code of a failure, or ""
    created: int
    size: int
    wanted: NotifyRequest
    delay_told: bool
    envid: str
    return_full: bool
    decision: str  # why it may leave as *policy* says
    released: int  # from when on it may leave
    asked: bytes  # the word of a device that cannot open what was sent; b"": none
    sealed_anew: int  # how often, because of such a word


_ITEM: Final = (
    "SELECT outbox_recipient.queue_id, outbox_recipient.recipient, sender, hidden, msg_id, policy, state,"
    " attempts, next_at, reason, status, created, size, notify, orcpt, delay_told, envid, return_full,"
    " decision, max(created, not_before, asked_at), asked, sealed_anew"
    " FROM outbox_recipient"
    " JOIN outbox ON outbox.queue_id = outbox_recipient.queue_id"
)


class OutboxReader:
    """Reading jobs over the outbox's tables."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    async def due(
        self, now: float, limit: int, *, with_new: QueueId | None = None
    ) -> list[OutboxItem]:
        """Return what is to be sealed or sent now, longest due first; not before it is shown.

        But for *with_new*, which the commit that seals it shows.
        """
        listed = await self._items(
            f"{_ITEM} WHERE listed AND state IN ('queued', 'sealed') AND next_at <= ?"
            " ORDER BY next_at, created, place LIMIT ?",
            (int(now), limit),
        )
        if with_new is None:
            return listed
        new = await self._items(
            f"{_ITEM} WHERE outbox_recipient.queue_id = ? AND NOT listed"
            " AND state IN ('queued', 'sealed') AND next_at <= ? ORDER BY place",
            (with_new, int(now)),
        )
        return [*listed, *new][:limit]

    async def next_due(self) -> int | None:
        """Return when the next item that is shown is due, or None if nothing waits for time."""
        return self._database.glance(
            lambda connection: connection.exec_driver_sql(
                "SELECT min(next_at) FROM outbox_recipient"
                " WHERE listed AND state IN ('queued', 'sealed')"
            ).scalar()
        )

    async def unsettled(self, limit: int = 1_000) -> list[OutboxItem]:
        """Return what is neither relayed nor failed, oldest first."""
        query = f"{_ITEM} WHERE state NOT IN ('relayed', 'failed') ORDER BY created, place LIMIT ?"
        return await self._database.read(
            lambda connection: [_item(row) for row in connection.exec_driver_sql(query, (limit,))]
        )

    async def item(self, queue_id: QueueId, recipient: Address) -> OutboxItem | None:
        """Return one item."""
        found = await self._items(
            f"{_ITEM} WHERE outbox_recipient.queue_id = ? AND recipient = ?",
            (queue_id, str(recipient)),
        )
        return found[0] if found else None

    async def knows(self, queue_id: QueueId) -> bool:
        """Tell whether a submission of that id was taken, whatever has become of it."""
        return self._database.glance(
            lambda connection: (
                connection.exec_driver_sql(
                    "SELECT 1 FROM outbox WHERE queue_id = ?", (queue_id,)
                ).scalar()
                is not None
            )
        )

    async def by_env_id(self, env_id: EnvId) -> OutboxItem | None:
        """Return the item that this envelope was, or is, sealed for, while it counts."""
        found = await self._items(
            f"{_ITEM} JOIN handed_over ON handed_over.queue_id = outbox_recipient.queue_id"
            " AND handed_over.recipient = outbox_recipient.recipient"
            " WHERE env_id = ? AND NOT unreadable",
            (env_id,),
        )
        return found[0] if found else None

    async def octets(self, queue_id: QueueId) -> bytes:
        """Return what was submitted; raises MessageGone once all recipients are settled."""

        def job(connection: sa.Connection) -> bytes:
            body = connection.exec_driver_sql(
                "SELECT body FROM outbox WHERE queue_id = ?", (queue_id,)
            ).scalar()
            if body is None:
                raise MessageGone(f"the message {queue_id} has left and is no longer kept")
            return BodyReader(connection, self._folder).octets(body)

        return await self._database.read(job)

    async def content(self, queue_id: QueueId) -> Octets:
        """As ``octets``; of a long message, read where they are asked for."""

        def job(connection: sa.Connection) -> Octets:
            body = connection.exec_driver_sql(
                "SELECT body FROM outbox WHERE queue_id = ?", (queue_id,)
            ).scalar()
            if body is None:
                raise MessageGone(f"the message {queue_id} has left and is no longer kept")
            return BodyReader(connection, self._folder).opened(body)

        return await self._database.read(job)

    async def parcel(self, queue_id: QueueId, recipient: Address) -> Parcel | None:
        """Return the sealed parcel, or None if there is none (any more)."""

        def job(connection: sa.Connection) -> Parcel | None:
            row = connection.exec_driver_sql(
                "SELECT env_id, envelope, deliver_by, body, route, postage_bits FROM parcel"
                " JOIN sealed_body ON sealed_body.queue_id = parcel.queue_id"
                " AND sealed_body.digest = parcel.digest"
                " WHERE parcel.queue_id = ? AND recipient = ?",
                (queue_id, str(recipient)),
            ).one_or_none()
            if row is None:
                return None
            env_id, envelope, deliver_by, body, route, bits = row
            octets = BodyReader(connection, self._folder).opened(body)
            to = address_of(route) if route else recipient
            return Parcel(to, EnvId(env_id), envelope, octets, deliver_by, bits)

        return await self._database.read(job)

    async def _items(self, query: str, values: tuple[Any, ...]) -> list[OutboxItem]:
        def job(connection: sa.Connection) -> list[OutboxItem]:
            return [_item(row) for row in connection.exec_driver_sql(query, values).all()]

        return self._database.glance(job)


def _item(row: Sequence[Any]) -> OutboxItem:
    return OutboxItem(
        queue_id=QueueId(row[0]),
        recipient=address_of(row[1]),
        sender=address_of(row[2]),
        hidden=bool(row[3]),
        msg_id=MsgId(row[4]),
        policy=row[5],
        state=State(row[6]),
        attempts=row[7],
        next_at=row[8],
        reason=row[9],
        status=row[10],
        created=row[11],
        size=row[12],
        wanted=NotifyRequest.kept(row[13], row[14]),
        delay_told=bool(row[15]),
        envid=row[16],
        return_full=bool(row[17]),
        decision=row[18],
        released=row[19],
        asked=row[20] or b"",
        sealed_anew=row[21],
    )


def items(record: Accepted) -> list[OutboxItem]:
    """Return the items of a submission that was accepted a moment ago, as its rows will have them."""
    at = max(record.created, record.not_before)
    return [
        OutboxItem(
            queue_id=QueueId(record.queue_id),
            recipient=address_of(each.address),
            sender=address_of(record.sender),
            hidden=each.hidden,
            msg_id=MsgId(each.msg_id),
            policy=each.policy,
            state=State.QUEUED,
            attempts=0,
            next_at=at,
            reason="",
            status="",
            created=record.created,
            size=record.size,
            wanted=NotifyRequest.kept(each.notify, each.original),
            delay_told=False,
            envid=record.envid,
            return_full=record.return_full,
            decision=each.decision,
            released=at,
            asked=b"",
            sealed_anew=0,
        )
        for each in record.recipients
    ]


def address_of(text: str) -> Address:
    """Return the address that ``str`` gave *text* for; it was parsed when it came in."""
    local, _, domain = text.rpartition("@")
    return Address(local, domain)
