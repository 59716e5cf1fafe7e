"""Every bound of the door, with its default: the section [limits] of its configuration.  Pure."""

from __future__ import annotations

from typing import Final

import msgspec

_MIB: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every bound of the door; a test crosses each of them."""

    message_octets: int = 25 * _MIB
    held_octets: int = 128 * _MIB  # of all messages that are being received at one time
    line_octets: int = 64 * 1024  # of a line inside DATA; at twice that a hang-up
    recipients: int = 100
    connections: int = 512
    connections_per_peer: int = 20  # from one address, or one /64
    messages_per_connection: int = 1_000
    wrong_recipients: int = 10  # then a hang-up
    tarpit_seconds: float = 2.0  # before a recipient is refused; 0: none
    idle_seconds: float = 300.0  # RFC 5321 §4.5.3.2.7
    session_seconds: float = 3_600.0
    drain_seconds: float = 60.0  # how long a refused message may still go on
    leaving_seconds: float = 10.0  # what a shutdown leaves to commands under way
