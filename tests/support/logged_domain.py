"""A domain that runs a log, as a gateway meets it: found, asked for cards, read by its files.

Everything it says is really signed by its own domain and log keys.  A test changes one thing that
it shows; without that change the same domain delivers.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from mx_core.discovery.document import (
    DomainKey,
    KeyState,
    RoleKey,
    ServerDocument,
    SignedDocument,
    sign_document,
)
from mx_core.discovery.endpoint import Endpoint
from mx_core.model.address import Address
from mx_core.passport.binding import Binding
from mx_core.passport.card import Card
from mx_core.tlog import tile
from mx_core.tlog.log_proof import LogProof
from tests.support.people import NOW, Person, domain_key, domain_pk
from tests.support.small_log import SmallLog

_FAR = 10**9


@dataclass
class LoggedDomain:
    """The people and the log of one domain; *shown* is the log that it shows now."""

    name: str
    people: dict[Address, Person] = field(default_factory=dict)
    shown: SmallLog = field(init=False)
    runs_log: bool = True
    witnessed: bytes | None = None
    proofs: dict[Address, LogProof | None] = field(default_factory=dict)  # instead of the true one
    reads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shown = SmallLog(f"{self.name}/mailx-kt")
        self.shown.add()

    def join(self, person: Person) -> None:
        """Take somebody in, and log their passport as it is now."""
        self.people[person.address] = person
        self.log(person)

    def log(self, person: Person) -> None:
        """Log the newest entry of *person*."""
        self.shown.add((str(person.address), binding_of(person)))

    def fork(self) -> SmallLog:
        """Return a log that is this one up to now, and goes its own way."""
        return copy.deepcopy(self.shown)

    def card(self, address: Address, log_size: int) -> bytes:
        """Return the card of *address*, with the proof that the log as shown gives."""
        person = self.people[address]
        card = Card.decode(person.card())
        if not self.runs_log:
            return card.encode()
        if address in self.proofs:
            proof = self.proofs[address]
        else:
            size = self.shown.log.size
            proof = self.shown.proof(str(address), log_size if log_size <= size else 0)
        return replace(card, log_proof=None if proof is None else proof.encode()).encode()

    def found(self) -> Any:
        """Return as much of a discovered domain as a gateway asks for."""
        roles = {"kt": self.shown.keys.kt, "vrf": self.shown.keys.vrf} if self.runs_log else {}
        return SimpleNamespace(
            name=self.name,
            keys=(domain_pk(self.name),),
            role_key=lambda role, _: roles.get(role),
            signed=self.document(),
        )

    def document(self) -> SignedDocument:
        """Return the server document, in date."""
        end = Endpoint("127.0.0.1", 1)
        keys = self.shown.keys
        return sign_document(
            ServerDocument(
                domain=self.name,
                created=NOW - 300,
                expires=NOW + 86_400,
                keys=(DomainKey(KeyState.ACTIVE, domain_pk(self.name), NOW - 300, NOW + _FAR),),
                hello=end,
                federation=end,
                client=end,
                role_keys=(
                    RoleKey("kt", keys.kt, NOW - 300, NOW + _FAR),
                    RoleKey("vrf", keys.vrf, NOW - 300, NOW + _FAR),
                ),
            ),
            domain_key(self.name),
        )

    async def read_log(self, path: str) -> bytes | None:
        """Return a file of the log as it is shown."""
        self.reads.append(path)
        if path == "checkpoint":
            return self.shown.checkpoint()
        if path == "witnessed":
            return self.witnessed
        place = tile.parse_path(path)
        assert place is not None
        first = place.index * tile.WIDTH
        if place.level is None:
            return tile.render_entries(self.shown.entries[first : first + place.width])
        if (first + place.width) << (place.level * tile.HEIGHT) > self.shown.log.size:
            return None
        node = self.shown.log.node
        return b"".join(node(place.level * tile.HEIGHT, first + at) for at in range(place.width))


def binding_of(person: Person) -> bytes:
    """Return the Binding of the newest entry."""
    return Binding.of(person.state).encode()
