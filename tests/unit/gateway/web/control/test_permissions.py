"""The control socket's way to permission: asked for, waited for, listed, removed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.legacy.oauth.grants import Grants
from gateway.web.control.mail.permissions import oauth_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from tests.support.authorization_server import authorization_server
from tests.support.stores import Clock, open_store

ACCOUNT = "alice@a.example"


@pytest.mark.anyio
async def test_permission_goes_the_whole_way_over_the_socket(tmp_path: Path) -> None:
    async with authorization_server() as server:
        store = open_store(tmp_path / "account", Clock())
        grants: Any = Grants(store.settings, {"isp": server.table}, Clock())
        routes = oauth_routes(lambda _address: SimpleNamespace(grants=grants))
        app = Starlette(routes=routes, exception_handlers=dict(EXCEPTION_HANDLERS))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://control"
        ) as client:

            async def ask(verb: str, **more: Any) -> Any:
                answer = await client.post(f"/oauth/{verb}", json={"account": ACCOUNT, **more})
                return answer.json()

            asked = {"user": "u", "provider": "isp"}
            told = await ask("begin", asked=asked)
            await server.browse(told["url"])

            assert await ask("wait", id=told["id"]) == {"given": True}
            assert await ask("list") == {"grants": [{"user": "u", "provider": "isp"}]}
            assert await ask("remove", user="u") == {"ended_there": True}
            assert "no permission" in (await ask("remove", user="u"))["error"]
            assert (
                "client id" in (await ask("begin", asked=asked | {"provider": "google"}))["error"]
            )
        store.close()
