"""One account that sends: a real store, real decisions, and a network that fails as it is told to."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.config import Sending
from gateway.legacy.relay_account import RelayAccount, RelayAccounts
from gateway.legacy.smtp_relay import SmtpRelay
from gateway.people.policy_desk import PolicyDesk
from gateway.sending.franking import Franking
from gateway.sending.ordinary import OrdinaryMail
from gateway.sending.outbound import Outbound
from gateway.sending.outbox import JudgedOutbox
from gateway.sending.reaching import Reaching
from gateway.sending.recipients import Recipients
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.sender_reports import SenderReports
from mx_core.carrier_port import Parcel
from mx_core.envelope.seal import Sender
from mx_core.model.address import Address
from mx_core.model.errors import MailError, NotOnNetwork, UnknownRecipient
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from mx_core.model.stamp import UNSTAMPED, Stamp
from mx_core.store.account_store import AccountStore
from tests.support.logged_domain import LoggedDomain
from tests.support.loopback_tls import client_context
from tests.support.people import NOW, Person, domain_pk, make_person
from tests.support.smtp_sink import PASSWORD, USER, SmtpSink, smtp_sink
from tests.support.stores import Clock, memory_store, open_store

ALICE = Address.parse("alice@a.example")
BOB = Address.parse("bob@b.example")  # on the network
DORA = Address.parse("dora@old.example")  # not
PAGE = "http://localhost:1180"


def ordinary_mail(
    store: AccountStore, recipients: Recipients, relay: SmtpRelay | None = None
) -> OrdinaryMail:
    """The way out for ordinary mail as an account has it."""
    accounts = RelayAccounts(store.settings)
    relay = relay or SmtpRelay(client_context)
    return OrdinaryMail(store.policy, Reaching(recipients), accounts, relay)


@dataclass
class Network:
    """Finder and carrier in one; *faults* by domain or address are raised, others are absent."""

    people: dict[Address, Person]
    faults: dict[str, MailError] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    logged: dict[str, LoggedDomain] = field(default_factory=dict)  # domains that run a log

    async def find(self, domain: str) -> Any:
        if domain in self.logged:
            return self.logged[domain].found()
        if domain in self.faults:
            raise self.faults[domain]
        if not any(who.domain == domain for who in self.people):
            raise NotOnNetwork(f"{domain} is not on the network")
        return SimpleNamespace(name=domain, keys=(domain_pk(domain),), role_key=lambda *_: None)

    async def resolve(self, recipient: Address, log_size: int = 0, token: bytes = b"") -> bytes:
        if str(recipient) in self.faults:
            raise self.faults[str(recipient)]
        if recipient.domain in self.logged:
            return self.logged[recipient.domain].card(recipient, log_size)
        if recipient not in self.people:
            raise UnknownRecipient(f"nobody called {recipient} is there")
        return self.people[recipient].card()

    async def read_log(self, domain: str, path: str) -> bytes | None:
        return await self.logged[domain].read_log(path) if domain in self.logged else None

    async def send(self, parcel: Parcel, _stamp: Stamp = UNSTAMPED) -> None:
        self.parcels.append(parcel)


@dataclass
class SendingAccount:
    """Alice, and all that sends for her."""

    store: AccountStore
    network: Network
    sink: SmtpSink
    clock: Clock
    recipients: Recipients
    outbound: Outbound
    outbox: JudgedOutbox
    desk: PolicyDesk
    logs: DomainLogs

    async def submit(self, *to: Address, header: str = "", sender: Address = ALICE) -> str:
        """Do what submission does; return the queue id."""
        for who in to:
            await self.outbox.judge(sender, who)
        octets = f"From: {ALICE}\r\nMessage-ID: <m@a.example>\r\n{header}\r\nhello\r\n".encode()
        queue_id = await self.outbox.enqueue(Submission(sender, to, octets))
        await self.store.outbox.show_new()
        return queue_id

    async def move(self) -> dict[Address, tuple[str, str]]:
        """Let everything that is due take one step; return (state, status) of what was due."""
        due = await self.store.outbox.due(self.clock(), 100)
        for item in due:
            body: Any = SimpleNamespace(
                octets=await self.store.outbox.octets(item.queue_id), for_recipient=None
            )
            await self.outbound._deliver_or_tell(item, body)
        found = {}
        for item in due:
            after = await self.store.outbox.item(item.queue_id, item.recipient)
            assert after is not None
            found[item.recipient] = (after.state.value, after.status)
        return found

    async def reports(self) -> list[bytes]:
        """Return what lies in INBOX."""

        def job(reader: Any) -> list[bytes]:
            box = reader.mailbox(INBOX).id
            return [reader.octets(each) for each in reader.snapshot(box).messages]

        return list(await self.store.mail.read(job))

    async def know(self, *who: Address) -> None:
        """Verify and pin, as an earlier message would have."""
        for each in who:
            await self.recipients.verified(each)

    def forget_cards(self) -> None:
        self.recipients._cards._kept.clear()


@asynccontextmanager
async def sending_account(
    *, relay: bool = True, people: Sequence[Address] = (BOB,), folder: Path | None = None
) -> AsyncIterator[SendingAccount]:
    """Alice with a server for ordinary mail, unless *relay* is False; kept in *folder* if given."""
    clock = Clock(NOW)
    network = Network({who: make_person(str(who)) for who in people})
    either: Any = network
    async with smtp_sink() as sink:
        with memory_store(clock) if folder is None else _opened(folder, clock) as store:
            accounts = RelayAccounts(store.settings)
            if relay:
                await accounts.put(RelayAccount("localhost", sink.port, True, USER, PASSWORD))
            alarms = Alarms(store.relations, ALICE, clock)
            logs = DomainLogs(
                store.carrier_state, either, ALICE.domain, network.read_log, alarms, clock
            )
            franking = Franking(store.secrets, store.contacts, clock)
            recipients = Recipients(
                either, either, logs, store.contacts, franking, clock, store.stand_ins
            )
            reaching = Reaching(recipients)
            ordinary = ordinary_mail(store, recipients)
            outbound = Outbound(
                store.outbox,
                recipients,
                either,
                _nobody,
                Sending(),
                clock,
                ordinary,
                franking,
                store.receipts,
            )
            outbox = JudgedOutbox(
                store.outbox,
                store.policy,
                reaching,
                SenderReports(store.outbox, clock),
                has_relay=ordinary.possible,
                judge_seconds=5.0,
                page=PAGE,
                burst=outbound.burst,
                now=clock,
            )
            desk = PolicyDesk(store.policy, reaching, outbox, accounts)
            try:
                yield SendingAccount(
                    store, network, sink, clock, recipients, outbound, outbox, desk, logs
                )
            finally:
                await ordinary.close()


@contextmanager
def _opened(folder: Path, clock: Clock) -> Iterator[AccountStore]:
    store = open_store(folder, clock)
    try:
        yield store
    finally:
        store.close()


async def _nobody() -> Sender:
    raise AssertionError("nothing is sealed here")
