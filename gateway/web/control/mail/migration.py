"""How far a person has come from ordinary mail, and what brings them on: on the control socket."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Migrating
from mx_core.model.address import Address


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /migration/take and /migration/leave; *proof*: a file of mx-gateway proof, base64."""

    account: str
    ordinary: str
    proof: str = ""


class Sentence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /migration/sentence; without *on*, only tell."""

    account: str
    on: bool | None = None


def migration_routes(account_of: Callable[[Address], Migrating]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def show(request: Request) -> dict[str, Any]:
        who = _of((await body(request, OfAccount)).account)
        return await who.dial.show(who.address)

    async def offers(request: Request) -> dict[str, Any]:
        return await _of((await body(request, OfAccount)).account).upgrading.state()

    async def take(request: Request) -> dict[str, Any]:
        asked = await body(request, Taken)
        proof = base64.b64decode(asked.proof)
        to = await _of(asked.account).upgrading.take(Address.parse(asked.ordinary), proof)
        return {"address": str(to)}

    async def leave(request: Request) -> dict[str, Any]:
        asked = await body(request, Taken)
        await _of(asked.account).upgrading.leave(Address.parse(asked.ordinary))
        return {}

    async def sentence(request: Request) -> dict[str, Any]:
        asked = await body(request, Sentence)
        foot = _of(asked.account).foot
        if asked.on is None:
            return {"on": await foot.is_on(), "link": ""}
        return await foot.turn(on=asked.on)

    def _of(account: str) -> Migrating:
        return account_of(Address.parse(account))

    return posts(
        {
            "/migration/show": show,
            "/migration/offers": offers,
            "/migration/take": take,
            "/migration/leave": leave,
            "/migration/sentence": sentence,
        }
    )
