"""Which commands were answered by a way that is shorter than that of all."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest


def noted(way: ModuleType, patched: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that gets the text of each command that ``answer`` of the module *way* answers."""
    taken: list[bytes] = []
    answer = way.answer

    def noting(*asked: Any) -> bool:
        answered: bool = answer(*asked)
        if answered:
            *_, text, _out = asked
            taken.append(text)
        return answered

    patched.setattr(way, "answer", noting)
    return taken
