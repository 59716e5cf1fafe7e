"""This device's epoch keys: made weekly, published, and destroyed by the rule of identity §5."""

from __future__ import annotations

import asyncio
import itertools
import secrets

import structlog
from nacl.public import PrivateKey

from gateway.own.identity import OwnIdentity
from mx_core.carriers.native.membership import Membership
from mx_core.envelope.identity import EpochSecret
from mx_core.model.clock import Now
from mx_core.model.errors import Busy, Refused, Unavailable, Untrusted
from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.notation.xwing import SEED_OCTETS, XWingSecret
from mx_core.passport.epoch import (
    X25519_OCTETS,
    Epoch,
    SignedEpoch,
    deletable_from,
    new_epoch,
    renewal_due,
    sign_epoch,
)
from mx_core.store.own.keys import OwnEpoch, OwnKeys

log = structlog.get_logger()

_CHECK_SECONDS = 3600.0
_RETRY_SECONDS = 60.0


async def make_epoch(keys: OwnKeys, own: OwnIdentity, now: Now) -> bytes:
    """Return a new SignedEpoch whose private key is durable here; not yet published."""
    # Crash after the number: it stays unused, and no two epochs are ever signed with one number.
    n = await keys.new_epoch_number()
    private, seed = PrivateKey.generate(), secrets.token_bytes(SEED_OCTETS)
    xwing = XWingSecret(seed).public
    epoch = new_epoch(own.pid, own.device_id, n, bytes(private.public_key), now(), xwing)
    signed = sign_epoch(own.signing_key.reveal(), epoch)
    held = Secret(bytes(private) + seed)
    await keys.keep_epoch(OwnEpoch(n, held, signed, epoch.not_after, None))
    return signed


class OwnEpochs:
    """What the flow in opens with, and the task that keeps it fresh."""

    def __init__(self, keys: OwnKeys, own: OwnIdentity, membership: Membership, now: Now) -> None:
        """Read on first use."""
        self._keys = keys
        self._own = own
        self._membership = membership
        self._now = now
        self._secrets: list[EpochSecret] | None = None
        self._log_holds_keys = False  # pages of a destroyed key may stand in the write-ahead log

    async def secrets(self) -> list[EpochSecret]:
        """Return the keys that are held, newest first."""
        if self._secrets is None:
            self._secrets = [_secret(self._own.device_id, one) for one in await self._keys.epochs()]
        return self._secrets

    async def run(self) -> None:
        """Publish what was not acknowledged, and a new epoch each week."""
        while True:
            pause = _CHECK_SECONDS
            try:
                await self._publish_due()
            except (Unavailable, Refused, Untrusted) as error:
                log.info("epoch_waits", why=type(error).__name__)
                pause = _RETRY_SECONDS
            await asyncio.sleep(pause)

    async def sync_completed(self, begun: float) -> None:
        """Destroy what this sync, begun at that unix time, has made useless.

        Everything the server held was stored before this is called.
        """
        if self._log_holds_keys:
            await self._empty_log()
        held = await self._keys.epochs()
        for newer, older in itertools.pairwise(held):
            if newer.acknowledged is None:
                continue
            if begun >= deletable_from(older.not_after, newer.acknowledged):
                self._secrets = None
                # Crash after the row is gone: the next open empties the log.
                await self._keys.forget_epoch(older.n, self._now())
                log.info("epoch_destroyed", epoch=older.n)
                await self._empty_log()

    async def _empty_log(self) -> None:
        try:
            await self._keys.empty_log()
        except Busy:
            self._log_holds_keys = True  # a reader held it; tried again at the next sync
        else:
            self._log_holds_keys = False

    async def _publish_due(self) -> None:
        held = await self._keys.epochs()
        if not held or renewal_due(_statement(held[0]), self._now()):
            await make_epoch(self._keys, self._own, self._now)
            self._secrets = None
            held = await self._keys.epochs()
        for one in reversed(held):
            if one.acknowledged is None:
                # Crash after the server took it: published again, which changes nothing.
                await self._membership.publish_epoch(one.statement)
                await self._keys.acknowledge_epoch(one.n, int(self._now()))
                log.info("epoch_published", epoch=one.n)


def _secret(device_id: DeviceId, epoch: OwnEpoch) -> EpochSecret:
    """Return what opens: 32 octets are an X25519 key; in suite 2 an X-Wing seed follows."""
    octets = epoch.private.reveal()
    x25519, seed = octets[:X25519_OCTETS], octets[X25519_OCTETS:]
    xwing = XWingSecret(seed) if seed else None
    return EpochSecret(device_id, epoch.n, PrivateKey(x25519), xwing, epoch.not_after)


def _statement(epoch: OwnEpoch) -> Epoch:
    return Epoch.decode(SignedEpoch.read(cbor.decode(epoch.statement)).epoch_octets)
