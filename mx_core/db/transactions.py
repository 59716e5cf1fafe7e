"""What a room of jobs asks of a database: two verbs, whichever database stands behind them.

``database.Database`` is one SQLite file and one process; ``postgres.PostgresDatabase`` is a
server that several processes share.  A job is a synchronous function of a connection and is run
again from its beginning when two processes were in each other's way, so it changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import sqlalchemy as sa


T = TypeVar("T")


class Transactions(Protocol):
    """Runs jobs, each in a transaction of its own."""

    @property
    def shared(self) -> bool:
        """Tell whether other processes change the same rows at the same time."""

    async def read(self, job: Callable[[sa.Connection], T]) -> T:
        """Run *job* in one read transaction: one snapshot, however often it asks.

        Raises:
            Unavailable: The database does not answer now.
        """

    async def read_few(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``read``, for a job that reads a few rows by their keys.

        Where the database is a file it runs on the caller's thread: another costs more than it.  Of
        a server each statement has its own snapshot: beginning and ending one cost more than it.
        """

    async def write(
        self,
        job: Callable[[sa.Connection], T],
        announce: Callable[[T], None] | None = None,
    ) -> T:
        """Run *job*, commit durably, announce its result on the loop, then return it.

        Raises:
            Unavailable: Not done, or (a database that went away in its commit) not known to be:
                whoever asks again knows what was done by its own key.
            Corrupt: Nothing was stored, and nothing will be until a restart.
        """

    async def write_one(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``write``, for a job of one statement: for a server that is a transaction by itself."""

    def let_go(self) -> None:
        """Give up what this process keeps in memory of rows, where it is a file: it is read again."""
