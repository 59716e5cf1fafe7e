"""A loopback port that all HTTP of a mail program is sent to: whatever knocks is remembered."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def http_trap() -> Iterator[tuple[int, list[str]]]:
    """Return the port and the first lines of the requests that came; each is closed unanswered."""
    knocks: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def watch() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    octets = b""
                    with contextlib.suppress(OSError):
                        octets = connection.recv(4096)
                    knocks.append(octets.partition(b"\r\n")[0].decode("latin-1"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield listener.getsockname()[1], knocks
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        watcher.join(timeout=10)
