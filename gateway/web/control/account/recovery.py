"""Backups, devices and recoveries, on the control socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.own.identity import OwnIdentity
from gateway.recovery.recovering import AskedBack
from gateway.web.control.endpoint import OfAccount, body, posts
from gateway.web.whose import Desk, Recoverable
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.ids import DeviceId
from mx_core.passport.op import Kind, Reason

_REASONS: Final = {"retired": Reason.RETIRED, "lost": Reason.LOST, "stolen": Reason.STOLEN}


class NewBackup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /backups, and /backups/daily, where *target* is a folder, or empty: no more."""

    account: str
    target: str


class KnownSheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /backups/sheet."""

    account: str
    words: str


class GoneDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /devices/remove; *reason*: retired, lost or stolen; *since*: unix seconds, not retired."""

    account: str
    device: str
    reason: str
    since: int = 0


class NewHome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/move: *to* by an *invite* of its domain and the *words* of the sheet."""

    account: str
    to: str
    invite: str
    words: str


class Finish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /recoveries/finish."""

    token: str


def recovery_routes(account_of: Callable[[Address], Recoverable], desk: Desk) -> list[Route]:
    """Return the routes; *account_of* raises Refused for an address that is no account."""

    async def made(request: Request) -> dict[str, Any]:
        asked = await body(request, NewBackup)
        return await account_of(Address.parse(asked.account)).backups.make(Path(asked.target))

    async def daily(request: Request) -> dict[str, Any]:
        asked = await body(request, NewBackup)
        backups = account_of(Address.parse(asked.account)).backups
        await backups.make_daily(asked.target)
        await backups.look()
        return await backups.state()

    async def sheet(request: Request) -> dict[str, Any]:
        asked = await body(request, KnownSheet)
        await account_of(Address.parse(asked.account)).backups.know_sheet(asked.words)
        return {}

    async def devices(request: Request) -> dict[str, Any]:
        asked = await body(request, OfAccount)
        return {"devices": told_devices(account_of(Address.parse(asked.account)).own)}

    async def removed(request: Request) -> dict[str, Any]:
        asked = await body(request, GoneDevice)
        person = account_of(Address.parse(asked.account))
        reason = _REASONS.get(asked.reason)
        if reason is None:
            raise Refused("a device is retired, lost or stolen")
        since = None if reason is Reason.RETIRED else asked.since or int(person.own.now())
        await person.changes.remove(device_of(asked.device), reason, since)
        return {"devices": told_devices(person.own)}

    async def moved(request: Request) -> dict[str, Any]:
        asked = await body(request, NewHome)
        person = account_of(Address.parse(asked.account))
        await person.moving.begin(Address.parse(asked.to), asked.invite, asked.words)
        return {}

    async def begun(request: Request) -> dict[str, Any]:
        return await desk.begin_recovery(await body(request, AskedBack))

    async def finished(request: Request) -> dict[str, Any]:
        asked = await body(request, Finish)
        return await desk.finish_recovery(asked.token)

    return posts(
        {
            "/backups": made,
            "/backups/daily": daily,
            "/backups/sheet": sheet,
            "/devices": devices,
            "/devices/remove": removed,
            "/accounts/move": moved,
            "/recoveries/begin": begun,
            "/recoveries/finish": finished,
        }
    )


def told_devices(own: OwnIdentity) -> list[dict[str, Any]]:
    """Return every device that the passport ever named, the newest last."""
    return [
        {
            "device": record.device.id.hex(),
            "this": record.device.id == own.device_id,
            "full": record.device.kind is Kind.FULL,
            "active": record.removal is None,
            "removed": None if record.removal is None else record.removal.reason.name.lower(),
            "since": None if record.removal is None else record.removal.since,
        }
        for record in own.state.devices
    ]


def device_of(text: str) -> DeviceId:
    """Return the device that *text* names in hex; raises Refused."""
    try:
        return DeviceId(bytes.fromhex(text))
    except ValueError as error:
        raise Refused(f"{text!r} is no device: see mx-gateway device list") from error
