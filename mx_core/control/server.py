"""A JSON API for the same person only: a unix socket, mode 0600, in a directory of mode 0700.

Knows nothing of what it serves.  Two locks stand before the first octet is read: the modes of
socket and directory, and the peer's uid as the kernel tells it (SO_PEERCRED).
Invariant: a connection of another uid is closed without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from mx_core.model.errors import BadConfiguration, Busy

_PATH_OCTETS_MAX: Final = 107  # sun_path of unix(7), less its final zero
_UCRED: Final = struct.Struct("3i")  # pid, uid, gid
_BACKLOG: Final = 16
_GRACE_SECONDS: Final = 2


def peer_uid(sock: socket.socket) -> int:
    """Return the uid that connected, as it was at connect time.  unix(7), SO_PEERCRED."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    return int(uid)


def must_fit(path: Path) -> None:
    """Raise BadConfiguration if no socket can have that long a name."""
    if len(os.fsencode(path)) > _PATH_OCTETS_MAX:
        raise BadConfiguration(
            f"{path} is too long for a socket: choose a directory with a shorter path"
        )


def bind_control(path: Path) -> socket.socket:
    """Return a listening socket at *path* that only this uid can open.

    A socket file that nobody answers on is what a killed process left, and is replaced.

    Raises:
        BadConfiguration: The path is too long, or its directory is open to others.
        Busy: Another process answers there.
    """
    must_fit(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(path.parent.stat().st_mode) & 0o077:
            raise BadConfiguration(f"{path.parent} must be closed to others (chmod 700)")
    except OSError as error:
        raise BadConfiguration(f"{path.parent} cannot be used: {error.strerror}") from error
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _refuse_if_answered(path)
        path.unlink(missing_ok=True)
        listening.bind(os.fspath(path))
        path.chmod(0o600)  # nobody listens before this line, and the directory is closed
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


async def serve_control(
    app: ASGIApp,
    path: Path,
    stopping: asyncio.Event,
    *,
    allowed: Callable[[int], bool] = lambda uid: uid == os.getuid(),
) -> None:
    """Serve *app* at *path* until *stopping*; the socket file is gone afterwards.

    The socket listens from the first step of this coroutine on.

    Raises:
        BadConfiguration, Busy: As ``bind_control``.
    """
    listening = bind_control(path)
    protocol = type("SameUser", (_SameUser,), {"allowed": staticmethod(allowed)})
    server = _Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    waiting = asyncio.ensure_future(_stop_when(stopping, server))
    try:
        await server.serve(sockets=[listening])
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        listening.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108  # one system call at the end, no disk wait


async def _stop_when(stopping: asyncio.Event, server: uvicorn.Server) -> None:
    await stopping.wait()
    server.should_exit = True


def _refuse_if_answered(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return
    raise Busy(f"another process already answers at {path}")


class _Server(uvicorn.Server):
    """Signals are the business of the program that composes, not of this server."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _SameUser(H11Protocol):
    """Closes a connection of another uid before it reads from it."""

    allowed: Callable[[int], bool]

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        sock = transport.get_extra_info("socket")
        if sock is None or not self.allowed(peer_uid(sock)):
            transport.abort()
            return
        super().connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport is not None:
            super().data_received(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            super().connection_lost(exc)
