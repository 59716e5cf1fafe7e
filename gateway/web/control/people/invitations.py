"""Invitations on the control socket: make, list, take back, open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.people.inviting import Inviting
from gateway.web.control.endpoint import OfAccount, body, posts
from mx_core.model.address import Address


class NewInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /invitations."""

    account: str
    name: str
    uses: int
    days: int


class OneInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /invitations/revoke."""

    account: str
    id: int


class OneLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /invitations/open."""

    account: str
    link: str
    in_person: bool


def invitation_routes(inviting_of: Callable[[Address], Inviting]) -> list[Route]:
    """Return the routes; *inviting_of* raises Refused for an address that is no account."""

    async def make(request: Request) -> dict[str, Any]:
        asked = await body(request, NewInvitation)
        inviting = inviting_of(Address.parse(asked.account))
        return await inviting.make(asked.name, asked.uses, asked.days)

    async def all_(request: Request) -> dict[str, Any]:
        asked = await body(request, OfAccount)
        return {"invitations": await inviting_of(Address.parse(asked.account)).all()}

    async def revoke(request: Request) -> dict[str, Any]:
        asked = await body(request, OneInvitation)
        await inviting_of(Address.parse(asked.account)).take_back(asked.id)
        return {}

    async def open_(request: Request) -> dict[str, Any]:
        asked = await body(request, OneLink)
        inviting = inviting_of(Address.parse(asked.account))
        return await inviting.open(asked.link, in_person=asked.in_person)

    return posts(
        {
            "/invitations": make,
            "/invitations/list": all_,
            "/invitations/revoke": revoke,
            "/invitations/open": open_,
        }
    )
