"""Where other devices of the person may connect: one more address, by TLS from the first octet and with a password.

Nobody else's until the configuration names the address, and a certificate for the name that the devices
type: the gateway's own authority can vouch for this computer alone.  The page and the ports without
TLS stay on loopback.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import stat
from pathlib import Path
from typing import Final

from gateway.config import Beyond
from gateway.loopback.listeners import Ports
from mx_core.model.errors import BadConfiguration

IMAP: Final = "imap_beyond"
SMTP: Final = "smtp_beyond"
_BACKLOG: Final = 128
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def bound_beyond(asked: Beyond, ports: Ports) -> dict[str, list[socket.socket]]:
    """Return listening sockets at the address that is asked for; none where none is.

    Raises:
        BadConfiguration: It is no single address of another network, or cannot be bound; nothing stays bound.
    """
    if not asked.address:
        return {}
    _check_address(asked.address)
    context_of(asked)  # a certificate that is missing is told before anything listens
    made: dict[str, list[socket.socket]] = {}
    try:
        for purpose, port in ((IMAP, ports.imap_tls), (SMTP, ports.smtp_tls)):
            made[purpose] = [_listening(asked.address, port)]
    except BadConfiguration:
        for sock in (each for group in made.values() for each in group):
            sock.close()
        raise
    return made


def context_of(asked: Beyond) -> ssl.SSLContext:
    """Return the TLS of that address; raises BadConfiguration."""
    if not (asked.certificate and asked.key):
        raise BadConfiguration(
            "[beyond] lets other devices connect, so it needs a certificate that they trust: set"
            " certificate and key to its PEM files (the gateway's own is good on this computer only)"
        )
    key = Path(asked.key)
    try:
        if stat.S_IMODE(key.stat().st_mode) & _OTHERS:
            raise BadConfiguration(f"{key} is open to other users; close it with: chmod 600 {key}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(asked.certificate, key)
    except OSError as error:  # ssl.SSLError is one, too
        raise BadConfiguration(
            f"[beyond] certificate and key cannot be used: {error.strerror or error};"
            " give a PEM chain and the key that belongs to it"
        ) from error
    return context


def _check_address(text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadConfiguration(
            f"[beyond] address = {text!r} is no IP address: name one of this computer"
        ) from error
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        raise BadConfiguration(
            f"[beyond] address = {text!r} must be one address of this computer in the network of"
            " your other devices, for example 192.168.1.5"
        )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise BadConfiguration(
            f"{host} port {port} cannot be used: {error.strerror}; see [beyond] in config.toml"
        ) from error
    return listener
