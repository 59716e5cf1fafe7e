"""The routes of the page, and the one door to it.

Reading is GET and changes nothing, but that a ticket is used up by entering; every change is a
form of this page.  What a form did is told on the page it leads to.  Works without scripts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.web.behind import Behind
from gateway.web.page.account.account_views import account_routes
from gateway.web.page.account.activity_views import activity_routes
from gateway.web.page.account.doctor_views import doctor_routes
from gateway.web.page.account.mail_views import mail_routes
from gateway.web.page.account.move_views import move_routes
from gateway.web.page.account.outbox_views import outbox_routes
from gateway.web.page.api.answers import api_routes
from gateway.web.page.beginning.begin_views import begin_routes
from gateway.web.page.beginning.connect_views import connect_routes
from gateway.web.page.beginning.sheet_checks import SheetChecks
from gateway.web.page.beginning.sheet_views import sheet_routes
from gateway.web.page.guard import Guard, cookie, session_of
from gateway.web.page.people.contact_views import contact_routes
from gateway.web.page.people.invitation_views import invitation_routes
from gateway.web.page.people.policy_views import policy_routes
from gateway.web.page.people.request_views import request_routes
from gateway.web.page.people.writing_views import writing_routes
from gateway.web.page.rendering import TRIAL, rendered
from gateway.web.page.visits import SESSION_SECONDS, Visits
from mx_core.model.errors import MailError, Refused, Unavailable

_STATIC: Final = Path(__file__).parent / "static"
_SEE_OTHER: Final = HTTPStatus.SEE_OTHER


def page_app(behind: Behind, visits: Visits, hosts: Collection[str]) -> ASGIApp:
    """Return the application; *hosts*: how the person's browser may name it, each with port."""
    checks = SheetChecks()

    async def enter(request: Request) -> Response:
        session = visits.enter(request.query_params.get("ticket", ""))
        if session is None:
            return _closed()
        answer = RedirectResponse("/", _SEE_OTHER)
        answer.headers["set-cookie"] = cookie(session, seconds=int(SESSION_SECONDS))
        return answer

    async def leave(request: Request) -> Response:
        visits.leave(session_of(request.scope["headers"]))
        answer = _closed(HTTPStatus.OK)
        answer.headers["set-cookie"] = cookie("", seconds=0)
        return answer

    app = Starlette(
        routes=[
            Route("/enter", enter, methods=["GET"]),
            Route("/leave", leave, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *account_routes(behind, checks),
            *activity_routes(behind),
            *begin_routes(behind, checks),
            *sheet_routes(behind, checks),
            *connect_routes(behind),
            *contact_routes(behind),
            *doctor_routes(behind),
            *invitation_routes(behind),
            *outbox_routes(behind),
            *policy_routes(behind),
            *request_routes(behind),
            *mail_routes(behind),
            *move_routes(behind),
            *writing_routes(behind),
            *api_routes(behind),
        ],
        middleware=[Middleware(_Door, visits=visits, behind=behind)],
        exception_handlers={MailError: _refused, HTTPException: _not_here},
    )
    return Guard(app, hosts)


class _Door:
    """Lets in who has entered; to everybody else the page says how to."""

    def __init__(self, app: ASGIApp, visits: Visits, behind: Behind) -> None:
        self._behind = behind
        self._app = app
        self._visits = visits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        answer: Callable[[Scope, Receive, Send], Awaitable[Any]] = self._app
        open_to_all = path == "/enter" or path.startswith("/static/")
        inside = self._visits.holds(session_of(scope["headers"]))
        TRIAL.set(self._behind.trial() if inside else "")
        if not open_to_all and not inside:
            answer = _closed()
        elif inside and scope["method"] == "POST":
            self._behind.hear()
        await answer(scope, receive, send)


def _closed(status: HTTPStatus = HTTPStatus.UNAUTHORIZED) -> Response:
    return rendered("closed.html", status)


async def _refused(_: Request, error: Exception) -> Response:
    status = (
        HTTPStatus.BAD_REQUEST
        if isinstance(error, Refused)
        else HTTPStatus.SERVICE_UNAVAILABLE
        if isinstance(error, Unavailable)
        else HTTPStatus.CONFLICT
    )
    return rendered("refused.html", status, sentence=str(error))


async def _not_here(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    return rendered("missing.html", status)
