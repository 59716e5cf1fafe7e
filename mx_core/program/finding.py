"""What a doctor of ours finds: one sentence, and one that says what to do where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """*do* is empty when all is well."""

    said: str
    do: str = ""
