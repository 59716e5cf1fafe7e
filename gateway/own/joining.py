"""A new account: keys made here, registered by an invite, recovered by a sheet.  Identity §7."""

from __future__ import annotations

import asyncio

from nacl.signing import SigningKey

from gateway.accounts.found_domains import finder_of
from gateway.config import Config
from gateway.own.epochs import make_epoch
from gateway.own.identity import OwnIdentity, stored_identity
from mx_core.carriers.native.registration import register
from mx_core.discovery.finder import Domain
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, StoreDamaged, Unavailable
from mx_core.model.secret import Secret
from mx_core.passport.chain import verify_chain
from mx_core.passport.make import genesis
from mx_core.recovery.sheet import Sheet
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnKey

_PAUSES_SECONDS = (0.5, 2.0)


async def join(
    store: AccountStore, address: Address, invite: str, config: Config, now: Now
) -> tuple[OwnIdentity, str]:
    """Return the identity that was registered, and the 24 words of its recovery sheet.

    Raises:
        Refused: The invite is unknown or used, or the address is taken.
        PeerUnreachable, Untrusted: The domain cannot be found or does not prove itself.
    """
    finder = finder_of(config.discovery, store.carrier_state, now)
    domain = await finder.find(address.domain)
    identity, device = SigningKey.generate(), SigningKey.generate()
    sheet = Sheet.new()
    recovery = sheet.key
    entry = genesis(address.canonical(), identity, recovery, device, store.device_id, now=now())
    state = verify_chain([entry], now=now())
    own = OwnIdentity(state, store.device_id, Secret(device), store, now)
    # Crash from here on: keys without a card; the next start removes the folder.
    await store.keys.put(OwnKey.IDENTITY, Secret(bytes(identity)))
    await store.keys.put(OwnKey.DEVICE, Secret(bytes(device)))
    await store.keys.put(OwnKey.RECOVERY_PUBLIC, Secret(bytes(recovery.verify_key)))
    await store.keys.put(OwnKey.BACKUP_PUBLIC, Secret(sheet.backup_secret.public))
    await store.passport.add(0, entry)
    signed_epoch = await make_epoch(store.keys, own, now)
    card = await _registered(domain, invite, entry, signed_epoch, now)
    # the card is compared octet for octet with what was signed, then kept: the account exists
    await own.keep_card(card)
    await store.keys.acknowledge_epoch((await store.keys.epochs())[0].n, int(now()))
    return own, sheet.words


async def _registered(
    domain: Domain, invite: str, entry: bytes, signed_epoch: bytes, now: Now
) -> bytes:
    """Return the card; a lost reply is asked for again, which the server answers alike."""
    for pause in (*_PAUSES_SECONDS, None):
        try:
            return await register(
                domain, invite=invite, signed_entry=entry, signed_epochs=[signed_epoch], now=now()
            )
        except Unavailable:
            if pause is None:
                raise
            await asyncio.sleep(pause)
    raise AssertionError("the last try returns or raises")


async def rejoin(store: AccountStore, now: Now) -> OwnIdentity | None:
    """Return the identity of a store from an earlier run, or None if it never got one."""
    try:
        return await stored_identity(store, now)
    except MailError as error:
        raise StoreDamaged(f"an account cannot be opened: {error}") from error
