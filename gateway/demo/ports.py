"""Blocks of loopback ports that stay ours until we let go, though our programs come and go.

A reservation is a socket that is bound and never listens: everybody's ordinary bind fails, and a
server that sets SO_REUSEADDR, as ours do, can listen there.  socket(7).
"""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import dataclass

from mx_core.model.errors import BadConfiguration

_FIRST, _END = 20_000, 32_000  # below what the kernel gives to outgoing connections
_TRIES = 1_000


@dataclass
class Block:
    """The ports *first*, *first* + 1, … and what holds them."""

    first: int
    held: contextlib.ExitStack

    def close(self) -> None:
        """Let go."""
        self.held.close()


def reserve(count: int, first: int = 0) -> Block:
    """Return *count* consecutive ports from *first* on, or from anywhere if it is 0.

    Raises:
        BadConfiguration: One of them is taken, or there is no free block.
    """
    if first:
        return _held(first, count)
    for _ in range(_TRIES):
        # not from the bottom: another demo that starts at this moment looks elsewhere
        base = random.randrange(_FIRST, _END - count)  # noqa: S311  # nothing secret
        with contextlib.suppress(BadConfiguration):
            return _held(base, count)
    raise BadConfiguration(f"there are no {count} free ports in a row from {_FIRST} to {_END}")


def _held(first: int, count: int) -> Block:
    with contextlib.ExitStack() as stack:
        for port in range(first, first + count):
            holder = stack.enter_context(socket.socket())
            try:
                holder.bind(("127.0.0.1", port))
            except OSError as error:
                raise BadConfiguration(
                    f"port {port} is taken; choose another --port-base"
                ) from error
            # after bind: now those may bind who set it as well
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return Block(first, stack.pop_all())
