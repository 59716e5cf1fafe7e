"""Try something hostile: it yields a result or is refused with a class; anything else is a bug."""

from collections.abc import Callable
from typing import TypeVar

from mx_core.model.errors import Untrusted

T = TypeVar("T")


def tried(attempt: Callable[[], T]) -> tuple[T | None, str]:
    """Return the result and "", or None and the failure class; other exceptions pass through."""
    try:
        return attempt(), ""
    except Untrusted as refused:
        return None, refused.failure
