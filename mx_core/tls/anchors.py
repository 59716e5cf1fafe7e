"""The anchors of the peers a server lets in now: at most a thousand, the least used goes first.

A TLS stack parses the whole bundle when it changes: 5 ms at 100 anchors, 0.2 s at 1,000, 18 s at
10,000 (quadratic), hence the bound; an evicted peer introduces itself again.  For the same reason
a big bundle is rebuilt at most once a second.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import grpc
from nacl.signing import SigningKey

from mx_core.model.clock import Now
from mx_core.tls.anchor import anchor_pem
from mx_core.tls.leaf import Leaf

LIVE_MAX: Final = 1_000
_AT_ONCE: Final = 100  # up to here a rebuild costs no more than a handshake
_REBUILD_SECONDS: Final = 1.0


class _Live(NamedTuple):
    keys: tuple[bytes, ...]
    pem: bytes


class AnchorSet:
    """Anchors by domain, and the credentials of a listener that follow them.

    Owner: the event loop writes; ``fetch`` runs in a thread of the transport, once per handshake.
    ``_lock`` covers every field below it.
    """

    def __init__(self, leaf: Callable[[], Leaf], now: Now, *, live_max: int = LIVE_MAX) -> None:
        """*leaf* gives the certificate to show now."""
        self._leaf = leaf
        self._now = now
        self._live_max = live_max
        # The bundle is never empty, or the transport would ask no certificate at all.
        self._nobody = anchor_pem("nobody.invalid", bytes(SigningKey.generate().verify_key), now())
        self._lock = threading.Lock()
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._version = 0
        self._built: tuple[int, bytes] = (-1, b"")
        self._built_at = float("-inf")

    @property
    def version(self) -> int:
        """A number that grows with every change of the set."""
        with self._lock:
            return self._version

    def __contains__(self, domain: str) -> bool:
        with self._lock:
            return domain in self._live

    def __len__(self) -> int:
        with self._lock:
            return len(self._live)

    def put(self, domain: str, keys: Sequence[bytes]) -> None:
        """Trust exactly *keys* for *domain*, as the newest; the least used domain may go.

        Raises:
            Untrusted: ``domain-key``: one is no Ed25519 key; the set stays as it was.
        """
        wanted = tuple(keys)
        with self._lock:
            live = self._live.get(domain)
            if live is not None and live.keys == wanted:
                self._live.move_to_end(domain)
                return
        pem = b"".join(anchor_pem(domain, key, self._now()) for key in wanted)
        with self._lock:
            self._live[domain] = _Live(wanted, pem)
            self._live.move_to_end(domain)
            self._version += 1
            while len(self._live) > self._live_max:
                self._live.popitem(last=False)

    def drop(self, domain: str) -> None:
        """Trust *domain* no longer; open connections end at the next per-call check."""
        with self._lock:
            if self._live.pop(domain, None) is not None:
                self._version += 1

    def keys_of(self, domain: str) -> tuple[bytes, ...]:
        """Return the keys trusted for *domain*, and count it as used; empty when unknown."""
        with self._lock:
            live = self._live.get(domain)
            if live is None:
                return ()
            self._live.move_to_end(domain)
            return live.keys

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the new bundle and leaf, or None to keep those of the last handshake."""
        leaf = self._leaf()
        with self._lock:
            wanted = (self._version, leaf.cert_pem)
            too_soon = (
                len(self._live) > _AT_ONCE and self._now() - self._built_at < _REBUILD_SECONDS
            )
            if wanted == self._built or (too_soon and leaf.cert_pem == self._built[1]):
                return None
            self._built = wanted
            self._built_at = self._now()
            return self._configuration(leaf)

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return credentials of a listener that demands a client certificate under this set."""
        with self._lock:
            first = self._configuration(self._leaf())
        return grpc.dynamic_ssl_server_credentials(
            first, self.fetch, require_client_authentication=True
        )

    def _configuration(self, leaf: Leaf) -> grpc.ServerCertificateConfiguration:
        bundle = self._nobody + b"".join(live.pem for live in self._live.values())
        return grpc.ssl_server_certificate_configuration(
            [(leaf.key_pem, leaf.cert_pem)], root_certificates=bundle
        )
