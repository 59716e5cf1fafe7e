"""One device's stream of what waits for it: in order, with a window, woken by commits and by its acks.

A sequence is in flight from the moment it is given out until it is acked; at most ``window``
are.  The database is the queue: a stream that breaks loses nothing, and the next one begins
with everything that is not acked.  A stream that waits is one generator here and one wait: of
every connected device there is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.arrivals import Arrivals, Listening
from mx_core.homeserver.mailboxes.deliveries import Envelope, Notice, Waiting
from mx_core.homeserver.people import accounts
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.model.clock import Now
from mx_core.model.errors import BadCredentials, Refused
from mx_core.proto.client_pb2 import Arrived, Delivery, FateNotice, QueueEmpty
from mx_core.proto.federation_pb2 import BlobRef, Item

_log = structlog.get_logger()

WINDOW_MAX: Final = 256
_ACKS_MAX: Final = 1_024
_AT_A_TIME: Final = 16  # rows read at once: at most 16 × (64 + 64) KiB in memory
_INLINE_OCTETS_MAX: Final = 256 * 1024

_Device = tuple[int, bytes]
_Rows = list[Waiting] | None
_Look = Callable[[Callable[[sa.Connection], _Rows]], Awaitable[_Rows]]


class _Stream:
    """What one open stream has given out; all on the event loop."""

    __slots__ = ("_window", "changed", "in_flight", "superseded")

    def __init__(self, changed: Listening, window: int) -> None:
        self.changed = changed
        self.in_flight: set[int] = set()
        self.superseded = False
        self._window = window

    @property
    def room(self) -> int:
        """Return how many more may be given out."""
        return self._window - len(self.in_flight)

    def acknowledged(self, sequences: Sequence[int]) -> None:
        """Make room; only a stream that had none has something to look for."""
        had_none = self.room <= 0
        self.in_flight.difference_update(sequences)
        if had_none:
            self.changed.set()


class Collector:
    """The open streams of all devices, at most one for each."""

    def __init__(
        self, database: Transactions, blobs: BlobStore, arrivals: Arrivals, *, now: Now
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._arrivals = arrivals
        self._now = now
        self._streams: dict[_Device, _Stream] = {}
        self._closed = False  # no stream begins any more

    async def stream(self, whose: Awaitable[Session], window: int) -> AsyncIterator[Delivery]:
        """Yield what waits, then ``QueueEmpty`` once, then what comes.

        Raises:
            BadCredentials: The session has run out, or its device was removed; as *whose*.
        """
        session = await whose
        del whose  # it is as large as when it ran
        now = int(self._now())
        await self._database.write(
            lambda tx: accounts.touch_device(tx, session.mailbox_id, session.device_id, now)
        )
        with self._arrivals.listen(session.mailbox_id) as changed:
            stream = self._begun(session, changed, min(max(window, 1), WINDOW_MAX))
            given = 0  # the highest sequence given out on this stream
            told_empty = False
            try:
                while not stream.superseded:
                    changed.clear()
                    most = min(stream.room, _AT_A_TIME)
                    if most > 0:
                        # what has just come is in memory: what waited for long may not be
                        look = self._database.read_few if told_empty else self._database.read
                        rows = await self._next(session, given, most, look)
                        for row in rows:
                            stream.in_flight.add(row.sequence)
                            given = row.sequence
                            yield await self._delivery(row)
                        if len(rows) == most:
                            continue
                        # that was all: whatever is committed from here on announces itself
                        if not told_empty:
                            told_empty = True
                            yield Delivery(queue_empty=QueueEmpty())
                    if not await changed.wait(max(session.expires - self._now(), 0)):
                        raise BadCredentials("this session is over: authenticate again")
            finally:
                self._over(session, stream)

    async def acknowledge(self, session: Session, acked: Sequence[int]) -> None:
        """Note what the device holds durably, and delete what nobody needs any more.

        Then there is room in the window of its stream.

        Raises:
            Refused: Too many at a time.
        """
        sequences = list(dict.fromkeys(acked))
        if len(sequences) > _ACKS_MAX:
            raise Refused(f"at most {_ACKS_MAX} acknowledgements at a time")
        now = int(self._now())
        failpoint.reach("acked")
        deleted = await self._database.write(
            lambda tx: deliveries.acknowledge(
                tx, session.mailbox_id, session.device_id, sequences, now
            )
        )
        if deleted:
            # Crash here: the rows are gone, and every device that counts holds them.
            failpoint.reach("deleted")
        stream = self._streams.get((session.mailbox_id, session.device_id))
        if stream is not None:
            stream.acknowledged(sequences)
        _log.info(
            "delivery_acked", mailbox=session.mailbox_id, items=len(sequences), deleted=deleted
        )

    def dismiss(self, mailbox_id: int) -> None:
        """Let every stream of the mailbox look whether its device is still active."""
        self._arrivals.announce(mailbox_id)

    def end_all(self) -> None:
        """End every stream, also those about to begin: the server stops.

        Devices come again to the next process.
        """
        self._closed = True
        for stream in self._streams.values():
            stream.superseded = True
            stream.changed.set()

    def _begun(self, session: Session, changed: Listening, window: int) -> _Stream:
        """Return the stream of the device from now on."""
        device = (session.mailbox_id, session.device_id)
        stream = _Stream(changed, window)
        stream.superseded = self._closed
        previous = self._streams.pop(device, None)
        if previous is not None:
            # the device has reconnected, and its old connection does not know it yet
            previous.superseded = True
            previous.changed.set()
        self._streams[device] = stream
        return stream

    def _over(self, session: Session, stream: _Stream) -> None:
        device = (session.mailbox_id, session.device_id)
        if self._streams.get(device) is stream:
            del self._streams[device]

    async def _next(self, session: Session, after: int, limit: int, look: _Look) -> list[Waiting]:
        def read(tx: sa.Connection) -> _Rows:
            if accounts.device_key(tx, session.mailbox_id, session.device_id) is None:
                return None
            return deliveries.waiting(tx, session.mailbox_id, session.device_id, after, limit)

        rows = await look(read)
        if rows is None:
            raise BadCredentials("this device is no longer active")
        return rows

    async def _delivery(self, row: Waiting) -> Delivery:
        match row.what:
            case Notice() as notice:
                return Delivery(
                    sequence=row.sequence,
                    fate=FateNotice(
                        env_id=notice.env_id,
                        relayed=notice.relayed,
                        status=notice.status,
                        reason=notice.reason,
                        postage_bits=notice.postage_bits,
                        unreadable=notice.unreadable,
                    ),
                )
            case Envelope() as envelope:
                item = Item(
                    envelope=envelope.envelope,
                    deliver_by=envelope.deliver_by,
                    token=envelope.token,
                )
                if envelope.body.size <= _INLINE_OCTETS_MAX and not envelope.body_stays:
                    item.body = await self._blobs.read(envelope.body)
                else:
                    item.body_ref.CopyFrom(
                        BlobRef(id=envelope.body.blob_id, size=envelope.body.size)
                    )
                return Delivery(
                    sequence=row.sequence,
                    arrived=Arrived(
                        peer_domain=envelope.peer_domain,
                        item=item,
                        body_stays=envelope.body_stays,
                    ),
                )
