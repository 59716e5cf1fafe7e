"""The private halves of an epoch: what a device opens packets with.

Never printed, never in a backup; deleted by the rule of identity §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from nacl.bindings import crypto_box_seal_open
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey

from mx_core.envelope.format import SUITE_2, packet_info
from mx_core.model.ids import DeviceId
from mx_core.notation.xwing import XWingSecret

LIVE_KEYS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class EpochSecret:
    """Epoch *n* of this device, with its X25519 private key and, in suite 2, its X-Wing one."""

    device_id: DeviceId
    n: int
    private: PrivateKey = field(repr=False)
    xwing: XWingSecret | None = field(default=None, repr=False)
    not_after: int | None = None  # unix seconds: what is sealed to it later is marked

    def opened(self, packet: bytes, ctx: bytes, suite: int) -> bytes | None:
        """Return what *packet* was sealed around, or None if it was not sealed to this epoch.

        *ctx* and *suite* are those of its envelope.
        """
        if suite == SUITE_2:
            return None if self.xwing is None else self.xwing.opened(packet, packet_info(ctx))
        try:
            return crypto_box_seal_open(packet, bytes(self.private.public_key), bytes(self.private))
        except CryptoError:
            return None


def newest_first(keys: Sequence[EpochSecret]) -> list[EpochSecret]:
    """Return the keys a reader tries, at most four: newest first, since most mail is fresh."""
    return sorted(keys, key=lambda key: key.n, reverse=True)[:LIVE_KEYS_MAX]
