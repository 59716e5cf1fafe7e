"""Rules about whom to write to how, and the account for ordinary mail, on the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.legacy.relay_account import RelayAccount
from gateway.people.policy_desk import PolicyDesk
from gateway.web.control.endpoint import OfAccount, body, posts
from mx_core.model.address import Address


class OneRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /policy/set."""

    account: str
    scope: str
    name: str
    value: str


class Whom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /policy/explain."""

    account: str
    address: str


class NewRelay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /relay/set."""

    account: str
    host: str
    port: int
    implicit: bool
    username: str
    password: str
    sender: str = ""
    oauth: bool = False
    identity: str = ""


class NoRelay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /relay/remove; *identity*: only what is written from there."""

    account: str
    identity: str = ""


def policy_routes(desk_of: Callable[[Address], PolicyDesk]) -> list[Route]:
    """Return the routes; *desk_of* raises Refused for an address that is no account."""

    def _of(account: str) -> PolicyDesk:
        return desk_of(Address.parse(account))

    async def shown(request: Request) -> dict[str, Any]:
        return await _of((await body(request, OfAccount)).account).show()

    async def made(request: Request) -> dict[str, Any]:
        asked = await body(request, OneRule)
        await _of(asked.account).set(asked.scope, asked.name, asked.value)
        return {}

    async def explained(request: Request) -> dict[str, Any]:
        asked = await body(request, Whom)
        return await _of(asked.account).explain(Address.parse(asked.address))

    async def relay(request: Request) -> dict[str, Any]:
        return {"relay": await _of((await body(request, OfAccount)).account).relay()}

    async def set_relay(request: Request) -> dict[str, Any]:
        asked = await body(request, NewRelay)
        await _of(asked.account).set_relay(
            RelayAccount(
                asked.host,
                asked.port,
                asked.implicit,
                asked.username,
                asked.password,
                asked.sender,
                asked.oauth,
            ),
            Address.parse(asked.identity) if asked.identity else None,
        )
        return {}

    async def removed_relay(request: Request) -> dict[str, Any]:
        asked = await body(request, NoRelay)
        identity = Address.parse(asked.identity) if asked.identity else None
        await _of(asked.account).remove_relay(identity)
        return {}

    return posts(
        {
            "/policy/show": shown,
            "/policy/set": made,
            "/policy/explain": explained,
            "/relay/show": relay,
            "/relay/set": set_relay,
            "/relay/remove": removed_relay,
        }
    )
