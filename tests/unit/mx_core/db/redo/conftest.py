from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db import lone, writer
from mx_core.db.database import Database
from tests.support.redo_things import opened
from tests.support.writing_thread import come_to_rest


@pytest.fixture(autouse=True)
def _nothing_is_slow_and_nothing_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lone, "HELD_SECONDS", 60)
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 60)  # what is open stays until somebody looks


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "live").mkdir()
    made = opened(tmp_path / "live")
    come_to_rest(made)
    yield made
    made.close()
