"""Ordinary accounts whose mail is pulled, on the control socket: add, list, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.pulling.asked import AskedPull
from gateway.pulling.pulling import Pulling
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Pulled
from mx_core.model.address import Address


class NewPull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /legacy/add."""

    account: str
    asked: AskedPull


class OnePull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /legacy/remove."""

    account: str
    url: str


def legacy_routes(account_of: Callable[[Address], Pulled]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def add(request: Request) -> dict[str, Any]:
        asked = await body(request, NewPull)
        return {"location": await _of(asked.account).add(asked.asked)}

    async def listed(request: Request) -> dict[str, Any]:
        return {"accounts": await _of((await body(request, OfAccount)).account).state()}

    async def remove(request: Request) -> dict[str, Any]:
        asked = await body(request, OnePull)
        await _of(asked.account).remove(asked.url)
        return {}

    def _of(account: str) -> Pulling:
        return account_of(Address.parse(account)).pulling

    return posts({"/legacy/add": add, "/legacy/list": listed, "/legacy/remove": remove})
