"""The document that a server staples to its hello listener.

TLS is judged by the synthesised anchor alone, so only a holder of a leaf by the domain key can
answer; the document is signed besides.  docs/spec/discovery.md §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import grpc.aio

from mx_core.discovery.document import SignedDocument
from mx_core.discovery.endpoint import Endpoint
from mx_core.model.errors import PeerUnreachable
from mx_core.proto import hello_pb2, hello_pb2_grpc
from mx_core.tls.channel import open_channel

CALL_SECONDS: Final = 5.0


async def fetch_document(
    domain: str, hello: Endpoint, keys: Sequence[bytes], now: float
) -> SignedDocument:
    """Return the document that the server of *domain* shows at *hello*, not yet verified.

    Raises:
        PeerUnreachable: No answer within five seconds, or TLS under none of *keys*.
    """
    channel = open_channel(hello.host, hello.port, domain=domain, keys=keys, now=now)
    try:
        stub = hello_pb2_grpc.HelloStub(channel)  # type: ignore[no-untyped-call]  # generated
        reply = await stub.GetServerInfo(
            hello_pb2.ServerInfoRequest(domain=domain), timeout=CALL_SECONDS
        )
    except grpc.aio.AioRpcError as error:
        raise PeerUnreachable(f"the server of {domain} at {hello} does not answer") from error
    finally:
        await channel.close()
    return SignedDocument(reply.document, reply.signature)
