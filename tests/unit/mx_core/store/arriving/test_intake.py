from pathlib import Path

import pytest

from mx_core.model.ids import EnvId
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving import intake
from tests.support.stores import START, Clock, open_store

ONE, TWO = EnvId(b"1" * 32), EnvId(b"2" * 32)
BODY = b"b" * 300_000  # over 256 KiB: a file of its own


@pytest.mark.anyio
async def test_what_is_kept_comes_back_as_it_was_when_it_is_due(
    store: AccountStore, clock: Clock
) -> None:
    assert await store.intake.keep(ONE, "a.example", b"envelope", BODY, START + 60)
    assert await store.intake.due() == []

    clock.at += 60
    assert await store.intake.due() == [ONE]
    kept = await store.intake.get(ONE)
    assert kept == intake.Kept(ONE, "a.example", b"envelope", BODY, START, 0)


@pytest.mark.anyio
async def test_keeping_twice_keeps_once(store: AccountStore) -> None:
    for _ in range(2):
        assert await store.intake.keep(ONE, "a.example", b"envelope", BODY, START)

    assert await store.intake.due() == [ONE]


@pytest.mark.anyio
async def test_an_attempt_is_counted_and_waits(store: AccountStore, clock: Clock) -> None:
    await store.intake.keep(ONE, "a.example", b"envelope", b"body", START)
    await store.intake.put_off(ONE, START + 500)

    assert await store.intake.due() == []
    clock.at += 500
    kept = await store.intake.get(ONE)
    assert kept is not None
    assert kept.attempts == 1


@pytest.mark.anyio
async def test_what_is_dropped_leaves_no_file(store: AccountStore) -> None:
    await store.intake.keep(ONE, "a.example", b"envelope", BODY, START)
    assert not await store.intake.is_empty()
    await store.intake.drop(ONE)
    await store.intake.drop(ONE)

    assert await store.intake.is_empty()
    assert await store.intake.get(ONE) is None
    assert list((store.folder / "bodies").iterdir()) == []


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "bound"), [("ENVELOPES_MAX", 1), ("OCTETS_MAX", 15)])
async def test_what_does_not_fit_is_not_taken(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch, name: str, bound: int
) -> None:
    monkeypatch.setattr(intake, name, bound)
    assert await store.intake.keep(ONE, "a.example", b"envelope", b"body", START)

    assert not await store.intake.keep(TWO, "a.example", b"envelope", b"body", START)
    assert await store.intake.due() == [ONE]


@pytest.mark.anyio
async def test_what_is_kept_is_there_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    store = open_store(tmp_path, clock)
    await store.intake.keep(ONE, "a.example", b"envelope", BODY, START)
    store.close()

    again = open_store(tmp_path, clock)
    kept = await again.intake.get(ONE)
    again.close()

    assert kept is not None
    assert kept.body == BODY
