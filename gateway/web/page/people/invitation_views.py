"""Invitations on the page: make one and show it, take it back, open one of somebody else."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.people.code_picture import code_picture
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address
from mx_core.model.errors import Refused

_SEE_OTHER: Final = 303


def invitation_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def make(request: Request) -> Response:
        account, name, uses, days = await read_form(request, "account", "name", "uses", "days")
        address = Address.parse(account)
        made = await behind.inviting(address).make(name, _number(uses), _number(days))
        return rendered(
            "made_invitation.html",
            address=str(address),
            invitation=made,
            picture=code_picture(made["link"]),
        )

    async def revoke(request: Request) -> Response:
        account, ident = await read_form(request, "account", "id")
        address = Address.parse(account)
        await behind.inviting(address).take_back(_number(ident))
        return _to("/contacts", account=str(address))

    async def open_(request: Request) -> Response:
        account, link, in_person = await read_form(request, "account", "link", "in_person")
        address = Address.parse(account)
        told = await behind.inviting(address).open(link, in_person=in_person == "yes")
        return _to("/contact", account=str(address), contact=told["address"])

    return [
        Route("/invitations", make, methods=["POST"]),
        Route("/invitations/revoke", revoke, methods=["POST"]),
        Route("/invitations/open", open_, methods=["POST"]),
    ]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:  # noqa: PLR2004  # fits an int
        raise Refused("a number is asked for, in digits")
    return int(text)


def _to(path: str, **asked: str) -> Response:
    return RedirectResponse(f"{path}?{urlencode(asked)}", _SEE_OTHER)
