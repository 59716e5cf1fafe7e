"""Keys by name, epochs by number, and that a forgotten one is gone from every page."""

import asyncio
from pathlib import Path

import pytest

from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import REMEMBERED_SECONDS, OwnEpoch, OwnKey
from tests.support.raw_pages import decrypted_pages
from tests.support.stores import START, form_of, open_store


def epoch(n: int, private: bytes = b"p" * 32) -> OwnEpoch:
    return OwnEpoch(n, Secret(private), b"statement", 1_900_000_000, None)


@pytest.mark.anyio
async def test_a_key_is_kept_under_its_name(store: AccountStore) -> None:
    assert await store.keys.get(OwnKey.IDENTITY) is None
    await store.keys.put(OwnKey.IDENTITY, Secret(b"one"))
    await store.keys.put(OwnKey.IDENTITY, Secret(b"two"))

    kept = await store.keys.get(OwnKey.IDENTITY)
    assert kept is not None
    assert kept.reveal() == b"two"


@pytest.mark.anyio
async def test_an_epoch_number_is_never_given_twice_not_even_after_its_key_is_gone(
    store: AccountStore,
) -> None:
    first = await store.keys.new_epoch_number()
    await store.keys.keep_epoch(epoch(first))
    await store.keys.forget_epoch(first, START)

    assert first == 1
    assert await store.keys.new_epoch_number() == 2


@pytest.mark.anyio
async def test_the_key_of_an_epoch_is_never_replaced(store: AccountStore) -> None:
    n = await store.keys.new_epoch_number()
    await store.keys.keep_epoch(epoch(n))

    with pytest.raises(StoreDamaged):
        await store.keys.keep_epoch(epoch(n, b"q" * 32))
    with pytest.raises(StoreDamaged):
        await store.keys.keep_epoch(epoch(n + 1))


@pytest.mark.anyio
async def test_epochs_are_given_newest_first_without_those_only_begun(store: AccountStore) -> None:
    for _ in range(3):
        await store.keys.new_epoch_number()
    await store.keys.keep_epoch(epoch(1))
    await store.keys.keep_epoch(epoch(2))
    await store.keys.acknowledge_epoch(1, 77)
    await store.keys.acknowledge_epoch(1, 99)

    held = await store.keys.epochs()
    assert [each.n for each in held] == [2, 1]
    assert held[1].acknowledged == 77


@pytest.mark.anyio
async def test_the_replay_memory_of_an_epoch_outlives_its_key_by_sixty_days(
    store: AccountStore,
) -> None:
    """Nothing opens with that key any more, but what it opened may be sealed anew.  identity §5"""

    async def receive() -> bool:
        return await store.inbox.receive(
            msg_id=MsgId(b"m" * 16),
            env_id=EnvId(b"e" * 32),
            octets=b"\r\n",
            form=form_of(b"\r\n"),
            epoch=n,
        )

    n = await store.keys.new_epoch_number()
    await store.keys.keep_epoch(epoch(n))
    assert await receive()
    assert not await receive()
    await store.keys.forget_epoch(n, START + REMEMBERED_SECONDS)
    assert not await receive(), "sealed anew for another device, it comes again"
    other = await store.keys.new_epoch_number()
    await store.keys.keep_epoch(epoch(other))
    await store.keys.forget_epoch(other, START + REMEMBERED_SECONDS + 1)

    assert await receive()


def test_a_forgotten_epoch_key_is_on_no_page_even_for_who_has_the_store_key(tmp_path: Path) -> None:
    """The raw pages, decrypted, do not contain the octets.  identity §5"""
    private = b"\xa5private-key-of-the-epoch\x5a!!!!!!"

    async def story(*, forget: bool) -> None:
        store = open_store(tmp_path)
        n = await store.keys.new_epoch_number()
        await store.keys.keep_epoch(epoch(n, private))
        await store.inbox.receive(
            msg_id=MsgId(bytes([n]) * 16),
            env_id=EnvId(b"e" * 32),
            octets=b"\r\n",
            form=form_of(b"\r\n"),
            epoch=n,
        )
        if forget:
            for each in await store.keys.epochs():
                await store.keys.forget_epoch(each.n, START)
            await store.keys.empty_log()
            assert (tmp_path / "mail.db-wal").stat().st_size == 0
        store.close()

    asyncio.run(story(forget=False))
    assert private in decrypted_pages(tmp_path)
    asyncio.run(story(forget=True))
    assert private not in decrypted_pages(tmp_path)


@pytest.mark.anyio
async def test_the_own_passport_grows_by_one_and_is_never_rewritten(store: AccountStore) -> None:
    await store.passport.add(0, b"genesis")
    await store.passport.add(0, b"genesis")
    await store.passport.add(1, b"next")

    with pytest.raises(StoreDamaged):
        await store.passport.add(1, b"fork")
    with pytest.raises(StoreDamaged):
        await store.passport.add(3, b"gap")
    assert await store.passport.entries() == [b"genesis", b"next"]


@pytest.mark.anyio
async def test_the_device_of_a_store_is_named_once(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    name = first.device_id
    first.close()
    again = open_store(tmp_path)

    assert len(name) == 16
    assert again.device_id == name
    again.close()
