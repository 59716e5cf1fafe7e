"""A line to a server that breaks: a TCP relay on loopback that ends connections after so many octets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PIECE = 256 * 1024


class CutLine:
    """Every *every* octets from the server, *cuts* times, both ends lose the connection."""

    def __init__(self, port: int, at: int) -> None:
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", at))
        self.port = self._listening.getsockname()[1]
        self.every = 0
        self.cuts = 0  # left
        self.at_cut: Callable[[], None] = lambda: None  # called before the ends lose it
        self._passed = 0

    def serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                near.close()
                continue
            for source, target, counts in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._pump, args=(source, target, counts), daemon=True
                ).start()

    def _pump(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while octets := source.recv(_PIECE):
                target.sendall(octets)
                if counts and self._is_over(len(octets)):
                    break
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _is_over(self, octets: int) -> bool:
        self._passed += octets
        if not self.cuts or self._passed < self.every:
            return False
        self._passed, self.cuts = 0, self.cuts - 1
        self.at_cut()
        return True

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def cut_line(port: int, at: int = 0) -> Iterator[CutLine]:
    """Serve a line to *port* of this computer until the block ends; it listens *at*, or at any port."""
    line = CutLine(port, at)
    thread = threading.Thread(target=line.serve, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join()
