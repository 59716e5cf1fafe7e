"""The home servers that an account has left: told of the move, and collected from for ninety days.

Mail that was on its way when the account moved waits there, and what becomes of mail that was sent
before is told there.  Spec/client §11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from gateway.own.asking import until_answered
from gateway.writing.move_letters import Wrong
from mx_core.envelope.identity import EpochSecret
from mx_core.model.address import Address
from mx_core.model.errors import StoreDamaged
from mx_core.notation import cbor
from mx_core.store.own.setting import Settings

log = structlog.get_logger()

FOLLOWED_SECONDS: Final = 90 * 86_400
_NAME: Final = "moved.from"
_AGAIN_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class OldHome:
    """Where an account lived, the entry by which it left, when (unix seconds), and if it was told.

    *refused*: it will not take the entry; *warned*: what the person knows that it does wrong.
    """

    address: Address
    entry: bytes
    since: int
    told: bool = False
    refused: bool = False
    warned: frozenset[Wrong] = frozenset()


class OldHomes:
    """What is kept of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def all(self) -> list[OldHome]:
        """Return every one, the oldest first."""
        kept = await self._settings.get(_NAME)
        match cbor.decode(kept) if kept else []:
            case [*found]:
                return [_read(one) for one in found]
            case _:
                raise StoreDamaged("what is kept of old home servers cannot be read")

    async def leave(self, home: OldHome) -> None:
        """Remember *home*, once."""
        others = [one for one in await self.all() if one.entry != home.entry]
        await self._keep([*others, home])

    async def now(self, home: OldHome) -> OldHome:
        """Return *home* as it is kept now."""
        return next((one for one in await self.all() if one.entry == home.entry), home)

    async def was_told(self, home: OldHome, *, refused: bool = False) -> None:
        """Remember that the server of *home* has taken the entry, or, *refused*, never will."""
        await self._change(home, lambda one: replace(one, told=True, refused=refused))

    async def warned(self, home: OldHome, wrong: frozenset[Wrong]) -> None:
        """Remember that the person was told of all that is *wrong*."""
        await self._change(home, lambda one: replace(one, warned=wrong))

    async def _change(self, home: OldHome, made: Callable[[OldHome], OldHome]) -> None:
        known = await self.all()
        await self._keep([made(one) if one.entry == home.entry else one for one in known])

    async def _keep(self, homes: list[OldHome]) -> None:
        fields: list[cbor.Value] = [
            [
                str(one.address),
                one.entry,
                one.since,
                one.told,
                one.refused,
                list[cbor.Value](sorted(each.value for each in one.warned)),
            ]
            for one in homes
        ]
        await self._settings.put(_NAME, cbor.encode(fields))


def _read(value: cbor.Value) -> OldHome:
    match value:
        case [str() as address, bytes() as entry, int() as since, bool() as told]:
            return OldHome(Address.parse(address), entry, since, told)  # of an earlier version
        case [
            str() as address,
            bytes() as entry,
            int() as since,
            bool() as told,
            bool() as refused,
            [*warned],
        ]:
            known = frozenset(Wrong(one) for one in warned if isinstance(one, str))
            return OldHome(Address.parse(address), entry, since, told, refused, known)
        case _:
            raise StoreDamaged("what is kept of an old home server cannot be read")


class Appending(Protocol):
    """As much of the membership at an old home server as telling it needs."""

    async def append_passport(self, signed_entry: bytes) -> bytes:
        """See ``Membership``."""


async def tell(home: OldHome, homes: OldHomes, membership: Appending) -> None:
    """Have the old home server lead to the new address from now on.

    It may refuse, or be gone: contacts then learn of the move from sealed mail.
    """
    if home.told:
        return
    refused = await until_answered(lambda: membership.append_passport(home.entry), _AGAIN_SECONDS)
    if refused is not None:
        log.warning("old_home_refuses", why=type(refused).__name__)
    # Crash before this: told once more, which changes nothing.
    await homes.was_told(home, refused=refused is not None)


class Epochs(Protocol):
    """What mail is opened with, and who is told of a completed sync."""

    async def secrets(self) -> list[EpochSecret]:
        """Return the keys that are held, newest first."""

    async def sync_completed(self, begun: float) -> None:
        """Everything that waited at *begun* is stored."""


class OneOfSeveral:
    """The keys, for one of several home servers that may still hold mail sealed to them."""

    def __init__(self, epochs: Epochs) -> None:
        self.begun = 0.0  # of the newest sync that was completed there
        self._epochs = epochs
        self._others: list[OneOfSeveral] = []

    def beside(self, other: OneOfSeveral) -> None:
        """Destroy no key before *other* has completed a sync as well."""
        self._others.append(other)

    async def secrets(self) -> list[EpochSecret]:
        """Return the keys that are held, newest first."""
        return await self._epochs.secrets()

    async def sync_completed(self, begun: float) -> None:
        """Note it; keys are destroyed by the oldest of all."""
        self.begun = begun
        await self._epochs.sync_completed(min([begun, *(one.begun for one in self._others)]))
