"""The outbox on the page: what waits, why, and what can be done."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.page.form import read_form
from gateway.web.page.rendering import rendered
from mx_core.model.ids import QueueId

_SEE_OTHER: Final = 303


def outbox_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def waiting(_: Request) -> Response:
        return rendered("outbox.html", queue=await behind.queue())

    async def retried(request: Request) -> Response:
        (queue_id,) = await read_form(request, "queue_id")
        await behind.retry_queued(QueueId(queue_id))
        return RedirectResponse("/outbox", _SEE_OTHER)

    async def let_leave(request: Request) -> Response:
        (queue_id,) = await read_form(request, "queue_id")
        await behind.let_leave_queued(QueueId(queue_id))
        return RedirectResponse("/outbox", _SEE_OTHER)

    async def cancelled(request: Request) -> Response:
        (queue_id,) = await read_form(request, "queue_id")
        await behind.cancel_queued(QueueId(queue_id))
        return RedirectResponse("/outbox", _SEE_OTHER)

    return [
        Route("/outbox", waiting, methods=["GET"]),
        Route("/outbox/retry", retried, methods=["POST"]),
        Route("/outbox/ordinary", let_leave, methods=["POST"]),
        Route("/outbox/cancel", cancelled, methods=["POST"]),
    ]
