"""What the command line may ask the daemon: a JSON API on the control socket.

Same person only (``mx_core.control``).  Every refusal is one sentence under ``error``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.web.daemon import Daemon
from gateway.web.door_control import door_routes
from gateway.web.endpoint import body, json_endpoint
from gateway.web.evidence_control import evidence_routes
from gateway.web.export_control import export_routes
from gateway.web.folder_control import folder_routes
from gateway.web.import_control import import_routes
from gateway.web.invitation_control import invitation_routes
from gateway.web.legacy_control import legacy_routes
from gateway.web.lock_control import lock_routes
from gateway.web.migration_control import migration_routes
from gateway.web.oauth_control import oauth_routes
from gateway.web.policy_control import policy_routes
from gateway.web.proof_control import proof_routes
from gateway.web.recovery_control import recovery_routes
from gateway.web.spool_control import spool_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.mail_programs.programs import chosen
from mx_core.model.address import Address
from mx_core.model.ids import QueueId

_FIRST_PASSWORD = "first mail program"  # noqa: S105  # a name, not a secret


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts."""

    address: str
    invite: str


class NamedPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /passwords and /passwords/revoke."""

    address: str
    name: str


class OneAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /passwords/list, /accounts/reindex and /accounts/rotate."""

    address: str


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/reach."""

    address: str
    everybody: bool


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/suite."""

    address: str
    floor: Annotated[int, msgspec.Meta(ge=1, le=2)]


class GiveReceipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /accounts/receipts."""

    address: str
    given: bool


class NewClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /clients: a file for *program*; *name*: what its password is called."""

    address: str
    program: str
    name: str


class OneContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /contacts/compare, /contacts/verify and /contacts/accept; *code*: a scanned QR code."""

    account: str
    address: str
    code: str = ""


class OneDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /domains/accept."""

    account: str
    domain: str


class OneQueued(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /queue/retry, /queue/cancel and /queue/ordinary."""

    queue_id: str


def control_app(daemon: Daemon) -> Starlette:
    """Return the application that ``serve_control`` serves."""

    async def status(_: Request) -> dict[str, Any]:
        return await daemon.status()

    async def queue(_: Request) -> dict[str, Any]:
        return {"queue": await daemon.queue()}

    async def retry_queued(request: Request) -> dict[str, Any]:
        asked = await body(request, OneQueued)
        return {"recipients": await daemon.retry_queued(QueueId(asked.queue_id))}

    async def cancel_queued(request: Request) -> dict[str, Any]:
        asked = await body(request, OneQueued)
        return {"recipients": await daemon.cancel_queued(QueueId(asked.queue_id))}

    async def let_leave_queued(request: Request) -> dict[str, Any]:
        asked = await body(request, OneQueued)
        return {"recipients": await daemon.let_leave_queued(QueueId(asked.queue_id))}

    async def contacts(request: Request) -> dict[str, Any]:
        asked = await body(request, OneAccount)
        return {"contacts": await daemon.contacts(Address.parse(asked.address))}

    async def compare_contact(request: Request) -> dict[str, Any]:
        asked = await body(request, OneContact)
        return await daemon.compare_contact(*_pair(asked))

    async def verify_contact(request: Request) -> dict[str, Any]:
        asked = await body(request, OneContact)
        await daemon.verify_contact(*_pair(asked), asked.code)
        return {}

    async def accept_contact(request: Request) -> dict[str, Any]:
        asked = await body(request, OneContact)
        return {"released": await daemon.accept_contact(*_pair(asked))}

    async def accept_domain(request: Request) -> dict[str, Any]:
        asked = await body(request, OneDomain)
        account = Address.parse(asked.account)
        return {"released": await daemon.accept_domain(account, asked.domain)}

    async def add_account(request: Request) -> dict[str, Any]:
        return await _added(daemon, await body(request, NewAccount))

    async def add_password(request: Request) -> dict[str, Any]:
        asked = await body(request, NamedPassword)
        made = await daemon.add_password(Address.parse(asked.address), asked.name)
        return {"password": made}

    async def add_client(request: Request) -> dict[str, Any]:
        asked = await body(request, NewClient)
        program = chosen(asked.program)
        settings = await daemon.new_settings(Address.parse(asked.address), asked.name)
        return {
            "settings": asdict(settings),
            "place": program.place,
            "file": program.write(settings),
        }

    async def page(_: Request) -> dict[str, Any]:
        return {"link": daemon.page_link()}

    async def revoke_password(request: Request) -> dict[str, Any]:
        asked = await body(request, NamedPassword)
        await daemon.revoke_password(Address.parse(asked.address), asked.name)
        return {}

    async def passwords(request: Request) -> dict[str, Any]:
        asked = await body(request, OneAccount)
        return {"passwords": await daemon.passwords(Address.parse(asked.address))}

    async def reindex(request: Request) -> dict[str, Any]:
        await daemon.reindex(Address.parse((await body(request, OneAccount)).address))
        return {}

    async def rotate(request: Request) -> dict[str, Any]:
        await daemon.rotate(Address.parse((await body(request, OneAccount)).address))
        return {}

    async def reach(request: Request) -> dict[str, Any]:
        asked = await body(request, Reach)
        await daemon.reach(Address.parse(asked.address), everybody=asked.everybody)
        return {}

    async def suite(request: Request) -> dict[str, Any]:
        asked = await body(request, Suite)
        await daemon.take_suite(Address.parse(asked.address), asked.floor)
        return {}

    async def receipts(request: Request) -> dict[str, Any]:
        asked = await body(request, GiveReceipts)
        await daemon.give_receipts(Address.parse(asked.address), given=asked.given)
        return {}

    return Starlette(
        middleware=[Middleware(_Heard, hear=daemon.hear)],
        routes=[
            Route("/status", json_endpoint(status), methods=["GET"]),
            Route("/queue", json_endpoint(queue), methods=["GET"]),
            Route("/queue/retry", json_endpoint(retry_queued), methods=["POST"]),
            Route("/queue/cancel", json_endpoint(cancel_queued), methods=["POST"]),
            Route("/queue/ordinary", json_endpoint(let_leave_queued), methods=["POST"]),
            Route("/contacts/list", json_endpoint(contacts), methods=["POST"]),
            Route("/contacts/compare", json_endpoint(compare_contact), methods=["POST"]),
            Route("/contacts/verify", json_endpoint(verify_contact), methods=["POST"]),
            Route("/contacts/accept", json_endpoint(accept_contact), methods=["POST"]),
            Route("/domains/accept", json_endpoint(accept_domain), methods=["POST"]),
            Route("/accounts", json_endpoint(add_account), methods=["POST"]),
            Route("/accounts/reindex", json_endpoint(reindex), methods=["POST"]),
            Route("/clients", json_endpoint(add_client), methods=["POST"]),
            Route("/accounts/rotate", json_endpoint(rotate), methods=["POST"]),
            Route("/accounts/reach", json_endpoint(reach), methods=["POST"]),
            Route("/accounts/suite", json_endpoint(suite), methods=["POST"]),
            Route("/accounts/receipts", json_endpoint(receipts), methods=["POST"]),
            Route("/page", json_endpoint(page), methods=["POST"]),
            Route("/passwords", json_endpoint(add_password), methods=["POST"]),
            Route("/passwords/revoke", json_endpoint(revoke_password), methods=["POST"]),
            Route("/passwords/list", json_endpoint(passwords), methods=["POST"]),
            *door_routes(daemon.door_of),
            *folder_routes(daemon.folder_store),
            *policy_routes(daemon.policy_desk),
            *evidence_routes(daemon.claiming),
            *export_routes(daemon.exported),
            *import_routes(daemon.imported),
            *invitation_routes(daemon.inviting),
            *legacy_routes(daemon.pulled),
            *migration_routes(daemon.migrating),
            *oauth_routes(daemon.permitted),
            *proof_routes(daemon.claiming),
            *recovery_routes(daemon.recoverable, daemon),
            *spool_routes(daemon.take_spooled),
            *lock_routes(daemon),
        ],
        exception_handlers=dict(EXCEPTION_HANDLERS),
    )


class _Heard:
    """Tells that somebody does something: every command but those that only look."""

    def __init__(self, app: ASGIApp, hear: Callable[[], None]) -> None:
        self._app = app
        self._hear = hear

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "POST":
            self._hear()
        await self._app(scope, receive, send)


async def _added(daemon: Daemon, asked: NewAccount) -> dict[str, Any]:
    """Return the words of a new account, and the settings of its first mail program."""
    address = Address.parse(asked.address).canonical()
    words = await daemon.add_account(address, asked.invite)
    # Crash here: the account is there without a password, and mx-gateway password makes one.
    settings = await daemon.new_settings(address, _FIRST_PASSWORD)
    return {"settings": asdict(settings), "recovery_words": words}


def _pair(asked: OneContact) -> tuple[Address, Address]:
    return Address.parse(asked.account), Address.parse(asked.address)
