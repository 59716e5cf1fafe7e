"""Exactly once, whatever the server repeats."""

import pytest

from mx_core.model.address import Address
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.mailbox_name import INBOX
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from mx_core.trust.pin import seen_at
from tests.support.people import make_person
from tests.support.stores import form_of

OCTETS = b"Subject: x\r\n\r\nhello\r\n"
BOB = Address("bob", "b.example")
PIN = make_person(str(BOB)).pin()


async def receive(store: AccountStore, msg_id: bytes = b"m" * 16, **more: object) -> bool:
    return await store.inbox.receive(
        msg_id=MsgId(msg_id),
        env_id=EnvId(b"e" * 32),
        octets=OCTETS,
        form=form_of(OCTETS),
        epoch=1,
        **more,  # type: ignore[arg-type]  # a test's shorthand
    )


@pytest.mark.anyio
async def test_a_message_given_twice_is_stored_once(store: AccountStore) -> None:
    assert await receive(store)
    assert not await receive(store)
    assert await receive(store, b"n" * 16)

    assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 2


@pytest.mark.anyio
async def test_a_repeated_message_does_not_turn_the_pin_back(store: AccountStore) -> None:
    newer, older = (seen_at(PIN, version).encode() for version in (2, 1))
    await receive(store, contact=Contact(BOB, newer))
    await receive(store, contact=Contact(BOB, older))

    assert await store.contacts.get(BOB) == Contact(BOB, newer)


@pytest.mark.anyio
async def test_a_refused_envelope_is_noted_once(store: AccountStore) -> None:
    await store.inbox.refuse(EnvId(b"x" * 32), "b.example", "bad-signature")
    await store.inbox.refuse(EnvId(b"x" * 32), "b.example", "other")

    [noted] = await store.inbox.refusals()
    assert (noted.peer_domain, noted.failure) == ("b.example", "bad-signature")


@pytest.mark.anyio
async def test_a_contact_is_found_by_any_spelling_of_the_address(store: AccountStore) -> None:
    pin = PIN.encode()
    await store.contacts.put(Contact(Address("Bob+list", "b.example"), pin, b"chain"))

    assert await store.contacts.get(Address("BOB", "b.example")) == Contact(BOB, pin, b"chain")
    assert await store.contacts.all() == [Contact(BOB, pin, b"chain")]
    assert await store.contacts.get(Address("eve", "b.example")) is None
