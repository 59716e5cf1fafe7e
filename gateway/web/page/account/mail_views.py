"""Mail from elsewhere on the page: imports and how far they are, accounts that are pulled."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.migration.export.exporting import AskedOut
from gateway.migration.importing import Asked
from gateway.migration.remaining import spelt
from gateway.web.behind import Behind
from gateway.web.control.account.doors import CHANGES
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.carriers.native.membership import DoorState
from mx_core.model.address import Address
from mx_core.model.errors import Refused, Unavailable

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
            export=behind.exported(whose).exporting.state(),
            left=spelt(state["seconds_left"]),
            here=behind.computer.mail_here(),
            dial=await _dial(behind, whose),
            upgrades=await behind.migrating(whose).upgrading.state(),
            sentence=await behind.migrating(whose).foot.is_on(),
            pulled=await behind.pulled(whose).pulling.state(),
            door=await door_state(behind, whose),
        )

    async def begun(request: Request) -> Response:
        account, source, password, how = await read_form(
            request, "account", "source", "password", "how"
        )
        if how not in {"look", "bring"}:
            raise Refused("an import looks, or brings")
        importing = behind.imported(Address.parse(account)).importing
        await importing.begin(Asked(source, secret=password), dry_run=how == "look")
        return _back(account)

    async def exported(request: Request) -> Response:
        account, target, kind = await read_form(request, "account", "target", "format")
        exporting = behind.exported(Address.parse(account)).exporting
        await exporting.begin(AskedOut(target, kind))
        return _back(account)

    async def paused(request: Request) -> Response:
        (account,) = await read_form(request, "account")
        await behind.imported(Address.parse(account)).importing.pause()
        return _back(account)

    async def resumed(request: Request) -> Response:
        (account,) = await read_form(request, "account")
        await behind.imported(Address.parse(account)).importing.resume()
        return _back(account)

    async def upgraded(request: Request) -> Response:
        account, ordinary, how = await read_form(request, "account", "ordinary", "how")
        upgrading = behind.migrating(Address.parse(account)).upgrading
        if how == "take":
            await upgrading.take(Address.parse(ordinary))
        elif how == "leave":
            await upgrading.leave(Address.parse(ordinary))
        else:
            raise Refused("somebody is taken, or left")
        return _back(account)

    async def sentence(request: Request) -> Response:
        account, state = await read_form(request, "account", "state")
        if state not in {"on", "off"}:
            raise Refused("the sentence is on or off")
        await behind.migrating(Address.parse(account)).foot.turn(on=state == "on")
        return _back(account)

    async def door(request: Request) -> Response:
        account, state = await read_form(request, "account", "state")
        if state not in CHANGES:
            raise Refused("a door is open or closed")
        await behind.door_of(Address.parse(account)).membership.door(CHANGES[state])
        return _back(account)

    return [
        Route("/mail/door", door, methods=["POST"]),
        Route("/mail/upgrade", upgraded, methods=["POST"]),
        Route("/mail/sentence", sentence, methods=["POST"]),
        Route("/mail", shown, methods=["GET"]),
        Route("/mail/begin", begun, methods=["POST"]),
        Route("/mail/export", exported, methods=["POST"]),
        Route("/mail/pause", paused, methods=["POST"]),
        Route("/mail/resume", resumed, methods=["POST"]),
    ]


async def door_state(behind: Behind, whose: Address) -> DoorState | None:
    """Return how the door is; None: the home server does not answer now."""
    try:
        return await behind.door_of(whose).membership.door()
    except Unavailable:
        return None


async def _dial(behind: Behind, whose: Address) -> dict[str, Any]:
    who = behind.migrating(whose)
    return await who.dial.show(who.address)


def _back(account: str) -> Response:
    return RedirectResponse(f"/mail?{urlencode({'account': account})}", _SEE_OTHER)
