"""The process that is measured: ``python -m bench.submitting.own_door FOLDER``.

Door, policy, store, verification of keys and the flow out are those of the gateway; the network is
one that takes every parcel at once.  Prints the port and the password, and serves until SIGTERM.
"""

import asyncio
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from typing_extensions import override

from gateway.config import Sending
from gateway.loopback.peer_uid import is_own_loopback
from gateway.sending.franking import Franking
from gateway.sending.outbound import Outbound
from gateway.sending.outbox import JudgedOutbox
from gateway.sending.reaching import Reaching
from gateway.sending.recipients import Recipients
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.sender_reports import SenderReports
from mx_core.envelope.seal import Sender
from mx_core.model.address import Address
from mx_core.model.errors import BadCredentials
from mx_core.model.secret import Secret
from mx_core.ports import Account
from mx_core.program import logs
from mx_core.program.event_loop import runner
from mx_core.program.log_settings import Log
from mx_core.program.quiet import look_less_for_garbage
from mx_core.store.account_store import AccountStore
from smtp_in.limits import Limits
from smtp_in.server import Listener
from smtp_in.submitting import serve
from tests.support.people import domain_pk, make_person
from tests.support.sending import ALICE, BOB, Network, ordinary_mail

_MESSAGE_OCTETS = 64 * 1024 * 1024


_FOUND = SimpleNamespace(name=BOB.domain, keys=(domain_pk(BOB.domain),), role_key=lambda *_: None)


class _Network(Network):
    """Keeps nothing of what it takes, and has found every domain."""

    @override
    async def find(self, domain: str) -> Any:
        return _FOUND if domain == BOB.domain else await super().find(domain)

    @override
    async def send(self, parcel: Any, beside: Any = None) -> None:
        del parcel, beside


class PersonAtTheDoor(Account):
    """Alice, with all that sends for her; her carrier is what *over* makes of a network with bob in it."""

    def __init__(
        self, store: AccountStore, over: Callable[[Any], Any] = lambda it: it, since: int = 0
    ) -> None:
        """*since*: when both have made their keys, unix seconds; 0: now."""
        self.address = ALICE
        self.shows_folders = True
        self.mail = store.mail
        self._store = store
        now = since or int(time.time())
        self.bob = make_person(str(BOB), now=now)
        either: Any = _Network({BOB: self.bob})
        self.carrier: Any = over(either)
        me = make_person(str(ALICE), now=now)
        state = me.state
        sender = Sender(ALICE, me.pid, me.first.id, state.seq, state.head, me.first.key, me.proof())

        async def sealing() -> Sender:
            return sender

        alarms = Alarms(store.relations, ALICE, time.time)
        domain_logs = DomainLogs(
            store.carrier_state, either, ALICE.domain, either.read_log, alarms, time.time
        )
        franking = Franking(store.secrets, store.contacts, time.time)
        recipients = Recipients(either, either, domain_logs, store.contacts, franking, time.time)
        ordinary = ordinary_mail(store, recipients)
        self.outbound = Outbound(
            store.outbox,
            recipients,
            self.carrier,
            sealing,
            Sending(),
            time.time,
            ordinary,
            franking,
            store.receipts,
        )
        self.outbox = JudgedOutbox(
            store.outbox,
            store.policy,
            Reaching(recipients),
            SenderReports(store.outbox, time.time),
            has_relay=ordinary.possible,
            judge_seconds=5.0,
            burst=self.outbound.burst,
            now=time.time,
        )

    @override
    def may_send_as(self, sender: Address) -> bool:
        return sender == self.address

    async def authenticate(self, username: str, password: Secret[str]) -> Account:
        if username != str(self.address) or not await self._store.passwords.check(password):
            raise BadCredentials("no such client password")
        return self


async def _serve(folder: Path) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    store = AccountStore.open(folder / "account", Secret(secrets.token_bytes(32)), time.time)
    store.text_index.start()
    person = PersonAtTheDoor(store)
    sock = socket.create_server(("127.0.0.1", 0), backlog=128)
    sock.setblocking(False)
    password = await store.passwords.add("bench")
    look_less_for_garbage()  # as the gateway does
    print(sock.getsockname()[1], password.reveal(), flush=True)
    moving = asyncio.create_task(person.outbound.run())
    await serve(
        [Listener(sock, None, False)],
        person,
        limits=Limits(message_octets=_MESSAGE_OCTETS),
        allow_clear=is_own_loopback,
        stopping=stopping,
    )
    moving.cancel()
    store.close()


def main() -> None:
    logs.configure(Log(level="warning"))
    with runner() as running:  # the gateway's own
        running.run(_serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
