"""Accounts on the page: what they do now, a new one, and what mail programs log in with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.beginning.begin_views import made_account
from gateway.web.page.beginning.connect_views import renewing
from gateway.web.page.beginning.sheet_checks import SheetChecks
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.mail_programs.programs import PROGRAMS, chosen
from mx_core.model.address import Address

_SEE_OTHER: Final = 303


def account_routes(behind: Behind, checks: SheetChecks) -> list[Route]:
    """Return the routes."""

    async def overview(_: Request) -> Response:
        told = await behind.status()
        if told["locked"]:
            return RedirectResponse("/unlock", _SEE_OTHER)
        if not told["accounts"]:
            return RedirectResponse("/begin", _SEE_OTHER)
        return rendered("overview.html", accounts=[_dated(each) for each in told["accounts"]])

    async def new(_: Request) -> Response:
        return rendered("new_account.html")

    async def added(request: Request) -> Response:
        typed, invite = await read_form(request, "address", "invite")
        address = Address.parse(typed).canonical()
        words = await behind.add_account(address, invite)
        return made_account(address, words, checks)

    async def programs(request: Request) -> Response:
        address = Address.parse(request.query_params.get("account", ""))
        return rendered(
            "programs.html",
            address=str(address),
            passwords=await behind.passwords(address),
            programs=list(PROGRAMS),
            trust=await behind.computer.system_trust(),
        )

    async def added_program(request: Request) -> Response:
        account, name, program = await read_form(request, "account", "name", "program")
        wanted = chosen(program) if program else None
        settings = await behind.new_settings(Address.parse(account), name)
        file = "" if wanted is None else wanted.write(settings)
        place = "" if wanted is None else wanted.place
        return rendered(
            "made_program.html",
            name=name,
            settings=settings,
            file=file,
            place=place,
            notes=(),
            renew=renewing(account, name),
        )

    async def revoked(request: Request) -> Response:
        account, name = await read_form(request, "account", "name")
        await behind.revoke_password(Address.parse(account), name)
        return RedirectResponse(f"/programs?{urlencode({'account': account})}", _SEE_OTHER)

    async def gave(request: Request) -> Response:
        account, given = await read_form(request, "account", "given")
        await behind.give_receipts(Address.parse(account), given=given == "yes")
        return RedirectResponse("/", _SEE_OTHER)

    return [
        Route("/receipts", gave, methods=["POST"]),
        Route("/", overview, methods=["GET"]),
        Route("/accounts/new", new, methods=["GET"]),
        Route("/accounts", added, methods=["POST"]),
        Route("/programs", programs, methods=["GET"]),
        Route("/programs", added_program, methods=["POST"]),
        Route("/programs/revoke", revoked, methods=["POST"]),
    ]


def _dated(account: dict[str, Any]) -> dict[str, Any]:
    """Return *account* with the time of its last backup as a person reads it."""
    last = account["backup"]["last"]
    shown = f"{datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M} UTC" if last else ""
    return {**account, "backup": {**account["backup"], "last": shown}}
