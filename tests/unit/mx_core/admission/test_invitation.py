"""Invitations: the answers that an independent program computed from docs/spec/invitations.md alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.admission.invitation import Invitation, secret_after, use_of
from mx_core.admission.tag_list import TAGS_MAX, tag_list
from mx_core.admission.token import WEEK_SECONDS, tag_of, week_of
from mx_core.model.address import Address
from mx_core.model.errors import BadInvitation
from mx_core.model.ids import Pid

FILE = Path(__file__).resolve().parents[3] / "vectors" / "admission" / "invitation.json"
KNOWN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
INVITATION = Invitation(
    Address.parse(KNOWN["address"]),
    Pid(bytes.fromhex(KNOWN["pid"])),
    bytes.fromhex(KNOWN["seed"]),
    KNOWN["expires"],
)
NOW = 1_800_000_000


def test_the_link_and_what_follows_from_it() -> None:
    guest = Pid(bytes.fromhex(KNOWN["guest"]))

    assert INVITATION.link() == KNOWN["link"]
    assert Invitation.read(KNOWN["link"]) == INVITATION
    assert INVITATION.secret.hex() == KNOWN["secret"]
    assert use_of(INVITATION.secret, guest).hex() == KNOWN["use"]
    assert secret_after(INVITATION.secret, guest).hex() == KNOWN["after"]


def test_a_link_is_read_as_it_comes_out_of_a_letter() -> None:
    folded = "\r\n  ".join(KNOWN["link"][at : at + 40] for at in range(0, 400, 40))

    assert Invitation.read(f" {folded}\n") == INVITATION
    assert Invitation.read(KNOWN["link"].partition("#")[2]) == INVITATION
    elsewhere = "https://evil.example/#x" + KNOWN["link"]
    assert Invitation.read(elsewhere) == INVITATION


@pytest.mark.parametrize("why", KNOWN["refused"])
def test_what_is_no_invitation_is_refused_in_a_sentence(why: str) -> None:
    with pytest.raises(BadInvitation, match=r"this is no invitation|damaged|newer version"):
        Invitation.read(KNOWN["refused"][why])


@given(st.data())
def test_one_wrong_letter_is_never_another_invitation(data: st.DataObject) -> None:
    code = KNOWN["link"].partition("#")[2]
    where = data.draw(st.integers(0, len(code) - 1))
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter("#".__ne__))

    try:
        read = Invitation.read(code[:where] + letter + code[where + 1 :])
    except BadInvitation:
        return
    assert read == INVITATION


def test_an_invitation_is_on_the_list_up_to_the_week_in_which_it_ends() -> None:
    week = week_of(NOW)
    contact, secret, filler = b"c" * 32, INVITATION.secret, b"f" * 32

    tags = tag_list([contact], filler, NOW, [(secret, NOW + WEEK_SECONDS)])

    assert len(tags) == 64
    there = [at for at in range(-3, 15) if tag_of(secret, week + at) in tags]
    assert there == [-1, 0, 1]
    assert [at for at in range(-3, 15) if tag_of(contact, week + at) in tags] == list(range(-1, 13))


def test_invitations_take_the_room_of_the_contacts_written_to_longest_ago() -> None:
    contacts = [number.to_bytes(32, "big") for number in range(4_681)]

    tags = tag_list(contacts, b"f" * 32, NOW, [(INVITATION.secret, NOW + 84 * 86_400)])

    assert len(tags) == TAGS_MAX
    assert tag_of(INVITATION.secret, week_of(NOW)) in tags
    assert tag_of(contacts[-2], week_of(NOW)) in tags
    assert tag_of(contacts[-1], week_of(NOW)) not in tags
