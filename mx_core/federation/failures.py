"""The errors of gRPC, as a caller of a peer sees them, in our tree.

What a peer *says* never makes mail fail for good: its view of us may be stale, its clock off.
Only what we verify ourselves is Untrusted.  docs/spec/federation.md §6.

Failure class: ``peer-certificate``.
"""

from __future__ import annotations

from typing import Final

import grpc
import grpc.aio

from mx_core.model.errors import Busy, PeerUnreachable, Unavailable, Untrusted

# A peer that does not know our key closes the handshake, or refuses the leaf or the session.
NOT_INTRODUCED: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED})


def translated(error: grpc.aio.AioRpcError, peer: str) -> Unavailable | Untrusted:
    """Return the error of our tree that *error* of a call to *peer* is."""
    if is_certificate_failure(error):
        return Untrusted("peer-certificate", f"the certificate of {peer} is not by its domain key")
    match error.code():
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Busy(f"the server of {peer} takes no more for now")
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            return PeerUnreachable(f"the server of {peer} cannot be reached")
        case code:
            return PeerUnreachable(f"the server of {peer} answered {code.name.lower()}")


def is_certificate_failure(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether TLS refused the *peer's* certificate; gRPC tells it in words only."""
    return error.code() is grpc.StatusCode.UNAVAILABLE and "CERTIFICATE_VERIFY_FAILED" in (
        error.details() or ""
    )
