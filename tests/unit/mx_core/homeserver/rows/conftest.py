"""Each rule of the rows holds on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people.accounts import Member
from tests.support.home_rows import home_database
from tests.support.queue_rows import A, B, Do, empty, register


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Do[Any]]:
    """Give what runs a job on each of the two databases; each rule holds on both."""
    if request.param == "sqlite":
        with home_database(tmp_path_factory.mktemp("rows")) as opened:
            yield opened.write_at_start
        return
    with asyncio.Runner() as runner:
        url = request.getfixturevalue("postgres").make(f"rows_{Path(request.node.name).stem}")
        server = runner.run(PostgresDatabase.open(url, migrations=MIGRATIONS, connections=1))
        yield lambda job: runner.run(server.write(job))
        runner.run(server.close())


@pytest.fixture
def do(database: Do[Any]) -> Do[Any]:
    database(empty)
    return database


@pytest.fixture
def bob(do: Do[Member]) -> Member:
    return do(lambda tx: register(tx, "bob@b.example", [A, B]))
