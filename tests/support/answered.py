"""Which commands were answered by a way that is shorter than that of all."""

from __future__ import annotations

from types import ModuleType

import pytest

from imap_out.session.answers.out import Out
from imap_out.session.state.session import Session


def noted(way: ModuleType, patched: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that gets the text of each command that ``answer`` of the module *way* answers."""
    taken: list[bytes] = []
    answer = way.answer

    def noting(session: Session, text: bytes, out: Out) -> bool:
        answered: bool = answer(session, text, out)
        if answered:
            taken.append(text)
        return answered

    patched.setattr(way, "answer", noting)
    return taken
