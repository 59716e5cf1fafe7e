"""Contacts, on the control socket: list, compare keys, accept changed ones, believe a domain again."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import account_in, body, posts
from gateway.web.daemon import Daemon
from mx_core.model.address import Address


class OneContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /contacts/compare, /contacts/verify and /contacts/accept; *code*: a scanned QR code."""

    account: str
    address: str
    code: str = ""


class OneDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /domains/accept."""

    account: str
    domain: str


def contact_routes(daemon: Daemon) -> list[Route]:
    """Return the routes."""

    async def listed(request: Request) -> dict[str, Any]:
        return {"contacts": await daemon.contacts(await account_in(request))}

    async def compared(request: Request) -> dict[str, Any]:
        return await daemon.compare_contact(*_pair(await body(request, OneContact)))

    async def verified(request: Request) -> dict[str, Any]:
        asked = await body(request, OneContact)
        await daemon.verify_contact(*_pair(asked), asked.code)
        return {}

    async def accepted(request: Request) -> dict[str, Any]:
        return {"released": await daemon.accept_contact(*_pair(await body(request, OneContact)))}

    async def domain(request: Request) -> dict[str, Any]:
        asked = await body(request, OneDomain)
        account = Address.parse(asked.account)
        return {"released": await daemon.accept_domain(account, asked.domain)}

    return posts(
        {
            "/contacts/list": listed,
            "/contacts/compare": compared,
            "/contacts/verify": verified,
            "/contacts/accept": accepted,
            "/domains/accept": domain,
        }
    )


def _pair(asked: OneContact) -> tuple[Address, Address]:
    return Address.parse(asked.account), Address.parse(asked.address)
