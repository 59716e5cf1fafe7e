"""Whether an account takes ordinary mail at its domain's door, on the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import body, posts
from gateway.web.whose import BehindDoor
from mx_core.carriers.native.membership import DoorChange
from mx_core.model.address import Address

CHANGES: Final = {
    "": DoorChange.NOTHING,
    "open": DoorChange.OPEN,
    "closed": DoorChange.CLOSE,
}


class OneDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/door; *state*: what it is to be, or "" to ask."""

    account: str
    state: Literal["", "open", "closed"] = ""


def door_routes(door_of: Callable[[Address], BehindDoor]) -> list[Route]:
    """Return the routes; *door_of* raises Refused for an address that is no account."""

    async def door(request: Request) -> dict[str, Any]:
        asked = await body(request, OneDoor)
        keeper = door_of(Address.parse(asked.account)).membership
        state = await keeper.door(CHANGES[asked.state])
        return {"served": state.served, "open": state.open}

    return posts({"/accounts/door": door})
