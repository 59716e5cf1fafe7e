"""Every answer to a look-up has one of two sizes, so that the wire does not tell who exists.  Pure.

Identity §3: padded to 16 KiB, else 64 KiB; NOT_AVAILABLE and rate limits included.
"""

from __future__ import annotations

from typing import Final

from mx_core.model.errors import StoreDamaged
from mx_core.proto import federation_pb2

SIZES: Final = (16 * 1024, 64 * 1024)
_TAG_OCTETS: Final = 1
_LENGTH_OCTETS: Final = (1, 2, 3)


def padded_reply(card: bytes = b"", retry_after: int = 0) -> federation_pb2.LookUpReply:
    """Return the answer that carries *card*; an empty one is NOT_AVAILABLE.

    Raises:
        StoreDamaged: A card that fits no size: none that the chain's limit allows.
    """
    reply = federation_pb2.LookUpReply(card=card, retry_after=retry_after)
    bare = reply.ByteSize()
    for size in SIZES:
        for length_octets in _LENGTH_OCTETS:
            reply.padding = bytes(max(size - bare - _TAG_OCTETS - length_octets, 0))
            if reply.ByteSize() == size:
                return reply
    raise StoreDamaged("a card larger than any answer to a look-up")
