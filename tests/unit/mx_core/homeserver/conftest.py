"""The database of a home server, empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db.database import Database
from tests.support.home_rows import home_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with home_database(tmp_path) as opened:
        yield opened
