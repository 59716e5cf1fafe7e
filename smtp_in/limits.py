"""Every bound of submission, with its default.  RFC 5321 §4.5.3."""

from __future__ import annotations

from msgspec import Struct

_MIB = 1024 * 1024


class Limits(Struct, frozen=True):
    """What one front door takes; a test crosses each of them."""

    message_octets: int = (
        25 * _MIB
    )  # announced by SIZE; after that 552, and at twice that a hang-up
    held_octets: int = 128 * _MIB  # of all messages that are being received at one time
    memory_octets: int = 512 * 1024  # of one message; what is longer goes on sealed to the disk
    line_octets: int = 64 * 1024  # of a line inside DATA; at twice that a hang-up
    auth_line_octets: int = 12_288  # RFC 4954 §4
    recipients: int = 500
    hold_seconds: int = 30 * 86400  # how far ahead a message may be dated (RFC 4865)
    connections: int = 512
    failed_logins: int = 5  # per connection; a mail program tries each mechanism once
    before_login_seconds: float = 30.0  # from the greeting to a successful AUTH
    idle_seconds: float = 300.0  # RFC 5321 §4.5.3.2.7; restarts with each piece of DATA
    drain_seconds: float = 60.0  # how long a refused message may still go on
    leaving_seconds: float = 5.0  # what a shutdown leaves to commands under way
