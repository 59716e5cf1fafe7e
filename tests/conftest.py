"""Fixtures that every test may use."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer, running_postgres


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give one server for all tests; each makes a database of its own."""
    with running_postgres() as server:
        yield server
