"""The sockets that a service manager has opened for us: sd_listen_fds(3).

A socket is known by where it listens, not by a name: systemd names whole units, and one unit holds
all sockets of a program.  What no setting asks for is refused, since nobody would answer there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, final

from mx_core.model.errors import BadConfiguration

_FIRST: Final = 3  # SD_LISTEN_FDS_START
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


@final
class Passed:
    """Listening sockets of the manager; each is taken once."""

    def __init__(self, sockets: Iterable[socket.socket] = ()) -> None:
        self._sockets = list(sockets)

    def at_port(self, port: int) -> list[socket.socket]:
        """Take those that listen at TCP *port*, on any address."""
        return self._take(
            lambda one: (
                one.family in {socket.AF_INET, socket.AF_INET6} and one.getsockname()[1] == port
            )
        )

    def at_path(self, path: Path) -> socket.socket | None:
        """Take the one that listens at the file *path*, if there is one."""
        found = self._take(
            lambda one: (
                one.family == socket.AF_UNIX and one.getsockname() in {str(path), os.fsencode(path)}
            )
        )
        for more in found[1:]:
            more.close()
        return found[0] if found else None

    def close(self) -> None:
        """Let go of what was not taken."""
        for one in self._sockets:
            one.close()
        self._sockets = []

    def must_be_taken(self) -> None:
        """Raise BadConfiguration, naming what was not taken, and close it; exit 78."""
        left = [_shown(one) for one in self._sockets]
        self.close()
        if left:
            raise BadConfiguration(
                f"the service manager listens at {', '.join(left)}, and no setting does:"
                " write the same ports into the .socket unit and into the configuration"
            )

    def _take(self, wanted: Callable[[socket.socket], bool]) -> list[socket.socket]:
        found = [one for one in self._sockets if wanted(one)]
        self._sockets = [one for one in self._sockets if one not in found]
        return found


def passed(first: int = _FIRST) -> Passed:
    """Take the sockets that this process was started with, and the variables that tell of them.

    *first* is the number of the first descriptor.

    Raises:
        BadConfiguration: One of them is no listening stream socket; exit 78.
    """
    said = {name: os.environ.pop(name, "") for name in _VARIABLES}  # no child believes them
    if said["LISTEN_PID"] != str(os.getpid()) or not said["LISTEN_FDS"].isdigit():
        return Passed()
    sockets: list[socket.socket] = []
    for number in range(first, first + int(said["LISTEN_FDS"])):
        try:
            one = socket.socket(fileno=number)
            listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        except OSError as error:
            Passed(sockets).close()
            raise BadConfiguration(
                f"descriptor {number} of the service manager is no socket: {error.strerror}"
            ) from error
        sockets.append(one)
        if not listens or one.type != socket.SOCK_STREAM:
            Passed(sockets).close()
            raise BadConfiguration(
                f"descriptor {number} of the service manager does not listen for streams:"
                " use ListenStream= and Accept=no"
            )
        one.setblocking(False)
        os.set_inheritable(number, False)
    return Passed(sockets)


def _shown(one: socket.socket) -> str:
    name = one.getsockname()
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else os.fsdecode(name)
