"""What the command line may ask the daemon: a JSON API on the control socket.

Same person only (``mx_core.control``).  Every refusal is one sentence under ``error``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.web.control.account.accounts import account_routes
from gateway.web.control.account.doors import door_routes
from gateway.web.control.account.folders import folder_routes
from gateway.web.control.account.locking import lock_routes
from gateway.web.control.account.passwords import password_routes
from gateway.web.control.account.recovery import recovery_routes
from gateway.web.control.endpoint import json_endpoint, posts
from gateway.web.control.mail.decrypting import decrypting_routes
from gateway.web.control.mail.exports import export_routes
from gateway.web.control.mail.imports import import_routes
from gateway.web.control.mail.legacy import legacy_routes
from gateway.web.control.mail.migration import migration_routes
from gateway.web.control.mail.permissions import oauth_routes
from gateway.web.control.mail.queue import queue_routes
from gateway.web.control.mail.spool import spool_routes
from gateway.web.control.people.contacts import contact_routes
from gateway.web.control.people.evidence import evidence_routes
from gateway.web.control.people.invitations import invitation_routes
from gateway.web.control.people.policy import policy_routes
from gateway.web.control.people.proofs import proof_routes
from gateway.web.daemon import Daemon
from mx_core.control.answers import EXCEPTION_HANDLERS


def control_app(daemon: Daemon) -> Starlette:
    """Return the application that ``serve_control`` serves."""

    async def status(_: Request) -> dict[str, Any]:
        return await daemon.status()

    async def page(_: Request) -> dict[str, Any]:
        return {"link": daemon.page_link()}

    return Starlette(
        middleware=[Middleware(_Heard, hear=daemon.hear)],
        routes=[
            Route("/status", json_endpoint(status), methods=["GET"]),
            *posts({"/page": page}),
            *account_routes(daemon),
            *contact_routes(daemon),
            *decrypting_routes(daemon.decrypted),
            *door_routes(daemon.door_of),
            *evidence_routes(daemon.claiming),
            *export_routes(daemon.exported),
            *folder_routes(daemon.folder_store),
            *import_routes(daemon.imported),
            *invitation_routes(daemon.inviting),
            *legacy_routes(daemon.pulled),
            *lock_routes(daemon),
            *migration_routes(daemon.migrating),
            *oauth_routes(daemon.permitted),
            *password_routes(daemon),
            *policy_routes(daemon.policy_desk),
            *proof_routes(daemon.claiming),
            *queue_routes(daemon),
            *recovery_routes(daemon.recoverable, daemon),
            *spool_routes(daemon.take_spooled),
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
