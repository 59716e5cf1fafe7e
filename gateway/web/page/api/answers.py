"""The data of the page as JSON, for programs of the same person: read only, behind the same door.

Each answer has the shape that ``/api/openapi.json`` tells; what a newer gateway adds beside it is to
be ignored by readers.  docs/spec/page.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.web.behind import Behind
from gateway.web.control.account.recovery import told_devices
from gateway.web.page.account.activity_views import DAYS
from gateway.web.page.account.mail_views import door_state
from gateway.web.page.api import shapes
from mx_core.control.answers import refusal
from mx_core.model.address import Address
from mx_core.model.errors import MailError


class Shape(NamedTuple):
    """The answer of one path, what it is, and what is asked in the query."""

    kind: type[msgspec.Struct]
    summary: str
    asked: tuple[str, ...] = ()


_ACCOUNT: Final = ("account",)
_MEANING: Final = {
    "account": "An address of this gateway",
    "contact": "The address of a contact",
    "address": "Any address; it is looked up now",
    "domain": "Any domain; it is looked up now",
}
SHAPES: Final[dict[str, Shape]] = {
    "/api/status": Shape(shapes.Status, "Accounts, connections and what waits"),
    "/api/queue": Shape(shapes.Queue, "Every recipient that waits, with the reason"),
    "/api/doctor": Shape(shapes.Doctor, "What is well, and what is to be done"),
    "/api/key": Shape(shapes.Key, "How the key of all mail is kept"),
    "/api/domain": Shape(shapes.Domain, "What is found of a domain", ("domain",)),
    "/api/contacts": Shape(shapes.Contacts, "Whom an account knows", _ACCOUNT),
    "/api/contact": Shape(shapes.Compared, "What to compare with one", ("account", "contact")),
    "/api/requests": Shape(shapes.Requests, "Who asks to write, and who is blocked", _ACCOUNT),
    "/api/invitations": Shape(shapes.Invitations, "Invitations that have not ended", _ACCOUNT),
    "/api/policy": Shape(shapes.Policy, "All rules, and where each value comes from", _ACCOUNT),
    "/api/explain": Shape(shapes.Explained, "What mail would become", ("account", "address")),
    "/api/passwords": Shape(shapes.Passwords, "The mail programs of an account", _ACCOUNT),
    "/api/greeting": Shape(shapes.RoundTrip, "The first round trip of an account", _ACCOUNT),
    "/api/devices": Shape(shapes.Devices, "The devices of an account", _ACCOUNT),
    "/api/move": Shape(shapes.Moving, "Where a move of an account leads", _ACCOUNT),
    "/api/activity": Shape(shapes.Activity, "Mail of each of the last thirty days", _ACCOUNT),
    "/api/mail": Shape(shapes.Mail, "Mail from elsewhere", _ACCOUNT),
    "/api/migration": Shape(
        shapes.Migration, "How much of an account's mail is end-to-end encrypted", _ACCOUNT
    ),
}


def api_routes(behind: Behind) -> list[Route]:
    """Return the routes."""

    async def document(_: Request) -> Response:
        return JSONResponse(openapi())

    return [
        Route("/api/openapi.json", document, methods=["GET"]),
        *(
            Route(path, _shaped(answer, SHAPES[path].kind), methods=["GET"])
            for path, answer in {**_of_all(behind), **_of_one(behind)}.items()
        ),
    ]


Answers = dict[str, Callable[[Request], Awaitable[Any]]]


def _of_all(behind: Behind) -> Answers:
    """Return what is answered of the gateway as a whole."""

    async def status(_: Request) -> Any:
        return await behind.status()

    async def queue(_: Request) -> Any:
        return {"queue": await behind.queue()}

    async def doctor(_: Request) -> Any:
        return {"findings": [asdict(one) for one in await behind.computer.examine()]}

    async def key(_: Request) -> Any:
        kept = await behind.computer.kept()
        return {"now": kept.now.value, "choices": [each.value for each in kept.choices]}

    async def domain(request: Request) -> Any:
        return asdict(await behind.computer.look_up(request.query_params.get("domain", "")))

    return {
        "/api/status": status,
        "/api/queue": queue,
        "/api/doctor": doctor,
        "/api/key": key,
        "/api/domain": domain,
    }


def _of_one(behind: Behind) -> Answers:
    """Return what is answered of one account."""

    async def contacts(request: Request) -> Any:
        return {"contacts": await behind.contacts(_account(request))}

    async def contact(request: Request) -> Any:
        return await behind.compare_contact(_account(request), _address(request, "contact"))

    async def requests(request: Request) -> Any:
        return await behind.requests(_account(request)).state()

    async def invitations(request: Request) -> Any:
        return {"invitations": await behind.inviting(_account(request)).all()}

    async def policy(request: Request) -> Any:
        desk = behind.policy_desk(_account(request))
        return {"rules": await desk.tree(), "relay": await desk.relay() or None}

    async def explain(request: Request) -> Any:
        return await behind.policy_desk(_account(request)).explain(_address(request, "address"))

    async def passwords(request: Request) -> Any:
        return {"passwords": await behind.passwords(_account(request))}

    async def greeting(request: Request) -> Any:
        return await behind.greeted(_account(request)).greeting.state()

    async def devices(request: Request) -> Any:
        return {"devices": told_devices(behind.recoverable(_account(request)).own)}

    async def move(request: Request) -> Any:
        there = await behind.recoverable(_account(request)).moving.under_way()
        return {"there": None if there is None else str(there)}

    async def activity(request: Request) -> Any:
        days = await behind.migrating(_account(request)).dial.days(DAYS)
        return {"days": [{"day": number, **asdict(day)} for number, day in days]}

    async def mail(request: Request) -> Any:
        whose = _account(request)
        door = await door_state(behind, whose)
        return {
            "imports": await behind.imported(whose).importing.state(),
            "export": behind.exported(whose).exporting.state(),
            "pulled": await behind.pulled(whose).pulling.state(),
            "door": None if door is None else asdict(door),
            **await behind.migrating(whose).upgrading.state(),
            "sentence": await behind.migrating(whose).foot.is_on(),
        }

    async def migration(request: Request) -> Any:
        who = behind.migrating(_account(request))
        return await who.dial.show(who.address)

    return {
        "/api/contacts": contacts,
        "/api/contact": contact,
        "/api/requests": requests,
        "/api/invitations": invitations,
        "/api/policy": policy,
        "/api/explain": explain,
        "/api/passwords": passwords,
        "/api/greeting": greeting,
        "/api/devices": devices,
        "/api/move": move,
        "/api/activity": activity,
        "/api/mail": mail,
        "/api/migration": migration,
    }


def openapi() -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
    kinds = [shape.kind for shape in SHAPES.values()]
    _, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
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
                    "summary": shape.summary,
                    "parameters": [_parameter(name) for name in shape.asked],
                    "responses": {
                        "200": {
                            "description": shape.summary,
                            "content": {
                                "application/json": {
                                    "schema": {
                                        "$ref": f"#/components/schemas/{shape.kind.__name__}"
                                    }
                                }
                            },
                        },
                        "400": {"description": "The request must change; one sentence, `error`"},
                        "401": {"description": "No session: mx-gateway page"},
                        "503": {"description": "Not now, or locked; one sentence, `error`"},
                    },
                }
            }
            for path, shape in SHAPES.items()
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


def _parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": True,
        "description": _MEANING[name],
        "schema": {"type": "string"},
    }


def _account(request: Request) -> Address:
    return _address(request, "account")


def _address(request: Request, name: str) -> Address:
    return Address.parse(request.query_params.get(name, ""))
