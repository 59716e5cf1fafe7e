"""Card: the answer to a look-up, and without its epochs the proof stapled to an envelope.

Octets to value and back, nothing believed: `mx_core.directory` verifies.  Identity §3, spec/card
§1.  The parts are kept as octets, because they are signed as octets and handed on unchanged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.passport.binding import Attestation
from mx_core.passport.epoch import Epoch, SignedEpoch
from mx_core.passport.shape import Fields

CARD_OCTETS_MAX: Final = 64 * 1024 - 64  # a padded answer of 64 KiB holds it

_FORMAT: Final = 1
_CARDS_KEPT: Final = 64  # decoded; as octets at most 8 MiB
_LOG_PROOF: Final = 5


class Card(Struct, frozen=True):
    """{0: 1, 1: address, 2: [SignedEntry], 3: [SignedEpoch], 4: Attestation, 5: LogProof}.

    Each part is held in its encoded form.  Item 5 is absent while the domain runs no log.
    """

    address: Address  # as asked
    entries: tuple[bytes, ...]  # from genesis on
    epochs: tuple[bytes, ...]  # ascending by (device_id, n); none in a proof
    attestation: bytes
    log_proof: bytes | None = None

    def encode(self) -> bytes:
        """Return the one encoding; the parts are encodings already, our own or verified ones."""
        fields: dict[int, cbor.Value] = {
            0: _FORMAT,
            1: str(self.address),
            2: [cbor.decode(entry) for entry in self.entries],
            3: [cbor.decode(epoch) for epoch in self.epochs],
            4: cbor.decode(self.attestation),
        }
        if self.log_proof is not None:
            fields[_LOG_PROOF] = cbor.decode(self.log_proof)
        return cbor.encode(fields)

    @classmethod
    def decode(cls, card_octets: bytes) -> Card:
        """Return the card that the octets spell.

        Raises:
            Untrusted: ``size``, ``canonical`` (epochs out of order or doubled) or ``format``.
        """
        if len(card_octets) > CARD_OCTETS_MAX:
            raise Untrusted("size", f"a card of more than {CARD_OCTETS_MAX} octets")
        return _decoded(card_octets)

    def without_epochs(self) -> Card:
        """Return the proof of identity that travels inside an envelope (identity §8)."""
        return replace(self, epochs=())


def proof_of(card_octets: bytes) -> bytes:
    """Return the proof that a card of one's own home server makes."""
    return Card.decode(card_octets).without_epochs().encode()


@lru_cache(maxsize=_CARDS_KEPT)
def _decoded(card_octets: bytes) -> Card:
    """Return the card: the same one comes with each message of a sender."""
    fields = Fields(cbor.decode(card_octets), "Card", range(5), (_LOG_PROOF,))
    fields.uint(0, _FORMAT, _FORMAT)
    epochs = fields.array(3)
    _check_order([Epoch.decode(SignedEpoch.read(value).epoch_octets) for value in epochs])
    Attestation.read(fields.value(4))
    return Card(
        fields.address(1),
        tuple(cbor.encode(value) for value in fields.array(2)),
        tuple(cbor.encode(value) for value in epochs),
        cbor.encode(fields.value(4)),
        cbor.encode(fields.value(_LOG_PROOF)) if fields.has(_LOG_PROOF) else None,
    )


def _check_order(epochs: list[Epoch]) -> None:
    keys = [(epoch.device_id, epoch.n) for epoch in epochs]
    if keys != sorted(set(keys)):
        raise Untrusted("canonical", "epochs are not ascending by device and number")
