"""Mail from elsewhere on the page: imports and how far they are, accounts that are pulled."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.migration.remaining import spelt
from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address

_SEE_OTHER: Final = 303


def mail_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def shown(request: Request) -> Response:
        whose = Address.parse(request.query_params.get("account", ""))
        state = await behind.imported(whose).importing.state()
        return rendered(
            "mail.html",
            address=str(whose),
            state=state,
            left=spelt(state["seconds_left"]),
            pulled=await behind.pulled(whose).pulling.state(),
        )

    async def paused(request: Request) -> Response:
        (account,) = await read_form(request, "account")
        await behind.imported(Address.parse(account)).importing.pause()
        return _back(account)

    async def resumed(request: Request) -> Response:
        (account,) = await read_form(request, "account")
        await behind.imported(Address.parse(account)).importing.resume()
        return _back(account)

    return [
        Route("/mail", shown, methods=["GET"]),
        Route("/mail/pause", paused, methods=["POST"]),
        Route("/mail/resume", resumed, methods=["POST"]),
    ]


def _back(account: str) -> Response:
    return RedirectResponse(f"/mail?{urlencode({'account': account})}", _SEE_OTHER)
