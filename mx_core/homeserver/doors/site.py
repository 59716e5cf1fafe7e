"""A domain over plain HTTP, to stand behind its own TLS proxy: its document, log, invitations, what Thunderbird asks.

Public data only.  docs/spec/discovery.md §3, docs/spec/transparency.md §6.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typing_extensions import override

from mx_core.homeserver.config import Config
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.homeserver.doors.autoconfig import autoconfig_routes
from mx_core.homeserver.doors.invitation_page import invitation_route
from mx_core.homeserver.log import log_files
from mx_core.homeserver.log.log_book import LogBook
from mx_core.model.errors import BadConfiguration
from mx_core.program.activation import Passed

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


async def serve_page(
    app: Starlette, sockets: Sequence[socket.socket], stopping: asyncio.Event
) -> None:
    """Serve *app* over plain HTTP on *sockets* until *stopping*."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=list(sockets)))
        await stopping.wait()
        server.should_exit = True
        await serving


def page_sockets(host: str, port: int, passed: Passed) -> list[socket.socket]:
    """Return the sockets of a page at *port*: those that were passed, else one bound at *host*.

    Raises:
        BadConfiguration: The port is taken.
    """
    if found := passed.at_port(port):
        return found
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise BadConfiguration(f"cannot listen at {host}:{port}: {error.strerror}") from error
    return [listening]


class _Server(uvicorn.Server):
    """Signals are the business of the program that composes."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
