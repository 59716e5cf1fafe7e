"""Client passwords and files for mail programs, on the control socket."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import account_in, body, posts
from gateway.web.daemon import Daemon
from mx_core.mail_programs.programs import chosen
from mx_core.model.address import Address


class NamedPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /passwords and /passwords/revoke."""

    account: str
    name: str


class NewClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /clients: a file for *program*; *name*: what its password is called."""

    account: str
    program: str
    name: str


def password_routes(daemon: Daemon) -> list[Route]:
    """Return the routes."""

    async def added(request: Request) -> dict[str, Any]:
        asked = await body(request, NamedPassword)
        return {"password": await daemon.add_password(Address.parse(asked.account), asked.name)}

    async def revoked(request: Request) -> dict[str, Any]:
        asked = await body(request, NamedPassword)
        await daemon.revoke_password(Address.parse(asked.account), asked.name)
        return {}

    async def listed(request: Request) -> dict[str, Any]:
        return {"passwords": await daemon.passwords(await account_in(request))}

    async def client(request: Request) -> dict[str, Any]:
        asked = await body(request, NewClient)
        program = chosen(asked.program)
        settings = await daemon.new_settings(Address.parse(asked.account), asked.name)
        return {
            "settings": asdict(settings),
            "place": program.place,
            "file": program.write(settings),
        }

    return posts(
        {
            "/passwords": added,
            "/passwords/revoke": revoked,
            "/passwords/list": listed,
            "/clients": client,
        }
    )
