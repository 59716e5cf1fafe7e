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
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import Pid
from mx_core.model.stamp import Stamp
from mx_core.ports import Parcel
from mx_core.store.contact import Contact, Contacts
from mx_core.store.contact_secret import ContactSecrets
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
        return None if secret is None else tag_of(secret, week_of(self._now()))


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
