from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db.database import Database
from mx_core.model.secret import Secret
from tests.support.things import KEY, SCHEMA


@pytest.fixture(params=["plain", "cipher"])
def key(request: pytest.FixtureRequest) -> Secret[bytes] | None:
    return KEY if request.param == "cipher" else None


@pytest.fixture
def database(tmp_path: Path, key: Secret[bytes] | None) -> Iterator[Database]:
    opened = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=key)
    yield opened
    opened.close()
