"""Rules are kept, and whoever asks has the newest."""

from __future__ import annotations

import pytest

from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio


async def test_a_rule_counts_from_when_it_is_put_until_it_is_removed() -> None:
    with memory_store() as store:
        assert await store.policy.all() == {}

        await store.policy.put("b.example", "encryption", "ask")
        assert await store.policy.all() == {"b.example": {"encryption": "ask"}}
        await store.policy.put("b.example", "encryption", "optional")
        assert await store.policy.all() == {"b.example": {"encryption": "optional"}}

        assert await store.policy.remove("b.example", "encryption")
        assert await store.policy.all() == {}
        assert not await store.policy.remove("b.example", "encryption")
