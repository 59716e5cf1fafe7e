"""Small values by name: the account's settings, and what a carrier must remember."""

from __future__ import annotations

from mx_core.db.database import Database


class Settings:
    """Octets by name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, bytes | None] = {}  # what was asked for; written here alone

    async def get(self, name: str) -> bytes | None:
        """Return what is kept under *name*."""
        if name not in self._kept:
            self._kept[name] = self._database.glance(
                lambda connection: connection.exec_driver_sql(
                    "SELECT octets FROM setting WHERE name = ?", (name,)
                ).scalar()
            )
        return self._kept[name]

    async def put(self, name: str, octets: bytes) -> None:
        """Keep *octets* under *name* in place of what was there."""

        def forget(_rows: object) -> None:
            self._kept.pop(name, None)

        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, octets)
                ).rowcount
            ),
            forget,
        )


class CarrierState:
    """What one network behind the account must remember between starts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, carrier: str, name: str) -> bytes | None:
        """Return what *carrier* keeps under *name*."""
        return self._database.glance(
            lambda connection: connection.exec_driver_sql(
                "SELECT octets FROM carrier_state WHERE carrier = ? AND name = ?", (carrier, name)
            ).scalar()
        )

    async def put(self, carrier: str, name: str, octets: bytes) -> None:
        """Keep *octets* for *carrier* under *name* in place of what was there."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO carrier_state VALUES (?, ?, ?)", (carrier, name, octets)
                ).rowcount
            )
        )
