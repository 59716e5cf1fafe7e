"""Whose address an ordinary bounce names: a guess of flufl.bounce, and never more than a hint.

The only module that imports flufl.bounce.  It takes the standard library's parser, which is not
made for hostile mail: what is large is not looked at, and whatever goes wrong there is no hint.
Nothing is done because of a hint; anybody can write a bounce.  spec/door §8.
"""

from __future__ import annotations

import email
import logging
from typing import Final

from mx_core.model.address import Address
from mx_core.model.errors import BadAddress

OCTETS_MAX: Final = 64 * 1024
_ADDRESSES_MAX: Final = 10


def bounced(message: bytes) -> tuple[Address, ...]:
    """Return the addresses that *message* says it could not be delivered to, in order."""
    if len(message) > OCTETS_MAX:
        return ()
    from flufl.bounce import all_failures  # noqa: PLC0415  # few accounts ever meet a bounce

    # it logs what it reads when a detector fails (law 6)
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)
    try:
        temporary, permanent = all_failures(email.message_from_bytes(message))
    except Exception:  # noqa: BLE001  # whatever a bounce does to the library, it hints at nothing
        return ()
    found: set[Address] = set()
    for octets in {*temporary, *permanent}:
        try:
            found.add(Address.parse(octets.decode()))
        except (BadAddress, UnicodeDecodeError):
            continue
    return tuple(sorted(found, key=str)[:_ADDRESSES_MAX])
