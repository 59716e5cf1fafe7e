"""Wires the rooms of a home server to each other and to its listeners.  No decisions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.control.knocking import Furnish
from mx_core.db.transactions import Transactions
from mx_core.federation.batch import BatchWindow
from mx_core.federation.client import PeerClient
from mx_core.federation.own import OwnDomain
from mx_core.federation.sessions import Sessions
from mx_core.homeserver.bounds.admitting import Admitting
from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.bounds.door_admitting import DoorAdmitting
from mx_core.homeserver.bounds.rate import Rate
from mx_core.homeserver.config import Config
from mx_core.homeserver.domain.role_keys import RoleKeys
from mx_core.homeserver.doors import client_service, door_service, federation_service
from mx_core.homeserver.doors.callers import Callers
from mx_core.homeserver.doors.client_service import ClientService
from mx_core.homeserver.doors.device_sessions import DeviceSessions
from mx_core.homeserver.doors.federation_service import FederationService
from mx_core.homeserver.doors.hello_service import HelloService
from mx_core.homeserver.doors.listeners import QUIET_OPTIONS, LeafCredentials, listener
from mx_core.homeserver.doors.refusals import Refusals
from mx_core.homeserver.ground import Ground, ground_of
from mx_core.homeserver.log.log_files import LogReading
from mx_core.homeserver.log.witnessing import Cosigned
from mx_core.homeserver.mailboxes.collect import Collector
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.operating.calls import Calls
from mx_core.homeserver.people.lookup import LookUps
from mx_core.homeserver.people.passports import Passports
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.peer_times import PeerTimes
from mx_core.homeserver.queue.peers import Peers
from mx_core.homeserver.queue.submit import Submitter
from mx_core.homeserver.queue.unreadable import Unread
from mx_core.model.clock import Now
from mx_core.model.secret import Secret
from mx_core.proto import client_pb2_grpc, federation_pb2_grpc, hello_pb2_grpc
from mx_core.tls.peer import PeerCheck

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_Around = tuple[grpc.aio.ServerInterceptor, ...]


class Home(Struct, frozen=True, eq=False):
    """Everything that serves, wired."""

    ground: Ground
    dispatcher: Dispatcher
    collector: Collector
    peers: Peers
    servers: tuple[Any, ...]  # grpc.aio.Server: hello, federation, client, and for the door
    control: Furnish
    calls: Calls
    cosigned: Cosigned

    def certificate_ends(self) -> float:
        """Return until when the own certificate is good, in unix seconds."""
        return self.ground.leaves.current().not_after


class _Ways(Struct, frozen=True, eq=False):
    """In and out: what the services of several listeners stand before."""

    receiver: Receiver
    unread: Unread
    times: PeerTimes
    peers: Peers
    dispatcher: Dispatcher
    collector: Collector


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
    ground = ground_of(folder, config, key, database, roles, now, monotonic)
    ways = _ways(ground)
    calls = Calls()
    around = (calls, Refusals(damaged), *interceptors)
    return Home(
        ground=ground,
        dispatcher=ways.dispatcher,
        collector=ways.collector,
        peers=ways.peers,
        servers=_listeners(ground, ways, around),
        control=_control(ground, ways),
        calls=calls,
        cosigned=Cosigned(ground.book, ways.peers, ground.finder, ways.times, now),
    )


def _ways(ground: Ground) -> _Ways:
    domain, database, now = ground.domain, ground.database, ground.now
    receiver = ground.receiver(Admitting(database, domain, ground.rating, ground.peer_names, now))
    own = OwnDomain(domain, ground.key, ground.leaves.current, ground.document.current)
    unread = Unread(database, ground.arrivals, ground.rating)
    times = PeerTimes(now, ground.monotonic)

    def client_of(peer: str) -> PeerClient:
        return PeerClient(own, peer, ground.finder, now)

    peers = Peers(domain, receiver, ground.blobs, ground.rules, unread, times, client_of)
    return _Ways(
        receiver=receiver,
        unread=unread,
        times=times,
        peers=peers,
        dispatcher=Dispatcher(database, ground.arrivals, peers.carry, ground.config.queue, now=now),
        collector=Collector(database, ground.blobs, ground.arrivals, now=now),
    )


def _listeners(ground: Ground, ways: _Ways, around: _Around) -> tuple[Any, ...]:
    """Return a bound server for each address, with the service of each.

    Raises:
        BadConfiguration: A port is taken.
    """
    host, ports = ground.config.host, ground.config.ports
    leaf_only = LeafCredentials(ground.leaves)
    servers = (
        listener(host, ports.hello, leaf_only.credentials(), around),
        listener(host, ports.federation, ground.anchors.server_credentials(), around),
        listener(host, ports.client, leaf_only.credentials(), around, QUIET_OPTIONS),
    )
    hello_pb2_grpc.add_HelloServicer_to_server(_hello(ground), servers[0])  # type: ignore[no-untyped-call]  # generated
    federation_pb2_grpc.add_FederationServicer_to_server(_federation(ground, ways), servers[1])  # type: ignore[no-untyped-call]  # generated
    client_pb2_grpc.add_ClientServicer_to_server(_client(ground, ways), servers[2])  # type: ignore[no-untyped-call]  # generated
    if not ground.config.door.enabled:
        return servers
    receiver = ground.receiver(DoorAdmitting(ground.database, ground.rating))
    behind = door_service.Rooms(
        ground.domain, ground.roles.door, ground.database, ground.cards, receiver, ground.blobs
    )
    return (*servers, door_service.door_listener(ground.folder, behind, around))


def _hello(ground: Ground) -> HelloService:
    a_minute = ground.config.limits.hello_per_minute
    return HelloService(
        ground.domain,
        ground.document,
        ground.finder,
        ground.anchors,
        ground.rules,
        Rate(a_minute, a_minute, ground.monotonic),
    )


def _federation(ground: Ground, ways: _Ways) -> FederationService:
    domain, now = ground.domain, ground.now
    return FederationService(
        federation_service.Rooms(
            domain=domain,
            database=ground.database,
            finder=ground.finder,
            anchors=ground.anchors,
            check=PeerCheck(ground.anchors.keys_of, now),
            sessions=Sessions(domain, ground.key.reveal(), ground.leaves.current, now),
            window=BatchWindow(),
            receiver=ways.receiver,
            look_ups=LookUps(ground.cards, domain, ground.peer_names),
            blobs=ground.blobs,
            rules=ground.rules,
            book=ground.book,
            witness=ground.witness,
            unread=ways.unread,
            now=now,
        )
    )


def _client(ground: Ground, ways: _Ways) -> ClientService:
    domain, limits, now = ground.domain, ground.config.limits, ground.now
    names = NameBudget(limits.look_ups_per_user_hour, now)
    return ClientService(
        client_service.Rooms(
            database=ground.database,
            callers=Callers(
                ground.database,
                ground.leaves,
                DeviceSessions(domain, outstanding_max=limits.sessions, now=now),
                now,
            ),
            passports=Passports(ground.database, domain, now=now),
            cards=ground.cards,
            look_ups=LookUps(ground.cards, domain, names),
            ask_peer=ways.peers.card,
            fetch_body=ways.peers.fetch_body,
            unreadable=ways.peers.unreadable,
            rating=ground.rating,
            read_log=LogReading(domain, ground.book, ground.witness, ways.peers).read,
            submitter=Submitter(
                ground.database,
                ground.blobs,
                ways.dispatcher,
                sizes=ground.sizes,
                outgoing_items=limits.outgoing_items,
                rating=ground.rating,
                room=ground.room,
                now=now,
            ),
            collector=ways.collector,
            blobs=ground.blobs,
            door=ground.config.door.enabled,
            now=now,
        )
    )


def _control(ground: Ground, ways: _Ways) -> Furnish:
    def furnish() -> ASGIApp:
        from mx_core.homeserver.operating.operate import Operator  # noqa: PLC0415  # see knocking
        from mx_core.homeserver.operating.stewardship import Stewardship  # noqa: PLC0415

        database, now, anchors = ground.database, ground.now, ground.anchors
        steward = Stewardship(
            ground.folder,
            database,
            ground.blobs,
            ground.arrivals,
            ways.dispatcher,
            ground.finder.doubt,
            now,
        )
        return Operator(
            ground.config,
            database,
            ground.keys,
            lambda: len(anchors),
            ways.times,
            ground.rules,
            now,
            steward.routes(),
        ).app()

    return furnish
