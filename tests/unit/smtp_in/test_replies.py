"""Every error has a reply, of the class that its family calls for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model import errors
from smtp_in import replies
from smtp_in.body import Flaw
from smtp_in.replies import Reply, of_bug, of_error, of_flaw, queued, with_enhanced

SENTENCE = "what happened, and what to do"


def tree(root: type[errors.MailError]) -> list[type[errors.MailError]]:
    found = [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]
    # one of another room is answered as its parent here, and may ask its constructor for more
    return [each for each in found if each.__module__ == errors.__name__]


def raised(kind: type[errors.MailError]) -> errors.MailError:
    return kind("some-failure", SENTENCE) if issubclass(kind, errors.Untrusted) else kind(SENTENCE)


FAMILIES = {
    errors.Refused: r"5\d\d 5\.\d\.\d+ ",
    errors.Unavailable: r"45[012] 4\.\d\.\d+ ",
    errors.Untrusted: r"550 5\.7\.\d+ ",
    errors.Corrupt: r"451 4\.3\.0 ",
}


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [(kind, pattern) for root, pattern in FAMILIES.items() for kind in tree(root)],
)
def test_every_error_of_the_tree_is_answered_by_its_family(
    kind: type[errors.MailError], pattern: str
) -> None:
    assert re.fullmatch(pattern + SENTENCE, of_error(raised(kind)).line())


def test_the_families_are_the_whole_tree() -> None:
    assert set(errors.MailError.__subclasses__()) == set(FAMILIES)


def test_the_codes_that_mail_programs_act_on() -> None:
    codes = {
        errors.UnknownRecipient: "550 5.1.1",
        errors.BadAddress: "553 5.1.3",
        errors.NotPermitted: "550 5.7.1",
        errors.MessageTooLarge: "552 5.3.4",
        errors.BadMessage: "554 5.6.0",
        errors.BadCredentials: "535 5.7.8",
        errors.PeerUnreachable: "450 4.4.1",
        errors.DiskFull: "452 4.3.1",
    }

    for kind, code in codes.items():
        assert of_error(kind(SENTENCE)).line() == f"{code} {SENTENCE}"


def test_every_flaw_has_a_reply() -> None:
    lines = {flaw: of_flaw(flaw).line()[:9] for flaw in Flaw}

    assert lines == {
        Flaw.TOO_LARGE: "552 5.3.4",
        Flaw.LINE_TOO_LONG: "500 5.6.0",
        Flaw.NO_ROOM: "452 4.3.1",
        Flaw.BARE_OCTET: "554 5.6.0",
    }


def test_every_reply_of_ours_carries_a_code_of_its_class() -> None:
    for name, reply in vars(replies).items():
        if isinstance(reply, Reply) and reply is not replies.GO_AHEAD:
            assert reply.enhanced[0] == str(reply.code)[0], name
            assert with_enhanced(reply.line()) == reply.line(), name


@given(st.text(max_size=2000))
def test_no_text_adds_a_line_or_exceeds_512_octets(text: str) -> None:
    for line in (of_error(errors.BadAddress(text)).line(), with_enhanced("500 " + text)):
        octets = line.encode("ascii")

        assert len(octets) + 2 <= 512
        assert not set(octets) & {0, 10, 13}


def test_other_letters_are_spelt_out() -> None:
    assert of_error(errors.BadAddress("zoë\r\n250 x\0")).line() == r"553 5.1.3 zo\xeb  250 x?"


def test_an_error_without_a_sentence_still_says_something() -> None:
    assert of_error(errors.Busy()).line() == "450 4.3.2 Busy"


def test_the_shell_s_own_replies_get_a_code() -> None:
    assert with_enhanced("250 OK") == "250 2.0.0 OK"
    assert with_enhanced("500 Error: bad syntax") == "500 5.5.2 Error: bad syntax"
    assert with_enhanced('500 Error: command "X" not recognized').startswith("500 5.5.1 ")
    assert with_enhanced("502 5.5.1 Too many") == "502 5.5.1 Too many"
    assert with_enhanced("499 odd") == "499 4.0.0 odd"


def test_a_bug_tells_only_its_reference() -> None:
    assert of_bug("0badcafe").line().startswith("451 4.3.0 ")
    assert "0badcafe" in of_bug("0badcafe").line()
    assert queued("00ff").line() == "250 2.0.0 queued as 00ff"


def test_the_root_of_the_tree_is_no_reply() -> None:
    with pytest.raises(errors.MailError):
        of_error(errors.MailError("never raised itself"))
