"""What this gateway handed to its home server since it started: routes and sizes, no content."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct

from mx_core.carrier_port import Parcel

_KEPT = 100


class _Seen(Struct, frozen=True):
    route: str
    envelope_octets: int
    body_octets: int


class Travelled:
    """The newest hundred parcels, for ``status``."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._parcels: deque[_Seen] = deque(maxlen=_KEPT)

    def add(self, parcel: Parcel) -> None:
        """Remember what a server saw of *parcel*."""
        self._parcels.append(
            _Seen(str(parcel.recipient.canonical()), len(parcel.envelope), len(parcel.body))
        )

    def as_json(self) -> list[dict[str, Any]]:
        """Return the parcels, oldest first."""
        return [
            {
                "route": seen.route,
                "envelope_octets": seen.envelope_octets,
                "body_octets": seen.body_octets,
            }
            for seen in self._parcels
        ]
