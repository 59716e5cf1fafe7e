"""``mx-home`` of a domain that does not let its people go; all else of it is as it should be.

``python -m tests.support.hostile_home LIE serve --dir …``.  Without the lie the same program, over the
same files, lets them go: every test starts from that.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.homeserver.__main__ import main as serve
from mx_core.homeserver.doors.client_service import ClientService
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.people import accounts, publish
from mx_core.homeserver.people.accounts import NewDevice, NewEpoch
from mx_core.homeserver.people.publish import Publisher
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


def _is_move(signed_entry: bytes) -> bool:
    return any(isinstance(op, Move) for op in SignedEntry.decode(signed_entry).entry.ops)


def _on_move(does: Callable[[Publisher, Any, bytes], Any]) -> None:
    """Have *does* answer an entry that is a move, in place of what should be done."""
    true = Publisher.append

    async def append(self: Publisher, session: Any, signed_entry: bytes) -> Any:
        if not _is_move(signed_entry):
            return await true(self, session, signed_entry)
        return await does(self, session, signed_entry), frozenset()

    Publisher.append = append  # type: ignore[method-assign]


async def _as_if(self: Publisher, session: Any, signed_entry: bytes) -> bytes:
    """Return the card as it should be, really signed, and kept by nobody."""
    card = Card.decode(await self.own_card(session))
    entries = (*card.entries, signed_entry)
    state = chain.verify_chain(entries, now=self._now())
    attestation = attest(self._key.reveal(), Binding.of(state, card.address), int(self._now()))
    return replace(card, entries=entries, attestation=attestation, log_proof=None).encode()


def refuses() -> None:
    """Take no move."""

    async def refuse(_self: Publisher, _session: Any, _entry: bytes) -> bytes:
        raise NotPermitted("nobody leaves this domain")

    _on_move(refuse)


def hides() -> None:
    """Say that the move is taken, and show everybody else the person as before."""
    _on_move(_as_if)


def another() -> None:
    """Say that the move is taken, and give the address to somebody else, logged as it should be."""

    async def give_away(self: Publisher, session: Any, signed_entry: bytes) -> bytes:
        answer = await _as_if(self, session, signed_entry)
        now, member = int(self._now()), publish._member
        identity, recovery, key = (SigningKey.generate() for _ in range(3))
        device = DeviceId(secrets.token_bytes(16))

        def store(tx: sa.Connection) -> None:
            address = Address.parse(member(tx, session).address)
            entry = make.genesis(address, identity, recovery, key, device, now)
            state = chain.verify_chain([entry], now=now)
            public = bytes(PrivateKey.generate().public_key)
            epoch = sign_epoch(key, new_epoch(state.pid, device, 1, public, now))
            tx.execute(
                MAILBOX.update()
                .where(MAILBOX.c.mailbox_id == session.mailbox_id)
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

        await self._database.write(store)
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
