"""The home server as its door sees it: who is there, and where ciphertext is kept.  spec/door §6.

The other side of a unix socket.  Items that wait while a call is under way go together with the
next one, so that many senders share one commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import grpc
import structlog
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.errors import (
    Busy,
    NoUsableEpoch,
    PeerUnreachable,
    Refused,
    Unavailable,
    UnknownRecipient,
    Untrusted,
)
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.proto import door_pb2, door_pb2_grpc
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DUPLICATE,
    NOT_AVAILABLE,
    TOO_LARGE,
    BlobChunk,
    BlobRef,
    Item,
)
from smtp_in.door.sealing import Sealable, Sealed, sealable

_log = structlog.get_logger()

INLINE_OCTETS_MAX: Final = 256 * 1024
_CHUNK_OCTETS: Final = 256 * 1024
_ITEMS_MAX: Final = 64
_WAITING_MAX: Final = 4 * _ITEMS_MAX
_CALLS_MAX: Final = 2  # one is being committed while the next is put together
_CALL_SECONDS: Final = 30.0
_TRANSFER_SECONDS: Final = 600.0
_KNOWN_SECONDS: Final = 30.0  # a device that is removed is sealed to no longer than that
_UNKNOWN_SECONDS: Final = 5.0
_CHOSEN_SECONDS: Final = 600.0  # an epoch begins and ends by the day
_KNOWN_MAX: Final = 10_000
_MESSAGE_OCTETS_MAX: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Begun:
    """What a door is lent when it begins."""

    domain: str
    key: Secret[SigningKey]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was said of a name; times are monotonic."""

    found: Sealable | None
    until: float
    card: bytes  # its digest: what has not changed need not be proved again
    chosen: float  # when the epochs were


class HomeServer:
    """One socket.  Owner: the event loop."""

    def __init__(self, socket: Path) -> None:
        """Nothing is asked before a call."""
        self._channel = grpc.aio.secure_channel(
            f"unix:{socket.absolute()}",
            grpc.local_channel_credentials(grpc.LocalConnectionType.UDS),
            options=[
                ("grpc.max_send_message_length", _MESSAGE_OCTETS_MAX),
                ("grpc.max_reconnect_backoff_ms", 2_000),
                ("grpc.initial_reconnect_backoff_ms", 200),
            ],
        )
        self._stub: Any = door_pb2_grpc.DoorStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._door_pk = b""  # of the key that was lent
        self.key_changed: Callable[[Begun], None] = lambda _begun: None
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Future[Sealable | None]] = {}
        self._waiting: asyncio.Queue[tuple[Item, asyncio.Future[int]]] = asyncio.Queue(_WAITING_MAX)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def begin(self) -> Begun:
        """Return the domain and the key that this door speaks for; raises Unavailable."""
        with _our_errors():
            reply = await self._stub.Begin(door_pb2.BeginRequest(), timeout=_CALL_SECONDS)
        begun = Begun(reply.domain, Secret(SigningKey(reply.key)))
        self._door_pk = bytes(begun.key.reveal().verify_key)
        return begun

    async def person(self, address: Address) -> Sealable | None:
        """Return whom ordinary mail for *address* is sealed to; None: nobody, or no device of theirs.

        Raises:
            Unavailable: The home server does not answer, or no device has a key for now.
        """
        name = str(address)
        known = self._known.get(name)
        if known is not None and known.until > time.monotonic():
            self._known.move_to_end(name)
            return known.found
        asking = self._asking.get(name)
        if asking is None:  # many messages for one person wait for one answer
            asking = asyncio.ensure_future(self._asked(name, known))
            self._asking[name] = asking
            asking.add_done_callback(lambda done: self._heard(name, done))
        return await asyncio.shield(asking)

    async def keep(self, sealed: Sequence[Sealed]) -> None:
        """Return once all of *sealed* is durable at the home server.

        Raises:
            UnknownRecipient: One of them takes no mail any more; the others have it.
            Unavailable: Not now, for at least one of them.
        """
        items = [await self._item(each) for each in sealed]
        statuses = await asyncio.gather(*(self._kept(item) for item in items))
        if all(status in {ACCEPTED, DUPLICATE} for status in statuses):
            return
        for each, status in zip(sealed, statuses, strict=True):
            if status == NOT_AVAILABLE:
                self._known.pop(each.route, None)
        late = {status for status in statuses if status not in {ACCEPTED, DUPLICATE}}
        if late == {NOT_AVAILABLE} and len(sealed) == 1:
            raise UnknownRecipient("no such address takes mail here")
        if TOO_LARGE in late:
            raise Refused("the message is larger than this domain takes")
        raise Busy("the mailbox takes no more mail for now")

    async def run(self) -> None:
        """Bring what waits, in batches, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_CALLS_MAX):
                tasks.create_task(self._bring())

    def _heard(self, name: str, done: asyncio.Future[Sealable | None]) -> None:
        """Let go of a question; its error was raised to whoever still waited."""
        self._asking.pop(name, None)
        if not done.cancelled():
            done.exception()

    async def _asked(self, name: str, known: _Known | None) -> Sealable | None:
        with _our_errors():
            request = door_pb2.RecipientRequest(address=name)
            reply = await self._stub.Recipient(request, timeout=_CALL_SECONDS)
        now, digest = time.monotonic(), b2_plain(reply.card)
        if not reply.card:
            self._keep(name, _Known(None, now + _UNKNOWN_SECONDS, b"", now))
            return None
        if known is not None and known.card == digest and now < known.chosen + _CHOSEN_SECONDS:
            self._keep(name, replace(known, until=now + _KNOWN_SECONDS))
            return known.found
        try:
            found = sealable(reply.card, time.time())
        except Untrusted as error:
            _log.error("card_not_proved", failure=error.failure)  # of our own home server
            raise NoUsableEpoch("the keys of this address do not prove themselves now") from error
        self._keep(name, _Known(found, now + _KNOWN_SECONDS, digest, now))
        return found

    def _keep(self, name: str, known: _Known) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        if len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)

    async def _kept(self, item: Item) -> int:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        await self._waiting.put((item, answer))
        return await answer

    async def _bring(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < _ITEMS_MAX and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            batch = [one for one in batch if not one[1].cancelled()]
            if batch:
                await self._bring_batch(batch)

    async def _bring_batch(self, batch: Sequence[tuple[Item, asyncio.Future[int]]]) -> None:
        try:
            with _our_errors():
                request = door_pb2.DeliverRequest(
                    items=[item for item, _ in batch], door_pk=self._door_pk
                )
                reply = await self._stub.Deliver(request, timeout=_CALL_SECONDS)
            if reply.stale:
                self.key_changed(await self.begin())
                _log.warning("door_key_changed")
                raise Busy("this domain has a new key; come again")
        except (Unavailable, Refused) as error:
            for _, answer in batch:
                if not answer.cancelled():
                    answer.set_exception(error)
            return
        for (_, answer), told in zip(batch, reply.items, strict=True):
            if not answer.cancelled():
                answer.set_result(told.status)

    async def _item(self, sealed: Sealed) -> Item:
        item = Item(
            route=sealed.route.encode(), envelope=sealed.envelope, deliver_by=sealed.deliver_by
        )
        if len(sealed.body) <= INLINE_OCTETS_MAX:
            item.body = sealed.body
        else:
            item.body_ref.CopyFrom(await self._put(sealed.body))
        return item

    async def _put(self, octets: bytes) -> BlobRef:
        ref = BlobRef(id=b2_plain(octets), size=len(octets))

        async def chunks() -> AsyncIterator[BlobChunk]:
            for at in range(0, len(octets), _CHUNK_OCTETS):
                piece = octets[at : at + _CHUNK_OCTETS]
                yield BlobChunk(ref=ref if at == 0 else None, offset=at, octets=piece)

        with _our_errors():
            reply = await self._stub.PutBlob(chunks(), timeout=_TRANSFER_SECONDS)
        if reply.held != len(octets):
            raise Busy("the home server did not keep the whole message")
        return ref


@contextlib.contextmanager
def _our_errors() -> Iterator[None]:
    """Turn what gRPC raises into errors of ours: whatever it is, the sender comes again."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        _log.warning("home_server_failed", code=error.code().name)
        raise PeerUnreachable("the server behind this door does not answer now") from error
