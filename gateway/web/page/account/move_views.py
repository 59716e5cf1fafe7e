"""A move to another domain, on the page: asked for with the sheet, and followed while it is under way."""

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
from mx_core.model.errors import Unavailable

_SEE_OTHER: Final = 303


def move_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def asked(request: Request) -> Response:
        address = Address.parse(request.query_params.get("account", ""))
        moving = behind.recoverable(address).moving
        if str(address.canonical()) == behind.trial():
            return RedirectResponse("/begin/real", _SEE_OTHER)
        return rendered("move.html", address=str(address), there=await moving.under_way())

    async def moved(request: Request) -> Response:
        account, to, invite, words = await read_form(request, "account", "to", "invite", "words")
        address, there = Address.parse(account), Address.parse(to)
        moving = behind.recoverable(address).moving
        try:
            await moving.begin(there, invite, words)
        except Unavailable:
            if await moving.under_way() is None:
                raise  # nothing was written: it can be asked for again
            return RedirectResponse(f"/move?{urlencode({'account': str(address)})}", _SEE_OTHER)
        return rendered("moved.html", address=str(there), old=str(address))

    return [
        Route("/move", asked, methods=["GET"]),
        Route("/move", moved, methods=["POST"]),
    ]
