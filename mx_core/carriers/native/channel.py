"""The channel to the own home server, and the errors of gRPC in our tree.

The anchor is synthesised from the discovered domain keys (docs/spec/federation.md): a server that
cannot show a leaf signed by one of them is not spoken to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import grpc.aio

from mx_core.discovery.finder import Domain
from mx_core.model.errors import (
    BadCredentials,
    Busy,
    MailError,
    NotPermitted,
    PeerUnreachable,
    Refused,
    Untrusted,
)
from mx_core.tls import channel


def open_channel(domain: Domain, now: float) -> grpc.aio.Channel:
    """Return a channel to the client listener of *domain*; it connects when it is used."""
    return channel.open_channel(
        domain.client.host, domain.client.port, domain=domain.name, keys=domain.keys, now=now
    )


@contextmanager
def our_errors(domain: str) -> Iterator[None]:
    """Turn an ``AioRpcError`` into the family that says who must act."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise translated(error, domain) from error


def translated(error: grpc.aio.AioRpcError, domain: str) -> MailError:
    """Return the error of our tree that *error* is."""
    said = error.details() or "no reason given"
    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED:
            return BadCredentials(f"the home server of {domain} does not know this device: {said}")
        case grpc.StatusCode.PERMISSION_DENIED | grpc.StatusCode.FAILED_PRECONDITION:
            return NotPermitted(f"the home server of {domain} refused: {said}")
        case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.NOT_FOUND:
            return Refused(f"the home server of {domain} refused: {said}")
        case grpc.StatusCode.ALREADY_EXISTS | grpc.StatusCode.ABORTED:
            return Refused(f"the home server of {domain} refused: {said}")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Busy(f"the home server of {domain} is busy: {said}")
        case grpc.StatusCode.DATA_LOSS:
            return Untrusted("transport", f"the home server of {domain} sent damaged data: {said}")
        case _:
            return PeerUnreachable(f"the home server of {domain} cannot be reached")
