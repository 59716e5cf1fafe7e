"""What waits to leave, on the control socket: list, try again, take back, let leave in clear."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import body, json_endpoint, posts
from gateway.web.daemon import Daemon
from mx_core.model.ids import QueueId


class OneQueued(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /queue/retry, /queue/cancel and /queue/ordinary."""

    queue_id: str


def queue_routes(daemon: Daemon) -> list[Route]:
    """Return the routes."""

    async def listed(_: Request) -> dict[str, Any]:
        return {"queue": await daemon.queue()}

    async def retried(request: Request) -> dict[str, Any]:
        return {"recipients": await daemon.retry_queued(await _queued(request))}

    async def cancelled(request: Request) -> dict[str, Any]:
        return {"recipients": await daemon.cancel_queued(await _queued(request))}

    async def let_leave(request: Request) -> dict[str, Any]:
        return {"recipients": await daemon.let_leave_queued(await _queued(request))}

    return [
        Route("/queue", json_endpoint(listed), methods=["GET"]),
        *posts({"/queue/retry": retried, "/queue/cancel": cancelled, "/queue/ordinary": let_leave}),
    ]


async def _queued(request: Request) -> QueueId:
    return QueueId((await body(request, OneQueued)).queue_id)
