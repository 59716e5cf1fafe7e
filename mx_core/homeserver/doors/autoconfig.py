"""What Thunderbird asks a domain: where mail is read.  Here: by the gateway on its own computer.

It asks https://autoconfig.DOMAIN/mail/… and https://DOMAIN/.well-known/autoconfig/mail/…
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mx_core.mail_programs.srv import IMAP_TLS, SMTP_TLS

PATHS: Final = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")


def autoconfig_routes(domain: str) -> list[Route]:
    """Return the routes that answer for *domain*."""
    # templates are for a server that publishes its site, and for nobody else
    from mx_core.mail_programs.programs import thunderbird_document  # noqa: PLC0415

    text = thunderbird_document(domain, IMAP_TLS, SMTP_TLS)

    async def answer(_: Request) -> Response:
        return Response(text, media_type="text/xml; charset=utf-8")

    return [Route(path, answer, methods=["GET"]) for path in PATHS]
