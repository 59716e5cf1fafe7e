"""A mail program comes for the first time, on the page: a tick for each step, as it is taken."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.rendering import rendered
from gateway.web.page.ticks import Progress, progress
from mx_core.model.address import Address
from mx_core.model.errors import Refused


def connect_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def ticks(request: Request) -> Response:
        asked = request.query_params
        account = Address.parse(asked.get("account", ""))
        seen = await _seen(behind, account, asked.get("name", ""))
        return rendered(
            "connect.html",
            address=str(account),
            programs=seen,
            renew=renewing(str(account), asked.get("name", "")),
            still="still" in asked or all(one.done for one in seen),
        )

    return [Route("/connect", ticks, methods=["GET"])]


def renewing(account: str, name: str = "") -> str:
    """Return where the ticks of *account* are seen: of its program *name*, or of all."""
    return f"/connect?{urlencode({'account': account} | ({'name': name} if name else {}))}"


async def _seen(behind: Behind, account: Address, name: str) -> list[Progress]:
    told = await behind.status()
    for one in told["accounts"]:
        if one["address"] == str(account.canonical()):
            return [
                progress(each, told["before_login"], time.time())
                for each in one["programs"]
                if name in {"", each["name"]}
            ]
    raise Refused(f"{account} is no account of this gateway")
