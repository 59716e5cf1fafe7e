"""Accounts, on the control socket: add one, renew its key, say who finds it and how it is sealed to."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import account_in, body, posts
from gateway.web.daemon import Daemon
from mx_core.model.address import Address

_FIRST_PASSWORD = "first mail program"  # noqa: S105  # a name, not a secret


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts."""

    account: str
    invite: str


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/reach."""

    account: str
    everybody: bool


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/suite."""

    account: str
    floor: Annotated[int, msgspec.Meta(ge=1, le=2)]


class GiveReceipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/receipts."""

    account: str
    given: bool


def account_routes(daemon: Daemon) -> list[Route]:
    """Return the routes."""

    async def added(request: Request) -> dict[str, Any]:
        """Return the words of a new account, and the settings of its first mail program."""
        asked = await body(request, NewAccount)
        address = Address.parse(asked.account).canonical()
        words = await daemon.add_account(address, asked.invite)
        # Crash here: the account is there without a password, and mx-gateway password makes one.
        settings = await daemon.new_settings(address, _FIRST_PASSWORD)
        return {"settings": asdict(settings), "recovery_words": words}

    async def reindexed(request: Request) -> dict[str, Any]:
        await daemon.reindex(await account_in(request))
        return {}

    async def rotated(request: Request) -> dict[str, Any]:
        await daemon.rotate(await account_in(request))
        return {}

    async def reached(request: Request) -> dict[str, Any]:
        asked = await body(request, Reach)
        await daemon.reach(Address.parse(asked.account), everybody=asked.everybody)
        return {}

    async def suited(request: Request) -> dict[str, Any]:
        asked = await body(request, Suite)
        await daemon.take_suite(Address.parse(asked.account), asked.floor)
        return {}

    async def receipts(request: Request) -> dict[str, Any]:
        asked = await body(request, GiveReceipts)
        await daemon.give_receipts(Address.parse(asked.account), given=asked.given)
        return {}

    return posts(
        {
            "/accounts": added,
            "/accounts/reindex": reindexed,
            "/accounts/rotate": rotated,
            "/accounts/reach": reached,
            "/accounts/suite": suited,
            "/accounts/receipts": receipts,
        }
    )
