"""Raw DEFLATE both ways, for one connection.  RFC 4978.

Every answer is flushed to an octet boundary, so that a client is never left waiting.  What comes
in is inflated in bounded pieces and the rest kept compressed: a few octets that stand for a
gigabyte cost no more memory than one piece, and the limits of commands meet them like any others.
"""

from __future__ import annotations

import zlib
from typing import Final

_WINDOW_BITS: Final = -15  # no header and no checksum, RFC 4978 §4
_PIECE_OCTETS: Final = 64 * 1024


class Deflate:
    """Owned by the task of the connection."""

    def __init__(self) -> None:
        self._in = zlib.decompressobj(_WINDOW_BITS)
        self._out = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW_BITS)

    @property
    def waiting(self) -> bool:
        """Tell whether more would come out without more coming in."""
        return bool(self._in.unconsumed_tail)

    def inflate(self, octets: bytes) -> bytes:
        """Return at most one piece of what *octets*, behind those before, stand for.

        Raises:
            ConnectionResetError: They are no DEFLATE, or the stream has ended.
        """
        if self._in.eof:
            raise ConnectionResetError("octets behind the end of a compressed stream")
        try:
            return self._in.decompress(self._in.unconsumed_tail + octets, _PIECE_OCTETS)
        except zlib.error as error:
            raise ConnectionResetError("not a compressed stream") from error

    def deflate(self, octets: bytes) -> bytes:
        """Return *octets* compressed, to the last one."""
        return self._out.compress(octets) + self._out.flush(zlib.Z_SYNC_FLUSH)
