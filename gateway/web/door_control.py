"""Whether an account takes ordinary mail at its domain's door, on the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.endpoint import body, json_endpoint
from mx_core.carriers.native.carrier import DoorChange, DoorState
from mx_core.model.address import Address

CHANGES: Final = {
    "": DoorChange.NOTHING,
    "open": DoorChange.OPEN,
    "closed": DoorChange.CLOSE,
}


class OneDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/door; *state*: what it is to be, or "" to ask."""

    address: str
    state: Literal["", "open", "closed"] = ""


class DoorKeeper(Protocol):
    """Who asks the home server; ``NativeCarrier`` does."""

    async def door(self, change: DoorChange = DoorChange.NOTHING) -> DoorState:
        """Return how it is after *change*; raises Refused if the domain has no door."""


class BehindDoor(Protocol):
    """Whose door it is."""

    @property
    def carrier(self) -> DoorKeeper:
        """Return who asks its home server."""


def door_routes(door_of: Callable[[Address], BehindDoor]) -> list[Route]:
    """Return the routes; *door_of* raises Refused for an address that is no account."""

    async def door(request: Request) -> dict[str, Any]:
        asked = await body(request, OneDoor)
        keeper = door_of(Address.parse(asked.address)).carrier
        state = await keeper.door(CHANGES[asked.state])
        return {"served": state.served, "open": state.open}

    return [Route("/accounts/door", json_endpoint(door), methods=["POST"])]
