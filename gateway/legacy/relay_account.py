"""The accounts that ordinary mail leaves by: kept in the store, their passwords never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from typing_extensions import override

from mx_core.model.address import Address, canonical_domain
from mx_core.model.errors import BadConfiguration
from mx_core.store.own.setting import Settings

_NAME: Final = "relay"
_IDENTITIES: Final = "relay.identities"
_IDENTITIES_MAX: Final = 20
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
    """One for the account's own mail, and one for each other address that the person writes from."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._identities: frozenset[Address] = frozenset()  # as they were last read

    async def get(self, sender: Address | None = None) -> RelayAccount | None:
        """Return what mail of *sender* leaves by: that of the identity, else the account's own."""
        own, others = await self._all()
        return own if sender is None else others.get(sender.canonical(), own)

    async def identities(self) -> dict[Address, RelayAccount]:
        """Return the accounts of other addresses that the person writes from."""
        return (await self._all())[1]

    def has_identity(self, sender: Address) -> bool:
        """Tell whether the person may write as *sender*; known once any of this was read."""
        return sender.canonical() in self._identities

    async def put(self, account: RelayAccount, identity: Address | None = None) -> None:
        """Keep *account*, for mail of *identity* only if there is one; durable when this returns.

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
        own, others = await self._all()
        if identity is None:
            await self._put(account, others)
            return
        if own is None:
            raise BadConfiguration("first set the account for mail of your own address")
        if len(others) >= _IDENTITIES_MAX:
            raise BadConfiguration(f"at most {_IDENTITIES_MAX} other addresses can be written from")
        name = identity.canonical()
        await self._put(own, {**others, name: msgspec.structs.replace(account, sender=str(name))})

    async def remove(self, identity: Address | None = None) -> None:
        """Forget it, password included; that of *identity* only if there is one."""
        own, others = await self._all()
        if identity is None:
            await self._put(None, {})
        else:
            name = identity.canonical()
            await self._put(own, {who: one for who, one in others.items() if who != name})

    async def _all(self) -> tuple[RelayAccount | None, dict[Address, RelayAccount]]:
        octets = await self._settings.get(_NAME)
        kept = msgspec.json.decode(octets, type=RelayAccount) if octets else None
        more = await self._settings.get(_IDENTITIES)
        others = msgspec.json.decode(more, type=list[RelayAccount]) if more else []
        found = {Address.parse(one.sender).canonical(): one for one in others}
        self._identities = frozenset(found)
        return kept, found

    async def _put(self, own: RelayAccount | None, others: Mapping[Address, RelayAccount]) -> None:
        # Crash between the two: one of them is as it was, and each is whole by itself.
        await self._settings.put(_IDENTITIES, msgspec.json.encode(list(others.values())))
        await self._settings.put(_NAME, b"" if own is None else msgspec.json.encode(own))
        await self._all()
