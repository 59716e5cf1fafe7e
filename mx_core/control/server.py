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
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mx_core.control.knocking import Furnish, serve_when_asked
from mx_core.model.errors import BadConfiguration, Busy

_PATH_OCTETS_MAX: Final = 107  # sun_path of unix(7), less its final zero
_UCRED: Final = struct.Struct("3i")  # pid, uid, gid
_BACKLOG: Final = 16


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


def own_or_root(uid: int) -> bool:
    """Tell whether *uid* is ours or root's, who could be us: for a program run by an operator."""
    return uid in {os.getuid(), 0}


async def serve_control(
    furnish: Furnish,
    path: Path,
    stopping: asyncio.Event,
    *,
    allowed: Callable[[int], bool] = lambda uid: uid == os.getuid(),
    listening: socket.socket | None = None,
) -> None:
    """Serve what *furnish* returns at *path* until *stopping*; the socket file is gone afterwards.

    The socket listens from the first step of this coroutine on, and *furnish* is called when
    somebody connects first (``mx_core.control.knocking``).  *listening*: it does already, it
    is the service manager's, and so is its file, which stays.

    Raises:
        BadConfiguration, Busy: As ``bind_control``.
    """
    if listening is not None:
        await serve_when_asked(furnish, [listening], stopping, lambda one: allowed(_uid_of(one)))
        return
    listening = bind_control(path)
    try:
        await serve_when_asked(furnish, [listening], stopping, lambda one: allowed(_uid_of(one)))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108  # one system call at the end, no disk wait


def _uid_of(transport: asyncio.Transport) -> int:
    """Return who connected; -1, which is nobody, if the kernel does not say."""
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else peer_uid(sock)


def _refuse_if_answered(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return
    raise Busy(f"another process already answers at {path}")
