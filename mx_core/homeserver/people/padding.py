"""Every answer to a look-up has one of two sizes, so that the wire does not tell who exists.  Pure.

Identity §3: 16 KiB, else 64 KiB; NOT_AVAILABLE and rate limits included.
"""

from __future__ import annotations

from typing import Final

from mx_core.model.errors import StoreDamaged
from mx_core.proto.federation_pb2 import LookUpReply

SIZES: Final = (16 * 1024, 64 * 1024)
_HEADS: Final = (2, 3, 4)  # octets of tag and length before the padding


def padded_reply(card: bytes = b"", retry_after: int = 0) -> LookUpReply:
    """Return the answer that carries *card*; an empty one is NOT_AVAILABLE.

    A few lengths can not be padded to the smaller size, where the length of the padding takes
    one octet more; they get the larger one.

    Raises:
        StoreDamaged: A card that fits neither: none that the limits of a chain allow.
    """
    bare = LookUpReply(card=card, retry_after=retry_after).ByteSize()
    for size in SIZES:
        for head in _HEADS:
            if bare + head > size:
                continue
            reply = LookUpReply(
                card=card, retry_after=retry_after, padding=bytes(size - bare - head)
            )
            if reply.ByteSize() == size:
                return reply
    raise StoreDamaged("a card larger than any answer to a look-up")
