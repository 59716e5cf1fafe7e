"""How far a person has come from ordinary mail, on the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.migration.dial import Dial
from gateway.web.endpoint import body, json_endpoint
from mx_core.model.address import Address


class OfAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /migration/show."""

    account: str


class Migrating(Protocol):
    """Who is on the way."""

    address: Address

    @property
    def dial(self) -> Dial:
        """Return what tells how far they are."""


def migration_routes(account_of: Callable[[Address], Migrating]) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def show(request: Request) -> dict[str, Any]:
        asked = await body(request, OfAccount)
        who = account_of(Address.parse(asked.account))
        return await who.dial.show(who.address)

    return [Route("/migration/show", json_endpoint(show), methods=["POST"])]
