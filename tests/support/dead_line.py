"""A line to a server that dies without a word: a TCP relay on loopback that keeps its connections and carries nothing.

What was open when it died stays open and dead for ever, as after a sleep or in another network; what
is opened while it is dead is dead too.  Cut, it ends all of them, and each new one at once.
"""

from __future__ import annotations

import enum
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 64 * 1024
_LOOK_SECONDS = 0.1


class State(enum.Enum):
    ALIVE = "alive"
    DEAD = "dead"  # carries nothing, and says nothing
    CUT = "cut"  # ends whatever is opened


class DeadLine:
    """Owner of its state: the test."""

    def __init__(self, listen: tuple[str, int], server: tuple[str, int]) -> None:
        self._server = server
        self._listening = socket.create_server(listen)
        self.opened = 0  # connections that were carried, so far
        self._state = State.ALIVE
        self._life = 0
        self._ended = threading.Event()

    def become(self, state: State) -> None:
        """Be so from now on; connections that are open never recover."""
        if state is not State.ALIVE:
            self._life += 1
        self._state = state

    def serve(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near, self._life), daemon=True).start()

    def _carry(self, near: socket.socket, life: int) -> None:
        with near, suppress(OSError):
            if self._state is State.ALIVE:
                self.opened += 1
                with socket.create_connection(self._server) as far:
                    self._pump(near, far, life)
                    self._keep_dead()
            else:
                self._keep_dead()

    def _keep_dead(self) -> None:
        """Hold a connection whose other end believes that it lives, unless all are cut."""
        while self._state is State.DEAD and not self._ended.wait(_LOOK_SECONDS):
            pass
        if self._state is State.ALIVE:
            self._ended.wait()

    def _pump(self, near: socket.socket, far: socket.socket, life: int) -> None:
        while life == self._life and not self._ended.is_set():
            readable, _, _ = select.select([near, far], [], [], _LOOK_SECONDS)
            for one in readable if life == self._life else ():
                octets = one.recv(_PIECE)
                if not octets:
                    raise ConnectionError  # ended by one side, as usual
                (far if one is near else near).sendall(octets)

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def dead_line(listen: tuple[str, int], server: tuple[str, int]) -> Iterator[DeadLine]:
    """Serve a line from *listen* to *server*, both of this computer, until the block ends."""
    line = DeadLine(listen, server)
    thread = threading.Thread(target=line.serve, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join()
