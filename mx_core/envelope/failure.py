"""Why an envelope or body is refused: the closed list of spec/envelope §8.

The first failing step of the reader names the class, so two readers written from the page agree
on it.  Vectors carry these words.
"""

from __future__ import annotations

from enum import StrEnum

from mx_core.model.errors import Untrusted


class EnvelopeFailure(StrEnum):
    """A failure class; its value is what ``Untrusted.failure`` holds."""

    SIZE = "size"
    MAGIC = "magic"
    CANONICAL = "canonical"
    FORMAT = "format"
    VERSION = "version"
    SUITE = "suite"
    NO_PACKET = "no-packet"
    CONTEXT = "context"
    ENVELOPE_COMMITMENT = "envelope-commitment"
    CONTROL = "control"
    PADDING = "padding"
    KIND = "kind"
    PROOF_HASH = "proof-hash"
    SIGNATURE = "signature"
    RECIPIENT = "recipient"
    BODY_COMMITMENT = "body-commitment"
    BODY_HASH = "body-hash"
    CHUNK = "chunk"
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    LENGTH = "length"
    TEXT_HASH = "text-hash"
    DEVICE_KEY = "device-key"


def refuse(failure: EnvelopeFailure, sentence: str) -> Untrusted:
    """Return the error to raise; *sentence* is for the person and holds nothing of the message."""
    return Untrusted(failure.value, sentence)
