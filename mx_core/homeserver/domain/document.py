"""This domain's own server document: made from the configuration, signed, renewed in time.

docs/spec/discovery.md §3.  Handed out by the hello listener and the well-known site.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nacl.signing import SigningKey

from mx_core.discovery.document import (
    Limits,
    RoleKey,
    ServerDocument,
    SignedDocument,
    sign_document,
)
from mx_core.discovery.endpoint import Endpoint
from mx_core.homeserver.config import Config
from mx_core.homeserver.domain.domain_keys import DomainKeys
from mx_core.model.clock import Now
from mx_core.model.secret import Secret

_LIFETIME_SECONDS: Final = 14 * 86_400
_RENEW_SECONDS: Final = 86_400
_BACKDATED_SECONDS: Final = 300  # for clocks that are behind
_KEY_SECONDS: Final = 10 * 365 * 86_400  # a role key ends by another document, not by its date


class OwnDocument:
    """The document as it is shown now."""

    def __init__(
        self,
        config: Config,
        key: Secret[SigningKey],
        keys: DomainKeys,
        role_keys: Sequence[tuple[str, bytes]] = (),
        *,
        now: Now,
    ) -> None:
        """*key* signs; *keys* says what came before it and what comes; *role_keys*: role and key."""
        self._role_keys = role_keys
        self._config = config
        self._keys = keys
        self._key = key
        self._now = now
        self._made_at = 0.0
        self._signed: SignedDocument | None = None

    def current(self) -> SignedDocument:
        """Return the document, made anew once a day."""
        now = self._now()
        if self._signed is None or not 0 <= now - self._made_at < _RENEW_SECONDS:
            self._signed = self._make(now)
            self._made_at = now
        return self._signed

    def _make(self, now: float) -> SignedDocument:
        config = self._config
        created = int(now) - _BACKDATED_SECONDS
        host = config.dialled_host
        document = ServerDocument(
            domain=config.domain,
            created=created,
            expires=created + _LIFETIME_SECONDS,
            keys=self._keys.in_document(now),
            hello=Endpoint(host, config.ports.hello),
            federation=Endpoint(host, config.ports.federation),
            client=Endpoint(host, config.ports.client),
            limits=Limits(blob_octets=config.limits.blob_octets),
            role_keys=tuple(
                RoleKey(role, key, created, created + _KEY_SECONDS) for role, key in self._role_keys
            ),
            rolls=self._keys.rolls,
        )
        return sign_document(document, self._key.reveal())
