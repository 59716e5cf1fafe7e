"""The page that a refusal points to: what would become of mail to somebody, and the rule for them."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.policy.pointer import PATH
from gateway.policy.rule import ENCRYPTION
from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.model.address import Address
from mx_core.model.errors import Refused

_SEE_OTHER: Final = 303
_ANSWERS: Final = {"never": "required", "ask": "ask", "send": "optional", "default": "default"}


def writing_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def shown(request: Request) -> Response:
        whom = Address.parse(request.path_params["address"])
        status = await behind.status()
        accounts = [str(account["address"]) for account in status["accounts"]]
        return rendered(
            "writing.html",
            whom=str(whom),
            scope=str(whom.canonical()),
            accounts=[await _told(behind, account, whom) for account in accounts],
        )

    async def ruled(request: Request) -> Response:
        account, whom, answer = await read_form(request, "account", "address", "answer")
        if answer not in _ANSWERS:
            raise Refused("one of the four is needed")
        address = Address.parse(whom)
        desk = behind.policy_desk(Address.parse(account))
        await desk.set(str(address.canonical()), ENCRYPTION, _ANSWERS[answer])
        return RedirectResponse(PATH + quote(str(address), safe="@+"), _SEE_OTHER)

    return [
        Route(PATH + "{address}", shown, methods=["GET"]),
        Route("/writing", ruled, methods=["POST"]),
    ]


async def _told(behind: Behind, account: str, whom: Address) -> dict[str, Any]:
    """Return what would become of mail from *account*; looked up now."""
    desk = behind.policy_desk(Address.parse(account))
    told = await desk.explain(whom)
    return {**told, "account": account, "relay": bool(await desk.relay())}
