"""Random, named, revocable; told apart in constant time."""

import pytest

from mx_core.model.errors import NotPermitted
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore
from tests.support.stores import START, Clock


@pytest.mark.anyio
async def test_a_password_names_its_program_in_any_spelling(store: AccountStore) -> None:
    password = (await store.passwords.add("laptop")).reveal()
    await store.passwords.add("phone")

    assert len(password.replace("-", "")) == 26
    for spelling in (password, password.upper(), password.replace("-", ""), f" {password} "):
        assert await store.passwords.check(Secret(spelling)) == "laptop"


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", ["", "x", "a" * 26, "\udcff", "a" * 10_000])
async def test_anything_else_names_nobody(store: AccountStore, wrong: str) -> None:
    assert await store.passwords.check(Secret(wrong)) is None
    await store.passwords.add("laptop")
    assert await store.passwords.check(Secret(wrong)) is None


@pytest.mark.anyio
async def test_a_revoked_password_names_nobody(store: AccountStore) -> None:
    password = await store.passwords.add("laptop")

    assert await store.passwords.revoke("laptop")
    assert not await store.passwords.revoke("laptop")
    assert await store.passwords.check(password) is None


@pytest.mark.anyio
async def test_a_name_is_taken_once(store: AccountStore) -> None:
    await store.passwords.add("laptop")

    for name in ("laptop", "", "  ", "x" * 101, "a\nb"):
        with pytest.raises(NotPermitted):
            await store.passwords.add(name)


@pytest.mark.anyio
async def test_last_use_is_noted_at_most_once_a_minute(store: AccountStore, clock: Clock) -> None:
    password = await store.passwords.add("laptop")
    uses = []
    for second in (0, 59, 60):
        clock.at = START + second
        await store.passwords.check(password)
        uses.append((await store.passwords.all())[0].last_use)

    assert uses == [START, START, START + 60]


@pytest.mark.anyio
async def test_settings_and_carrier_state_are_kept_by_name(store: AccountStore) -> None:
    await store.settings.put("a", b"1")
    await store.settings.put("a", b"2")
    await store.carrier_state.put("native", "a", b"3")

    assert await store.settings.get("a") == b"2"
    assert await store.settings.get("b") is None
    assert await store.carrier_state.get("native", "a") == b"3"
    assert await store.carrier_state.get("other", "a") is None
