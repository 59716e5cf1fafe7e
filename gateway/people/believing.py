"""To believe a domain again that was in doubt: the person has judged, and what was held goes on."""

from __future__ import annotations

from collections.abc import Callable

from gateway.own.log_watch import LogWatch
from gateway.watching.domain_logs import DomainLogs
from gateway.watching.incidents import OWN
from mx_core.discovery.finder import Finder
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import State


async def believe_again(
    name: str,
    finder: Finder,
    logs: DomainLogs,
    watch: LogWatch,
    store: AccountStore,
    wake: Callable[[], None],
) -> int:
    """Believe the log of the domain *name* again; return how many held messages go on.

    Raises:
        UnknownRecipient, Unavailable, Untrusted: The domain is not to be found.
    """
    domain = await finder.find(name)
    mine = watch.is_of(domain.name)
    # Crash after this: what is still held is told of once more.
    await store.incidents.judged(domain.name, *([OWN] if mine else []))
    await logs.judged(domain)
    if mine:
        await watch.judged()
    released = 0
    for item in await store.outbox.unsettled():
        if item.state is State.HELD and (mine or item.recipient.domain == domain.name):
            released += await store.outbox.release(item.queue_id, item.recipient)
    wake()
    return released
