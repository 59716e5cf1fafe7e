"""FETCH items.  RFC 9051 §6.4.5, RFC 3501 §6.4.5."""

import pytest

from imap_out.wire.commands import Fetch
from imap_out.wire.fetch_items import (
    ALL,
    FAST,
    FULL,
    RFC822,
    Attribute,
    BodySection,
    Section,
    SectionText,
)
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from tests.support.imap_spelling import frame_of


def items(text: bytes) -> tuple[object, ...]:
    command = parse(frame_of(b"a FETCH 1 " + text + b"\r\n"))[1]
    assert isinstance(command, Fetch)
    return command.items


@pytest.mark.parametrize(("macro", "meaning"), [(b"ALL", ALL), (b"fast", FAST), (b"Full", FULL)])
def test_macros_are_spelled_out(macro: bytes, meaning: tuple[object, ...]) -> None:
    assert items(macro) == meaning


def test_macros_stand_alone() -> None:
    with pytest.raises(BadSyntax):
        items(b"(FAST UID)")


def test_the_header_fetch_of_thunderbird() -> None:
    found = items(b"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Message-ID)])")

    section = Section((), SectionText.FIELDS, (b"FROM", b"TO", b"MESSAGE-ID"))
    assert found == (
        Attribute.UID,
        Attribute.SIZE,
        Attribute.FLAGS,
        BodySection(section, peek=True),
    )


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (b"BODY[]", BodySection()),
        (b"body.peek[]<65536.65536>", BodySection(Section(), peek=True, partial=(65536, 65536))),
        (b"BODY[1.2.MIME]", BodySection(Section((1, 2), SectionText.MIME))),
        (b"BODY[3.HEADER]", BodySection(Section((3,), SectionText.HEADER))),
        (b"BODY[TEXT]", BodySection(Section((), SectionText.TEXT))),
        (b"BODY[4]", BodySection(Section((4,)))),
        (b"BODY", Attribute.BODY),
        (b"RFC822", RFC822),
    ],
)
def test_sections(text: bytes, item: object) -> None:
    assert items(text) == (item,)


@pytest.mark.parametrize(
    "text", [b"", b"()", b"FROB", b"BODY[0]", b"BODY[1.]", b"BODY[MIME]", b"BODY[]<0.0>",
             b"BODY[HEADER.FIELDS ()]", b"BODY[HEADER.FIELDS]", b"BODY[1", b"BODY[FROB]", b"RFC822[]",
             b"BODY[" + b"1." * 200 + b"1]", b"(" + b"UID " * 501 + b"UID)"],
)  # fmt: skip
def test_what_is_no_item_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        items(text)
