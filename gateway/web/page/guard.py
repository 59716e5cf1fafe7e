"""What stands before the page: who may ask, from where, and what the answer may load.

Against names that are made to point at this machine, forms and scripts of other sites, frames,
and what a browser keeps.  Every request that passes names this host, and every one that changes
something was sent by this page.  docs/spec/page.md.
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "mx_page"
_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    # not "no-referrer": with it a browser says "Origin: null" of our own forms, too (Fetch §3.2)
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """ASGI middleware around the page; *hosts*: the values of Host that are ours, with port."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what *app* says, or refuse before it is asked."""
        if scope["type"] != "http":
            return  # uvicorn is told of no websocket and no lifespan; nothing else is known

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        why = refusal(scope["method"], scope["headers"], self._hosts)
        if why is None:
            await self._app(scope, receive, guarded)
            return
        status, sentence = why
        await PlainTextResponse(sentence + "\n", status)(scope, receive, guarded)


def refusal(
    method: str, headers: Collection[tuple[bytes, bytes]], hosts: frozenset[str]
) -> tuple[HTTPStatus, str] | None:
    """Return why a request is not for this page, or None.  Pure."""
    host = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(host) != 1 or host[0].lower() not in hosts:
        return HTTPStatus.MISDIRECTED_REQUEST, "This page is on the machine itself only."
    if method in {"GET", "HEAD"}:
        return None
    if method != "POST":
        return HTTPStatus.METHOD_NOT_ALLOWED, "This page knows GET and POST."
    origin = [value for name, value in headers if name == b"origin"]
    site = [value for name, value in headers if name == b"sec-fetch-site"]
    if origin != [b"http://" + host[0].lower().encode("latin-1")] or site not in (
        [],
        [b"same-origin"],
    ):
        return HTTPStatus.FORBIDDEN, "Another page has sent this form; nothing was done."
    return None


def session_of(headers: Collection[tuple[bytes, bytes]]) -> str:
    """Return the token that the browser sent, or the empty string."""
    for name, value in headers:
        if name == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            except CookieError:
                return ""
            if found is not None:
                return found.value
    return ""


def cookie(session: str, *, seconds: int) -> str:
    """Return the Set-Cookie value for *session*; 0 seconds takes it away."""
    return f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}"
