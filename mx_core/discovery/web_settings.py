"""How the web is asked about a domain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from msgspec import Struct

Resolve = Callable[[str], Awaitable[Sequence[str]]]  # a name to its addresses


class WebSettings(Struct, frozen=True):
    """Anything but the defaults is for tests."""

    port: int = 443
    allow_private: bool = False
    ca_file: Path | None = None  # instead of the system's certificate authorities
