"""Small values by name: whoever asks has the newest, and a restart has it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.stores import open_store

pytestmark = pytest.mark.anyio


async def test_what_was_put_last_is_had_at_once_and_after_a_restart(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    assert await first.settings.get("a") is None
    await first.settings.put("a", b"1")
    assert await first.settings.get("a") == b"1"
    await first.settings.put("a", b"2")
    assert await first.settings.get("a") == b"2"
    assert await first.settings.get("b") is None
    first.close()

    again = open_store(tmp_path)
    assert await again.settings.get("a") == b"2"
    again.close()
