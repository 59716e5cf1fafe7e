"""The account that ordinary mail leaves by: kept in the store, its password never shown."""

from __future__ import annotations

from typing import Final

import msgspec
from typing_extensions import override

from mx_core.model.address import Address, canonical_domain
from mx_core.model.errors import BadConfiguration
from mx_core.store.own.setting import Settings

_NAME: Final = "relay"
_PORT_MAX: Final = 65_535
_TEXT_MAX: Final = 1_000


class RelayAccount(msgspec.Struct, frozen=True):
    """Where and as whom ordinary mail is handed over; TLS always, *implicit* or by STARTTLS."""

    host: str
    port: int
    implicit: bool
    username: str
    password: str
    sender: str = ""  # MAIL FROM; empty: the address that the message was submitted from
    oauth: bool = False  # by the permission that is kept for the user name; then no password

    @override
    def __repr__(self) -> str:
        """Leave the password out, whoever prints it."""
        return f"RelayAccount({self.host}:{self.port})"


class RelayAccounts:
    """At most one for each account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def get(self) -> RelayAccount | None:
        """Return the account, or None if ordinary mail cannot be sent."""
        octets = await self._settings.get(_NAME)
        return msgspec.json.decode(octets, type=RelayAccount) if octets else None

    async def put(self, account: RelayAccount) -> None:
        """Keep *account*; durable when this returns.

        Raises:
            BadConfiguration, BadAddress: What stands in it cannot be used.
        """
        canonical_domain(account.host)
        if account.sender:
            Address.parse(account.sender)
        if not 0 < account.port <= _PORT_MAX:
            raise BadConfiguration(f"{account.port} is no port")
        said = (account.username, *([] if account.oauth else [account.password]))
        for text in said:
            if not 0 < len(text) <= _TEXT_MAX or not text.isprintable():
                raise BadConfiguration(
                    "a user name and a password of printable characters are needed"
                )
        await self._settings.put(_NAME, msgspec.json.encode(account))

    async def remove(self) -> None:
        """Forget it, password included."""
        await self._settings.put(_NAME, b"")
