"""What goes beside an envelope so that a home server lets it in.  Spec/admission."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Stamp(Struct, frozen=True):
    """b"" each: nothing."""

    token: bytes = b""  # of a contact
    postage: bytes = b""  # that was asked for


UNSTAMPED: Final = Stamp()
