"""Imports, on the control socket: begin, look, pause, go on, show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.migration.importing import Asked, Importing
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Imported
from mx_core.model.address import Address


class NewImport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /imports/begin."""

    account: str
    asked: Asked
    dry_run: bool = False


def import_routes(account_of: Callable[[Address], Imported]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def begin(request: Request) -> dict[str, Any]:
        asked = await body(request, NewImport)
        importing = _of(asked.account)
        await importing.begin(asked.asked, dry_run=asked.dry_run)
        return await importing.state()

    async def state(request: Request) -> dict[str, Any]:
        return await _of((await body(request, OfAccount)).account).state()

    async def pause(request: Request) -> dict[str, Any]:
        return {"imports": await _of((await body(request, OfAccount)).account).pause()}

    async def resume(request: Request) -> dict[str, Any]:
        return {"imports": await _of((await body(request, OfAccount)).account).resume()}

    def _of(account: str) -> Importing:
        return account_of(Address.parse(account)).importing

    return posts(
        {
            "/imports/begin": begin,
            "/imports/state": state,
            "/imports/pause": pause,
            "/imports/resume": resume,
        }
    )
