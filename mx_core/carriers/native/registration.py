"""A new account at its home server: an invite, a genesis entry, a first epoch.  Identity §7."""

from __future__ import annotations

from collections.abc import Sequence

from mx_core.carriers.native.channel import open_channel, our_errors
from mx_core.carriers.native.home import CALL_SECONDS
from mx_core.discovery.finder import Domain
from mx_core.proto import client_pb2, client_pb2_grpc


async def register(
    domain: Domain,
    *,
    invite: str,
    signed_entry: bytes,
    signed_epochs: Sequence[bytes],
    now: float,
) -> bytes:
    """Return the Card that the server made of what this device signed.

    The caller compares it octet for octet with what it signed.

    Raises:
        Refused: The invite is unknown or used, or the address is taken.
    """
    channel = open_channel(domain, now)
    try:
        stub = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]  # generated
        request = client_pb2.RegisterRequest(
            invite=invite, signed_entry=signed_entry, signed_epochs=list(signed_epochs)
        )
        with our_errors(domain.name):
            reply = await stub.Register(request, timeout=CALL_SECONDS)
        return bytes(reply.card)
    finally:
        await channel.close()
