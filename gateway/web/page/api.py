"""The data of the page as JSON, for programs of the same person: read only, behind the same door.

Each answer has the shape that ``/api/openapi.json`` tells; what a newer gateway adds beside it is to
be ignored by readers.  docs/spec/page.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from mx_core.control.answers import refusal
from mx_core.model.address import Address
from mx_core.model.errors import MailError


class Backup(msgspec.Struct, frozen=True):
    """When the last backup was made (unix seconds), where the daily ones go, why one failed."""

    last: int | None
    folder: str
    trouble: str


class Program(msgspec.Struct, frozen=True):
    """A mail program: its password was made at *since*; when it first took which step (unix seconds)."""

    name: str
    since: int
    client: str
    steps: dict[str, int]


class Account(msgspec.Struct, frozen=True):
    """One account: whether its home server is reached, and how many recipients wait in which state.

    *requests*: people of whom nothing was said wait in Requests.
    """

    address: str
    connected: bool
    trouble: str
    outbox: dict[str, int]
    refused: int
    receipts: bool
    requests: int
    backup: Backup
    programs: list[Program]


class Trial(msgspec.Struct, frozen=True):
    """An account whose mail stays on this computer ("": there is none), and what is wrong with it."""

    address: str
    trouble: str


class Status(msgspec.Struct, frozen=True):
    """The gateway; *before_login*: the newest of what was seen of whoever had not logged in yet."""

    accounts: list[Account]
    locked: bool
    before_login: dict[str, int]
    trial: Trial


class Asking(msgspec.Struct, frozen=True):
    """Somebody who waits in Requests: a passport in hex, since when (unix seconds), newest subjects."""

    id: str
    address: str
    messages: int
    since: int
    subjects: list[str]


class Blocked(msgspec.Struct, frozen=True):
    """Somebody who is blocked; *can_undo*: mail of theirs is in Junk."""

    id: str
    address: str
    since: int
    can_undo: bool


class Requests(msgspec.Struct, frozen=True):
    """Who asks to write to an account, and who may not."""

    waiting: list[Asking]
    blocked: list[Blocked]


class Queued(msgspec.Struct, frozen=True):
    """One recipient that waits, and why."""

    queue_id: str
    sender: str
    recipient: str
    state: str
    reason: str


class Queue(msgspec.Struct, frozen=True):
    """Everything that waits."""

    queue: list[Queued]


class Contact(msgspec.Struct, frozen=True):
    """Somebody whose keys are pinned: how they came to be believed, and what is done with mail."""

    address: str
    tier: str


class Contacts(msgspec.Struct, frozen=True):
    """Everybody whom an account knows."""

    contacts: list[Contact]


class Password(msgspec.Struct, frozen=True):
    """A client password, without itself; last use as ISO 8601."""

    name: str
    last_used: str | None


class Passwords(msgspec.Struct, frozen=True):
    """The mail programs of an account."""

    passwords: list[Password]


class Correspondent(msgspec.Struct, frozen=True):
    """An address, how many messages came and left in which way, and the share that was encrypted."""

    address: str
    sealed_in: int
    ordinary_in: int
    sealed_out: int
    ordinary_out: int
    percent: int | None


class Migration(msgspec.Struct, frozen=True):
    """How much of the mail of the last *days* was end-to-end encrypted; *invite*: who is not there."""

    days: int
    messages: int
    encrypted: int
    percent: int | None
    people: list[Correspondent]
    invite: list[str]


SHAPES: Final[dict[str, tuple[type[msgspec.Struct], str, bool]]] = {
    "/api/status": (Status, "Accounts, connections and what waits", False),
    "/api/queue": (Queue, "Every recipient that waits, with the reason", False),
    "/api/contacts": (Contacts, "Whom an account knows", True),
    "/api/requests": (Requests, "Who asks to write to an account, and who is blocked", True),
    "/api/passwords": (Passwords, "The mail programs of an account", True),
    "/api/migration": (Migration, "How much of an account's mail is end-to-end encrypted", True),
}


def api_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def status(_: Request) -> Any:
        return await behind.status()

    async def queue(_: Request) -> Any:
        return {"queue": await behind.queue()}

    async def contacts(request: Request) -> Any:
        return {"contacts": await behind.contacts(_account(request))}

    async def requests(request: Request) -> Any:
        return await behind.requests(_account(request)).state()

    async def passwords(request: Request) -> Any:
        return {"passwords": await behind.passwords(_account(request))}

    async def migration(request: Request) -> Any:
        who = behind.migrating(_account(request))
        return await who.dial.show(who.address)

    async def document(_: Request) -> Response:
        return JSONResponse(openapi())

    asked = {
        "/api/status": status,
        "/api/queue": queue,
        "/api/contacts": contacts,
        "/api/requests": requests,
        "/api/passwords": passwords,
        "/api/migration": migration,
    }
    return [
        Route("/api/openapi.json", document, methods=["GET"]),
        *(
            Route(path, _shaped(asked[path], kind), methods=["GET"])
            for path, (kind, _, _) in SHAPES.items()
        ),
    ]


def openapi() -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
    kinds = [kind for kind, _, _ in SHAPES.values()]
    _, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
    account = {
        "name": "account",
        "in": "query",
        "required": True,
        "description": "An address of this gateway",
        "schema": {"type": "string"},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mx-gateway",
            "version": "1",
            "description": "For the same user of the same computer, with the cookie of the page.",
        },
        "paths": {
            path: {
                "get": {
                    "summary": summary,
                    "parameters": [account] if by_account else [],
                    "responses": {
                        "200": {
                            "description": summary,
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": f"#/components/schemas/{kind.__name__}"}
                                }
                            },
                        },
                        "400": {"description": "The request must change; one sentence, `error`"},
                        "401": {"description": "No session: mx-gateway page"},
                        "503": {"description": "Not now, or locked; one sentence, `error`"},
                    },
                }
            }
            for path, (kind, summary, by_account) in SHAPES.items()
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "page": {"type": "apiKey", "in": "cookie", "name": "mx_page"},
            },
        },
        "security": [{"page": []}],
    }


def _shaped(
    answer: Callable[[Request], Awaitable[Any]], kind: type[msgspec.Struct]
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that gives exactly what *kind* names of the answer."""

    async def endpoint(request: Request) -> Response:
        try:
            told = msgspec.convert(await answer(request), kind)
        except MailError as error:
            return refusal(request, error)
        return JSONResponse(msgspec.to_builtins(told))

    return endpoint


def _account(request: Request) -> Address:
    return Address.parse(request.query_params.get("account", ""))
