"""The other end of an SMTP connection, as its transport sees it."""

from __future__ import annotations

import asyncio
from typing import Any

from typing_extensions import override


class Line(asyncio.Transport):
    """Keeps what is written, each write by itself."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def close(self) -> None:
        self.closed = True

    def codes(self) -> list[list[bytes]]:
        """Return the code of each reply, by write."""
        return [[line[:3] for line in each.splitlines()] for each in self.written]
