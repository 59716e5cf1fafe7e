"""One account of this gateway, alive: its store, its carrier, and the tasks that serve it."""

from __future__ import annotations

import asyncio
from typing import Any, final

import structlog
from msgspec.structs import asdict
from typing_extensions import override

from gateway.accounts.carrier import carrier_to
from gateway.accounts.folder_upkeep import keep_up
from gateway.accounts.found_domains import finder_of
from gateway.accounts.left_homes import LeftHomes
from gateway.arriving.at_the_door import AtTheDoor
from gateway.arriving.fetching import Fetching
from gateway.arriving.inbound import Inbound
from gateway.arriving.senders import Senders
from gateway.arriving.unread import Unread
from gateway.config import Config
from gateway.decrypting.decrypting import Decrypting
from gateway.greeting.round_trip import Greeting
from gateway.legacy.oauth.grants import Grants
from gateway.legacy.relay_account import RelayAccounts
from gateway.legacy.smtp_relay import SmtpRelay
from gateway.loopback.listeners import chosen_ports
from gateway.migration.dial import Dial
from gateway.migration.export.exporting import Exporting
from gateway.migration.importing import Importing
from gateway.migration.opening import open_source
from gateway.migration.telling import Telling
from gateway.own.changes import OwnChanges
from gateway.own.epochs import OwnEpochs
from gateway.own.identity import OwnIdentity
from gateway.own.key_records import record_of
from gateway.own.log_watch import HomeLog, LogWatch
from gateway.own.moving import Moving
from gateway.own.old_home_watch import AsOthersSee
from gateway.own.old_homes import OneOfSeveral
from gateway.own.tags import OwnTags
from gateway.people.believing import believe_again
from gateway.people.inviting import Inviting
from gateway.people.policy_desk import PolicyDesk
from gateway.people.upgrading import Upgrading
from gateway.pulling.pulling import Pulling
from gateway.receipts.alone import ReceiptsAlone
from gateway.receipts.taking import TakingReceipts
from gateway.recovery.backups import Backups
from gateway.sending.foot import Foot
from gateway.sending.franking import Franking
from gateway.sending.ordinary import OrdinaryMail
from gateway.sending.outbound import Outbound
from gateway.sending.outbox import JudgedOutbox
from gateway.sending.reaching import Reaching
from gateway.sending.recipients import Recipients
from gateway.trial.domain import Roads
from gateway.unlocking.receiving import arrival_of, drop, kept
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.move_letters import not_taken_letter
from gateway.writing.notices import Notices
from gateway.writing.sender_reports import SenderReports
from mx_core import ports
from mx_core.carriers.native.carrier import NativeCarrier
from mx_core.carriers.native.home import Device, Home
from mx_core.carriers.native.membership import Membership
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Corrupt, Unavailable
from mx_core.model.mailbox_name import INBOX
from mx_core.store.account_store import AccountStore

log = structlog.get_logger()

_SWEEP_SECONDS = 60.0
_TOLD_SECONDS = 60 * 86400.0  # for so long it is known what became of a message
_KEPT_SECONDS = 30 * 86400.0  # … and its octets, so that it can be sealed anew


@final
class Person(ports.Account):
    """See the module.  Every collaborator is built here and nowhere else."""

    def __init__(
        self,
        store: AccountStore,
        own: OwnIdentity,
        config: Config,
        now: Now,
        roads: Roads | None = None,
    ) -> None:
        """Compose one account; nothing runs before ``run``.  *roads*: to its other domains, if not as to its own."""
        finder = finder_of(config.discovery, store.carrier_state, now)
        device = Device(own.pid, own.device_id, own.signing_key)
        home = Home(own.address.domain, device, finder.find, now)
        carrier = carrier_to(home, config, store.intake.begin_long)
        self.membership = membership = Membership(home)
        self.own = own
        self.address = own.address
        self.store = store
        self.mail = store.mail
        self._home = home
        self._now = now
        alarms = Alarms(store.relations, own.address, now)
        self._logs = logs = DomainLogs(
            store.carrier_state, finder, own.address.domain, membership.read_log, alarms, now
        )
        self._watch = LogWatch(
            HomeLog(membership.read_log, membership.own_log, membership.own_card),
            own,
            store.carrier_state,
            finder,
            logs,
            alarms,
            now,
        )
        self._finder = finder
        franking = Franking(store.secrets, store.contacts, now)
        self.recipients = recipients = Recipients(
            carrier, finder, logs, store.contacts, franking, now, store.stand_ins
        )
        self._tags = OwnTags(
            store.secrets,
            store.invitations,
            membership,
            store.carrier_state,
            lambda: not own.state.profile.lookup_open,
            now,
        )
        store.secrets.gave = store.invitations.changed = self._tags.hurry
        self.inviting = Inviting(store, own, recipients, now)
        self.grants = grants = Grants(store.settings, config.oauth, now)
        self._relays = relay_accounts = RelayAccounts(store.settings)
        reaching = Reaching(recipients)
        self._ordinary = OrdinaryMail(
            store.policy, reaching, relay_accounts, SmtpRelay(tokens=grants), self.foot
        )
        epochs = OwnEpochs(store.keys, own, membership, now)
        self.outbound = Outbound(
            store.outbox,
            recipients,
            carrier,
            lambda: own.sender(membership),
            config.sending,
            now,
            self._ordinary,
            franking,
            store.receipts,
        )
        self._config = config
        seen = AsOthersSee(finder.find, carrier.resolve, logs.watched)
        self._left = LeftHomes(store, own, config, epochs, self._inbound_from, seen, roads)
        self.inbound = self._inbound_from(carrier, self._left.opened_by)
        self._alone = ReceiptsAlone(
            store.receipts, recipients, franking, carrier, lambda: own.sender(membership), now
        )
        self._fetching = Fetching(store.awaited, carrier, now)
        self._unread = Unread(store.unreadable, own, carrier, now)
        self.outbound.reached = self.inbound.hurry
        self._unread.said = self.inbound.acknowledge_said
        self.inbound.synced = self._watch.hurry
        store.mail.queue_changed = self.outbound.wake
        self.outbox = JudgedOutbox(
            store.outbox,
            store.policy,
            reaching,
            SenderReports(store.outbox, now),
            has_relay=self._ordinary.possible,
            judge_seconds=config.sending.judge_seconds,
            undo_seconds=config.sending.undo_seconds,
            page=f"http://localhost:{chosen_ports(config.listen).page}",
            burst=self.outbound.burst,
            now=now,
        )
        self.policy = PolicyDesk(store.policy, reaching, self.outbox, relay_accounts)
        self.greeting = Greeting(
            store.mail, self.outbox, reaching, store.settings, own.address, now
        )
        self.exporting = Exporting(store, own.address)
        self.backups = Backups(store, own)
        self.importing = Importing(store, lambda asked: open_source(asked, grants), now)
        self._telling = Telling(store.imports, self.importing, own.address, now)
        self.pulling = Pulling(
            store,
            own.address,
            now,
            mark_subjects=config.reading.mark_subjects,
            tokens=grants,
            hear=self.upgrading.hear,
        )
        self._epochs = epochs
        self.changes = OwnChanges(own, membership)
        self.moving = Moving(own, self._left.homes, self._left.find, not_taken=self._tell_not_moved)
        self._notices = Notices(store.relations, own.address, now)

    def _inbound_from(self, carrier: NativeCarrier, epochs: OneOfSeveral) -> Inbound:
        """Return what takes in the mail of one home server, the own one or one that was left."""
        store, own, now = self.store, self.own, self._now
        return Inbound(
            carrier,
            store.inbox,
            store.intake,
            store.outbox,
            store.unreadable,
            self.outbound,
            Senders(self._finder, self._logs, store.contacts, now),
            AtTheDoor(
                self._finder,
                store.contacts,
                own,
                now,
                mark_subjects=self._config.reading.mark_subjects,
                domain=carrier.home.domain,
                hear=self.upgrading.hear,
            ),
            TakingReceipts(store.receipts, store.outbox, SenderReports(store.outbox, now)),
            own,
            epochs,
            now,
        )

    @property
    def login_names(self) -> frozenset[str]:
        """What a mail program may give as user name, folded; one that was left still does."""
        known = (self.address, *self.own.state.former)
        return frozenset(name.casefold() for one in known for name in (str(one), one.local))

    @property
    def upgrading(self) -> Upgrading:
        """Return what hears of contacts who came to the network."""
        return Upgrading(
            self.store.stand_ins, self.recipients, self.own.address, self._now, record_of
        )

    @property
    def decrypting(self) -> Decrypting:
        """Return what knows mail that OpenPGP or S/MIME encrypted."""
        return Decrypting(self.store, self._now)

    @property
    def foot(self) -> Foot:
        """Return the sentence below ordinary mail."""
        return Foot(self.store.settings, self.inviting, self._now)

    @property
    def dial(self) -> Dial:
        """Return what tells how much of the account's mail is end-to-end encrypted."""
        return Dial(self.store, self._now)

    @override
    def may_send_as(self, sender: Address) -> bool:
        return sender.canonical() == self.address or self._relays.has_identity(sender)

    async def run(self) -> None:
        """Serve the account until cancelled, or until it lives elsewhere (``moving.done``)."""
        self.store.text_index.start()
        await self._relays.identities()  # from here on it is known whom mail may be from
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.moving.run())
                tasks.create_task(self._until_moved())
                tasks.create_task(self._left.run())
                tasks.create_task(self.outbound.run())
                tasks.create_task(self.inbound.run())
                tasks.create_task(self._epochs.run())
                tasks.create_task(self.changes.run())
                tasks.create_task(self._take_kept())
                tasks.create_task(self._tags.run())
                tasks.create_task(self._fetching.run())
                tasks.create_task(self._unread.run())
                tasks.create_task(self._alone.run())
                tasks.create_task(self._notices.run())
                tasks.create_task(self._logs.run())
                tasks.create_task(self._logs.people.run(self.recipients.verified))
                tasks.create_task(self._watch.run())
                tasks.create_task(self._sweep())
                tasks.create_task(self.importing.run())
                tasks.create_task(self._telling.run())
                tasks.create_task(self.pulling.run())
                tasks.create_task(self.exporting.run())
                tasks.create_task(self.backups.run())
                tasks.create_task(self.greeting.run())
                tasks.create_task(keep_up(self.store.folders, self._now))
        except* _Moved:
            log.info("account_reopens")
        finally:
            self.grants.close()
            await self._ordinary.close()
            await self._home.close()

    async def _until_moved(self) -> None:
        await self.moving.done.wait()
        raise _Moved

    async def _tell_not_moved(self, there: Address, why: str) -> None:
        letter = not_taken_letter(self.address, there, why, int(self._now()))
        await self.store.relations.write_note(INBOX, letter, prepare, ())

    async def judge_domain(self, name: str) -> int:
        """Believe the log of the domain *name* again; return how many held messages go on.

        Raises:
            UnknownRecipient, Unavailable, Untrusted: The domain is not to be found.
        """
        return await believe_again(
            name, self._finder, self._logs, self._watch, self.store, self.outbound.wake
        )

    async def _take_kept(self) -> None:
        """Take in what came while the gateway was locked; what finds no room waits for a start."""
        for path in await asyncio.to_thread(kept, self.store.folder):
            arrival = await asyncio.to_thread(arrival_of, path)
            try:
                done = arrival is None or await self.inbound.take_kept(arrival)
            except Unavailable as error:
                log.info("kept_arrival_put_off", why=type(error).__name__)
                return
            if done:
                # Crash before this: it is taken again, and known by its msg_id.
                await asyncio.to_thread(drop, path)

    async def _sweep(self) -> None:
        """Let go of expunged octets that no session's view holds any more."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.store.mail.sweep()
                await self.store.outbox.forget_kept(self._now() - _KEPT_SECONDS)
                await self.store.outbox.forget_settled(self._now() - _TOLD_SECONDS)
            except Unavailable as error:
                log.info("sweep_put_off", why=type(error).__name__)

    async def status(self) -> dict[str, Any]:
        """Return what ``mx-gateway status`` shows of this account."""
        waiting: dict[str, int] = {}
        for item in await self.store.outbox.unsettled():
            waiting[item.state.value] = waiting.get(item.state.value, 0) + 1
        return {
            "address": str(self.address),
            "connected": self.inbound.connected,
            "trouble": self.inbound.trouble,
            "outbox": waiting,
            "refused": len(await self.store.inbox.refusals()),
            "unreadable": await self.store.unreadable.count(),
            "receipts": self.own.state.profile.receipts,
            "sent": self.outbound.travelled.as_json(),
            "backup": await self.backups.state(),
            "search_index": asdict(await self.store.text_index.state()),
        }


class _Moved(Exception):
    """No error: the account lives elsewhere, and is opened anew."""


async def until_damaged(person: Person) -> None:
    """Run one account; damage in its store stops it and no other."""
    try:
        await person.run()
    except* Corrupt as group:
        sentence = str(group.exceptions[0])
        log.error("account_stopped", why=type(group.exceptions[0]).__name__)  # noqa: TRY400
        person.inbound.connected, person.inbound.trouble = False, sentence
