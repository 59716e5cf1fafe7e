"""Evidence that an account has found, on the control socket: what there is, and one bundle."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Finding
from mx_core.directory.evidence import Kind
from mx_core.model.address import Address
from mx_core.model.errors import Refused


class OneBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /evidence/get."""

    account: str
    id: int


def evidence_routes(account_of: Callable[[Address], Finding]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def all_(request: Request) -> dict[str, Any]:
        asked = await body(request, OfAccount)
        found = await account_of(Address.parse(asked.account)).store.evidence.all()
        return {
            "evidence": [
                {
                    "id": one.id,
                    "at": dt.datetime.fromtimestamp(one.at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
                    "domain": one.domain,
                    "kind": Kind(one.kind).name.lower().replace("_", " "),
                    "octets": len(one.bundle),
                }
                for one in found
            ]
        }

    async def get(request: Request) -> dict[str, Any]:
        asked = await body(request, OneBundle)
        for one in await account_of(Address.parse(asked.account)).store.evidence.all():
            if one.id == asked.id:
                return {"bundle": base64.b64encode(one.bundle).decode()}
        raise Refused(f"there is no evidence {asked.id}: see mx-gateway evidence list")

    return posts({"/evidence/list": all_, "/evidence/get": get})
