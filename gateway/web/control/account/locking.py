"""Locking and unlocking, on the control socket."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import body, posts
from gateway.web.whose import Lockable
from mx_core.model.secret import Secret


class Passphrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /unlock, and /unlock/by with *method*."""

    passphrase: str = ""
    method: str = ""


def lock_routes(gateway: Lockable) -> list[Route]:
    """Return the routes."""

    async def lock(_: Request) -> dict[str, Any]:
        await gateway.lock()
        return {}

    async def unlock(request: Request) -> dict[str, Any]:
        await gateway.unlock(Secret((await body(request, Passphrase)).passphrase))
        return {}

    async def unlock_by(request: Request) -> dict[str, Any]:
        asked = await body(request, Passphrase)
        await gateway.unlock_by(asked.method, Secret(asked.passphrase))
        return {}

    return posts({"/lock": lock, "/unlock": unlock, "/unlock/by": unlock_by})
