"""A message that comes by the network and by an ordinary account is shown once, as the network's."""

from pathlib import Path

import pytest

from gateway.arriving.status_block import Mail, Status, block_octets, keywords, render
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, MsgId, Pid, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people.relation import Author
from tests.support.imap_account import LiveAccount
from tests.support.imap_script import scripted
from tests.support.old_mail import letter, stored
from tests.support.pulls import asked, follows, pulling, until
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio
BOB = Author(Pid(b"b" * 32), Address("bob", "b.example"))
TRACE = b"Received: from somewhere\r\n"


async def by_network(store: AccountStore, octets: bytes, number: int = 1) -> None:
    await store.relations.accept(BOB.pid)
    status = Status(mail=Mail.NETWORK, received=1, sender=BOB.address)
    whole = render(status, BOB.address) + octets
    assert await store.inbox.receive(
        msg_id=MsgId(b"m" * 15 + bytes([number])),
        env_id=EnvId(b"e" * 32),
        octets=whole,
        form=prepare(whole),
        epoch=1,
        flags=keywords(status),
        come_from=ComeFrom(BOB),
    )


async def shown(store: AccountStore) -> list[tuple[bytes, set[str]]]:
    return [
        (octets[block_octets(octets) :], set(flags))
        for octets, flags, _ in (await stored(store)).get("INBOX", [])
    ]


async def test_the_ordinary_copy_that_comes_second_is_only_noted(tmp_path: Path) -> None:
    account = LiveAccount()
    account.put("INBOX", TRACE + letter(1) + b"\r\n", "\\Seen")
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            await by_network(store, letter(1))
            async with pulling(store, asked(server)) as made:
                await until(lambda: follows(made))
                assert await shown(store) == [(letter(1), {"\\Seen", "$Unverified"})]

                # from now on both are one
                await store.mail.write(
                    lambda w: w.store_flags(
                        w.mailbox(INBOX).id, [Uid(1)], FlagChange.REPLACE, frozenset()
                    )
                )
                await until(lambda: _unseen(account))
                # what is here twice there is here twice
                account.put("INBOX", TRACE + letter(1))
                await until(lambda: _are(store, 2))


async def test_the_one_of_the_network_takes_the_place_of_an_ordinary_copy(tmp_path: Path) -> None:
    account = LiveAccount()
    account.put("INBOX", TRACE + letter(1), "\\Flagged")
    account.put("INBOX", letter(2))
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            async with pulling(store, asked(server)) as made:
                await until(lambda: follows(made))
                await by_network(store, letter(1))
                assert await shown(store) == [
                    (letter(2), {"$NotEncrypted"}),
                    (letter(1), {"\\Flagged", "$Unverified"}),
                ]
                account.flag("INBOX", 1, "\\Flagged", "\\Seen")
                await until(lambda: _seen(store, 1))
                # a second one of the network removes none that is of the network
                await by_network(store, letter(1), 2)
                assert len(await shown(store)) == 3


async def by_door(store: AccountStore, octets: bytes) -> None:
    status = Status(mail=Mail.ORDINARY, received=1, notes=("door",))
    whole = render(status, None) + octets
    assert await store.inbox.receive(
        msg_id=MsgId(b"d" * 16),
        env_id=EnvId(b"d" * 32),
        octets=whole,
        form=prepare(whole),
        epoch=1,
        flags=keywords(status),
        ordinary=True,
    )


@pytest.mark.parametrize("door_first", [True, False])
async def test_what_anybody_can_bring_to_the_door_takes_no_place_and_keeps_nothing_away(
    tmp_path: Path, *, door_first: bool
) -> None:
    """The same Message-ID and body under another From."""
    forged = letter(1).replace(b"From: ", b"From: evil@evil.example, ")
    account = LiveAccount()
    account.put("INBOX", letter(1))
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            if door_first:
                await by_door(store, forged)
            async with pulling(store, asked(server)) as made:
                await until(lambda: follows(made))
            if not door_first:
                await by_door(store, forged)
            found = [octets for octets, _ in await shown(store)]

    assert sorted(found) == sorted([forged, letter(1)])


@pytest.mark.parametrize(
    "octets",
    [letter(1, body="Hello!\r\n"), letter(2).replace(b"<2@", b"<1@").replace(b"Hello", b"Hallo")],
)
async def test_another_text_under_the_same_name_is_another_message(
    tmp_path: Path, octets: bytes
) -> None:
    account = LiveAccount()
    account.put("INBOX", octets)
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            await by_network(store, letter(1))
            async with pulling(store, asked(server)) as made:
                await until(lambda: follows(made))
            assert len(await shown(store)) == 2
            await by_network(store, letter(1), 2)
            assert len(await shown(store)) == 3


async def test_two_accounts_bring_one_copy_and_an_import_proves_it(tmp_path: Path) -> None:
    one, other = LiveAccount(), LiveAccount()
    one.put("INBOX", TRACE + letter(1))
    other.put("INBOX", letter(1), "\\Seen")
    other.put("INBOX", letter(2))
    async with (
        scripted(tmp_path, one.script()) as (first, _),
        scripted(tmp_path, {"EXAMINE": other.script()["SELECT"]} | other.script()) as (second, _),
    ):
        with memory_store() as store:
            async with pulling(store, asked(first)) as made:
                await until(lambda: follows(made))
            async with pulling(store, asked(second)) as made:
                await until(lambda: follows(made))
                await until(lambda: _seen_there(one))
            assert await shown(store) == [
                (TRACE + letter(1), {"$NotEncrypted", "\\Seen"}),
                (letter(2), {"$NotEncrypted"}),
            ]
            importing = Importing(store, open_source, store.mail.now)
            await importing.begin(
                Asked(second.location, secret="x", ca_file=second.ca_file), dry_run=False
            )
            [record] = [i for i in await store.imports.all() if i.location == second.location]
            await importing._bring(record)
            [told] = (await importing.state())["imports"]
            assert (told["state"], told["report"]["holds"]) == ("done", True)
            assert told["report"]["progress"]["stored"] == 0


async def _are(store: AccountStore, number: int) -> bool:
    return len(await shown(store)) == number


async def _seen(store: AccountStore, at: int) -> bool:
    return "\\Seen" in (await shown(store))[at][1]


async def _unseen(account: LiveAccount) -> bool:
    return account.boxes["INBOX"].mail[1].flags == set()


async def _seen_there(account: LiveAccount) -> bool:
    return account.boxes["INBOX"].mail[1].flags == {"\\Seen"}
