"""The one error of the wire: octets that spell no command."""

from __future__ import annotations


class BadSyntax(Exception):
    """What was expected, and the offset in the text at hand; the session answers BAD.

    ``tag`` is the tag of the command if it could be read, else ``*`` (RFC 9051 §7.1.3).
    """

    def __init__(self, expected: str, at: int = 0) -> None:
        super().__init__(f"expected {expected} at octet {at}")
        self.expected = expected
        self.at = at
        self.tag = b"*"
