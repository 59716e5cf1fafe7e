"""One event loop for all tests of a folder that talk gRPC.

gRPC's poller is one per process: what a closed loop left behind would be raised in the next one.
A folder's conftest imports both fixtures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:  # noqa: ARG001  # keeps its loop open
    yield  # noqa: PT022  # the loop is held until the session ends
