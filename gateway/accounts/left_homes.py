"""The home servers that an account has left: told of the move, collected from, and looked at.

Composed here for one account; what each part does is in ``gateway.own``.  Spec/client §11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.accounts.carrier import carrier_to
from gateway.accounts.found_domains import finder_of
from gateway.arriving.inbound import Inbound
from gateway.config import Config
from gateway.own.identity import OwnIdentity
from gateway.own.old_home_watch import AsOthersSee, OldHomeWatch
from gateway.own.old_homes import (
    FOLLOWED_SECONDS,
    Epochs,
    OldHome,
    OldHomes,
    OneOfSeveral,
    tell,
)
from gateway.trial.domain import Roads
from mx_core.carriers.native.carrier import NativeCarrier
from mx_core.carriers.native.home import Device, Home
from mx_core.carriers.native.membership import Membership
from mx_core.discovery.finder import Domain
from mx_core.store.account_store import AccountStore

InboundFrom = Callable[[NativeCarrier, OneOfSeveral], Inbound]


class LeftHomes:
    """See the module."""

    def __init__(
        self,
        store: AccountStore,
        own: OwnIdentity,
        config: Config,
        epochs: Epochs,
        inbound_from: InboundFrom,
        seen: AsOthersSee,
        roads: Roads | None,
    ) -> None:
        """*seen*: how others see an old address; *roads*: to a domain that not everybody finds."""
        self.homes: Final = OldHomes(store.settings)
        self.opened_by: Final = OneOfSeveral(epochs)  # of the home server where the account lives
        self._store = store
        self._own = own
        self._config = config
        self._epochs = epochs
        self._inbound_from = inbound_from
        self._seen = seen
        self._roads = roads

    async def find(self, domain: str) -> Domain:
        """Find a domain that the account moves to, or has left."""
        if self._is_everybodys(domain) or self._roads is None:
            return await self._seen.find(domain)
        found = finder_of(self._roads.to(domain), self._store.carrier_state, self._own.now)
        return await found.find(domain)

    async def run(self) -> None:
        """Serve every home server that may still hold mail for the account."""
        oldest = self._own.now() - FOLLOWED_SECONDS
        async with asyncio.TaskGroup() as tasks:
            for left in await self.homes.all():
                domain = left.address.domain
                over = self._roads is not None and self._roads.is_over(domain)
                if left.since > oldest and domain != self._own.address.domain and not over:
                    tasks.create_task(self._serve(left))

    async def _serve(self, left: OldHome) -> None:
        device = Device(self._own.pid, self._own.device_id, self._own.signing_key)
        home = Home(left.address.domain, device, self.find, self._own.now)
        carrier = carrier_to(home, self._config, self._store.intake.begin_long)
        opened_by = OneOfSeveral(self._epochs)
        opened_by.beside(self.opened_by)
        self.opened_by.beside(opened_by)
        inbound = self._inbound_from(carrier, opened_by)
        watch = OldHomeWatch(left, self.homes, self._seen, inbound, self._own, self._store)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(tell(left, self.homes, Membership(home)))
                tasks.create_task(inbound.run())
                if self._is_everybodys(left.address.domain):
                    tasks.create_task(watch.run())
        finally:
            await home.close()

    def _is_everybodys(self, domain: str) -> bool:
        """Tell whether *domain* is found as others are: not the trial of this computer."""
        return self._roads is None or self._roads.to(domain) == self._config.discovery
