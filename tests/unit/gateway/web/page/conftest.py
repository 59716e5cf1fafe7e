"""A browser that has entered the page, and one that has not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.web.page.app import page_app
from gateway.web.page.visits import Visits
from tests.support.page_gateway import HOST, Everything


@pytest.fixture
def behind() -> Everything:
    return Everything()


@pytest.fixture
async def outside(behind: Everything) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has not entered; ``ticket`` is in its notes."""
    visits = Visits(time.monotonic)
    transport = httpx.ASGITransport(app=page_app(behind, visits, {HOST}))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        client.params = {}
        client.headers["origin"] = f"http://{HOST}"
        client.headers["x-ticket"] = visits.ticket()
        yield client


@pytest.fixture
async def inside(outside: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await outside.get(f"/enter?ticket={outside.headers['x-ticket']}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    return outside
