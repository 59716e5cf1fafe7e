"""Permissions by OAuth, on the control socket: ask, wait for the answer, list, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.legacy.oauth.grants import AskedGrant, Grants
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Permitted
from mx_core.model.address import Address


class NewGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /oauth/begin."""

    account: str
    asked: AskedGrant


class OneAsking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /oauth/wait."""

    account: str
    id: str


class OneGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /oauth/remove."""

    account: str
    user: str


def oauth_routes(account_of: Callable[[Address], Permitted]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def begin(request: Request) -> dict[str, Any]:
        asked = await body(request, NewGrant)
        return await _of(asked.account).begin(asked.asked)

    async def wait(request: Request) -> dict[str, Any]:
        asked = await body(request, OneAsking)
        return {"given": await _of(asked.account).wait(asked.id)}

    async def listed(request: Request) -> dict[str, Any]:
        return {"grants": await _of((await body(request, OfAccount)).account).all()}

    async def remove(request: Request) -> dict[str, Any]:
        asked = await body(request, OneGrant)
        return {"ended_there": await _of(asked.account).remove(asked.user)}

    def _of(account: str) -> Grants:
        return account_of(Address.parse(account)).grants

    return posts(
        {"/oauth/begin": begin, "/oauth/wait": wait, "/oauth/list": listed, "/oauth/remove": remove}
    )
