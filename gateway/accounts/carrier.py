"""The carrier to one home server of an account, with the bounds that its configuration gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.config import Config
from mx_core.carriers.native.carrier import NativeCarrier
from mx_core.carriers.native.home import Home
from mx_core.store.bodies.long import LongBody

# what a body may be larger than its message: chunks, head, and Padmé's 12 percent
_BODY_SHARE: Final = 1.13
_BODY_EXTRA_OCTETS: Final = 1024 * 1024


def carrier_to(home: Home, config: Config, begin_long: Callable[[], LongBody]) -> NativeCarrier:
    """Return the carrier that speaks over *home*; *begin_long* makes the file of a long body."""
    limit = config.limits.message_octets
    return NativeCarrier(
        home,
        message_octets=limit,
        body_octets=int(limit * _BODY_SHARE) + _BODY_EXTRA_OCTETS,
        begin_long=begin_long,
    )
