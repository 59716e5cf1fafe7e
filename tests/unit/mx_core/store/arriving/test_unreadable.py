"""What opened with no key is noted until it is told, and what a person must hear is told once."""

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.ids import EnvId
from mx_core.model.mailbox_name import GATEWAY
from mx_core.store.account_store import AccountStore
from tests.support.stores import START, Clock

pytestmark = pytest.mark.anyio
ONE, TWO = EnvId(b"1" * 32), EnvId(b"2" * 32)


async def test_it_may_be_acknowledged_once_it_is_told(store: AccountStore) -> None:
    envelopes = store.unreadable
    noted = [await envelopes.note(ONE, "a.example") for _ in range(2)]
    due = await envelopes.due()
    await envelopes.told(ONE, known=True)

    assert noted == [False, False]
    assert [(one.env_id, one.peer_domain, one.attempts) for one in due] == [(ONE, "a.example", 0)]
    assert await envelopes.note(ONE, "a.example")
    assert await envelopes.due() == []
    assert await envelopes.nobodys() == []


async def test_what_was_put_off_is_due_again_then(store: AccountStore, clock: Clock) -> None:
    await store.unreadable.note(ONE, "a.example")
    await store.unreadable.put_off(ONE, START + 60)
    before = await store.unreadable.due()
    clock.at += 60

    assert before == []
    assert [one.attempts for one in await store.unreadable.due()] == [1]


async def test_what_nobody_knows_is_told_in_one_note_and_never_again(store: AccountStore) -> None:
    for env_id in (ONE, TWO):
        await store.unreadable.note(env_id, "a.example")
        await store.unreadable.told(env_id, known=False)
    nobodys = await store.unreadable.nobodys()
    await store.unreadable.write_note(b"Subject: x\r\n\r\n", prepare, nobodys)
    box = await store.mail.read(lambda reader: reader.mailbox(GATEWAY))

    assert {one.env_id for one in nobodys} == {ONE, TWO}
    assert await store.unreadable.nobodys() == []
    assert box.messages == 1


async def test_old_ones_are_forgotten_but_none_that_is_still_to_be_told(
    store: AccountStore,
) -> None:
    await store.unreadable.note(ONE, "a.example")
    await store.unreadable.note(TWO, "a.example")
    await store.unreadable.told(ONE, known=True)
    await store.unreadable.forget(START + 1)

    assert [one.env_id for one in await store.unreadable.due()] == [TWO]
    assert await store.unreadable.count() == 1
