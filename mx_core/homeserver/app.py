"""The composition root of ``mx-home``: opens, wires, serves, stops.  No decisions.

Start-up is recovery: what a crash left is brought in order before the first listener answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
import structlog
from nacl.signing import SigningKey

from mx_core.control.knocking import Furnish, serve_when_asked
from mx_core.control.server import must_fit, own_or_root, serve_control
from mx_core.db.transactions import Transactions
from mx_core.federation.batch import BatchWindow
from mx_core.federation.client import PeerClient
from mx_core.federation.own import OwnDomain
from mx_core.federation.sessions import Sessions
from mx_core.homeserver.bounds import peer_rules
from mx_core.homeserver.bounds.admitting import Admitting
from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.bounds.door_admitting import DoorAdmitting
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.bounds.rate import Rate
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.commands.exits import DiskFailed
from mx_core.homeserver.config import SOCKET_NAME, Config
from mx_core.homeserver.domain import domain_key, domain_keys, role_keys
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.homeserver.domain.key_memory import StoredKeyMemory
from mx_core.homeserver.domain.others import finder_of
from mx_core.homeserver.domain.role_keys import RoleKeys
from mx_core.homeserver.doors import client_service, door_service, federation_service
from mx_core.homeserver.doors.client_service import ClientService
from mx_core.homeserver.doors.device_sessions import DeviceSessions
from mx_core.homeserver.doors.federation_service import FederationService
from mx_core.homeserver.doors.hello_service import HelloService
from mx_core.homeserver.doors.listeners import (
    QUIET_OPTIONS,
    LeafCredentials,
    listener,
    must_be_free,
)
from mx_core.homeserver.doors.over_http import metrics_of, pages, site_of
from mx_core.homeserver.doors.record_rpc import Recorder
from mx_core.homeserver.doors.refusals import Refusals
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.log_files import LogReading
from mx_core.homeserver.log.witnessing import Cosigned, Witness
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.collect import Collector
from mx_core.homeserver.mailboxes.receive import Admits, Receiver
from mx_core.homeserver.opening import opened
from mx_core.homeserver.operating.calls import Calls
from mx_core.homeserver.operating.supervised import (
    Reloader,
    on_signals,
    prove_alive,
    stop_if_unsure,
)
from mx_core.homeserver.operating.upkeep import keep_up
from mx_core.homeserver.people.lookup import LookUps
from mx_core.homeserver.people.publish import Publisher
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.peer_times import PeerTimes
from mx_core.homeserver.queue.peers import Peers
from mx_core.homeserver.queue.submit import Submitter
from mx_core.homeserver.queue.unreadable import Unread
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.chosen import depot_of, incoming_of
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.model.errors import (
    Corrupt,
)
from mx_core.model.secret import Secret
from mx_core.program import activation, logs, notify
from mx_core.program.quiet import give_back_when_quiet, look_less_for_garbage
from mx_core.proto import client_pb2_grpc, federation_pb2_grpc, hello_pb2_grpc
from mx_core.tls.anchors import AnchorSet
from mx_core.tls.leaf import Leaves
from mx_core.tls.peer import PeerCheck

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_log = structlog.get_logger()

_DRAIN_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Home:
    """Everything that serves, wired."""

    database: Transactions
    blobs: BlobStore
    arrivals: Arrivals
    dispatcher: Dispatcher
    collector: Collector
    peers: Peers
    servers: tuple[Any, ...]  # grpc.aio.Server: hello, federation, client, and for the door
    control: Furnish
    rules: PeerRules
    document: OwnDocument
    rating: Rating
    calls: Calls
    certificate_ends: Callable[[], float]
    book: LogBook
    cosigned: Cosigned


def build(
    folder: Path,
    config: Config,
    key: Secret[SigningKey],
    database: Transactions,
    roles: RoleKeys,
    *,
    damaged: Callable[[], None],
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    now: Now = time.time,
    monotonic: Now = time.monotonic,
) -> Home:
    """Wire a home server; its ports are bound and not yet served.  Needs a running loop.

    *damaged* is called when stored data has been found to contradict itself.
    *interceptors* stand inside of ours around every method of every listener.

    Raises:
        BadConfiguration: A port is taken, or a setting can not be used.
    """
    domain, limits = config.domain, config.limits
    rating = Rating(domain, config.rates, monotonic)
    rules = PeerRules(domain)
    sizes = Sizes(limits.envelope_octets, limits.inline_body_octets, limits.blob_octets)
    room = Room(folder, limits.free_disk_octets)
    leaves = Leaves(domain, key.reveal(), now)
    public_key = bytes(key.reveal().verify_key)
    keys = domain_keys.load(folder, public_key)
    document = OwnDocument(config, key, keys, roles.public, now=now)
    book = LogBook(database, domain, roles, now)
    witness = Witness(database, domain, roles.witness, now)
    anchors = AnchorSet(leaves.current, now)
    finder = finder_of(folder, config, StoredKeyMemory(database), now)
    arrivals = Arrivals()
    blobs = BlobStore(
        depot_of(folder, config),
        incoming_of(folder, config, shared=database.shared),
        database,
        octets_max=limits.blob_octets,
        unused_max=limits.unused_blob_octets,
        room=room,
        now=now,
    )
    peer_names = NameBudget(limits.look_ups_per_peer_hour, now)

    def receiver_of(admitting: Admits) -> Receiver:
        return Receiver(
            database,
            blobs,
            arrivals,
            domain=domain,
            sizes=sizes,
            mailbox_octets=limits.mailbox_octets,
            admitting=admitting,
            room=room,
            now=now,
        )

    receiver = receiver_of(Admitting(database, domain, rating, peer_names, now))
    own = OwnDomain(domain, key, leaves.current, document.current)
    unread = Unread(database, arrivals, rating)
    times = PeerTimes(now, monotonic)

    def client_of(peer: str) -> PeerClient:
        return PeerClient(own, peer, finder, now)

    peers = Peers(domain, receiver, blobs, rules, unread, times, client_of)
    dispatcher = Dispatcher(database, arrivals, peers.carry, config.queue, now=now)
    publisher = Publisher(database, domain, key, book, now=now)
    collector = Collector(database, blobs, arrivals, now=now)
    hello = HelloService(
        domain,
        document,
        finder,
        anchors,
        rules,
        Rate(limits.hello_per_minute, limits.hello_per_minute, monotonic),
    )
    federation = FederationService(
        federation_service.Rooms(
            domain=domain,
            database=database,
            finder=finder,
            anchors=anchors,
            check=PeerCheck(anchors.keys_of, now),
            sessions=Sessions(domain, key.reveal(), leaves.current, now),
            window=BatchWindow(),
            receiver=receiver,
            look_ups=LookUps(publisher, domain, peer_names),
            blobs=blobs,
            rules=rules,
            book=book,
            witness=witness,
            unread=unread,
            now=now,
        )
    )
    client = ClientService(
        client_service.Rooms(
            database=database,
            leaves=leaves,
            sessions=DeviceSessions(domain, outstanding_max=limits.sessions, now=now),
            publisher=publisher,
            look_ups=LookUps(publisher, domain, NameBudget(limits.look_ups_per_user_hour, now)),
            ask_peer=peers.card,
            fetch_body=peers.fetch_body,
            unreadable=peers.unreadable,
            rating=rating,
            read_log=LogReading(domain, book, witness, peers).read,
            submitter=Submitter(
                database,
                blobs,
                dispatcher,
                sizes=sizes,
                outgoing_items=limits.outgoing_items,
                rating=rating,
                room=room,
                now=now,
            ),
            collector=collector,
            blobs=blobs,
            door=config.door.enabled,
            now=now,
        )
    )
    calls = Calls()
    around = (calls, Refusals(damaged), *interceptors)
    leaf_only = LeafCredentials(leaves)
    host, ports = config.host, config.ports
    servers: tuple[Any, ...] = (
        listener(host, ports.hello, leaf_only.credentials(), around),
        listener(host, ports.federation, anchors.server_credentials(), around),
        listener(host, ports.client, leaf_only.credentials(), around, QUIET_OPTIONS),
    )
    hello_pb2_grpc.add_HelloServicer_to_server(hello, servers[0])  # type: ignore[no-untyped-call]  # generated
    federation_pb2_grpc.add_FederationServicer_to_server(federation, servers[1])  # type: ignore[no-untyped-call]  # generated
    client_pb2_grpc.add_ClientServicer_to_server(client, servers[2])  # type: ignore[no-untyped-call]  # generated
    if config.door.enabled:
        receiving = receiver_of(DoorAdmitting(database, rating))
        behind = door_service.Rooms(domain, roles.door, database, publisher, receiving, blobs)
        servers = (*servers, door_service.door_listener(folder, behind, around))

    def control() -> ASGIApp:
        from mx_core.homeserver.operating.operate import Operator  # noqa: PLC0415  # see knocking
        from mx_core.homeserver.operating.stewardship import Stewardship  # noqa: PLC0415

        steward = Stewardship(folder, database, blobs, arrivals, dispatcher, finder.doubt, now)
        more = steward.routes()
        return Operator(config, database, keys, lambda: len(anchors), times, rules, now, more).app()

    return Home(
        database=database,
        blobs=blobs,
        arrivals=arrivals,
        dispatcher=dispatcher,
        collector=collector,
        peers=peers,
        servers=servers,
        control=control,
        rules=rules,
        document=document,
        rating=rating,
        calls=calls,
        certificate_ends=lambda: leaves.current().not_after,
        book=book,
        cosigned=Cosigned(book, peers, finder, times, now),
    )


async def serve(
    folder: Path,
    config: Config,
    *,
    record: Path | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        BadConfiguration, KeyNotPrivate: Something must be changed first.
        Busy: Another process serves this folder.
        Corrupt, DiskFull: As the database says.
    """
    asyncio.get_running_loop().set_exception_handler(logs.loop_error)
    passed = activation.passed()
    key = domain_key.load(domain_key.place(folder))
    stopping = asyncio.Event()
    async with opened(folder, config) as database:
        must_fit(folder / SOCKET_NAME)
        must_be_free(
            config.host, (config.ports.hello, config.ports.federation, config.ports.client)
        )
        recorders = () if record is None else (Recorder(record),)
        doubt = asyncio.Event()
        roles = role_keys.load_or_make(folder, log_begun=await database.read(log_rows.has_begun))
        home = build(
            folder, config, key, database, roles, damaged=doubt.set, interceptors=recorders
        )
        on_signals(stopping, Reloader(folder, config, home.rating).reload)
        await _recover(home)
        await home.book.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    serve_control(home.control, folder / SOCKET_NAME, stopping, allowed=own_or_root)
                )
                tasks.create_task(home.dispatcher.run(stopping))
                tasks.create_task(stop_if_unsure(database, doubt, stopping))
                tasks.create_task(prove_alive(database, stopping))
                tasks.create_task(give_back_when_quiet(database.let_go, stopping))
                tasks.create_task(keep_up(home.database, home.blobs, stopping, now=time.time))
                if database.shared:
                    tasks.create_task(_wake_others(home, stopping))
                tasks.create_task(home.cosigned.run(stopping))
                site = site_of(config, home.document, home.book)
                metrics = metrics_of(home.database, home.calls, home.certificate_ends)
                for page, sockets in pages(config, passed, site, metrics):
                    tasks.create_task(serve_when_asked(page, sockets, stopping))
                async with _serving(home):
                    look_less_for_garbage()
                    ready()
                    notify.tell("READY=1")
                    _log.info("home_ready", domain=config.domain)
                    await stopping.wait()
                    notify.tell("STOPPING=1")
        except* Corrupt as group:
            raise DiskFailed(f"stopped: {group.exceptions[0]}") from group
        finally:
            await home.peers.close()
            await home.blobs.depot.close()
    _log.info("home_stopped", domain=config.domain)


async def _recover(home: Home) -> None:
    home.rules.put_in_force(await home.database.read(peer_rules.rules))
    orphans = await home.blobs.recover()
    if not home.database.shared:  # else what others send now is theirs
        await home.database.write(lambda tx: outgoing.hurry(tx, time.time()))
    if orphans:
        _log.info("orphans_found", files=orphans)


async def _wake_others(home: Home, stopping: asyncio.Event) -> None:
    from mx_core.db.postgres import PostgresDatabase  # noqa: PLC0415  # only with the extra
    from mx_core.homeserver.mailboxes.waking import Waking  # noqa: PLC0415

    if isinstance(home.database, PostgresDatabase):
        rules = home.rules
        await Waking(home.database, home.arrivals, home.dispatcher, rules).run(stopping)


@contextlib.asynccontextmanager
async def _serving(home: Home) -> AsyncIterator[None]:
    for server in home.servers:
        await server.start()
    try:
        yield
    finally:
        home.collector.end_all()
        # no new calls; those under way may finish, and streams are cut at the end
        async with asyncio.TaskGroup() as tasks:
            for server in home.servers:
                tasks.create_task(server.stop(_DRAIN_SECONDS))
