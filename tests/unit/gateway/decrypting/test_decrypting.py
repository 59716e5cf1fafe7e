"""In a real store: what is decrypted takes the place of what came, and nothing is lost of either."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.arriving.status_block import Mail, Status, block_octets, parse, render
from gateway.decrypting.decrypting import Decrypting, Encrypted
from gateway.decrypting.enclosed import Kind
from gateway.decrypting.opener import NotOpened
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.flags import FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MessageId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import NewMail
from mx_core.store.account_store import AccountStore
from tests.support import old_mail
from tests.support.encrypted_mail import ENTITY, pgp_mime, smime
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

CAME = pgp_mime(b"-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----\n")
SMIME = smime(bytes.fromhex("308006092a864886f70d010703a080") + bytes(40))
ORIGINALS = "Encrypted originals/"
pytestmark = pytest.mark.anyio


@pytest.fixture
def store() -> Iterator[AccountStore]:
    with memory_store() as made:
        yield made


@pytest.fixture
def decrypting(store: AccountStore) -> Decrypting:
    return Decrypting(store, store.mail.now)


async def put(
    store: AccountStore,
    name: str,
    octets: bytes,
    flags: FlagSet = frozenset(),
    *,
    own: bool = False,
) -> None:
    await store.mail.write_with(
        lambda writer, _: writer.append(
            writer.mailbox(MailboxName(name)).id, octets, prepare(octets), flags, 1_000, own=own
        )
    )


async def opened(decrypting: Decrypting, one: Encrypted) -> bool:
    return await decrypting.put(MessageId(one.message), one.kind, one.at, ENTITY)


def without_block(octets: bytes) -> bytes:
    return octets[block_octets(octets) :]


async def test_it_stands_where_it_stood_with_its_flags_and_its_date(
    store: AccountStore, decrypting: Decrypting
) -> None:
    await put(store, "INBOX", letter(1))
    await put(store, "INBOX", CAME, frozenset({FLAGGED, Flag("Work")}))
    [one] = await decrypting.look()
    assert (one.kind, one.octets) == (Kind.OPENPGP, len(CAME))
    assert await decrypting.ciphertext(MessageId(one.message)) in CAME
    assert await opened(decrypting, one)

    here = await stored(store)
    [(first, _, _), (second, flags, date)] = here["INBOX"]
    assert first == letter(1)
    assert without_block(second).endswith(ENTITY)
    assert (flags, date) == ({FLAGGED, "Work"}, 1_000)
    assert here[ORIGINALS + "INBOX"] == [(CAME, {FLAGGED, "Work", SEEN}, 1_000)]
    assert await decrypting.look() == []


async def test_its_status_is_the_word_of_the_gateway_and_can_be_looked_for(
    store: AccountStore, decrypting: Decrypting
) -> None:
    await put(store, "INBOX", CAME)
    [one] = await decrypting.look()
    await opened(decrypting, one)

    box = store.mail.mailbox(INBOX)
    [form] = await store.mail.read(
        lambda reader: reader.forms(list(reader.snapshot(box.id).messages))
    )
    assert not form.foreign_status


async def test_a_message_in_several_mailboxes_is_one_message_in_all_of_them(
    store: AccountStore, decrypting: Decrypting
) -> None:
    await put(store, "INBOX", CAME, frozenset({SEEN}))
    await store.mail.write(
        lambda tx: tx.copy(tx.mailbox(INBOX).id, [Uid(1)], MailboxName("Archive"))
    )
    [one] = await decrypting.look()
    assert len(one.at) == 2
    assert await opened(decrypting, one)

    here = await stored(store)
    assert [len(here[name]) for name in ("INBOX", "Archive")] == [1, 1]
    assert here["INBOX"] == here["Archive"]
    originals = [
        octets for name in here if name.startswith(ORIGINALS) for octets, _, _ in here[name]
    ]
    assert originals == [CAME]


async def test_mail_of_the_network_drafts_and_originals_are_not_looked_at(
    store: AccountStore, decrypting: Decrypting
) -> None:
    block = render(Status(Mail.NETWORK, 1, Address.parse("alice@a.example")), None)
    await put(store, "INBOX", block + CAME, own=True)
    await put(store, "Drafts", CAME)
    await store.mail.write(lambda tx: tx.create(MailboxName("Encrypted originals/INBOX")))
    await put(store, "Encrypted originals/INBOX", CAME)
    assert await decrypting.look() == []

    await put(store, "INBOX", block + CAME)  # who says so is not the gateway
    assert len(await decrypting.look()) == 1


async def test_when_what_was_inside_is_no_message_nothing_is_touched(
    store: AccountStore, decrypting: Decrypting
) -> None:
    await put(store, "INBOX", CAME)
    [one] = await decrypting.look()
    before = await stored(store)
    with pytest.raises(NotOpened):
        await decrypting.put(MessageId(one.message), one.kind, one.at, b"noise")
    assert not await decrypting.put(MessageId(one.message), Kind.SMIME, one.at, ENTITY)
    assert not await decrypting.put(MessageId(one.message), one.kind, [], ENTITY)
    assert not await decrypting.put(MessageId(one.message), one.kind, [(99, 1)], ENTITY)

    assert await stored(store) == before


async def test_what_was_removed_or_moved_meanwhile_does_not_come_back(
    store: AccountStore, decrypting: Decrypting
) -> None:
    await put(store, "INBOX", CAME)
    [one] = await decrypting.look()
    await store.mail.write(lambda tx: tx.move(tx.mailbox(INBOX).id, [Uid(1)], MailboxName("Trash")))

    assert not await opened(decrypting, one)
    assert await stored(store) == {"Trash": [(CAME, frozenset(), 1_000)]}
    with pytest.raises(Refused):
        await decrypting.ciphertext(MessageId(99))


async def brought(store: AccountStore, path: Path) -> dict[str, Any]:
    importing = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(importing.run())
        await importing.begin(Asked(str(path)), dry_run=False)
        async with asyncio.timeout(60):
            while (state := await importing.state())["phase"] != "idle":
                await asyncio.sleep(0.01)
        running.cancel()
    return state


async def test_an_import_counts_it_and_still_holds_when_it_was_decrypted(
    store: AccountStore, decrypting: Decrypting, tmp_path: Path
) -> None:
    path = old_mail.mbox(tmp_path / "Old", [letter(1), CAME, SMIME, CAME])
    state = await brought(store, path)
    [done] = state["imports"]
    assert done["report"]["progress"]["encrypted"] == {"openpgp": 2, "smime": 1}
    assert state["look"]["encrypted"] == {"openpgp": 2, "smime": 1}
    for one in await decrypting.look():
        assert await opened(decrypting, one)

    [again] = (await brought(store, path))["imports"]
    assert again["report"]["holds"]
    assert (again["report"]["progress"]["stored"], again["report"]["doubles"]) == (0, 1)
    here = await stored(store)
    assert [len(here[name]) for name in ("Old", ORIGINALS + "Old")] == [4, 3]
    assert [parse(octets) is not None for octets, _, _ in here["Old"]] == [False, True, True, True]


async def test_originals_can_be_deleted_and_nothing_comes_again_or_is_missed(
    store: AccountStore, decrypting: Decrypting, tmp_path: Path
) -> None:
    path = old_mail.mbox(tmp_path / "Old", [letter(1), CAME])
    await brought(store, path)
    [one] = await decrypting.look()
    assert await opened(decrypting, one)
    await store.mail.write(lambda tx: tx.delete(MailboxName(ORIGINALS + "Old")))

    [again] = (await brought(store, path))["imports"]
    [folder] = again["report"]["folders"]
    assert (folder["holds"], folder["removed"], folder["missing"]) == (True, 0, 0)
    assert {name: len(mail) for name, mail in (await stored(store)).items()} == {"Old": 2}


async def test_a_name_without_room_for_another_level_has_the_originals_of_the_top(
    store: AccountStore, decrypting: Decrypting
) -> None:
    name = MailboxName("a" * 990)
    await store.mail.write(lambda tx: tx.create(name))
    await put(store, name, CAME)
    [one] = await decrypting.look()
    assert await opened(decrypting, one)

    assert [octets for octets, _, _ in (await stored(store))["Encrypted originals"]] == [CAME]


async def test_many_messages_are_looked_through(
    store: AccountStore, decrypting: Decrypting
) -> None:
    letters = [SMIME if number % 150 == 149 else letter(number) for number in range(450)]
    archive = store.mail.mailbox(MailboxName("Archive")).id
    new = [NewMail(octets, prepare(octets), frozenset()) for octets in letters]
    await store.mail.write(lambda tx: tx.append_all(archive, new))

    found = await decrypting.look()
    assert [each.at[0][1] for each in found] == [150, 300, 450]
    assert {each.at[0][0] for each in found} == {archive}
