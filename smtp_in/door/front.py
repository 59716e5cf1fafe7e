"""The door as a front: where it listens, who may connect, and what it announces."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_network

from mx_core.model.errors import BadConfiguration
from smtp_in.body import Room
from smtp_in.connection import Front
from smtp_in.door.config import Config
from smtp_in.door.dialogue import DoorDialogue, House
from smtp_in.door.judging.spf import peer_of
from smtp_in.door.limits import Limits
from smtp_in.door.ports import Behind
from smtp_in.replies import Reply
from smtp_in.server import Listener, serve_front
from smtp_in.wire import Wire

TOO_MANY_OF_YOURS = Reply(421, "4.7.0", "too many connections from your address; try again later")
TOO_LONG = Reply(421, "4.4.2", "this connection has lasted long enough; open another")
_BACKLOG = 128


def bound(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        BadConfiguration: The port is taken, may not be used, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # :: is both
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise BadConfiguration(
            f"cannot listen at {host} port {port}: {error.strerror};"
            " another mail server may have it, or the right to it is missing"
        ) from error
    listening.setblocking(False)
    return listening


async def serve_door(
    listening: Sequence[socket.socket],
    config: Config,
    domain: str,
    behind: Behind,
    tls: ssl.SSLContext,
    stopping: asyncio.Event,
) -> None:
    """Serve until *stopping*; *domain* is whose door it is."""
    limits = config.limits
    house = House(domain, config.aliases, behind, limits, Room(limits.held_octets))
    front = Front(
        name=config.name or domain,
        ident="ESMTP",
        idle_seconds=limits.idle_seconds,
        settle_seconds=limits.session_seconds,
        too_late=TOO_LONG,
        begin=lambda wire: DoorDialogue(wire, house),
        extensions=lambda wire: _extensions(wire, limits),
        allow_clear=lambda _peer, _own: False,  # nobody logs in here at all
        refuses=lambda wire: _refuses(front, wire, limits.connections_per_peer),
    )
    await serve_front(
        front,
        [Listener(each, tls, implicit=False) for each in listening],
        stopping,
        connections=limits.connections,
        leaving_seconds=limits.leaving_seconds,
    )


def _extensions(wire: Wire, limits: Limits) -> list[str]:
    words = ["PIPELINING", f"SIZE {limits.message_octets}", "8BITMIME", "SMTPUTF8"]
    words += ["ENHANCEDSTATUSCODES", f"LIMITS RCPTMAX={limits.recipients}"]
    return [*words, "STARTTLS"] if wire.offers_tls() else words


def _refuses(front: Front, wire: Wire, most: int) -> Reply | None:
    mine = _network(wire.peer_ip())
    same = sum(_network(each.wire.peer_ip()) == mine for each in front.live)
    return TOO_MANY_OF_YOURS if same >= most else None


def _network(ip: str) -> str:
    """Return what one holder of addresses has: an IPv4 address, or an IPv6 /64."""
    try:
        peer = peer_of(ip)
    except ValueError:
        return ip
    return str(ip_network(f"{peer}/64", strict=False) if isinstance(peer, IPv6Address) else peer)
