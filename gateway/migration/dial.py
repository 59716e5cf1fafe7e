"""The migration dial: how much of a person's mail is end-to-end encrypted, with whom, and whom to invite.

A statement about the last 60 days, made anew whenever it is looked at.  Who wrote an ordinary
message is what its From field says, which anybody can write: so nobody is proposed to be invited
but whom the person has written to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final, final

from gateway.policy.override import without_tag
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.store.account_store import AccountStore
from mx_core.store.people.exchanged import REMEMBERED_SECONDS, Day, Exchanged

_PEOPLE_SHOWN: Final = 200
_INVITED_AT_MOST: Final = 10
_PERCENT: Final = 100
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})

_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Correspondent:
    """One address, and how many messages came from it and left for it in which way."""

    address: str
    sealed_in: int
    ordinary_in: int
    sealed_out: int
    ordinary_out: int

    @property
    def sealed(self) -> int:
        """Return how many were end-to-end encrypted."""
        return self.sealed_in + self.sealed_out

    @property
    def all(self) -> int:
        """Return how many there were."""
        return self.sealed + self.ordinary_in + self.ordinary_out


@final
class Dial:
    """Over one account."""

    def __init__(self, store: AccountStore, now: Now) -> None:
        self._store = store
        self._now = now

    async def show(self, own: Address) -> dict[str, Any]:
        """Return what the command line, the page and programs show; *own* is the account."""
        since = int(self._now()) - REMEMBERED_SECONDS
        exchanged = await self._store.exchange.since(since)
        pulled = [_user_of(one.location) for one in await self._store.pulls.all()]
        stand_ins = await self._store.stand_ins.all()
        same = {str(one.ordinary).casefold(): str(one.address).casefold() for one in stand_ins}
        return told(exchanged, own={str(own).casefold(), *pulled}, same=same)

    async def days(self, number: int) -> list[tuple[int, Day]]:
        """Return what came and left on each of the last *number* days, the newest last, today among them."""
        today = int(self._now()) // _DAY_SECONDS
        first = today - number + 1
        found = await self._store.exchange.by_day(first * _DAY_SECONDS)
        return [(day, found.get(day, Day())) for day in range(first, today + 1)]


def told(
    exchanged: Exchanged, *, own: Collection[str], same: Mapping[str, str] = _NOBODY
) -> dict[str, Any]:
    """Return the dial of *exchanged*, in which mail from and to *own* addresses is of no account.

    *same*: ordinary addresses of people who are counted under their address of the network.
    """
    columns = [
        _joined(column, same)
        for column in (
            exchanged.sealed_in,
            exchanged.ordinary_in,
            exchanged.sealed_out,
            exchanged.ordinary_out,
        )
    ]
    addresses = {address for column in columns for address in column} - set(own)
    people = [Correspondent(who, *(column[who] for column in columns)) for who in addresses]
    people.sort(key=lambda one: (-one.all, one.address))
    sealed, all_ = sum(one.sealed for one in people), sum(one.all for one in people)
    return {
        "days": REMEMBERED_SECONDS // 86_400,
        "messages": all_,
        "encrypted": sealed,
        "percent": _percent(sealed, all_),
        "people": [
            {**asdict(one), "percent": _percent(one.sealed, one.all)}
            for one in people[:_PEOPLE_SHOWN]
        ],
        "invite": [one.address for one in people if _is_worth_inviting(one)][:_INVITED_AT_MOST],
    }


def _joined(column: Counter[str], same: Mapping[str, str]) -> Counter[str]:
    """Return *column* by person: addresses without our own tags (spec/policy §3), one for each."""
    found: Counter[str] = Counter()
    for address, count in column.items():
        local, _, domain = address.rpartition("@")
        plain = str(without_tag(Address(local, domain)))
        found[same.get(plain, plain)] += count
    return found


def _is_worth_inviting(one: Correspondent) -> bool:
    """Tell whether the person writes to them, they answer, and all of it could be read on its way."""
    return bool(one.ordinary_out and one.ordinary_in) and not one.sealed


def _percent(part: int, whole: int) -> int | None:
    """Return whole percent, rounded down so that 100 means all; None: there is nothing."""
    return part * _PERCENT // whole if whole else None


def _user_of(location: str) -> str:
    """Return the user of ``imaps://user@host:port``, which is mostly an address."""
    return location.partition("://")[2].rpartition("@")[0].casefold()
