"""Secrets given and got: one for each person, kept, and none for whom the owner blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mx_core.model.address import Address
from mx_core.model.ids import EnvId, MsgId, Pid
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people import contact_secret, stale_secret
from mx_core.store.people.contact import Contact
from mx_core.store.people.relation import Author
from tests.support.people import make_person
from tests.support.stores import Clock, form_of, open_store

pytestmark = pytest.mark.anyio

PERSON = make_person("bob@b.example")
BOB, EVE = Pid(b"b" * 32), Pid(b"e" * 32)


async def arrives(store: AccountStore, pid: Pid, secret: bytes, mark: bytes) -> None:
    octets = b"Subject: x\r\n\r\nhello\r\n"
    assert await store.inbox.receive(
        msg_id=MsgId(mark * 16),
        env_id=EnvId(mark * 32),
        octets=octets,
        form=form_of(octets),
        epoch=1,
        come_from=ComeFrom(Author(pid, Address("bob", "b.example")), secret=secret),
    )


async def test_each_person_gets_one_secret_which_outlives_a_restart(tmp_path: Path) -> None:
    first, told = open_store(tmp_path), []
    first.secrets.gave = lambda: told.append(True)
    mine = await first.secrets.mine(BOB)
    assert await first.secrets.mine(EVE) != mine
    assert await first.secrets.mine(BOB) == mine
    filler = await first.secrets.filler()
    first.close()

    again = open_store(tmp_path)
    assert await again.secrets.mine(BOB) == mine
    assert len(await again.secrets.given()) == 2
    assert await again.secrets.filler() == filler
    assert len(told) == 2
    again.close()


async def test_the_newest_secret_of_theirs_counts_and_leaves_mine_alone(
    store: AccountStore,
) -> None:
    mine = await store.secrets.mine(BOB)
    assert await store.secrets.theirs(BOB) is None

    await arrives(store, BOB, b"1" * 32, b"1")
    await arrives(store, BOB, b"2" * 32, b"2")
    await arrives(store, BOB, b"", b"3")

    assert await store.secrets.theirs(BOB) == b"2" * 32
    assert await store.secrets.mine(BOB) == mine
    assert await store.secrets.theirs(EVE) is None


async def test_who_gave_first_is_given_one_all_the_same(store: AccountStore) -> None:
    await arrives(store, BOB, b"1" * 32, b"1")

    mine = await store.secrets.mine(BOB)

    assert await store.secrets.given() == [mine]
    assert await store.secrets.theirs(BOB) == b"1" * 32


async def lose(store: AccountStore, pid: Pid | None = None) -> None:
    await store._database.write(
        lambda connection: stale_secret.grow_stale(connection, int(store.secrets._now()), pid)
    )


async def test_one_that_a_lost_device_knew_lets_in_for_a_fortnight_after_it_was_replaced(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock)
    old, eves = await store.secrets.mine(BOB), await store.secrets.mine(EVE)
    await lose(store)
    await lose(store)
    clock.at += 60
    new = await store.secrets.mine(BOB)
    now = await store.secrets.given()
    clock.at += contact_secret.REPLACED_SECONDS
    then = await store.secrets.given()
    store.close()

    assert set(now) == {new, old, eves}
    assert now[-1] == old
    assert set(then) == {new, eves}


async def test_one_that_no_mail_could_replace_lets_in_for_ninety_days_or_while_nobody_else_may(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock)
    old = await store.secrets.mine(BOB)
    await lose(store, EVE)
    untouched = await store.secrets.mine(BOB)
    await lose(store, BOB)
    clock.at += contact_secret.STALE_SECONDS - 1
    still = await store.secrets.given()
    clock.at += 2
    gone, closed = await store.secrets.given(), await store.secrets.given(closed=True)
    new = await store.secrets.mine(BOB)
    store.close()

    assert untouched == old
    assert (still, gone, closed) == ([old], [], [old])
    assert new != old


@pytest.mark.parametrize(
    ("changes", "renewed"),
    [
        ("3 recovered", True),
        ("3 device-added,device-stolen", True),
        ("4 device-lost", True),
        ("4 identity-rotated,device-retired", False),
    ],
)
async def test_who_has_lost_a_device_is_given_another(
    store: AccountStore, changes: str, renewed: bool
) -> None:
    old, pin = await store.secrets.mine(PERSON.pid), PERSON.pin().encode()
    await store.contacts.put(Contact(PERSON.address, pin), changes=changes)
    by_looking_up = await store.secrets.mine(PERSON.pid) != old
    again = await store.secrets.mine(PERSON.pid)
    octets = b"Subject: x\r\n\r\nhello\r\n"
    await store.inbox.receive(
        msg_id=MsgId(bytes(16)),
        env_id=EnvId(bytes(32)),
        octets=octets,
        form=form_of(octets),
        epoch=1,
        come_from=ComeFrom(Author(PERSON.pid, PERSON.address), changes=changes),
    )

    assert by_looking_up is renewed
    assert (await store.secrets.mine(PERSON.pid) != again) is renewed


async def test_accepting_their_new_keys_gives_them_another(store: AccountStore) -> None:
    old = await store.secrets.mine(PERSON.pid)
    contact = Contact(PERSON.address, PERSON.pin().encode())
    await store.contacts.put(contact)
    assert await store.secrets.mine(PERSON.pid) == old
    await store.contacts.put(contact, lost=True)

    assert await store.secrets.mine(PERSON.pid) != old


async def test_who_is_blocked_is_left_out_until_they_are_not(store: AccountStore) -> None:
    mine = await store.secrets.mine(BOB)
    await store.secrets.mine(EVE)
    await arrives(store, BOB, b"1" * 32, b"1")

    await store.mail.write(lambda writer: _move_all(writer, "Requests", "Junk"))
    assert mine not in await store.secrets.given()
    await store.mail.write(lambda writer: _move_all(writer, "Junk", "INBOX"))

    assert mine in await store.secrets.given()


def _move_all(writer: MailWriter, source: str, target: str) -> None:
    box = writer.mailbox(MailboxName(source))
    writer.move(box.id, list(writer.snapshot(box.id).uids), MailboxName(target))
