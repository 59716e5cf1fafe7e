"""The sockets that mail programs connect to: passed or bound before anything else is started.

A taken port is one sentence and exit 78; nothing is ever moved silently, because mail programs
are configured with the numbers.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from pathlib import Path

from msgspec import Struct

from gateway.config import Listen
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.errors import BadConfiguration
from mx_core.program.activation import Passed

_HOSTS = ("127.0.0.1", "::1")
_BACKLOG = 128
_PORT_MAX = 65_535
_PURPOSES = {
    "imap": "IMAP",
    "smtp": "SMTP",
    "imap_tls": "IMAP with TLS",
    "smtp_tls": "SMTP with TLS",
    "page": "the page",
}


class Ports(Struct, frozen=True):
    """The five ports of one gateway."""

    imap: int
    smtp: int
    imap_tls: int
    smtp_tls: int
    page: int


def chosen_ports(listen: Listen) -> Ports:
    """Return the ports that the configuration asks for.

    Raises:
        BadConfiguration: A number is no port, or stands twice.
    """
    if base := listen.port_base:
        ports = Ports(base, base + 1, base + 2, base + 3, base + 4)
    else:
        ports = Ports(listen.imap, listen.smtp, listen.imap_tls, listen.smtp_tls, listen.page)
    numbers = (ports.imap, ports.smtp, ports.imap_tls, ports.smtp_tls, ports.page)
    for number in numbers:
        if not 1 <= number <= _PORT_MAX or numbers.count(number) > 1:
            raise BadConfiguration(
                f"port {number} cannot be used: the five ports must be different numbers "
                f"from 1 to {_PORT_MAX}"
            )
    return ports


def bound(ports: Ports, passed: Passed) -> dict[str, list[socket.socket]]:
    """Return the listening sockets of each purpose: those that were passed, else bound here.

    Raises:
        BadConfiguration: A port is taken, or one was passed that is not ours or not on loopback.
    """
    ours: dict[str, list[socket.socket]] = {}
    try:
        for purpose, spoken in _PURPOSES.items():
            port = getattr(ports, purpose)
            ours[purpose] = passed.at_port(port)
            for sock in ours[purpose]:
                _must_be_loopback(sock)
            ours[purpose] = ours[purpose] or bind(port, spoken)
        passed.must_be_taken()
    except BadConfiguration:
        passed.close()
        for sock in (s for group in ours.values() for s in group):
            sock.close()
        raise
    return ours


def _must_be_loopback(sock: socket.socket) -> None:
    host, port = sock.getsockname()[:2]
    if not ipaddress.ip_address(host).is_loopback:
        raise BadConfiguration(
            f"the service manager listens at {host}:{port}, where others can connect:"
            f" write ListenStream=127.0.0.1:{port} into mx-gateway.socket"
        )


def bind(port: int, purpose: str) -> list[socket.socket]:
    """Return listening sockets on both loopback addresses (::1 only where the machine has it).

    Raises:
        BadConfiguration: The port is taken.
    """
    sockets: list[socket.socket] = []
    for host in _HOSTS:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue  # no IPv6 in this kernel
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port))
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
                continue  # IPv6 is compiled in and switched off
            for other in sockets:
                other.close()
            raise BadConfiguration(
                f"port {port} ({purpose}) cannot be used: {error.strerror}; "
                "choose other ports with --port-base"
            ) from error
        sockets.append(listener)
    return sockets


def told_settings(address: Address, password: str, ports: Ports, ca: Path) -> MailSettings:
    """Return what a mail program is to be told of *address*."""
    return MailSettings(
        address=str(address),
        username=str(address),
        password=password,
        host="localhost",
        imap=ports.imap,
        smtp=ports.smtp,
        imap_tls=ports.imap_tls,
        smtp_tls=ports.smtp_tls,
        ca=str(ca),
    )
