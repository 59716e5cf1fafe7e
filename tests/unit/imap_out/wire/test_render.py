"""Answers are quoted by type: no text of anybody can end a line early."""

from hypothesis import given
from hypothesis import strategies as st

from imap_out.wire import render
from imap_out.wire.cursor import Cursor
from imap_out.wire.fetch_items import BodySection, Section, SectionText
from mx_core.model.flags import SEEN, Flag
from tests.support.imap_spelling import frame_of


@given(st.binary(max_size=2000).filter(lambda octets: b"\0" not in octets))
def test_any_octets_come_back_from_a_string(octets: bytes) -> None:
    spelled = render.astring(octets) + b"\r\n"

    assert Cursor(frame_of(spelled)).astring() == octets


def test_nil_as_a_name_is_quoted() -> None:
    assert render.astring(b"nil") == b'"nil"'


def test_flags_stand_in_their_usual_order() -> None:
    assert render.flag_list([Flag("zz"), SEEN, Flag("aa")]) == b"(\\Seen aa zz)"


def test_a_speller_remembers_and_forgets() -> None:
    spell = render.FlagSpeller()

    for number in range(5000):
        spell(frozenset({Flag(f"k{number}")}), recent=False)

    assert spell(frozenset({SEEN}), recent=True) == b"(\\Seen \\Recent)"


def test_a_section_is_answered_without_peek_and_with_its_first_octet_only() -> None:
    section = Section((1,), SectionText.FIELDS, (b"FROM", b"X Y"))
    item = BodySection(section, peek=True, partial=(10, 20))

    assert render.section_name(item) == b'BODY[1.HEADER.FIELDS (FROM "X Y")]<10>'
