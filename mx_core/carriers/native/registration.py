"""What a home server takes without a session: a new account, and the recovery of one.  Identity §7."""

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
    earlier: Sequence[bytes] = (),
) -> bytes:
    """Return the Card that the server made of what this device signed.

    *earlier*: of a passport that moves there, its entries before *signed_entry*.  The caller compares it octet for octet with what it signed.

    Raises:
        Refused: The invite is unknown or used, or the address is taken.
    """
    channel = open_channel(domain, now)
    try:
        stub = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]  # generated
        request = client_pb2.RegisterRequest(
            invite=invite,
            signed_entry=signed_entry,
            signed_epochs=list(signed_epochs),
            earlier_entries=list(earlier),
        )
        with our_errors(domain.name):
            reply = await stub.Register(request, timeout=CALL_SECONDS)
        return bytes(reply.card)
    finally:
        await channel.close()


async def recovery_card(domain: Domain, *, address: str, recovery_pk: bytes, now: float) -> bytes:
    """Return the Card of *address*, for whoever holds a sheet of it; unverified.

    Raises:
        NotPermitted: No address there has, or had, a sheet with this key.
    """
    channel = open_channel(domain, now)
    try:
        stub = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]  # generated
        request = client_pb2.RecoveryCardRequest(address=address, recovery_pk=recovery_pk)
        with our_errors(domain.name):
            reply = await stub.RecoveryCard(request, timeout=CALL_SECONDS)
        return bytes(reply.card)
    finally:
        await channel.close()


async def recover(
    domain: Domain, *, signed_entry: bytes, signed_epochs: Sequence[bytes], now: float
) -> bytes:
    """Return the Card once the server holds the recovery; again is harmless.

    Raises:
        Refused: It does not follow the entry that the server holds, or does not prove itself.
    """
    channel = open_channel(domain, now)
    try:
        stub = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]  # generated
        request = client_pb2.RecoverRequest(
            signed_entry=signed_entry, signed_epochs=list(signed_epochs)
        )
        with our_errors(domain.name):
            reply = await stub.Recover(request, timeout=CALL_SECONDS)
        return bytes(reply.card)
    finally:
        await channel.close()
