"""What a person may do about whom they write to: look, compare keys, accept a change."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from mnemonic import Mnemonic
from msgspec.structs import replace

from gateway.accounts.person import Person
from mx_core.model.address import Address
from mx_core.model.errors import Refused, Untrusted
from mx_core.model.ids import Pid
from mx_core.store.outbox.reader import State
from mx_core.store.people.contact import Contact
from mx_core.trust.fingerprint import Shown, safety_words
from mx_core.trust.pin import Pin, Tier


async def known(person: Person) -> list[dict[str, Any]]:
    """Return everybody whose passport is pinned, in order of address."""
    return [await _shown(person, one) for one in await person.store.contacts.all()]


async def compared(person: Person, address: Address) -> dict[str, Any]:
    """Return the words that both people read, and the code that this person shows."""
    _, pin = await _pinned(person, address)
    own = person.own
    words = await asyncio.to_thread(safety_words, own.pid, pin.pid, _word_list())
    code = Shown(own.pid, pin.pid, own.state.seq, own.state.head).text()
    return {"address": str(address), "tier": _tier(pin), "words": list(words), "code": code}


async def verify(person: Person, address: Address, code: str) -> None:
    """Note that keys were compared: by the words, or by the *code* that the other one showed.

    Raises:
        Untrusted: ``qr``: the code is of another passport than the pinned one, or meant for
            somebody else.
    """
    contact, pin = await _pinned(person, address)
    if code:
        _check_code(Shown.read(code), mine=person.own.pid, theirs=pin.pid)
    verified = replace(pin, tier=Tier.VERIFIED)
    # Crash before this: nothing is verified, and the person sees that.
    await person.store.contacts.put(replace(contact, pin=verified.encode()))
    # Crash before this: their earlier mail keeps its mark until they are verified again.
    await person.store.relations.verified(pin.pid)


async def accept(person: Person, address: Address) -> int:
    """Accept *address* with the keys they have now; return how many held messages go on."""
    # Crash after this: the next message to them is told of once more.
    await person.store.incidents.judged(str(address.canonical()))
    await person.recipients.accepted(address)
    # Crash before this: the keys are accepted, and their mail still goes to Requests.
    await person.store.relations.accept((await _pinned(person, address))[1].pid)
    released = 0
    for item in await person.store.outbox.unsettled():
        if item.state is State.HELD and item.recipient.canonical() == address.canonical():
            released += await person.store.outbox.release(item.queue_id, item.recipient)
    person.outbound.wake()
    return released


async def _pinned(person: Person, address: Address) -> tuple[Contact, Pin]:
    contact = await person.store.contacts.get(address)
    if contact is None:
        raise Refused(f"{address} has not written to you, nor you to them: write to them first")
    return contact, Pin.decode(contact.pin)


def _check_code(shown: Shown, *, mine: Pid, theirs: Pid) -> None:
    if shown.mine != theirs:
        raise Untrusted("qr", "the code is of another key than the one that is kept here")
    if shown.yours != mine:
        raise Untrusted("qr", "the code was made for another key than yours")


async def _shown(person: Person, contact: Contact) -> dict[str, Any]:
    pin = Pin.decode(contact.pin)
    return {
        "address": str(contact.address),
        "tier": _tier(pin),
        "mail": (await person.store.relations.of(pin.pid)).name.lower(),
        "entries": pin.seq + 1,
    }


def _tier(pin: Pin) -> str:
    return pin.tier.name.lower()


@cache
def _word_list() -> list[str]:
    return list(Mnemonic("english").wordlist)
