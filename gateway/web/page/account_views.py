"""Accounts on the page: what they do now, a new one, and what mail programs log in with."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.mail_programs.programs import PROGRAMS, chosen
from mx_core.model.address import Address

_SEE_OTHER: Final = 303
_ROW: Final = 6  # words of a recovery sheet in one line


def account_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def overview(_: Request) -> Response:
        told = await behind.status()
        return rendered("overview.html", accounts=told["accounts"])

    async def new(_: Request) -> Response:
        return rendered("new_account.html")

    async def added(request: Request) -> Response:
        address, invite = await read_form(request, "address", "invite")
        made = await behind.add_account(Address.parse(address), invite)
        words = made["recovery_words"].split()
        rows = [words[at : at + _ROW] for at in range(0, len(words), _ROW)]
        return rendered("made_account.html", settings=made["settings"], rows=rows)

    async def programs(request: Request) -> Response:
        address = Address.parse(request.query_params.get("account", ""))
        return rendered(
            "programs.html",
            address=str(address),
            passwords=await behind.passwords(address),
            programs=list(PROGRAMS),
        )

    async def added_program(request: Request) -> Response:
        account, name, program = await read_form(request, "account", "name", "program")
        wanted = chosen(program) if program else None
        settings = await behind.new_settings(Address.parse(account), name)
        file = "" if wanted is None else wanted.write(settings)
        place = "" if wanted is None else wanted.place
        return rendered("made_program.html", name=name, settings=settings, file=file, place=place)

    async def revoked(request: Request) -> Response:
        account, name = await read_form(request, "account", "name")
        await behind.revoke_password(Address.parse(account), name)
        return RedirectResponse(f"/programs?{urlencode({'account': account})}", _SEE_OTHER)

    return [
        Route("/", overview, methods=["GET"]),
        Route("/accounts/new", new, methods=["GET"]),
        Route("/accounts", added, methods=["POST"]),
        Route("/programs", programs, methods=["GET"]),
        Route("/programs", added_program, methods=["POST"]),
        Route("/programs/revoke", revoked, methods=["POST"]),
    ]
