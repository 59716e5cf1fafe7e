"""``mx-home`` of a domain that does not let its people go; all else of it is as it should be.

``python -m tests.support.hostile_home LIE serve --dir …``.  Without the lie the same program, over the
same files, lets them go: every test starts from that.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.homeserver.__main__ import main as serve
from mx_core.homeserver.doors.client_service import ClientService, Rooms
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.people import accounts
from mx_core.homeserver.people.accounts import NewDevice, NewEpoch
from mx_core.homeserver.schema import MAILBOX
from mx_core.model.address import Address
from mx_core.model.errors import BadCredentials, NotPermitted
from mx_core.model.ids import DeviceId
from mx_core.passport import chain, make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.entry import SignedEntry
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.op import Move
from mx_core.proto import client_pb2


def _is_move(signed_entry: bytes) -> bool:
    return any(isinstance(op, Move) for op in SignedEntry.decode(signed_entry).entry.ops)


def _on_move(does: Callable[[Rooms, Session, bytes], Awaitable[bytes]]) -> None:
    """Have *does* answer an entry that is a move with a card, in place of what should be done."""
    true = ClientService.AppendPassport

    async def append(self: ClientService, request: Any, context: Any) -> client_pb2.CardReply:
        if not _is_move(request.signed_entry):
            return await true(self, request, context)
        rooms = self._rooms
        session = await rooms.callers.session(context)
        return client_pb2.CardReply(card=await does(rooms, session, request.signed_entry))

    ClientService.AppendPassport = append  # type: ignore[method-assign]  # a lie


async def _as_if(rooms: Rooms, session: Session, signed_entry: bytes) -> bytes:
    """Return the card as it should be, really signed, and kept by nobody."""
    card = Card.decode(await rooms.cards.own(session))
    entries = (*card.entries, signed_entry)
    state = chain.verify_chain(entries, now=rooms.now())
    key = rooms.cards._key.reveal()
    attestation = attest(key, Binding.of(state, card.address), int(rooms.now()))
    return replace(card, entries=entries, attestation=attestation, log_proof=None).encode()


def refuses() -> None:
    """Take no move."""

    async def refuse(_rooms: Rooms, _session: Session, _entry: bytes) -> bytes:
        raise NotPermitted("nobody leaves this domain")

    _on_move(refuse)


def hides() -> None:
    """Say that the move is taken, and show everybody else the person as before."""
    _on_move(_as_if)


def another() -> None:
    """Say that the move is taken, and give the address to somebody else, logged as it should be."""

    async def give_away(rooms: Rooms, session: Session, signed_entry: bytes) -> bytes:
        answer = await _as_if(rooms, session, signed_entry)
        now, box = int(rooms.now()), session.mailbox_id
        identity, recovery, key = (SigningKey.generate() for _ in range(3))
        device = DeviceId(secrets.token_bytes(16))

        def store(tx: sa.Connection) -> None:
            address = Address.parse(accounts.by_device(tx, box, session.device_id).address)
            entry = make.genesis(address, identity, recovery, key, device, now)
            state = chain.verify_chain([entry], now=now)
            public = bytes(PrivateKey.generate().public_key)
            epoch = sign_epoch(key, new_epoch(state.pid, device, 1, public, now))
            tx.execute(
                MAILBOX.update()
                .where(MAILBOX.c.mailbox_id == box)
                .values(address=f"gone-{address}")
            )
            log_rows.enqueue(tx, str(address), Binding.of(state).encode())
            accounts.create(
                tx,
                str(address),
                state.pid,
                signed_entries=[entry],
                devices=[NewDevice(device, bytes(key.verify_key))],
                epochs=[NewEpoch(device, 1, epoch)],
                now=now,
            )

        await rooms.database.write(store)
        return answer

    _on_move(give_away)


def keeps() -> None:
    """Let nobody in who lived here: what waits for them is given out to nobody."""

    async def authenticate(_self: ClientService, _request: Any, _context: Any) -> Any:
        raise BadCredentials("no such device")

    ClientService.Authenticate = authenticate  # type: ignore[method-assign, assignment]  # a lie


LIES = {one.__name__: one for one in (refuses, hides, another, keeps)}

if __name__ == "__main__":
    LIES[sys.argv.pop(1)]()
    serve()
