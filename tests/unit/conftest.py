"""A store on the disk, under a clock that moves when it is told to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.store.account_store import AccountStore
from tests.support.stores import Clock, open_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[AccountStore]:
    opened = open_store(tmp_path, clock)
    yield opened
    opened.close()
