"""Exports, on the control socket: begin and show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.migration.export.exporting import AskedOut
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Exported
from mx_core.model.address import Address


class NewExport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /exports/begin."""

    account: str
    asked: AskedOut


def export_routes(account_of: Callable[[Address], Exported]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def begin(request: Request) -> dict[str, Any]:
        asked = await body(request, NewExport)
        exporting = account_of(Address.parse(asked.account)).exporting
        await exporting.begin(asked.asked)
        return exporting.state()

    async def state(request: Request) -> dict[str, Any]:
        address = (await body(request, OfAccount)).account
        return account_of(Address.parse(address)).exporting.state()

    return posts({"/exports/begin": begin, "/exports/state": state})
