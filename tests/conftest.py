"""Fixtures that every test may use."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.postgres import PostgresServer, running_postgres

# what says nothing of its own; make torture asks for the long form
settings.register_profile("short", max_examples=30)
settings.register_profile("long", max_examples=1000)
settings.load_profile("long" if "MX_LONG_PROPERTIES" in os.environ else "short")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give one server for all tests; each makes a database of its own."""
    with running_postgres() as server:
        yield server
