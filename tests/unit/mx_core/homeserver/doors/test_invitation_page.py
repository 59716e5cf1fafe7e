"""What a browser shows of an invitation: how to open it, with nothing that could read the link."""

import httpx
import pytest
from starlette.applications import Starlette

from mx_core.admission.invitation import PATH
from mx_core.homeserver.doors.invitation_page import invitation_route


@pytest.mark.anyio
async def test_the_page_says_how_and_can_run_nothing() -> None:
    transport = httpx.ASGITransport(app=Starlette(routes=[invitation_route("a.example")]))
    async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as client:
        answer = await client.get(PATH)

    assert answer.status_code == 200
    assert "mx-gateway contact add YOU" in answer.text
    assert "a.example" in answer.text
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
