"""What goes beside a parcel: a token to whom gave a secret, postage to whom asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.sending.franking import Franking
from mx_core.admission.postage import is_paid
from mx_core.admission.token import admits, opens, tag_of, week_of
from mx_core.carrier_port import Parcel
from mx_core.model.address import Address
from mx_core.model.ids import EnvId
from mx_core.model.stamp import UNSTAMPED
from mx_core.store.people import contact_secret
from mx_core.store.people.contact import Contact
from mx_core.trust.pin import Pin
from tests.support.people import NOW, make_person
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

BOB = Address.parse("bob@b.example")
SECRET = b"s" * 32


def _parcel(bits: int = 0) -> Parcel:
    return Parcel(Address("Bob+tag", "b.example"), EnvId(b"e" * 32), b"", b"", 7, bits)


async def test_a_token_of_this_week_goes_to_whom_gave_a_secret(tmp_path: Path) -> None:
    clock, person = Clock(NOW), make_person(str(BOB))
    store = open_store(tmp_path, clock)
    franking = Franking(store.secrets, store.contacts, clock)
    pin = Pin(person.state.pid, person.state.seq, person.state.head)
    contact = Contact(BOB, pin.encode())
    try:
        assert await franking.stamp(_parcel()) == UNSTAMPED
        await store.contacts.put(contact)
        assert await franking.stamp(_parcel()) == UNSTAMPED
        assert await franking.look_up_token(BOB, contact) == b""

        await store.mail.write_with(
            lambda _, tx: contact_secret.take(tx, person.state.pid, SECRET, 1)
        )
        stamp, shown = await franking.stamp(_parcel()), await franking.look_up_token(BOB, contact)
    finally:
        store.close()

    tag = tag_of(SECRET, week_of(NOW))
    assert admits([tag], stamp.token, b"e" * 32, 7)
    assert stamp.postage == b""
    assert opens([tag], shown, "bob@b.example")
    assert not opens([tag], stamp.token, "bob@b.example")  # one can not be used as the other


async def test_postage_that_was_asked_for_is_paid_to_the_mailbox_that_asked(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)
    try:
        stamp = await Franking(store.secrets, store.contacts, Clock(NOW)).stamp(_parcel(13))
    finally:
        store.close()

    assert stamp.token == b""
    assert is_paid(stamp.postage, 13, route=b"bob@b.example", env_id=b"e" * 32, deliver_by=7)
