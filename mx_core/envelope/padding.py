"""Padmé lengths and the ``0x80 || zeros`` pad.  Nikitin et al., PETS 2019, §4; spec/envelope §3.

A padded length reveals at most ``log log`` bits of the true one and costs at most 12 %.
There is one padded length for each content length: a reader refuses any other.
"""

from __future__ import annotations

from typing import Final

from mx_core.envelope.failure import EnvelopeFailure, refuse

BODY_FLOOR: Final = 2048
CONTROL_FLOOR: Final = 1024
MARK: Final = b"\x80"
_SCAN_OCTETS: Final = 1 << 16


def padme(length: int, floor: int) -> int:
    """Return the padded length for content of *length* octets: Padmé of it, at least *floor*.

    Only the top ``floor(log2(log2 length)) + 1`` mantissa bits of the length stay; the rest is
    rounded up.
    """
    if length <= floor:
        return floor
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


def padded_length(length: int, floor: int) -> int:
    """Return how many octets *length* octets of content and the mark become."""
    return padme(length + len(MARK), floor)


def padding(length: int, floor: int) -> bytes:
    """Return what follows *length* octets of content: the mark, and zeros up to Padmé."""
    return MARK.ljust(padded_length(length, floor) - length, b"\0")


def content_length(padded: bytes | memoryview, floor: int) -> int:
    """Return the length of the content in front of the pad of *padded*.

    Raises:
        Untrusted: ``padding``: no mark, or a length that Padmé does not give for that content.
    """
    end = _without_trailing_zeros(padded)
    return _content_length(end, padded[end - 1] if end else 0, len(padded), floor)


class ContentEnd:
    """``content_length`` of what comes in pieces."""

    def __init__(self) -> None:
        self._total = 0
        self._end = 0  # behind the last octet that is not zero
        self._last = 0  # that octet

    def add(self, piece: bytes) -> None:
        """Go on."""
        filled = piece.rstrip(b"\0")
        if filled:
            self._end, self._last = self._total + len(filled), filled[-1]
        self._total += len(piece)

    def length(self, floor: int) -> int:
        """As ``content_length``, of all that was added."""
        return _content_length(self._end, self._last, self._total, floor)


def _content_length(end: int, last: int, total: int, floor: int) -> int:
    if last != MARK[0] or total != padme(end, floor):
        raise refuse(EnvelopeFailure.PADDING, "the padding is not the one its content demands")
    return end - 1


def _without_trailing_zeros(padded: bytes | memoryview) -> int:
    """Return where the trailing zeros of *padded* begin, copying one small piece at a time."""
    end = len(padded)
    while end:
        start = max(0, end - _SCAN_OCTETS)
        rest = len(bytes(padded[start:end]).rstrip(b"\0"))
        if rest:
            return start + rest
        end = start
    return 0
