"""What goes beside an envelope so that it is let in: a contact's token, or postage.  Spec/admission.

Postage is paid when it was asked for and not before: most people are contacts, and some domains
ask for none.  The work is done in a thread, in short pieces: the event loop goes on.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from mx_core.admission.postage import search
from mx_core.admission.token import look_up_token, tag_of, token_for, week_of
from mx_core.carrier_port import Parcel
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.model.stamp import Stamp
from mx_core.store.people.contact import Contact, Contacts
from mx_core.store.people.contact_secret import ContactSecrets
from mx_core.store.people.held_invitation import HeldInvitation
from mx_core.trust.pin import Pin

_PIECE: Final = 10_000  # tries between two rests: about 7 ms
_REST_SECONDS: Final = 0.0005


class Franking:
    """See the module.  One parcel is worked for at a time."""

    def __init__(self, secrets: ContactSecrets, contacts: Contacts, now: Now) -> None:
        self._secrets = secrets
        self._contacts = contacts
        self._now = now
        self._turn = asyncio.Lock()

    async def mine(self, pid: Pid) -> bytes:
        """Return the secret that goes to *pid* inside of mail."""
        return await self._secrets.mine(pid)

    async def invited(self, pid: Pid) -> bytes:
        """Return what shows *pid*, inside of mail, that we use an invitation of theirs; or b""."""
        held = await self._secrets.held.of(pid)
        return b"" if held is None else held.proof

    async def try_other(self, contact: Contact | None) -> bool:
        """Have tokens made of the other secret of an invitation; False if there is none to try.

        Whether they have noticed its use is known to them alone.
        """
        held = await self._held(contact)
        if contact is None or held is None:
            return False
        await self._secrets.held.note_used(Pin.decode(contact.pin).pid, used=not held.is_used)
        return True

    async def unused(self, recipient: Address) -> Pid | None:
        """Return whose invitation is shown to *recipient* as one that was not used yet, or None."""
        contact = await self._contacts.get(recipient)
        held = await self._held(contact)
        if contact is None or held is None or held.is_used:
            return None
        return Pin.decode(contact.pin).pid

    async def stamp(self, parcel: Parcel) -> Stamp:
        """Return what goes beside *parcel*; nothing if they gave no secret and ask for nothing."""
        if parcel.postage_bits:
            async with self._turn:
                return Stamp(postage=await asyncio.to_thread(_pay, parcel))
        tag = await self._tag(await self._contacts.get(parcel.recipient))
        if tag is None:
            return Stamp()
        return Stamp(token=token_for(tag, parcel.env_id, parcel.deliver_by))

    async def look_up_token(self, asked: Address, contact: Contact | None) -> bytes:
        """Return what shows us to who answers contacts only; b"" to whom we are none."""
        tag = await self._tag(contact)
        return b"" if tag is None else look_up_token(tag, str(asked.canonical()))

    async def _tag(self, contact: Contact | None) -> bytes | None:
        secret = None
        if contact is not None:
            secret = await self._secrets.theirs(Pin.decode(contact.pin).pid)
        if secret is None:
            held = await self._held(contact)
            secret = None if held is None else held.secret
        return None if secret is None else tag_of(secret, week_of(self._now()))

    async def _held(self, contact: Contact | None) -> HeldInvitation | None:
        if contact is None:
            return None
        return await self._secrets.held.of(Pin.decode(contact.pin).pid)


def _pay(parcel: Parcel) -> bytes:
    """Return postage; 20 bits take about a second."""
    start, route = 0, str(parcel.recipient.canonical()).encode()
    while True:
        found = search(
            parcel.postage_bits,
            route=route,
            env_id=parcel.env_id,
            deliver_by=parcel.deliver_by,
            start=start,
            tries=_PIECE,
        )
        if found is not None:
            return found
        start += _PIECE
        time.sleep(_REST_SECONDS)
