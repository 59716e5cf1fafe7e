"""The control API's part for ``sendmail``: take one letter of the spool in, now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import body, posts
from mx_core.model.ids import QueueId


class OneLetter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /spool."""

    name: str


def spool_routes(take: Callable[[str], Awaitable[QueueId]]) -> list[Route]:
    """Return the route; *take* raises what is to be told."""

    async def taken(request: Request) -> dict[str, Any]:
        return {"queue_id": await take((await body(request, OneLetter)).name)}

    return posts({"/spool": taken})
