"""Who asks to write, on the page: accept them, block them, or take a block back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address
from mx_core.model.errors import Refused

_SEE_OTHER: Final = 303


def request_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def shown(request: Request) -> Response:
        address = Address.parse(request.query_params.get("account", ""))
        state = await behind.requests(address).state()
        return rendered(
            "requests.html",
            address=str(address),
            waiting=[_dated(one) for one in state["waiting"]],
            blocked=[_dated(one) for one in state["blocked"]],
        )

    async def answered(request: Request) -> Response:
        account, who, answer = await read_form(request, "account", "id", "answer")
        address = Address.parse(account)
        desk = behind.requests(address)
        does = {"accept": desk.accept, "block": desk.block, "undo": desk.undo}.get(answer)
        if does is None:
            raise Refused("one of accept, block and undo is needed")
        await does(who)
        asked = urlencode({"account": str(address)})
        return RedirectResponse(f"/requests?{asked}", _SEE_OTHER)

    return [
        Route("/requests", shown, methods=["GET"]),
        Route("/requests", answered, methods=["POST"]),
    ]


def _dated(one: dict[str, Any]) -> dict[str, Any]:
    """Return *one* with its time as a person reads it."""
    return one | {"since": f"{datetime.fromtimestamp(one['since'], UTC):%Y-%m-%d %H:%M} UTC"}
