"""What mail transactions leave to be done: texts, time, and large mailboxes."""

import asyncio
from pathlib import Path

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.change import MessagesAdded
from mx_core.model.errors import NoSuchMailbox, NotPermitted
from mx_core.model.flags import FLAGGED, NOT_ENCRYPTED, SEEN, FlagSet
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.folders.filling import AT_ONCE
from tests.support.folder_audit import audited
from tests.support.mail_calls import add, box, snapshot
from tests.support.stores import START, Clock, form_of, open_store

FOUND = MailboxName("Found")
WORDS = b"Subject: x\r\n\r\na rare word\r\n"
NOT_ENCRYPTED_NAME = MailboxName("Not encrypted")
DAY = 86_400


async def deliver(store: AccountStore, arrived: int, flags: FlagSet = frozenset()) -> None:
    await store.mail.write(
        lambda w: w.append(w.mailbox(INBOX).id, WORDS, prepare(WORDS), flags, arrived)
    )


async def shown(store: AccountStore, name: MailboxName = FOUND) -> tuple[Uid, ...]:
    return tuple((await snapshot(store.mail, name)).uids)


@pytest.mark.anyio
async def test_a_text_is_judged_soon_and_by_what_is_decoded(store: AccountStore) -> None:
    await store.folders.add(FOUND, "UNSEEN BODY rare")
    assert not (await store.folders.owed()).waits
    await add(store.mail, octets=WORDS)
    await add(store.mail)
    await add(store.mail, frozenset({SEEN}), octets=WORDS)
    await asyncio.wait_for(store.folders.wait(), 5)
    assert await shown(store) == ()

    await store.folders.catch_up()

    assert await shown(store) == (Uid(1),)
    assert not (await store.folders.owed()).waits
    assert await audited(store) == []


@pytest.mark.anyio
async def test_what_waits_for_its_text_keeps_its_place_meanwhile(store: AccountStore) -> None:
    await store.folders.add(FOUND, "OR FLAGGED BODY rare")
    await add(store.mail, frozenset({FLAGGED}), octets=WORDS)
    inbox = await box(store.mail)

    await store.mail.write(
        lambda w: w.store_flags(inbox, [Uid(1)], FlagChange.REPLACE, frozenset({SEEN}))
    )

    assert await shown(store) == (Uid(1),)
    assert (await snapshot(store.mail, FOUND)).flags[0] == {SEEN}
    await store.folders.catch_up()
    assert await shown(store) == (Uid(1),)


@pytest.mark.anyio
async def test_a_message_that_is_gone_before_its_text_is_read_harms_nobody(
    store: AccountStore,
) -> None:
    await store.folders.add(FOUND, "BODY rare")
    await add(store.mail, octets=WORDS)
    inbox = await box(store.mail)
    await store.mail.write(lambda w: w.move(inbox, [Uid(1)], MailboxName("Trash")))

    await store.folders.catch_up()

    assert await shown(store) == ()
    assert await audited(store) == []


@pytest.mark.anyio
async def test_time_lets_messages_in_and_out(store: AccountStore, clock: Clock) -> None:
    await deliver(store, START - DAY)
    await store.folders.add(FOUND, f"OLDER {2 * DAY} YOUNGER {4 * DAY}")
    await deliver(store, START)
    assert await shown(store) == ()
    assert (await store.folders.owed()).next_turn == START + DAY

    seen = []
    for _ in range(6):
        clock.at += DAY
        await store.folders.catch_up()
        seen.append(await shown(store))
        assert await audited(store) == []

    assert seen == [(1,), (1, 2), (1, 2), (2,), (), ()]
    assert (await store.folders.owed()).next_turn is None


@pytest.mark.anyio
async def test_a_large_mailbox_is_judged_in_slices_and_once(store: AccountStore) -> None:
    def many(writer: MailWriter) -> None:
        inbox = writer.mailbox(INBOX).id
        for number in range(AT_ONCE + 1):
            flags: FlagSet = frozenset({FLAGGED}) if number % 2 else frozenset()
            writer.append(inbox, b"x", form_of(b"x"), flags, START)

    await store.mail.write(many)
    await store.folders.add(FOUND, "FLAGGED")
    assert await shown(store) == ()
    assert (await store.folders.owed()).waits
    inbox = await box(store.mail)
    await store.mail.write(
        lambda w: w.store_flags(inbox, [Uid(1)], FlagChange.ADD, frozenset({FLAGGED}))
    )

    await store.folders.catch_up()

    assert len(await shown(store)) == AT_ONCE // 2 + 1
    assert not (await store.folders.owed()).waits
    assert await audited(store) == []


@pytest.mark.anyio
async def test_an_account_begins_with_three_folders_that_are_subscribed_and_stay(
    store: AccountStore,
) -> None:
    found = {state.info.name: state.info for state in await store.folders.all()}

    assert {name: info.rule for name, info in found.items()} == {
        "Key changed": "KEYWORD $KeyChanged",
        "Not encrypted": "KEYWORD $NotEncrypted",
        "Unverified": "KEYWORD $Unverified",
    }
    assert all(info.subscribed and not info.special_use for info in found.values())
    for change in ("delete", "rename"):
        with pytest.raises(NotPermitted):
            await store.mail.write(
                lambda w, change=change: (  # type: ignore[misc]  # bound now
                    w.delete(NOT_ENCRYPTED_NAME)
                    if change == "delete"
                    else w.rename(NOT_ENCRYPTED_NAME, FOUND)
                )
            )


@pytest.mark.anyio
async def test_who_removes_a_first_folder_keeps_it_removed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    await store.folders.remove(NOT_ENCRYPTED_NAME)
    store.close()

    again = open_store(tmp_path)
    names = [state.info.name for state in await again.folders.all()]
    subscribed = await again.mail.read(lambda reader: reader.subscriptions())
    again.close()

    assert names == ["Key changed", "Unverified"]
    assert NOT_ENCRYPTED_NAME not in subscribed


@pytest.mark.anyio
async def test_only_a_folder_is_removed_as_one(store: AccountStore) -> None:
    with pytest.raises(NotPermitted):
        await store.folders.remove(MailboxName("Archive"))
    with pytest.raises(NoSuchMailbox):
        await store.folders.remove(FOUND)


@pytest.mark.anyio
async def test_a_folder_that_is_removed_leaves_nothing_to_do(store: AccountStore) -> None:
    await store.folders.add(FOUND, "BODY rare YOUNGER 60")
    await add(store.mail, octets=WORDS)
    await store.folders.remove(FOUND)

    await store.folders.catch_up()

    owed = await store.folders.owed()
    assert (owed.waits, owed.next_turn) == (False, None)
    assert await audited(store) == []


@pytest.mark.anyio
async def test_mail_in_the_clear_is_told_to_who_watches_the_folder(store: AccountStore) -> None:
    here = await box(store.mail, NOT_ENCRYPTED_NAME)
    with store.mail.watch(here) as watch:
        await add(store.mail, frozenset({NOT_ENCRYPTED}))
        (heard,) = watch.take()

    assert isinstance(heard, MessagesAdded)


@pytest.mark.anyio
async def test_memberships_are_not_journalled_and_the_rule_is(store: AccountStore) -> None:
    async def rows() -> int:
        return await store._database.read(
            lambda c: c.exec_driver_sql("SELECT count(*) FROM journal").scalar_one()
        )

    await store.folders.add(FOUND, "ALL")
    before = await rows()
    await add(store.mail)

    assert await rows() == before + 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE folder_member SET original = 99 WHERE uid = 2",
        "UPDATE folder SET rule = 'FLAGGED UNSEEN'",
        (
            "UPDATE folder_member SET mailbox = (SELECT id FROM mailbox WHERE name = 'Trash')"
            " WHERE uid = 2"
        ),
    ],
)
async def test_a_folder_that_judges_anew_keeps_the_uids_of_what_is_right(
    store: AccountStore, damage: str
) -> None:
    await store.folders.add(FOUND, "FLAGGED")
    for flags in ({FLAGGED}, {FLAGGED, SEEN}, {FLAGGED}):
        await add(store.mail, frozenset(flags))
    for statement in (damage, "UPDATE folder SET complete = 0"):
        await store._database.write(lambda c, s=statement: c.exec_driver_sql(s).rowcount)  # type: ignore[misc]  # bound now
    store.mail._shelf.forget()
    assert await audited(store) != []

    await store.folders.catch_up()

    assert await audited(store) == []
    kept = await shown(store)
    assert {Uid(1), Uid(3)} <= set(kept)
    assert Uid(2) not in kept
