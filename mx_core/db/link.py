"""One connection of a database, and what jobs are given of it: SQLAlchemy's, or the driver itself.

``engine`` has the first kind, ``direct`` the second; who runs jobs knows neither.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")


class Link(Protocol):
    """For one thread at a time."""

    driver: Any  # the connection of the DBAPI
    given: sa.Connection  # what a job is given

    def transaction(self) -> AbstractContextManager[object]:
        """Hold one transaction inside; an error undoes it."""

    def run(self, job: Callable[[sa.Connection], T]) -> T:
        """Return what *job* does in a transaction of its own."""

    def close(self) -> None:
        """Close it; again changes nothing."""


class Links(Protocol):
    """Where connections that read one database come from."""

    def open(self) -> Link:
        """Return a new one; raises the errors of what stands behind."""

    def close(self) -> None:
        """Let go of what is kept for further ones."""
