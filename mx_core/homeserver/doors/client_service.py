"""The client listener: what a gateway asks of its own home server.  docs/spec/client.md.

A thin shell: reads the session, calls what knows, and says when a step is durable.  Errors of
our tree become answers in ``refusals``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from typing_extensions import override

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.doors import chunks
from mx_core.homeserver.doors.callers import Callers, Context
from mx_core.homeserver.doors.device_sessions import Proof, Session
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.collect import Collector
from mx_core.homeserver.people import collect_tokens, doorway, meetings
from mx_core.homeserver.people.cards import Cards
from mx_core.homeserver.people.lookup import AskPeer, LookUps
from mx_core.homeserver.people.passports import Passports
from mx_core.homeserver.queue.submit import Submitter
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import Body
from mx_core.model.clock import Now
from mx_core.model.errors import Busy, Refused
from mx_core.proto import client_pb2, federation_pb2
from mx_core.proto.client_pb2_grpc import ClientServicer

FetchBody = Callable[[str, bytes, int], Awaitable[bytes]]  # (peer, name, octets)
TellUnreadable = Callable[[str, bytes, bytes], Awaitable[bool]]  # (peer, env_id, signed)
ReadLog = Callable[[str, str], Awaitable[bytes | None]]  # (domain, path)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What stands behind the listener."""

    database: Transactions
    callers: Callers
    passports: Passports
    cards: Cards
    look_ups: LookUps
    ask_peer: AskPeer
    fetch_body: FetchBody
    unreadable: TellUnreadable
    rating: Rating
    read_log: ReadLog
    submitter: Submitter
    collector: Collector
    blobs: BlobStore
    door: bool  # ordinary mail is taken at a door of this domain
    now: Now


class ClientService(ClientServicer):
    """One listener."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    # ── without a session ────────────────────────────────────────────────────────────
    @override
    async def Register(
        self, request: client_pb2.RegisterRequest, context: Context
    ) -> client_pb2.RegisterReply:
        """Make a mailbox for a genesis entry and an invite."""
        member = await self._rooms.passports.register(
            request.invite,
            request.signed_entry,
            list(request.signed_epochs),
            list(request.earlier_entries),
        )
        return client_pb2.RegisterReply(card=await self._rooms.cards.of(member))

    @override
    async def Challenge(
        self, request: federation_pb2.ChallengeRequest, context: Context
    ) -> client_pb2.ChallengeReply:
        """Give a nonce, and the leaf that the device binds its signature to."""
        nonce, expires, leaf = self._rooms.callers.challenge()
        return client_pb2.ChallengeReply(nonce=nonce, expires=expires, leaf=leaf.der)

    @override
    async def Authenticate(
        self, request: client_pb2.AuthenticateRequest, context: Context
    ) -> client_pb2.AuthenticateReply:
        """Open a session for the device that signed the nonce."""
        proof = Proof(request.pid, request.device_id, request.nonce, request.signature)
        octets, session = await self._rooms.callers.authenticate(proof)
        return client_pb2.AuthenticateReply(session=octets, expires=session.expires)

    @override
    async def RecoveryCard(
        self, request: client_pb2.RecoveryCardRequest, context: Context
    ) -> client_pb2.CardReply:
        """Give the card of an address to whoever holds a recovery sheet of it."""
        card = await self._rooms.cards.for_recovery(request.address, request.recovery_pk)
        return client_pb2.CardReply(card=card)

    @override
    async def Recover(
        self, request: client_pb2.RecoverRequest, context: Context
    ) -> client_pb2.CardReply:
        """Give a passport to the device that its recovery sheet names; the others are out."""
        member = await self._rooms.passports.recover(
            request.signed_entry, list(request.signed_epochs)
        )
        card = await self._rooms.cards.of(member)
        self._rooms.collector.dismiss(member.mailbox_id)
        return client_pb2.CardReply(card=card)

    @override
    async def Meet(self, request: client_pb2.MeetRequest, context: Context) -> client_pb2.MeetReply:
        """Keep a word of one device for another that it would link, and give the other's."""
        now, session = int(self._rooms.now()), await self._rooms.callers.known(context)
        owner = None if session is None else session.mailbox_id
        word = meetings.Word(request.rendezvous, request.number, request.octets, request.listen)
        found = await meetings.meet(self._rooms.database, owner, word, now)
        return client_pb2.MeetReply(open=found is not None, octets=found or b"")

    # ── the passport ─────────────────────────────────────────────────────────────────
    @override
    async def AppendPassport(
        self, request: client_pb2.AppendPassportRequest, context: Context
    ) -> client_pb2.CardReply:
        """Append an entry that follows the present head."""
        session = await self._rooms.callers.session(context)
        member, gone = await self._rooms.passports.append(session, request.signed_entry)
        card = await self._rooms.cards.of(member)
        if gone:
            self._rooms.collector.dismiss(session.mailbox_id)
        return client_pb2.CardReply(card=card)

    @override
    async def PublishEpoch(
        self, request: client_pb2.PublishEpochRequest, context: Context
    ) -> client_pb2.CardReply:
        """Hand out an epoch of the calling device."""
        session = await self._rooms.callers.session(context)
        member = await self._rooms.passports.publish_epoch(session, request.signed_epoch)
        return client_pb2.CardReply(card=await self._rooms.cards.of(member))

    @override
    async def CollectToken(
        self, request: client_pb2.CollectTokenRequest, context: Context
    ) -> client_pb2.CollectTokenReply:
        """Give the calling device a token that only collects, or take it back."""
        session = await self._rooms.callers.session(context)
        device, now = (session.mailbox_id, session.device_id), int(self._rooms.now())
        database, seconds = self._rooms.database, request.seconds
        token, expires = await collect_tokens.give(database, device, seconds, now)
        return client_pb2.CollectTokenReply(token=token, expires=expires)

    @override
    async def OwnCard(
        self, request: client_pb2.OwnCardRequest, context: Context
    ) -> client_pb2.CardReply:
        """Give the card that others are given."""
        session = await self._rooms.callers.session(context)
        return client_pb2.CardReply(card=await self._rooms.cards.own(session))

    @override
    async def LookUp(
        self, request: federation_pb2.LookUpRequest, context: Context
    ) -> federation_pb2.LookUpReply:
        """Give the card of anybody, padded."""
        session = await self._rooms.callers.session(context)
        return await self._rooms.look_ups.answer(
            str(session.mailbox_id), request, self._rooms.ask_peer
        )

    @override
    async def ReadLog(
        self, request: client_pb2.ReadLogRequest, context: Context
    ) -> federation_pb2.ReadLogReply:
        """Give a file of a domain's log, or what this server witnessed of it."""
        await self._rooms.callers.session(context)
        octets = await self._rooms.read_log(request.domain, request.path)
        return federation_pb2.ReadLogReply(octets=octets, found=octets is not None)

    @override
    async def OwnLog(
        self, request: client_pb2.OwnLogRequest, context: Context
    ) -> client_pb2.OwnLogReply:
        """Give what is logged of the caller's address, with its openings."""
        records = await self._rooms.cards.own_log(await self._rooms.callers.session(context))
        return client_pb2.OwnLogReply(
            records=[
                client_pb2.LogRecord(
                    version=one.version,
                    leaf_index=one.leaf_index,
                    opening=one.opening,
                    binding=one.binding,
                )
                for one in records
            ]
        )

    # ── mail ─────────────────────────────────────────────────────────────────────────
    @override
    async def Submit(
        self, request: client_pb2.SubmitRequest, context: Context
    ) -> client_pb2.SubmitReply:
        """Take an envelope for sending; ACCEPTED and DUPLICATE mean that it is durable."""
        session = await self._rooms.callers.session(context)
        reply = await self._rooms.submitter.submit(session, request.item)
        # Crash here: it is durable and will leave; the gateway asks again and hears DUPLICATE.
        failpoint.reach("committed")
        context.add_done_callback(lambda _: failpoint.reach("replied"))
        return reply

    @override
    async def Unreadable(
        self, request: client_pb2.UnreadableRequest, context: Context
    ) -> federation_pb2.UnreadableReply:
        """Tell the server of an envelope's sender that the calling device can not open it."""
        session, told = await self._rooms.callers.session(context), request.told
        self._must_not_be_fast(session)
        known = await self._rooms.unreadable(request.peer_domain, told.env_id, told.signed)
        return federation_pb2.UnreadableReply(known=known)

    @override
    def Collect(
        self, request: client_pb2.CollectRequest, context: Context
    ) -> AsyncIterator[client_pb2.Delivery]:
        """Stream what waits for the calling device."""
        return self._rooms.collector.stream(self._rooms.callers.collecting(context), request.window)

    @override
    async def Acknowledge(
        self, request: client_pb2.AcknowledgeRequest, context: Context
    ) -> client_pb2.AcknowledgeReply:
        """Note what the device holds durably, and delete what nobody needs any more."""
        session = await self._rooms.callers.collecting(context)
        await self._rooms.collector.acknowledge(session, request.sequences)
        return client_pb2.AcknowledgeReply()

    @override
    async def ReplaceTags(
        self, request: client_pb2.ReplaceTagsRequest, context: Context
    ) -> client_pb2.ReplaceTagsReply:
        """Let in whoever shows a token of one of these tags, and nobody else by a token."""
        session = await self._rooms.callers.session(context)
        tags, until = list(request.tags), request.good_until
        doorway.check_tags(tags, until, self._rooms.now())
        await self._rooms.database.write(
            lambda tx: doorway.replace_tags(tx, session.mailbox_id, tags, until)
        )
        # Crash here: the list is in force; the device gives the same one again.
        failpoint.reach("tagged")
        return client_pb2.ReplaceTagsReply()

    @override
    async def Door(self, request: client_pb2.DoorRequest, context: Context) -> client_pb2.DoorReply:
        """Tell whether ordinary mail for the caller is taken at the door, after the *change*."""
        session, change = await self._rooms.callers.session(context), request.change
        if change == client_pb2.DoorRequest.OPEN and not self._rooms.door:
            raise Refused("this home server has no door for ordinary mail; ask its operator")
        if change != client_pb2.DoorRequest.NOTHING:
            taken = change == client_pb2.DoorRequest.OPEN
            await self._rooms.database.write(
                lambda tx: doorway.take_ordinary(tx, session.mailbox_id, taken=taken)
            )
        is_open = await self._rooms.database.read(
            lambda tx: doorway.is_open(tx, session.mailbox_id)
        )
        return client_pb2.DoorReply(served=self._rooms.door, open=is_open)

    # ── bodies ───────────────────────────────────────────────────────────────────────
    @override
    async def PutBlob(
        self, request: AsyncIterator[federation_pb2.BlobChunk], context: Context
    ) -> federation_pb2.BlobReply:
        """Take a body in chunks."""
        session = await self._rooms.callers.session(context)
        held = await self._rooms.blobs.receive(f"mailbox {session.mailbox_id}", request)
        return federation_pb2.BlobReply(held=held)

    @override
    async def GetBlob(
        self, request: federation_pb2.BlobRequest, context: Context
    ) -> AsyncIterator[federation_pb2.BlobChunk]:
        """Give a body that waits for the caller, from an offset on."""
        session = await self._rooms.callers.collecting(context)
        size = await self._rooms.database.read(
            lambda tx: deliveries.holds_blob(tx, session.mailbox_id, request.id)
        )
        if size is None or request.offset > size:
            raise Refused("no such body waits for this mailbox")
        body = Body(None, request.id, size)
        async for chunk in chunks.stored(self._rooms.blobs, body, request):
            yield chunk

    @override
    async def FetchBody(
        self, request: client_pb2.FetchBodyRequest, context: Context
    ) -> AsyncIterator[federation_pb2.BlobChunk]:
        """Give a body that stayed at the server of a stranger, fetched from there now."""
        session, ref = await self._rooms.callers.session(context), request.ref
        self._must_not_be_fast(session)
        octets = await self._rooms.fetch_body(request.peer_domain, ref.id, ref.size)
        for chunk in chunks.cut(octets, ref):
            yield chunk

    def _must_not_be_fast(self, session: Session) -> None:
        if self._rooms.rating.submitting(session.mailbox_id):
            raise Busy("too much was sent and fetched in a minute; try again in one")
