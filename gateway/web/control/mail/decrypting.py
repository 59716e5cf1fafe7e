"""Encrypted mail of an account, on the control socket: what there is, one ciphertext, what was in it.

Octets go as they are: a message may have 64 MiB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.decrypting.decrypting import Decrypting
from gateway.decrypting.enclosed import Kind
from gateway.decrypting.opener import OCTETS_MAX
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Decrypted
from mx_core.model.address import Address
from mx_core.model.errors import MessageTooLarge, Refused
from mx_core.model.ids import MessageId

PLACE: Final = "place"  # the parameter that says what the body was in


class OneMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /decrypting/ciphertext."""

    account: str
    message: int


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /decrypting/put, whose body is what was in the message."""

    account: str
    message: int
    kind: Kind
    at: list[tuple[int, int]]


def decrypting_routes(account_of: Callable[[Address], Decrypted]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def look(request: Request) -> dict[str, Any]:
        found = await _of((await body(request, OfAccount)).account).look()
        return {"messages": msgspec.to_builtins(found)}

    async def ciphertext(request: Request) -> Response:
        asked = await body(request, OneMessage)
        octets = await _of(asked.account).ciphertext(MessageId(asked.message))
        return Response(octets, media_type="application/octet-stream")

    async def put(request: Request) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(request.query_params.get(PLACE, ""), type=Opened)
        except msgspec.DecodeError as error:
            raise Refused(f"the request is not understood: {error}") from error
        entity = await _bounded(request)
        message = MessageId(asked.message)
        done = await _of(asked.account).put(message, asked.kind, asked.at, entity)
        return {"put": done}

    def _of(account: str) -> Decrypting:
        return account_of(Address.parse(account)).decrypting

    return [
        *posts({"/decrypting/look": look, "/decrypting/put": put}),
        Route("/decrypting/ciphertext", ciphertext, methods=["POST"]),
    ]


async def _bounded(request: Request) -> bytes:
    """Return the body; raises MessageTooLarge."""
    octets = bytearray()
    async for piece in request.stream():
        octets += piece
        if len(octets) > OCTETS_MAX:
            raise MessageTooLarge("a message has at most 64 MiB")
    return bytes(octets)
