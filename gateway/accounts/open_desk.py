"""What the page and the command line ask of accounts that are open: each is passed on to whose it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

from typing_extensions import override

from gateway.accounts.accounts import OpenAccounts
from gateway.accounts.person import Person
from gateway.loopback.sightings import Sightings
from gateway.people import contacts
from gateway.people.inviting import Inviting
from gateway.people.policy_desk import PolicyDesk
from gateway.people.requests import Requests
from gateway.sending import queue
from gateway.web.daemon import Daemon
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.ids import QueueId
from mx_core.store.account_store import AccountStore


class OpenDesk(Daemon):
    """The part of a gateway that answers for open accounts; the rest is ``gateway.app``."""

    def __init__(self, accounts: OpenAccounts, sightings: Sightings) -> None:
        """Answer for *accounts*, and say what was seen of their mail programs."""
        self._accounts = accounts
        self._sightings = sightings

    async def told(self, person: Person) -> dict[str, Any]:
        """Return what ``status`` shows of one account."""
        programs = [
            {"name": one.name, "since": one.created, **self._sightings.of(person.address, one.name)}
            for one in await person.store.passwords.all()
        ]
        waiting = await Requests(person.store).count()
        return {**await person.status(), "programs": programs, "requests": waiting}

    @override
    async def queue(self) -> list[dict[str, Any]]:
        return [item for person in self._accounts for item in await queue.waiting(person)]

    @override
    async def retry_queued(self, queue_id: QueueId) -> int:
        return sum([await queue.retry(person, queue_id) for person in self._accounts])

    @override
    async def cancel_queued(self, queue_id: QueueId) -> int:
        return sum([await queue.cancel(person, queue_id) for person in self._accounts])

    @override
    async def let_leave_queued(self, queue_id: QueueId) -> int:
        return sum([await queue.let_leave(person, queue_id) for person in self._accounts])

    @override
    async def contacts(self, account: Address) -> list[dict[str, Any]]:
        return await contacts.known(self._accounts.find(account))

    @override
    async def compare_contact(self, account: Address, address: Address) -> dict[str, Any]:
        return await contacts.compared(self._accounts.find(account), address)

    @override
    async def verify_contact(self, account: Address, address: Address, code: str) -> None:
        await contacts.verify(self._accounts.find(account), address, code)

    @override
    async def accept_contact(self, account: Address, address: Address) -> int:
        return await contacts.accept(self._accounts.find(account), address)

    @override
    async def accept_domain(self, account: Address, domain: str) -> int:
        return await self._accounts.find(account).judge_domain(domain)

    @override
    async def add_password(self, address: Address, name: str) -> str:
        self._sightings.forget(address.canonical(), name)
        return (await self._accounts.find(address).store.passwords.add(name)).reveal()

    @override
    async def revoke_password(self, address: Address, name: str) -> None:
        if not await self._accounts.find(address).store.passwords.revoke(name):
            raise Refused(
                f"{address} has no client password called {name!r}: see mx-gateway password list"
            )
        self._sightings.forget(address.canonical(), name)

    @override
    async def passwords(self, address: Address) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "last_used": None
                if one.last_use is None
                else dt.datetime.fromtimestamp(one.last_use, dt.UTC).isoformat(),
            }
            for one in await self._accounts.find(address).store.passwords.all()
        ]

    @override
    async def reindex(self, address: Address) -> None:
        self._accounts.find(address).store.text_index.make_anew()

    @override
    async def rotate(self, address: Address) -> None:
        await self._accounts.find(address).changes.rotate()

    @override
    async def reach(self, address: Address, *, everybody: bool) -> None:
        await self._accounts.find(address).changes.be_found_by(everybody=everybody)

    @override
    async def take_suite(self, address: Address, floor: int) -> None:
        await self._accounts.find(address).changes.take_suite(floor)

    @override
    async def give_receipts(self, address: Address, *, given: bool) -> None:
        await self._accounts.find(address).changes.give_receipts(given=given)

    @override
    def folder_store(self, address: Address) -> AccountStore:
        return self._accounts.find(address).store

    @override
    def policy_desk(self, address: Address) -> PolicyDesk:
        return self._accounts.find(address).policy

    @override
    def requests(self, address: Address) -> Requests:
        return Requests(self._accounts.find(address).store)

    @override
    async def set_rule(self, account: Address, name: str, value: str) -> None:
        await self._accounts.find(account).policy.set("everybody", name, value)

    @override
    def exported(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def imported(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def decrypted(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def door_of(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def claiming(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def inviting(self, address: Address) -> Inviting:
        return self._accounts.find(address).inviting

    @override
    def greeted(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def migrating(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def permitted(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def pulled(self, address: Address) -> Person:
        return self._accounts.find(address)

    @override
    def recoverable(self, address: Address) -> Person:
        return self._accounts.find(address)
