"""What goes beside an envelope so that a home server lets it in.  Spec/admission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stamp:
    """b"" each: nothing."""

    token: bytes = b""  # of a contact
    postage: bytes = b""  # that was asked for


UNSTAMPED: Final = Stamp()
