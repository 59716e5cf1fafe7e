"""Who is let in, over a real database: contacts, strangers who pay, and those who try to be either."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mx_core.admission.postage import is_paid, search
from mx_core.admission.tag_list import good_until, tag_list
from mx_core.admission.token import tag_of, token_for, week_of
from mx_core.db.database import Database
from mx_core.homeserver.bounds.admitting import Admitting, Asking
from mx_core.homeserver.config import Rates
from mx_core.homeserver.people import doorway
from mx_core.homeserver.people.accounts import Member
from mx_core.notation.hashing import b2_plain
from mx_core.passport.op import Profile
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    NOT_AVAILABLE,
    POSTAGE,
    RATE_LIMITED,
    Item,
    ItemReply,
)
from tests.support.home_rows import add_member, admitting

pytestmark = pytest.mark.anyio

BITS = 6
EVE = "eve@b.example"
SECRET, OTHER = b"\x11" * 32, b"\x12" * 32
BOB, CLOSED, NOBODY = "bob@b.example", "closed@b.example", "nobody@b.example"


@pytest.fixture
def bob(database: Database) -> Member:
    return _person(database, BOB, Profile(postage_bits=BITS), [SECRET])


@pytest.fixture
def closed(database: Database) -> Member:
    return _person(database, CLOSED, Profile(lookup_open=False, postage_bits=BITS), [SECRET])


def _person(database: Database, address: str, profile: Profile, secrets: Sequence[bytes]) -> Member:
    member = add_member(database, address)
    database.write_at_start(lambda tx: doorway.take_profile(tx, member.mailbox_id, profile))
    _give_tags(database, member, secrets, time.time())
    return member


def _give_tags(database: Database, member: Member, secrets: Sequence[bytes], now: float) -> None:
    tags, until = tag_list(secrets, bytes(32), now), good_until(now)
    doorway.check_tags(tags, until, now)
    database.write_at_start(lambda tx: doorway.replace_tags(tx, member.mailbox_id, tags, until))


def _item(address: str = BOB, **changes: Any) -> Item:
    fields: dict[str, Any] = {
        "route": address.encode(),
        "envelope": b"MXE1" + os.urandom(40),
        "body": b"MXB1",
        "deliver_by": int(time.time()) + 86_400,
    }
    return Item(**{**fields, **changes})


def _with_token(item: Item, secret: bytes = SECRET, weeks: int = 0) -> Item:
    tag = tag_of(secret, week_of(time.time()) + weeks)
    item.token = token_for(tag, b2_plain(item.envelope), item.deliver_by)
    return item


def _with_postage(item: Item, bits: int = BITS) -> Item:
    item.postage = (
        search(
            bits,
            route=item.route,
            env_id=b2_plain(item.envelope),
            deliver_by=item.deliver_by,
            start=0,
            tries=1 << 24,
        )
        or b""
    )
    return item


async def _answers(door: Admitting, *items: Item, peer: str = "a.example") -> list[ItemReply]:
    asking = [Asking(item.route.decode(), b2_plain(item.envelope), item) for item in items]
    return await door.judge(peer, asking)


async def _statuses(door: Admitting, *items: Item, peer: str = "a.example") -> list[int]:
    return [reply.status for reply in await _answers(door, *items, peer=peer)]


def _door(database: Database, **rates: Any) -> Admitting:
    return admitting(database, "b.example", Rates(**rates))


@pytest.mark.usefixtures("bob")
async def test_a_contact_is_let_in_without_postage_and_a_stranger_is_asked_for_it(
    database: Database,
) -> None:
    door = _door(database)

    [contact, stranger] = await _answers(door, _with_token(_item()), _item())

    assert contact.status == ACCEPTED
    assert (stranger.status, stranger.postage_bits) == (POSTAGE, BITS)
    assert await _statuses(door, _with_postage(_item())) == [ACCEPTED]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda: _item(token=_with_token(_item()).token), id="token-of-other-item"),
        pytest.param(lambda: _with_token(_item(), weeks=-2), id="token-of-a-week-that-is-over"),
        pytest.param(lambda: _with_token(_item(), weeks=13), id="token-of-a-week-too-far-ahead"),
        pytest.param(lambda: _with_token(_item(), OTHER), id="secret-of-another-person"),
        pytest.param(lambda: _item(token=_token_with_hint_only()), id="hint-without-the-secret"),
        pytest.param(lambda: _with_that_of(_item()), id="postage-of-other"),
        pytest.param(lambda: _with_that_of(_item(EVE)), id="postage-for-other-mailbox"),
        pytest.param(lambda: _item(postage=bytes(7)), id="postage-too-short"),
    ],
)
async def test_what_does_not_fit_the_item_is_as_if_it_were_not_there(
    database: Database, attack: Any
) -> None:
    [reply] = await _answers(_door(database), attack())

    assert (reply.status, reply.postage_bits) == (POSTAGE, BITS)


def _token_with_hint_only() -> bytes:
    return _with_token(_item()).token[:8] + bytes(16)


def _with_that_of(other: Item) -> Item:
    """Return an item with the postage of *other*, which one in 64 would pay for by chance."""
    postage = _with_postage(other).postage
    while True:
        item = _item(postage=postage)
        env_id = b2_plain(item.envelope)
        if not is_paid(postage, BITS, route=item.route, env_id=env_id, deliver_by=item.deliver_by):
            return item


@pytest.mark.usefixtures("bob")
async def test_a_token_moved_to_another_date_does_not_fit(database: Database) -> None:
    item = _with_token(_item())
    item.deliver_by += 1

    assert await _statuses(_door(database), item) == [POSTAGE]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("weeks", [-1, 0, 1, 12])
async def test_tokens_of_the_weeks_of_the_list_are_good(database: Database, weeks: int) -> None:
    assert await _statuses(_door(database), _with_token(_item(), weeks=weeks)) == [ACCEPTED]


async def test_who_is_left_out_of_the_list_is_a_stranger_at_once(
    database: Database, bob: Member
) -> None:
    door = _door(database)
    assert await _statuses(door, _with_token(_item())) == [ACCEPTED]

    _give_tags(database, bob, [OTHER], time.time())

    assert await _statuses(door, _with_token(_item())) == [POSTAGE]
    assert await _statuses(door, _with_token(_item(), OTHER)) == [ACCEPTED]


@pytest.mark.usefixtures("bob", "closed")
async def test_before_they_pay_strangers_hear_the_same_of_every_name(database: Database) -> None:
    add_member(database, "usual@b.example")  # open, and says nothing of postage
    door = _door(database)
    names = ["usual@b.example", CLOSED, NOBODY]

    answers = await _answers(door, *(_item(name) for name in names))

    assert len({reply.SerializeToString() for reply in answers}) == 1
    assert answers[0].status == POSTAGE
    random = [_item(name, token=os.urandom(24)) for name in names]
    assert await _answers(door, *random) == answers


@pytest.mark.usefixtures("bob", "closed")
async def test_a_stranger_who_paid_hears_the_same_of_who_is_closed_and_of_nobody(
    database: Database,
) -> None:
    paid = [_with_postage(_item(name), 20) for name in (CLOSED, NOBODY)]

    answers = await _answers(_door(database), *paid, _with_token(_item(CLOSED)))

    assert [reply.status for reply in answers] == [NOT_AVAILABLE, NOT_AVAILABLE, ACCEPTED]
    assert answers[0] == answers[1]


@pytest.mark.usefixtures("bob", "closed")
async def test_names_without_a_token_spend_the_budget_of_the_peer_and_contacts_do_not(
    database: Database,
) -> None:
    door = admitting(database, "b.example", Rates(), names=2)

    assert await _statuses(door, _with_token(_item()), _item(CLOSED), _item(NOBODY)) == [
        *(ACCEPTED, POSTAGE, POSTAGE)
    ]
    assert await _statuses(door, _with_postage(_item()), _item(NOBODY), _with_token(_item())) == [
        *(RATE_LIMITED, POSTAGE, ACCEPTED)
    ]
    assert await _statuses(door, _item(), peer="c.example") == [POSTAGE]


@pytest.mark.usefixtures("bob")
async def test_strangers_of_a_domain_crowd_out_none_of_its_contacts(database: Database) -> None:
    door = _door(database, stranger_burst=1)

    strangers = [_with_postage(_item()) for _ in range(3)]

    assert await _statuses(door, *strangers) == [ACCEPTED, RATE_LIMITED, RATE_LIMITED]
    assert await _statuses(door, _with_token(_item())) == [ACCEPTED]


@pytest.mark.usefixtures("bob", "closed")
@pytest.mark.parametrize("peer", ["b.example", "test.example"])
async def test_the_own_domain_and_exempted_ones_pay_nothing_and_find_nobody_who_is_closed(
    database: Database, peer: str
) -> None:
    door = _door(database, exempt=("test.example",))

    assert await _statuses(door, _item(), _item(CLOSED), _item(NOBODY), peer=peer) == [
        *(ACCEPTED, NOT_AVAILABLE, NOT_AVAILABLE)
    ]


async def test_a_list_that_ran_out_lets_tokens_in_but_not_strangers(
    database: Database, bob: Member, closed: Member
) -> None:
    """Devices that slept for a quarter: what their contacts send must not be lost."""
    long_ago = time.time() - 100 * 86_400
    for member in (bob, closed):
        _give_tags(database, member, [SECRET], long_ago)

    answers = await _statuses(
        _door(database), _with_token(_item()), _item(), _with_token(_item(CLOSED))
    )

    assert answers == [ACCEPTED, POSTAGE, POSTAGE]


async def test_mail_to_who_moved_away_comes_in_for_ninety_days(
    database: Database, bob: Member
) -> None:
    now = int(time.time())
    database.write_at_start(
        lambda tx: doorway.move_away(tx, bob.mailbox_id, now - doorway.AFTER_MOVE_SECONDS + 60)
    )
    door = admitting(database, "b.example")

    lets_in = await _statuses(door, _item())
    database.write_at_start(lambda tx: doorway.move_away(tx, bob.mailbox_id, 1))  # noted once
    lets_in_still = await _statuses(door, _item())
    database.write_at_start(
        lambda tx: tx.exec_driver_sql(
            "UPDATE mailbox SET moved = ?", (now - doorway.AFTER_MOVE_SECONDS,)
        )
    )
    ended = await _statuses(door, _item())

    assert [lets_in, lets_in_still, ended] == [[ACCEPTED], [ACCEPTED], [NOT_AVAILABLE]]
