"""What the rooms of a home server stand on: what each of several of them needs, made once.  No decisions."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.db.transactions import Transactions
from mx_core.discovery.finder import Finder
from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Config
from mx_core.homeserver.domain import domain_keys
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.homeserver.domain.domain_keys import DomainKeys
from mx_core.homeserver.domain.key_memory import StoredKeyMemory
from mx_core.homeserver.domain.others import finder_of
from mx_core.homeserver.domain.role_keys import RoleKeys
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.witnessing import Witness
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.receive import Admits, Receiver
from mx_core.homeserver.people.cards import Cards
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.chosen import depot_of, incoming_of
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.model.secret import Secret
from mx_core.tls.anchors import AnchorSet
from mx_core.tls.leaf import Leaves


class Ground(Struct, frozen=True, eq=False):
    """Of one domain's server; *now* tells unix seconds, *monotonic* seconds that never jump."""

    folder: Path
    config: Config
    key: Secret[SigningKey]
    keys: DomainKeys
    roles: RoleKeys
    database: Transactions
    now: Now
    monotonic: Now
    sizes: Sizes
    room: Room
    rating: Rating
    rules: PeerRules
    peer_names: NameBudget
    leaves: Leaves
    anchors: AnchorSet
    finder: Finder
    document: OwnDocument
    book: LogBook
    witness: Witness
    arrivals: Arrivals
    blobs: BlobStore
    cards: Cards

    @property
    def domain(self) -> str:
        """Return whose server it is."""
        return self.config.domain

    def receiver(self, admitting: Admits) -> Receiver:
        """Return a way into the mailboxes for what *admitting* lets in."""
        return Receiver(
            self.database,
            self.blobs,
            self.arrivals,
            domain=self.domain,
            sizes=self.sizes,
            mailbox_octets=self.config.limits.mailbox_octets,
            admitting=admitting,
            room=self.room,
            now=self.now,
        )


def ground_of(
    folder: Path,
    config: Config,
    key: Secret[SigningKey],
    database: Transactions,
    roles: RoleKeys,
    now: Now,
    monotonic: Now,
) -> Ground:
    """Make it, of what the start has opened.

    Raises:
        BadConfiguration: A setting can not be used.
    """
    domain, limits = config.domain, config.limits
    keys = domain_keys.load(folder, bytes(key.reveal().verify_key))
    leaves = Leaves(domain, key.reveal(), now)
    book = LogBook(database, domain, roles, now)
    room = Room(folder, limits.free_disk_octets)
    return Ground(
        folder=folder,
        config=config,
        key=key,
        keys=keys,
        roles=roles,
        database=database,
        now=now,
        monotonic=monotonic,
        sizes=Sizes(limits.envelope_octets, limits.inline_body_octets, limits.blob_octets),
        room=room,
        rating=Rating(domain, config.rates, monotonic),
        rules=PeerRules(domain),
        peer_names=NameBudget(limits.look_ups_per_peer_hour, now),
        leaves=leaves,
        anchors=AnchorSet(leaves.current, now),
        finder=finder_of(folder, config, StoredKeyMemory(database), now),
        document=OwnDocument(config, key, keys, roles.public, now=now),
        book=book,
        witness=Witness(database, domain, roles.witness, now),
        arrivals=Arrivals(),
        blobs=BlobStore(
            depot_of(folder, config),
            incoming_of(folder, config, shared=database.shared),
            database,
            octets_max=limits.blob_octets,
            unused_max=limits.unused_blob_octets,
            room=room,
            now=now,
        ),
        cards=Cards(database, key, book, now=now),
    )
