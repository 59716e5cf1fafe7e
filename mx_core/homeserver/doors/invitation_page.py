"""What a browser shows of an invitation: how to open it.  Spec/invitations §1.

What the invitation says stands after the ``#`` of its link, which no browser sends; the page has
no script that could read it.
"""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from mx_core.admission.invitation import PATH

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>An invitation of {domain}</title></head>
<body><main>
<h1>Somebody at {domain} invites you to write to them</h1>
<p>Copy the whole link of this page, with all that follows the #, and give it to your own
mx-gateway: on its page under <em>Contacts</em>, or on a command line (YOU is your address):</p>
<pre>mx-gateway contact add YOU</pre>
<p>It asks for the link. Do not pass it on: it is for you.</p>
</main></body>
</html>
"""


def invitation_route(domain: str) -> Route:
    """Return the route of the page for links of *domain*."""
    text = _PAGE.format(domain=escape(domain))

    async def shown(_: Request) -> HTMLResponse:
        return HTMLResponse(text, headers=_HEADERS)

    return Route(PATH, shown, methods=["GET"])
