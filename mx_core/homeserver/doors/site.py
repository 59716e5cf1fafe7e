"""A domain over plain HTTP, to stand behind its own TLS proxy: its document, log, invitations, what Thunderbird asks.

Public data only.  docs/spec/discovery.md §3, docs/spec/transparency.md §6.
"""

from __future__ import annotations

import base64
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mx_core.homeserver.config import Config
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.homeserver.doors.autoconfig import autoconfig_routes
from mx_core.homeserver.doors.invitation_page import invitation_route
from mx_core.homeserver.log import log_files
from mx_core.homeserver.log.log_book import LogBook

LOG_PREFIX: Final = "/.well-known/mailx-kt"


def site(config: Config, document: OwnDocument, book: LogBook) -> Starlette:
    """Return the app with its page, and the log's files."""

    async def well_known(_: Request) -> JSONResponse:
        own = document.current()
        return JSONResponse(
            {
                "domain": config.domain,
                "doc": base64.b64encode(own.octets).decode(),
                "sig": base64.b64encode(own.signature).decode(),
            }
        )

    async def log_file(request: Request) -> Response:
        path = request.path_params["path"]
        octets = await log_files.read(book, path)
        if octets is None:
            return Response(status_code=404)
        if path == log_files.CHECKPOINT:
            return Response(octets, media_type="text/plain; charset=utf-8")
        headers = {"Cache-Control": "public, max-age=604800, immutable"}
        return Response(octets, media_type="application/octet-stream", headers=headers)

    return Starlette(
        routes=[
            *autoconfig_routes(config.domain),
            invitation_route(config.domain),
            Route("/.well-known/mailx-server", well_known),
            Route(LOG_PREFIX + "/{path:path}", log_file),
        ]
    )
