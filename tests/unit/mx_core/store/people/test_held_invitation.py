"""Invitations of others: which secret makes tokens, and that an answer ends them."""

from __future__ import annotations

import pytest

from mx_core.admission.invitation import Invitation, secret_after, use_of
from mx_core.model.ids import Pid
from mx_core.store.account_store import AccountStore
from mx_core.store.people import contact_secret
from mx_core.store.people.contact import Contact
from mx_core.store.people.relation import Relation
from tests.support.people import make_person
from tests.support.stores import START, Clock

pytestmark = pytest.mark.anyio

BOB, OWN = make_person("bob@b.example"), Pid(b"o" * 32)
INVITATION = Invitation(BOB.address, BOB.pid, b"s" * 16, START + 100)
CONTACT = Contact(BOB.address, BOB.pin().encode(), BOB.chain)


async def test_who_is_known_by_it_is_pinned_and_accepted(store: AccountStore) -> None:
    assert await store.secrets.held.of(BOB.pid) is None

    await store.secrets.held.take_up(INVITATION, CONTACT, OWN)

    held = await store.secrets.held.of(BOB.pid)
    assert held is not None
    assert (held.secret, held.proof) == (INVITATION.secret, use_of(INVITATION.secret, OWN))
    assert not held.is_used
    assert await store.contacts.get(BOB.address) == CONTACT
    assert await store.relations.of(BOB.pid) is Relation.ACCEPTED


async def test_once_used_or_ended_the_secret_that_follows_makes_tokens(
    store: AccountStore, clock: Clock
) -> None:
    await store.secrets.held.take_up(INVITATION, CONTACT, OWN)
    after = secret_after(INVITATION.secret, OWN)

    await store.secrets.held.note_used(BOB.pid)
    used = await store.secrets.held.of(BOB.pid)
    await store.secrets.held.note_used(BOB.pid, used=False)
    unused = await store.secrets.held.of(BOB.pid)
    clock.at = START + 100
    ended = await store.secrets.held.of(BOB.pid)

    assert used is not None
    assert unused is not None
    assert ended is not None
    assert [used.secret, unused.secret, ended.secret] == [after, INVITATION.secret, after]
    assert [used.is_used, unused.is_used, ended.is_used] == [True, False, True]


async def test_it_is_forgotten_when_they_give_a_secret(store: AccountStore) -> None:
    await store.secrets.held.take_up(INVITATION, CONTACT, OWN)

    await store.mail.write_with(lambda _, tx: contact_secret.take(tx, BOB.pid, b"t" * 32, 1))

    assert await store.secrets.held.of(BOB.pid) is None
    assert await store.secrets.theirs(BOB.pid) == b"t" * 32
