"""The person's rules about whom to write to how, and which messages came or went encrypted.

The words are those of whoever decides; here they are only kept.  docs/spec/policy.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mx_core.db.database import Database
from mx_core.mime.thread import named

if TYPE_CHECKING:
    import sqlalchemy as sa


class PolicyRules:
    """Values by scope and name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, dict[str, str]] | None = None  # what stands there; written here alone

    async def all(self) -> dict[str, dict[str, str]]:
        """Return every rule, by scope and then by name."""

        def job(connection: sa.Connection) -> dict[str, dict[str, str]]:
            found: dict[str, dict[str, str]] = {}
            for scope, name, value in connection.exec_driver_sql(
                "SELECT scope, name, value FROM policy_rule ORDER BY scope, name"
            ):
                found.setdefault(scope, {})[name] = value
            return found

        if self._kept is None:
            self._kept = self._database.glance(job)
        return self._kept

    async def put(self, scope: str, name: str, value: str) -> None:
        """Keep a rule in place of what was there; durable when this returns."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO policy_rule VALUES (?, ?, ?)", (scope, name, value)
                ).rowcount
            ),
            self._changed,
        )

    async def remove(self, scope: str, name: str) -> bool:
        """Forget a rule; return whether there was one."""
        return bool(
            await self._database.write(
                lambda connection: (
                    connection.exec_driver_sql(
                        "DELETE FROM policy_rule WHERE scope = ? AND name = ?", (scope, name)
                    ).rowcount
                ),
                self._changed,
            )
        )

    def _changed(self, _rows: object) -> None:
        self._kept = None

    async def any_encrypted(self, message_ids: Iterable[bytes]) -> bool:
        """Tell whether one of these messages came or went end-to-end encrypted."""
        asked = json.dumps([named(each).hex() for each in message_ids])
        return self._database.glance(
            lambda connection: (
                connection.exec_driver_sql(
                    "SELECT 1 FROM json_each(?) AS asked JOIN encrypted_message"
                    " ON encrypted_message.id = unhex(asked.value)"
                    " LIMIT 1",
                    (asked,),
                ).scalar()
                is not None
            )
        )


def note_encrypted(connection: sa.Connection, message_id: bytes) -> None:
    """Remember, inside another write job, that *message_id* (without brackets) is of encrypted mail."""
    if message_id:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO encrypted_message VALUES (?)", (named(message_id),)
        )
