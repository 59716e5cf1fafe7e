"""The three gRPC servers: each with its own services, its own credentials, and our limits.

A port is taken or it is not: it is never shared with another process and never moved.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any, Final

import grpc

from mx_core.model.errors import BadConfiguration
from mx_core.tls.leaf import Leaf, Leaves

MESSAGE_OCTETS_MAX: Final = 4 * 1024 * 1024
HANDSHAKE_SECONDS: Final = 20
_STREAMS_MAX: Final = 256
_AHEAD_OCTETS: Final = 256 * 1024  # 2.5 MB/s of an upload over a line that takes 0.1 s
_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),  # or a second process would silently get half of the calls
    ("grpc.max_receive_message_length", MESSAGE_OCTETS_MAX),
    ("grpc.max_send_message_length", MESSAGE_OCTETS_MAX),
    ("grpc.max_concurrent_streams", _STREAMS_MAX),
    # What a stream may send before anybody asks for it.  gRPC would let that grow with the line: to
    # megabytes of each upload that a stranger begins, whenever the server has much to do.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", _AHEAD_OCTETS),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1_000),
    ("grpc.max_connection_age_ms", 3_600_000),  # TLS looks at dates in the handshake only
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.max_metadata_size", 8 * 1024),
)


class LeafCredentials:
    """Credentials of a listener that asks for no client certificate; they follow the leaf."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._lock = threading.Lock()  # fetch() runs in a thread of the transport
        self._shown: bytes = b""

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that ask for the leaf at every handshake."""
        leaf = self._leaves.current()
        self._shown = leaf.cert_pem
        return grpc.dynamic_ssl_server_credentials(
            _configuration(leaf), self._fetch, require_client_authentication=False
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        leaf = self._leaves.current()
        with self._lock:
            if leaf.cert_pem == self._shown:
                return None
            self._shown = leaf.cert_pem
        return _configuration(leaf)


# A listener of many quiet connections: gRPC keeps for each a buffer as large as a TLS record may
# be, 16 KiB if nothing is said.  1 KiB is the least that it takes.
QUIET_OPTIONS: Final = (("grpc.tsi.max_frame_size", 1024),)


def must_be_free(host: str, ports: Sequence[int]) -> None:
    """Look before any server is made: one that was made and never served can not be dropped quietly.

    Raises:
        BadConfiguration: A port is taken, or the address is not of this machine.
    """
    for port in ports:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError as error:
                raise BadConfiguration(_taken(target)) from error


def listener(
    host: str,
    port: int,
    credentials: grpc.ServerCredentials,
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    options: Sequence[tuple[str, int]] = (),
) -> Any:
    """Return a server bound to *host*:*port*, not yet serving; *options* beside ours, of gRPC.

    Raises:
        BadConfiguration: The port is taken, or the address is not of this machine.
    """
    server = grpc.aio.server(interceptors=list(interceptors), options=[*_OPTIONS, *options])
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_secure_port(target, credentials)
    except RuntimeError as error:
        raise BadConfiguration(_taken(target)) from error
    if bound != port:
        raise BadConfiguration(_taken(target))
    return server


def _taken(target: str) -> str:
    return f"cannot listen at {target}: the port is taken, or the address is not of this machine"


def _configuration(leaf: Leaf) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(leaf.key_pem, leaf.cert_pem)])
