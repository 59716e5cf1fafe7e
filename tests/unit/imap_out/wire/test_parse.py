"""One frame in, one command out; whatever comes, it is a command or BadSyntax."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.wire import commands as c
from imap_out.wire import parse as parsing
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.flags import DELETED, FLAGGED, SEEN, Flag
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange
from tests.support.imap_commands import valid
from tests.support.imap_spelling import frame_of, render_command


def read(text: bytes) -> c.Command:
    return parse(frame_of(text + b"\r\n"))[1]


@given(valid)
def test_what_a_client_renders_is_parsed_to_the_same(command: c.Command) -> None:
    frame = frame_of(render_command(b"a1", command))

    assert parse(frame) == (b"a1", command)


@given(command=valid, where=st.integers(0), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_parses_or_is_bad_syntax_and_nothing_else(
    command: c.Command, where: int, octet: bytes
) -> None:
    """Any other exception would reach the client as a SERVERBUG."""
    segments = list(frame_of(render_command(b"a1", command)).segments)
    choices = [n for n, segment in enumerate(segments) if segment]
    chosen = choices[where % len(choices)]
    text = segments[chosen]
    at = where % len(text)
    segments[chosen] = text[:at] + octet + text[at + 1 :]

    with contextlib.suppress(BadSyntax):
        parse(Frame(tuple(segments)))
    with contextlib.suppress(BadSyntax):
        parse(Frame(tuple(segments)), utf8=True)


@given(st.binary(max_size=80))
def test_any_line_parses_or_is_bad_syntax(line: bytes) -> None:
    with contextlib.suppress(BadSyntax):
        parse(Frame((line,)))


@pytest.mark.parametrize("text", [b"", b"a", b"a ", b"a FROB", b"a NOOP x", b"( NOOP", b"a+ NOOP"])
def test_what_is_no_command_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(Frame((text,)))


def test_an_error_knows_the_tag_it_belongs_to() -> None:
    with pytest.raises(BadSyntax) as caught:
        parse(Frame((b"a7 FETCH x",)))

    assert caught.value.tag == b"a7"


def test_names_of_commands_have_any_case() -> None:
    assert read(b"1 uId FeTcH 1 flags") == read(b"1 UID FETCH 1 FLAGS")


def test_a_password_is_never_shown() -> None:
    assert "hunter2" not in repr(read(b'a LOGIN fred "hunter2"'))
    assert "aHVudGVyMg" not in repr(read(b"a AUTHENTICATE PLAIN aHVudGVyMg=="))


def test_login_takes_literals() -> None:
    frame = Frame((b"a LOGIN {4}", b"fr d", b" {3+}", b"p\r\n", b""))

    command = parse(frame)[1]

    assert isinstance(command, c.Login)
    assert (command.username, command.password.reveal()) == (b"fr d", b"p\r\n")


def test_store_takes_flags_with_and_without_parentheses() -> None:
    listed = read(b"a STORE 1:2 +FLAGS.SILENT (\\seen old)")
    bare = read(b"a STORE 1:2 +flags.silent \\SEEN old")

    assert listed == bare
    assert isinstance(listed, c.Store)
    assert (listed.change, listed.flags) == (FlagChange.ADD, frozenset({SEEN, Flag("old")}))


def test_recent_in_a_flag_list_means_nothing() -> None:
    """offlineimap copies the flags of FETCH into APPEND."""
    command = read(b"a APPEND x (\\Recent \\Flagged) {1}\r\nx")

    assert isinstance(command, c.Append)
    assert command.messages[0].flags == {FLAGGED}


def test_a_system_flag_that_nobody_knows_is_bad_syntax() -> None:
    with pytest.raises(BadSyntax):
        read(b"a STORE 1 FLAGS (\\Frob)")


def test_append_takes_an_empty_flag_list_and_a_date() -> None:
    command = read(b'a APPEND "Sent" () " 1-Jan-1970 00:00:01 +0000" {2+}\r\nhi')

    assert command == c.Append("Sent", (c.NewMessage(b"hi", frozenset(), 1),))


def test_a_name_is_decoded_from_modified_utf7() -> None:
    assert read(b'a SELECT "Entw&APw-rfe"') == c.Select("Entwürfe")


def test_a_name_is_utf_8_for_a_client_that_enabled_it() -> None:
    frame = frame_of('a RENAME "Entwürfe" "A&APw-"\r\n'.encode())

    assert parse(frame, utf8=True) == (b"a", c.Rename("Entwürfe", "A&APw-"))
    assert parse(frame) == (b"a", c.Rename("Entwürfe", "Aü"))


def test_a_name_that_is_no_utf_8_is_for_the_session_to_refuse() -> None:
    _, command = parse(frame_of(b'a SELECT "\xff"\r\n'), utf8=True)

    assert command == c.Select("\0\xff")


def test_a_name_that_spells_nothing_is_for_the_session_to_refuse() -> None:
    """It is a bad name and no bad syntax, so a LIST of it may find nothing."""
    command = read(b"a SELECT &'+")

    assert isinstance(command, c.Select)
    assert command.mailbox.startswith("\0")


def test_id_is_bounded() -> None:
    assert read(b'a ID ("name" "x" "os" NIL)') == c.Id(b"x")
    with pytest.raises(BadSyntax):
        read(b"a ID (" + b" ".join([b'"a" "b"'] * 31) + b")")


def test_what_is_deleted_is_chosen_by_uid_expunge() -> None:
    command = read(b"a UID EXPUNGE 3:5")

    assert isinstance(command, c.Expunge)
    assert command.uids is not None
    assert DELETED.startswith("\\")


def test_secrets_do_not_take_part_in_comparing() -> None:
    assert c.Login(b"a", Secret(b"b")) == c.Login(b"a", Secret(b"c"))


@pytest.mark.parametrize(
    "text", [b"NOOP", b"STATUS INBOX (MESSAGES)", b"UID FETCH 7 (BODY.PEEK[])"]
)
def test_what_is_asked_again_is_the_same_command_under_its_own_tag(text: bytes) -> None:
    first = parse(frame_of(b"a1 " + text + b"\r\n"))
    again = parse(frame_of(b"a2 " + text + b"\r\n"))

    assert (first[0], again[0]) == (b"a1", b"a2")
    assert first[1] == again[1]


def test_what_is_asked_again_is_spelled_as_the_session_spells() -> None:
    plain = b'a STATUS "B&APw-cher" (MESSAGES)\r\n'

    assert parse(frame_of(plain))[1] == c.Status("Bücher", (b"MESSAGES",))
    assert parse(frame_of(plain), utf8=True)[1] == c.Status("B&APw-cher", (b"MESSAGES",))
    assert parse(frame_of(plain))[1] == c.Status("Bücher", (b"MESSAGES",))


def test_a_text_before_a_literal_is_not_taken_for_the_whole() -> None:
    literal = Frame((b"a STATUS {5}", b"INBOX", b" (MESSAGES)"))
    other = Frame((b"a STATUS {5}", b"other", b" (MESSAGES)"))

    assert parse(literal)[1] == c.Status("INBOX", (b"MESSAGES",))
    assert parse(other)[1] == c.Status("other", (b"MESSAGES",))


def test_nothing_that_holds_a_secret_is_remembered() -> None:
    for text in (b"a LOGIN fred remember-me", b"a AUTHENTICATE PLAIN cmVtZW1iZXItbWU="):
        parse(frame_of(text + b"\r\n"))

    assert not [key for key in parsing._known if b"remember" in key[0] or b"cmVt" in key[0]]


def test_what_is_remembered_is_bounded() -> None:
    for number in range(1_000):
        parse(frame_of(b"a UID FETCH 1:%d (FLAGS)\r\n" % (number + 1)))

    assert len(parsing._known) <= parsing._KNOWN_MAX


@pytest.mark.parametrize(
    "what",
    [
        b"(UID BODY.PEEK[])", b"(UID BODY.PEEK[]<0.65536>)", b"BODY[]<5.7>", b"full", b"RFC822", b"(FLAGS ", b"FLAGS)",
        b"(BODY[]<1.2> BODY[]<3.4>)", b"(BODY[TEXT]<1.0>)", b"(BODY[HEADER.FIELDS (A B)]<1.2> FLAGS)", b"(FLAGS) ",
        b"(FLAGS) (CHANGEDSINCE 7)", b"(FLAGS) (CHANGEDSINCE 7 VANISHED)", b" (FLAGS)", b"BODY[]<4294967296.1>", b"BODY[]<1.2>)", b"F",
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_uid", [b"", b"UID "])
def test_one_message_is_asked_for_as_a_range_of_one_is(what: bytes, by_uid: bytes) -> None:
    """One is read without a step for each token; the other is not."""
    told: list[tuple[bytes, c.Command | None]] = []
    for which in (b"7", b"7:7"):
        try:
            told.append(parse(frame_of(b"a.1 %bFETCH %b %b\r\n" % (by_uid, which, what))))
        except BadSyntax as error:
            told.append((error.tag, None))

    assert told[0] == told[1]
    assert told[0][0] == b"a.1"
