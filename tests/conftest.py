"""Fixtures that every test may use."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.loops import TestLoop
from tests.support.postgres import PostgresServer, running_postgres

# How long an example takes says more of what else the machine does than of the code.
# Where a change is judged the examples are the same each time; where people work they are new ones.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="MX_SAME_EXAMPLES" in os.environ,
)
settings.load_profile("patient")

# Whoever begins a program as somebody else (PostgreSQL will not run as root) forks, and gRPC's handlers for that,
# with calls of other tests still under way, end the child before it is that program.  No test forks to speak gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def pytest_collection_finish() -> None:
    """Take the thousands of collected tests out of what every later collection walks through."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": TestLoop}


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give one server for all tests; each makes a database of its own."""
    with running_postgres() as server:
        yield server
