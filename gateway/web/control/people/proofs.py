"""Claims to ordinary addresses, on the control socket."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.own.claim import Claim, claim_text
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Claiming
from mx_core.model.address import Address


class OneClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /proof/claim."""

    account: str
    ordinary: str


def proof_routes(account_of: Callable[[Address], Claiming]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def claim(request: Request) -> dict[str, Any]:
        asked = await body(request, OneClaim)
        own = account_of(Address.parse(asked.account)).own
        ordinary = Address.parse(asked.ordinary)
        made = Claim(ordinary, own.address, own.pid, own.device_id, int(time.time()))
        return {"text": claim_text(made, own.signing_key.reveal())}

    async def passport(request: Request) -> dict[str, Any]:
        whose = account_of(Address.parse((await body(request, OfAccount)).account))
        entries = await whose.store.passport.entries()
        return {"entries": [base64.b64encode(entry).decode() for entry in entries]}

    return posts({"/proof/claim": claim, "/proof/passport": passport})
