"""A sheet makes this machine a device, and whatever was one before is none any more.  Identity §7.

The entry, the keys that it brings and the first epoch are durable before the home server hears of
them; from then on the same entry is given to it until it is taken, over any crash.
"""

from __future__ import annotations

import structlog
from msgspec import Struct
from nacl.signing import SigningKey

from gateway.accounts.found_domains import finder_of
from gateway.config import Config
from gateway.own.epochs import make_epoch
from gateway.own.identity import OwnIdentity
from gateway.writing.note import restored_note
from mx_core.carriers.native.registration import recover as ask_to_recover
from mx_core.db import failpoint
from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import StoreDamaged, Untrusted
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.make import NewKeys, recover
from mx_core.passport.state import State
from mx_core.recovery.sheet import Sheet
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnKey

log = structlog.get_logger()


class _UnderWay(Struct, frozen=True):
    """The entry that makes this device one, its first epoch, and of when the backup is (or 0)."""

    entry: bytes
    epoch: bytes
    backup_of: int

    def encode(self) -> bytes:
        return cbor.encode([self.entry, self.epoch, self.backup_of])

    @classmethod
    def decode(cls, octets: bytes) -> _UnderWay:
        match cbor.decode(octets):
            case [bytes() as entry, bytes() as epoch, int() as backup_of]:
                return cls(entry, epoch, backup_of)
            case _:
                raise StoreDamaged("a recovery that is under way cannot be read")


async def intend(
    store: AccountStore,
    state: State,
    sheets: tuple[Sheet, Sheet],
    now: Now,
    *,
    backup_of: int = 0,
) -> None:
    """Make everything durable that the recovery needs; the home server has not heard of it.

    *sheets*: the present one and the new one.  Crash before the end: a store that ``is_under_way``
    does not know, which the next start removes.
    """
    present, new = sheets
    identity, device = SigningKey.generate(), SigningKey.generate()
    keys = NewKeys(store.device_id, device, identity, new.key)
    entry = recover(state, present.key, keys, [], now())
    after = verify_chain([*await store.passport.entries(), entry], now=now())
    own = OwnIdentity(after, store.device_id, Secret(device), store, now)
    await store.keys.put_all(
        {
            OwnKey.IDENTITY: bytes(identity),
            OwnKey.DEVICE: bytes(device),
            OwnKey.RECOVERY_PUBLIC: bytes(new.key.verify_key),
            OwnKey.BACKUP_PUBLIC: new.backup_secret.public,
        }
    )
    epoch = await make_epoch(store.keys, own, now)
    under_way = _UnderWay(entry, epoch, backup_of)
    await store.keys.put(OwnKey.RECOVERY, Secret(under_way.encode()))


async def is_under_way(store: AccountStore) -> bool:
    """Tell whether the home server is still to be asked."""
    return await store.keys.get(OwnKey.RECOVERY) is not None


async def go_on(store: AccountStore, config: Config, now: Now) -> OwnIdentity:
    """Have the home server take the entry; return who this device now is.

    Raises:
        Unavailable: Not now.  Refused: The server holds another passport by now; nothing is.
        Untrusted: The domain, or the card that it shows, does not prove itself.
    """
    kept = await store.keys.get(OwnKey.RECOVERY)
    seed = await store.keys.get(OwnKey.DEVICE)
    if kept is None or seed is None:
        raise StoreDamaged("no recovery is under way")
    under_way = _UnderWay.decode(kept.reveal())
    entries = [*await store.passport.entries(), under_way.entry]
    state = verify_chain(entries, now=now())
    domain = await finder_of(config.discovery, store.carrier_state, now).find(state.address.domain)
    octets = await ask_to_recover(
        domain, signed_entry=under_way.entry, signed_epochs=[under_way.epoch], now=now()
    )
    # Crash here: the server holds the entry; it is given the same one again, which changes nothing.
    failpoint.reach("recovered")
    card = Card.decode(octets)
    if card.address != state.address or card.entries != tuple(entries):
        raise Untrusted("own-card", "the home server gives out another passport for this address")
    own = OwnIdentity(state, store.device_id, Secret(SigningKey(seed.reveal())), store, now)
    if under_way.backup_of:
        note = restored_note(state.address, under_way.backup_of, int(now()))
        # Crash between the two: the note comes twice.
        await store.relations.write_note(INBOX, note, prepare, [])
    keys = {OwnKey.CARD: octets}
    await store.passport.add(state.seq, under_way.entry, keys, lost_at=int(now()))
    await store.keys.acknowledge_epoch((await store.keys.epochs())[0].n, int(now()))
    own.take_card(octets)
    log.info("passport_recovered", seq=state.seq)
    return own
