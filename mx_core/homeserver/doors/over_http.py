"""What a home server says over plain HTTP: where it listens for that, and how it is loaded once somebody asks.

Knows no answer: those are in rooms that are imported with the first question (``mx_core.control.knocking``).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mx_core.control.knocking import Furnish
from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import Config
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.operating.calls import Calls
from mx_core.model.errors import BadConfiguration
from mx_core.program.activation import Passed

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_LOOPBACK: Final = "127.0.0.1"


def pages(
    config: Config, passed: Passed, site: Furnish, metrics: Furnish
) -> list[tuple[Furnish, list[socket.socket]]]:
    """Return what is served, and on which sockets; only these can be passed by a service manager.

    gRPC for Python can not take a descriptor, so its three listeners are always bound by us.

    Raises:
        BadConfiguration: A port is taken, or a socket was passed that no setting names.
    """
    ports = config.ports
    asked = ((site, config.host, ports.site), (metrics, _LOOPBACK, ports.metrics))
    found = [(furnish, page_sockets(host, port, passed)) for furnish, host, port in asked if port]
    passed.must_be_taken()
    return found


def site_of(config: Config, document: OwnDocument, book: LogBook) -> Furnish:
    """Return what loads the site of the domain."""

    def furnish() -> ASGIApp:
        from mx_core.homeserver.doors.site import site  # noqa: PLC0415  # see the module

        return site(config, document, book)

    return furnish


def metrics_of(
    database: Transactions, calls: Calls, certificate_ends: Callable[[], float]
) -> Furnish:
    """Return what loads the numbers for a monitor."""

    def furnish() -> ASGIApp:
        from mx_core.homeserver.operating.metrics import metrics_app  # noqa: PLC0415

        return metrics_app(database, calls, certificate_ends)

    return furnish


def page_sockets(host: str, port: int, passed: Passed) -> list[socket.socket]:
    """Return the sockets of a page at *port*: those that were passed, else one bound at *host*.

    Raises:
        BadConfiguration: The port is taken.
    """
    if found := passed.at_port(port):
        return found
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise BadConfiguration(f"cannot listen at {host}:{port}: {error.strerror}") from error
    return [listening]
