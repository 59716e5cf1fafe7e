"""A JSON endpoint of the control socket: one request object in, one document out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mx_core.model.address import Address
from mx_core.model.errors import Refused

T = TypeVar("T", bound=msgspec.Struct)
Answer = Callable[[Request], Awaitable[dict[str, Any]]]


class OfAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What names an account, by its address, and nothing else."""

    account: str


def json_endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that sends what *answer* returns."""

    async def endpoint(request: Request) -> Response:
        return JSONResponse(await answer(request))

    return endpoint


def posts(served: Mapping[str, Answer]) -> list[Route]:
    """Return the route of each path: a command, by POST."""
    return [Route(path, json_endpoint(each), methods=["POST"]) for path, each in served.items()]


async def body(request: Request, kind: type[T]) -> T:
    """Return the request's document as a *kind*; raises Refused."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise Refused(f"the request is not understood: {error}") from error


async def account_in(request: Request) -> Address:
    """Return the account of a request that is ``OfAccount``; raises Refused."""
    return Address.parse((await body(request, OfAccount)).account)
