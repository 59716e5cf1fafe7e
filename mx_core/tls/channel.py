"""A client's channel to a server of one domain, judged by that domain's keys alone.

The name in the certificate is the *domain*, wherever the endpoint points: DNS decides where to
dial, never whom to trust.  No proxy, no web PKI, no plaintext.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import grpc
import grpc.aio

from mx_core.tls.anchor import anchor_pem
from mx_core.tls.leaf import Leaf

MESSAGE_OCTETS_MAX: Final = 4 * 1024 * 1024
OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_receive_message_length", MESSAGE_OCTETS_MAX),
    ("grpc.max_send_message_length", MESSAGE_OCTETS_MAX),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.enable_http_proxy", 0),
    # a server that is back is found within seconds, not after gRPC's two minutes
    ("grpc.initial_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.enable_retries", 0),  # what is tried again is decided here, not in the transport
    ("grpc.use_local_subchannel_pool", 1),  # two channels share neither connection nor back-off
)


def open_channel(
    host: str,
    port: int,
    *,
    domain: str,
    keys: Sequence[bytes],
    now: float,
    leaf: Leaf | None = None,
) -> grpc.aio.Channel:
    """Return a channel that connects when it is used; *leaf* makes the TLS mutual.

    Raises:
        Untrusted: ``domain-key``: one of *keys* is no Ed25519 key.
    """
    anchors = b"".join(anchor_pem(domain, key, now) for key in keys)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=anchors,
        private_key=leaf.key_pem if leaf else None,
        certificate_chain=leaf.cert_pem if leaf else None,
    )
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return grpc.aio.secure_channel(
        target, credentials, options=[*OPTIONS, ("grpc.ssl_target_name_override", domain)]
    )
