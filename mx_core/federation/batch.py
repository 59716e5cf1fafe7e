"""The signature of a batch, and the window in which it counts once.  Pure.

Hashes are over the *fields* of an item, each with its length, never over protobuf octets:
protobuf has no canonical form.  docs/spec/federation.md §4.

Failure classes: ``batch-format batch-window batch-replayed bad-signature``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from nacl.signing import SigningKey

from mx_core.model.errors import Busy, Untrusted
from mx_core.notation import cbor
from mx_core.notation.hashing import b2
from mx_core.notation.signing import Use, sign, verify
from mx_core.proto import federation_pb2

BATCH_ID_OCTETS: Final = 16
ITEMS_MAX: Final = 64
TARGET_OCTETS: Final = 1024 * 1024
WINDOW_SECONDS: Final = 600
REMEMBER_SECONDS: Final = 2 * WINDOW_SECONDS  # a batch from ahead is let in until then
_REMEMBERED_PER_PEER: Final = 60_000  # fifty batches a second


def sign_batch(
    domain_key: SigningKey,
    items: Sequence[federation_pb2.Item],
    *,
    sender: str,
    receiver: str,
    batch_id: bytes,
    created: int,
) -> federation_pb2.Batch:
    """Return the signed batch; *sender* and *receiver* are domains, *created* unix seconds."""
    signed = _signed_octets(items, sender, receiver, batch_id, created)
    return federation_pb2.Batch(
        batch_id=batch_id,
        created=created,
        items=items,
        signature=sign(domain_key, Use.BATCH, signed),
    )


def verify_batch(
    batch: federation_pb2.Batch, *, sender: str, receiver: str, keys: Sequence[bytes], now: float
) -> None:
    """Check form, time and signature; *keys* are the sender's active domain keys.

    Raises:
        Untrusted: One of the failure classes above, but ``batch-replayed``.
    """
    if len(batch.batch_id) != BATCH_ID_OCTETS or not 1 <= len(batch.items) <= ITEMS_MAX:
        raise Untrusted("batch-format", "a batch of another shape")
    if abs(batch.created - now) > WINDOW_SECONDS:
        raise Untrusted("batch-window", "a batch from more than ten minutes off")
    signed = _signed_octets(batch.items, sender, receiver, batch.batch_id, batch.created)
    for key in keys:
        try:
            verify(key, Use.BATCH, signed, batch.signature)
        except Untrusted:
            continue
        return
    raise Untrusted("bad-signature", "no key of the sending domain signed the batch")


class BatchWindow:
    """Each (peer, batch id) once, for as long as its time would let it in.  Owner: the event loop; forgotten at a restart.

    Forgetting is safe: what is replayed then is an envelope that the mailbox knows by ``env_id``.
    """

    def __init__(self) -> None:
        self._seen: dict[str, OrderedDict[bytes, float]] = {}
        self._swept = 0.0

    def admit(self, peer: str, batch_id: bytes, now: float) -> None:
        """Note a batch whose signature has been verified.

        Raises:
            Untrusted: ``batch-replayed``.
            Busy: More batches than are remembered.
        """
        if now - self._swept >= WINDOW_SECONDS:
            self._sweep(now)
        seen = self._seen.setdefault(peer, OrderedDict())
        if batch_id in seen:
            raise Untrusted("batch-replayed", f"{peer} sent one batch twice")
        if len(seen) >= _REMEMBERED_PER_PEER:
            raise Busy(f"{peer} sends more batches than are taken in twenty minutes")
        seen[batch_id] = now

    def _sweep(self, now: float) -> None:
        self._swept = now
        for peer in list(self._seen):
            seen = self._seen[peer]
            while seen and next(iter(seen.values())) <= now - REMEMBER_SECONDS:
                seen.popitem(last=False)
            if not seen:
                del self._seen[peer]


def item_digest(item: federation_pb2.Item) -> bytes:
    """Return the hash of every field of *item*; a missing body reference is an empty id."""
    ref = item.body_ref
    return b2(
        "MX1.item",
        [
            item.route,
            item.envelope,
            item.body,
            ref.id,
            ref.size.to_bytes(8, "big"),
            item.deliver_by.to_bytes(8, "big"),
            item.token,
            item.postage,
        ],
    )


def _signed_octets(
    items: Sequence[federation_pb2.Item],
    sender: str,
    receiver: str,
    batch_id: bytes,
    created: int,
) -> bytes:
    return cbor.encode([sender, receiver, batch_id, created, [item_digest(item) for item in items]])
