"""Engines: what is prepared once stays prepared."""

from pathlib import Path
from typing import Any

import pytest

from mx_core.db.engine import KEY_OCTETS, writer_engine
from mx_core.model.secret import Secret

_ALLOWED = 0  # SQLITE_OK
_MANY = 300  # more than the drivers keep of themselves


@pytest.mark.parametrize("key", [None, Secret(bytes(KEY_OCTETS))])
def test_what_runs_again_is_not_prepared_again_whatever_ran_before(
    tmp_path: Path, key: Secret[bytes] | None
) -> None:
    """A migration runs hundreds of statements; after it a lone commit took twice the processor."""
    engine = writer_engine(tmp_path / "a.db", key)
    driver: Any = engine.connect().connection.driver_connection
    prepared: list[Any] = []
    driver.set_authorizer(lambda *asked: prepared.append(asked) or _ALLOWED)
    for number in range(_MANY):
        for _ in range(2):
            driver.execute(f"SELECT {number}").fetchone()
    jobs = ["SELECT 'one'", "SELECT 'two'", "SELECT 'three'"]
    for job in jobs:
        driver.execute(job).fetchone()
    first, prepared[:] = len(prepared), []

    for job in jobs * 2:
        driver.execute(job).fetchone()

    assert first > _MANY
    assert prepared == []
    engine.dispose()
