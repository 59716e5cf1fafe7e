"""Folders with a rule, on the control socket: list, show, add, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import FolderStore
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.mailbox_name import mailbox_name
from mx_core.store.folders.upkeep import Folders, FolderState


class OneFolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /folders/show and /folders/remove."""

    account: str
    name: str


class NewFolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /folders/add."""

    account: str
    name: str
    rule: str


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /folders/listed: whether one mail program lists folders."""

    account: str
    password: str
    shown: bool


def folder_routes(store_of: Callable[[Address], FolderStore]) -> list[Route]:
    """Return the routes; *store_of* raises Refused for an address that is no account."""

    async def listed(request: Request) -> dict[str, Any]:
        asked = await body(request, OfAccount)
        return {"folders": [_told(each) for each in await _of(asked.account).all()]}

    async def shown(request: Request) -> dict[str, Any]:
        asked = await body(request, OneFolder)
        return _told(await _of(asked.account).one(mailbox_name(asked.name)))

    async def added(request: Request) -> dict[str, Any]:
        asked = await body(request, NewFolder)
        name = mailbox_name(asked.name)
        await _of(asked.account).add(name, asked.rule)
        return _told(await _of(asked.account).one(name))

    async def removed(request: Request) -> dict[str, Any]:
        asked = await body(request, OneFolder)
        await _of(asked.account).remove(mailbox_name(asked.name))
        return {}

    async def listed_for(request: Request) -> dict[str, Any]:
        asked = await body(request, Listed)
        passwords = store_of(Address.parse(asked.account)).passwords
        if not await passwords.show_folders(asked.password, asked.shown):
            raise Refused(
                f"{asked.account} has no client password called {asked.password!r}: see mx-gateway password list"
            )
        return {}

    def _of(account: str) -> Folders:
        return store_of(Address.parse(account)).folders

    return posts(
        {
            "/folders/list": listed,
            "/folders/show": shown,
            "/folders/add": added,
            "/folders/remove": removed,
            "/folders/listed": listed_for,
        }
    )


def _told(state: FolderState) -> dict[str, Any]:
    return {
        "name": state.info.name,
        "rule": state.info.rule,
        "messages": state.info.messages,
        "unseen": state.info.unseen,
        "subscribed": state.info.subscribed,
        "fixed": state.fixed,
        "complete": state.complete,
    }
