"""A mail program comes for the first time, on the page: a tick for each step, as it is taken."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.beginning.ticks import Progress, progress
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address
from mx_core.model.errors import Refused

_SEE_OTHER: Final = 303


def connect_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def ticks(request: Request) -> Response:
        asked = request.query_params
        account = Address.parse(asked.get("account", ""))
        seen = await _seen(behind, account, asked.get("name", ""))
        trip = _timed(await behind.greeted(account).greeting.state())
        done = all(one.done for one in seen) and not trip["awaited"]
        return rendered(
            "connect.html",
            address=str(account),
            programs=seen,
            trip=trip,
            renew=renewing(str(account), asked.get("name", "")),
            still="still" in asked or done,
        )

    async def asked_echo(request: Request) -> Response:
        (account,) = await read_form(request, "account")
        await behind.greeted(Address.parse(account)).greeting.ask()
        return RedirectResponse(renewing(account), _SEE_OTHER)

    return [
        Route("/connect", ticks, methods=["GET"]),
        Route("/connect/echo", asked_echo, methods=["POST"]),
    ]


def renewing(account: str, name: str = "") -> str:
    """Return where the ticks of *account* are seen: of its program *name*, or of all."""
    return f"/connect?{urlencode({'account': account} | ({'name': name} if name else {}))}"


def _timed(trip: dict[str, Any]) -> dict[str, Any]:
    """Return *trip* with the times of what arrived as a person reads them."""
    return trip | {
        what: trip[what]
        | {"at": f"{datetime.fromtimestamp(trip[what]['received'], UTC):%H:%M:%S} UTC"}
        for what in ("welcome", "answer")
        if trip[what] is not None
    }


async def _seen(behind: Behind, account: Address, name: str) -> list[Progress]:
    told = await behind.status()
    for one in told["accounts"]:
        if one["address"] == str(account.canonical()):
            return [
                progress(each, told["before_login"], time.time())
                for each in one["programs"]
                if name in {"", each["name"]}
            ]
    raise Refused(
        f"{account} is no account of this gateway: mx-gateway status names those that are"
    )
