"""All rules about whom one writes to how, on the page: where each value comes from, and what it does."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address

_SEE_OTHER: Final = 303


def policy_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def shown(request: Request) -> Response:
        asked = request.query_params
        account = Address.parse(asked.get("account", ""))
        desk = behind.policy_desk(account)
        whom = asked.get("address", "").strip()
        told = await desk.explain(Address.parse(whom)) if whom else None
        return rendered(
            "policy.html",
            address=str(account),
            whom=whom,
            told=told,
            tree=await desk.tree(),
            relay=await desk.relay(),
        )

    async def ruled(request: Request) -> Response:
        account, scope, name, value = await read_form(request, "account", "scope", "name", "value")
        address = Address.parse(account)
        await behind.policy_desk(address).set(scope, name, value)
        asked = urlencode({"account": str(address)})
        return RedirectResponse(f"/policy?{asked}", _SEE_OTHER)

    return [
        Route("/policy", shown, methods=["GET"]),
        Route("/policy", ruled, methods=["POST"]),
    ]
