"""``carrier_port.Carrier`` over the client listener of the own home server.  docs/spec/client.md §5 to §8.

Mail alone; what the account asks about itself is in ``membership``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import final

from typing_extensions import override

from mx_core import carrier_port
from mx_core.carriers.native import blobs
from mx_core.carriers.native.channel import our_errors
from mx_core.carriers.native.home import Home
from mx_core.model.address import Address
from mx_core.model.body_name import BodyName
from mx_core.model.errors import (
    BadCredentials,
    Busy,
    NotPermitted,
    UnknownRecipient,
)
from mx_core.model.ids import EnvId
from mx_core.model.octets import LONG_OCTETS, Octets, whole
from mx_core.model.stamp import UNSTAMPED, Stamp
from mx_core.notation.hashing import b2_plain
from mx_core.proto import client_pb2, federation_pb2

_WINDOW = 64


@final
class NativeCarrier(carrier_port.Carrier):
    """MailX itself."""

    def __init__(
        self,
        home: Home,
        *,
        message_octets: int,
        body_octets: int,
        begin_long: Callable[[], blobs.Spool] | None = None,
    ) -> None:
        """*message_octets* is announced to mail programs, *body_octets* bounds what is fetched.

        *begin_long* makes what a long body is kept in as it comes; None: it comes in memory.
        """
        self._begin_long = begin_long
        self.home = home
        self._message_octets = message_octets
        self._body_octets = body_octets

    @override
    async def resolve(self, recipient: Address, log_size: int = 0, token: bytes = b"") -> bytes:
        request = federation_pb2.LookUpRequest(
            address=str(recipient.canonical()), log_size=log_size, token=token
        )
        reply: federation_pb2.LookUpReply = await self.home.ask(lambda stub: stub.LookUp, request)
        if reply.retry_after:
            raise Busy(f"{recipient.domain} asks to be asked again in {reply.retry_after} s")
        if not reply.card:
            raise UnknownRecipient(f"{recipient.domain} has no mailbox for {recipient}")
        return bytes(reply.card)

    @override
    async def send(self, parcel: carrier_port.Parcel, stamp: Stamp = UNSTAMPED) -> None:
        item = federation_pb2.Item(
            route=str(parcel.recipient.canonical()).encode(),
            envelope=parcel.envelope,
            deliver_by=parcel.deliver_by,
            token=stamp.token,
            postage=stamp.postage,
        )
        if len(parcel.body) <= blobs.INLINE_OCTETS_MAX:
            item.body = whole(parcel.body)
        else:
            item.body_ref.CopyFrom(await blobs.put(self.home, parcel.body))
        reply: client_pb2.SubmitReply = await self.home.ask(
            lambda stub: stub.Submit, client_pb2.SubmitRequest(item=item)
        )
        match reply.status:
            case federation_pb2.ACCEPTED | federation_pb2.DUPLICATE:
                return
            case federation_pb2.DEFERRED | federation_pb2.RATE_LIMITED:
                raise Busy(f"the home server of {self.home.domain} takes no more mail for now")
            case status:
                name = federation_pb2.Status.Name(status)
                raise NotPermitted(f"the home server of {self.home.domain} answered {name}")

    @override
    async def collect(
        self,
    ) -> AsyncGenerator[carrier_port.Delivery, None]:
        try:
            async with aclosing(self._deliveries()) as deliveries:
                async for delivery in deliveries:
                    yield delivery
        except BadCredentials:
            # a server that restarted knows no session; a second refusal is about the device
            self.home.forget_session()
            async with aclosing(self._deliveries()) as deliveries:
                async for delivery in deliveries:
                    yield delivery

    @override
    async def acknowledge(self, sequences: Sequence[int]) -> None:
        await self.home.ask(
            lambda stub: stub.Acknowledge,
            client_pb2.AcknowledgeRequest(sequences=list(sequences)),
        )

    @override
    async def limit(self) -> int:
        return self._message_octets

    async def fetch_body(self, peer_domain: str, name: BodyName) -> bytes:
        """Return a body that stayed at the server of *peer_domain*, through the own home server.

        Raises:
            Unavailable: It could not be had now, or is kept no longer: that is not told apart.
            Untrusted: ``blob``: other octets than the name says.
        """
        ref = federation_pb2.BlobRef(id=name.id, size=name.size)
        return await blobs.fetch(self.home, peer_domain, ref, self._body_octets)

    async def unreadable(self, peer_domain: str, env_id: EnvId, signed: bytes) -> bool:
        """Tell whoever sent *env_id* that it cannot be opened; False: their server knows nobody.

        Raises:
            Unavailable: It could not be told now; telling it again is harmless.
        """
        told = federation_pb2.UnreadableRequest(env_id=env_id, signed=signed)
        reply: federation_pb2.UnreadableReply = await self.home.ask(
            lambda stub: stub.Unreadable,
            client_pb2.UnreadableRequest(peer_domain=peer_domain, told=told),
        )
        return bool(reply.known)

    async def _deliveries(self) -> AsyncGenerator[carrier_port.Delivery, None]:
        request = client_pb2.CollectRequest(window=_WINDOW)
        async with self.home.session() as (stub, metadata):
            with our_errors(self.home.domain):
                async for delivery in stub.Collect(request, metadata=metadata):
                    match delivery.WhichOneof("what"):
                        case "arrived":
                            spool = await self._long_body(delivery.arrived)
                            try:
                                yield await self._arrival(
                                    delivery.sequence, delivery.arrived, spool
                                )
                            finally:
                                if spool is not None:
                                    spool.discard()
                        case "fate":
                            yield _fate(delivery.sequence, delivery.fate)
                        case "queue_empty":
                            yield carrier_port.QueueEmpty()
                        case _:
                            continue  # a newer server's kind; not acknowledged, so it is kept

    async def _long_body(self, arrived: client_pb2.Arrived) -> blobs.Spool | None:
        ref = arrived.item.body_ref
        if self._begin_long is None or arrived.body_stays or ref.size <= LONG_OCTETS:
            return None
        return await blobs.get_long(self.home, ref, self._body_octets, self._begin_long)

    async def _arrival(
        self, sequence: int, arrived: client_pb2.Arrived, spool: blobs.Spool | None
    ) -> carrier_port.Arrival:
        item = arrived.item
        body: Octets = item.body
        if spool is not None:
            body = await asyncio.to_thread(spool.octets)
        elif arrived.body_stays:
            body = BodyName(item.body_ref.id, item.body_ref.size).encode()
        elif item.HasField("body_ref"):
            body = await blobs.get(self.home, item.body_ref, self._body_octets)
        return carrier_port.Arrival(
            sequence=sequence,
            env_id=EnvId(b2_plain(item.envelope)),
            envelope=item.envelope,
            body=body,
            peer_domain=arrived.peer_domain,
        )


def _fate(sequence: int, notice: client_pb2.FateNotice) -> carrier_port.FateNotice:
    return carrier_port.FateNotice(
        sequence=sequence,
        env_id=EnvId(notice.env_id),
        fate=carrier_port.Fate.RELAYED if notice.relayed else carrier_port.Fate.FAILED,
        reason=notice.reason,
        status=notice.status,
        postage_bits=notice.postage_bits,
        unreadable=notice.unreadable,
    )
