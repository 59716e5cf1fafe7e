"""A JSON endpoint of the control socket: one request object in, one document out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mx_core.model.errors import Refused

T = TypeVar("T", bound=msgspec.Struct)


def json_endpoint(
    answer: Callable[[Request], Awaitable[dict[str, Any]]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that sends what *answer* returns."""

    async def endpoint(request: Request) -> Response:
        return JSONResponse(await answer(request))

    return endpoint


async def body(request: Request, kind: type[T]) -> T:
    """Return the request's document as a *kind*; raises Refused."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise Refused(f"the request is not understood: {error}") from error
