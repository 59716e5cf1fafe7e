"""One table from errors to answers, and no text of anybody's ends a line."""

import inspect

import pytest

from imap_out.session.state import refusals
from mx_core.model import errors
from mx_core.model.errors import Corrupt, MailError, Refused, Unavailable, Untrusted

FAMILIES = (Refused, Unavailable, Untrusted, Corrupt)
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, MailError) and kind is not MailError
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_code(kind: type[MailError]) -> None:
    assert refusals.code_for(kind("why")).isupper()


def test_the_families_stand_in_the_table() -> None:
    assert set(FAMILIES) <= set(refusals.CODES)


def test_a_sentence_is_one_line_of_ascii() -> None:
    line = refusals.no(b"a", b"CANNOT", "evil\r\nb OK \x00 ü" + "x" * 1000)

    assert line.count(b"\r\n") == 1
    assert line.isascii()
    assert len(line) < 400
