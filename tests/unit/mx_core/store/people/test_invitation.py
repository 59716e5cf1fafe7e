"""Invitations made here: counted once for each person, and useless when they have ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.admission.invitation import INVITATIONS_MAX, Invitation, secret_after, use_of
from mx_core.model.address import Address
from mx_core.model.errors import OverQuota, Refused
from mx_core.model.ids import EnvId, MsgId, Pid
from mx_core.model.mailbox_name import INBOX, REQUESTS, MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people.invitation import MadeInvitation
from mx_core.store.people.relation import Author, Relation, Topic
from tests.support.stores import START, Clock, form_of, open_store

pytestmark = pytest.mark.anyio

ME, OWN = Address("bob", "b.example"), Pid(b"o" * 32)
OCTETS = b"Subject: x\r\n\r\nhello\r\n"
DAY = 86_400


class Room:
    """An inviter, and mail that comes to them."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store: AccountStore = open_store(folder, self.clock)
        self.came = 0

    async def invites(self, uses: int = 1, days: int = 7, name: str = "fair") -> MadeInvitation:
        return await self.store.invitations.make(ME, OWN, name=name, uses=uses, days=days)

    async def comes(self, mark: bytes, invited: bytes, *, doubtful: bool = False) -> str:
        """Return the mailbox to which mail of the guest *mark* went."""
        self.came += 1
        counted = {box: await self._holds(box) for box in (INBOX, REQUESTS, MailboxName("Junk"))}
        assert await self.store.inbox.receive(
            msg_id=MsgId(self.came.to_bytes(16, "big")),
            env_id=EnvId(self.came.to_bytes(32, "big")),
            octets=OCTETS,
            form=form_of(OCTETS),
            epoch=1,
            come_from=ComeFrom(author(mark), invited=invited, doubtful=doubtful),
        )
        [went] = [box for box, before in counted.items() if await self._holds(box) != before]
        return str(went)

    async def _holds(self, box: MailboxName) -> int:
        return (await self.store.mail.read(lambda reader: reader.mailbox(box))).messages

    async def used(self) -> list[int]:
        return [one.used for one in await self.store.invitations.all()]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.store.close()


def author(mark: bytes) -> Author:
    return Author(Pid(mark * 32), Address("guest", "a.example"))


def shown(made: MadeInvitation, mark: bytes) -> bytes:
    return use_of(secret_of(made), Pid(mark * 32))


def secret_of(made: MadeInvitation) -> bytes:
    return Invitation.read(made.link(ME, OWN)).secret


async def test_one_guest_uses_one_however_often_they_write(room: Room) -> None:
    made = await room.invites(uses=2)

    assert await room.comes(b"1", shown(made, b"1")) == "INBOX"
    assert await room.comes(b"1", shown(made, b"1")) == "INBOX"
    assert await room.used() == [1]
    assert await room.comes(b"2", shown(made, b"2")) == "INBOX"
    assert await room.comes(b"3", shown(made, b"3")) == "Requests"

    assert await room.used() == [2]
    [first, second, asks] = await room.store.relations.news()
    assert [first.topic, second.topic, asks.topic] == [Topic.INVITED, Topic.INVITED, Topic.ASKS]
    assert (first.detail, first.author) == ("fair", author(b"1"))


async def test_a_guest_has_the_secret_that_follows_and_the_link_lets_in_no_more(room: Room) -> None:
    made = await room.invites()
    assert await room.store.invitations.reaching() == [(secret_of(made), made.expires)]

    await room.comes(b"1", shown(made, b"1"))

    guest = Pid(b"1" * 32)
    assert await room.store.secrets.mine(guest) == secret_after(secret_of(made), guest)
    assert await room.store.secrets.given() == [secret_after(secret_of(made), guest)]
    assert await room.store.invitations.reaching() == []


async def test_the_use_of_somebody_else_is_none(room: Room) -> None:
    made = await room.invites()

    assert await room.comes(b"2", shown(made, b"1")) == "Requests"

    assert await room.used() == [0]
    assert await room.store.relations.of(Pid(b"2" * 32)) is Relation.UNDECIDED


async def test_who_is_in_doubt_and_who_is_blocked_use_none(room: Room) -> None:
    made = await room.invites()
    assert await room.comes(b"1", shown(made, b"1"), doubtful=True) == "Requests"
    box = await room.store.mail.read(lambda reader: reader.mailbox(REQUESTS))
    await room.store.mail.write(
        lambda writer: writer.move(box.id, list(writer.snapshot(box.id).uids), MailboxName("Junk"))
    )

    assert await room.comes(b"1", shown(made, b"1")) == "Junk"
    assert await room.used() == [0]


async def test_it_ends_and_is_taken_back(room: Room) -> None:
    ended, taken = await room.invites(days=1), await room.invites(days=3)
    assert await room.store.invitations.take_back(taken.id)
    assert not await room.store.invitations.take_back(taken.id)
    room.clock.at = START + DAY

    assert await room.store.invitations.all() == []
    assert await room.store.invitations.reaching() == []
    assert await room.comes(b"1", shown(ended, b"1")) == "Requests"
    assert await room.comes(b"1", shown(taken, b"1")) == "Requests"


@pytest.mark.parametrize(("uses", "days"), [(0, 1), (1_001, 1), (1, 0), (1, 85)])
async def test_numbers_out_of_bounds_are_refused(room: Room, uses: int, days: int) -> None:
    with pytest.raises(Refused, match="1 to 1000 people and 1 to 84 days"):
        await room.invites(uses, days)


async def test_a_person_has_a_hundred_at_a_time(room: Room) -> None:
    for _ in range(INVITATIONS_MAX):
        await room.invites(days=1)
    with pytest.raises(OverQuota, match="take some back"):
        await room.invites()
    with pytest.raises(Refused, match="one line"):
        await room.invites(name="a\nb")
    room.clock.at = START + DAY

    assert (await room.invites()).uses == 1


async def test_it_outlives_a_restart_and_who_tells_the_home_server_is_told(tmp_path: Path) -> None:
    room, told = Room(tmp_path), []
    room.store.invitations.changed = lambda: told.append(True)
    made = await room.invites()
    room.store.close()

    again = open_store(tmp_path, room.clock)
    assert await again.invitations.all() == [made]
    again.close()
    assert told == [True]
