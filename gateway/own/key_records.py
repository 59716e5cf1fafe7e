"""TXT records of DKIM keys, from the system's resolvers."""

from __future__ import annotations

from typing import Final

import dns.exception
import dns.resolver

_SECONDS: Final = 10.0


def record_of(name: str) -> bytes | None:
    """Return the TXT record of *name*, its strings joined (RFC 6376 §3.6.2.2); None: there is none."""
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=_SECONDS)
    except dns.exception.DNSException:
        return None
    found = [b"".join(record.strings) for record in answer]
    return found[0] if len(found) == 1 else None
