"""What a person was told of wrong keys, so that one wrong is one letter.

A domain that lies is noticed again with every message to its people, and by every look at its
log.  The first finding is told; for a day more of the same adds no letter.  What the person
judges is forgotten, and told anew should it come again.  Spec/outbox §7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database

if TYPE_CHECKING:
    import sqlalchemy as sa

QUIET_SECONDS: Final = 86_400


class Incident(Struct, frozen=True):
    """What was seen (*what*: a class of refusal), of which address or domain (*subject*)."""

    subject: str
    what: str

    @property
    def name(self) -> str:
        """The setting that holds when it was told."""
        return f"{_of(self.subject)}{self.what}"


class Incidents:
    """What was told so far."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def judged(self, *subjects: str) -> None:
        """Tell anew whatever is seen of *subjects* from now on: the person has judged."""

        def job(connection: sa.Connection) -> None:
            for subject in subjects:
                prefix = _of(subject)
                connection.exec_driver_sql(
                    "DELETE FROM setting WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)
                )

        await self._database.write(job)


def note(connection: sa.Connection, incident: Incident, now_seconds: int) -> bool:
    """Note that *incident* is told now; False: it was within a day.  Inside a write job."""
    told = connection.exec_driver_sql(
        "SELECT CAST(octets AS TEXT) FROM setting WHERE name = ?", (incident.name,)
    ).scalar()
    if told is not None and now_seconds - QUIET_SECONDS < int(told) <= now_seconds:
        return False
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO setting VALUES (?, ?)", (incident.name, b"%d" % now_seconds)
    )
    return True


def _of(subject: str) -> str:
    return f"told {subject} "
