"""An invite is used once, by its code as a person types it."""

from __future__ import annotations

import re

import pytest

from mx_core.homeserver.people import invites
from mx_core.model.errors import NotPermitted
from tests.support.queue_rows import NOW, Do


def test_an_invite_works_once(do: Do[None]) -> None:
    do(lambda tx: invites.add(tx, b"h", None, NOW + 1))
    do(lambda tx: invites.use(tx, b"h", "bob", NOW))

    with pytest.raises(NotPermitted):
        do(lambda tx: invites.use(tx, b"h", "bob", NOW))


@pytest.mark.parametrize(
    ("local", "expires", "asked"), [("bob", 1, "eve"), (None, 0, "bob"), ("bob", -1, "bob")]
)
def test_an_invite_for_another_or_too_old_is_refused(
    do: Do[None], local: str | None, expires: int, asked: str
) -> None:
    do(lambda tx: invites.add(tx, b"h", local, NOW + expires))

    with pytest.raises(NotPermitted):
        do(lambda tx: invites.use(tx, b"h", asked, NOW))


def test_a_code_is_known_by_its_characters_alone() -> None:
    """Dashes, case and white space around it are for the eye, and for whoever pastes it."""
    code = invites.new_code()

    assert re.fullmatch(r"([a-z2-7]{8}-){3}[a-z2-7]{2}", code)
    typed = f" {code.replace('-', '').upper()}\n"
    assert invites.hash_of(typed) == invites.hash_of(code)
    assert invites.hash_of(code) != invites.hash_of(invites.new_code())
