"""Frames have clear ends, whatever is inside; limits are crossed here."""

from hypothesis import given
from hypothesis import strategies as st

from imap_out.wire.framing import Frame, Framer, GoAhead, Poisoned
from imap_out.wire.limits import Limits
from tests.support.imap_commands import valid
from tests.support.imap_spelling import render_command

SMALL = Limits(
    line_octets_before_login=50,
    line_octets=100,
    literal_octets_before_login=10,
    literals_octets_before_login=15,
    command_octets=120,
    message_octets=200,
    append_octets=300,
    append_messages=4,
)
Event = Frame | GoAhead | Poisoned


def events(octets: bytes, *, logged_in: bool = True, step: int = 0) -> list[Event]:
    framer = Framer(SMALL if len(octets) < 10_000 else Limits())
    framer.authenticated = logged_in
    found: list[Event] = []
    step = step or len(octets) or 1
    for at in range(0, len(octets), step):
        framer.feed(octets[at : at + step])
        while (event := framer.next_frame()) is not None:
            found.append(event)
    return found


def test_a_line_is_a_frame_without_its_crlf() -> None:
    assert events(b"a NOOP\r\nb NOOP\r\n") == [Frame((b"a NOOP",)), Frame((b"b NOOP",))]


def test_literal_octets_are_never_taken_for_a_command() -> None:
    found = events(b"a LOGIN {4}\r\nx\r\ny {6+}\r\nb LOGO\r\n")

    assert found == [GoAhead(4), GoAhead(6)][:1] + [
        Frame((b"a LOGIN {4}", b"x\r\ny", b" {6+}", b"b LOGO", b""))
    ]


@given(command=valid, step=st.integers(1, 7))
def test_any_chunking_gives_the_same_events(command: object, step: int) -> None:
    octets = render_command(b"a1", command) + b"b2 NOOP\r\n"  # type: ignore[arg-type]  # of valid

    assert events(octets, step=step) == events(octets)


def test_a_bare_lf_poisons_the_frame_and_no_other() -> None:
    found = events(b"a NOOP\nb NOOP\r\n")

    assert isinstance(found[0], Poisoned)
    assert found[0].tag == b"a"
    assert found[1] == Frame((b"b NOOP",))


def test_nul_and_cr_poison_the_frame() -> None:
    for octet in (b"\0", b"\r"):
        found = events(b"a NO" + octet + b"OP\r\n")

        assert isinstance(found[0], Poisoned)
        assert not found[0].close


def test_a_line_too_long_ends_the_connection() -> None:
    for octets, logged_in in ((b"a" * 51, False), (b"a" * 101, True), (b"b " * 50 + b"\r\n", True)):
        (found,) = events(octets, logged_in=logged_in)

        assert isinstance(found, Poisoned)
        assert found.close


def test_a_literal_too_large_is_refused_before_it_is_sent() -> None:
    for count in (b"121", b"4294967295", b"99999999999999999999"):
        (found,) = events(b"a SELECT {" + count + b"}\r\n")

        assert isinstance(found, Poisoned)
        assert (found.tag, found.too_big, found.close) == (b"a", False, False)


def test_a_message_too_large_is_refused_before_it_is_sent() -> None:
    (found,) = events(b"a APPEND x {201}\r\n")

    assert found == Poisoned(b"a", "the literal is too large", too_big=True)


def test_what_a_client_sends_without_asking_is_thrown_away_up_to_a_bound() -> None:
    found = events(b"a APPEND x {300+}\r\n" + b"x" * 300 + b"\r\nb NOOP\r\n")

    assert isinstance(found[0], Poisoned)
    assert found[0].too_big
    assert found[1] == Frame((b"b NOOP",))


def test_a_literal_beyond_that_bound_ends_the_connection() -> None:
    for count in (b"401", b"99999999999999999999"):
        (found,) = events(b"a APPEND x {" + count + b"+}\r\n")

        assert isinstance(found, Poisoned)
        assert found.close


def test_before_a_login_literals_are_small_one_by_one_and_together() -> None:
    alone = events(b"a LOGIN {11}\r\n", logged_in=False)
    together = events(b"a LOGIN {10+}\r\n0123456789 {6}\r\n", logged_in=False)

    assert isinstance(alone[0], Poisoned)
    assert isinstance(together[0], Poisoned)
    assert events(b"a LOGIN {10}\r\n", logged_in=False) == [GoAhead(10)]


def test_before_a_login_append_has_no_room_of_its_own() -> None:
    (found,) = events(b"a APPEND x {100}\r\n", logged_in=False)

    assert isinstance(found, Poisoned)


def test_many_literals_of_one_command_are_bounded_together() -> None:
    found = events(b"a SELECT {60+}\r\n" + b"x" * 60 + b" {60}\r\n")

    assert isinstance(found[-1], Poisoned)


def test_a_line_for_a_dialogue_is_taken_as_it_is() -> None:
    framer = Framer(SMALL)
    framer.feed(b"DONE\r\na NO")

    assert framer.next_line() == b"DONE"
    assert framer.next_line() is None
    framer.feed(b"OP\r\n")
    assert framer.next_frame() == Frame((b"a NOOP",))


def test_dropping_forgets_even_half_a_command() -> None:
    framer = Framer(SMALL)
    framer.feed(b"a LOGIN {5}\r\nab")
    assert framer.next_frame() == GoAhead(5)

    framer.drop()
    framer.feed(b"b NOOP\r\n")

    assert framer.next_frame() == Frame((b"b NOOP",))


def test_a_large_message_arrives_whole() -> None:
    message = b"x" * 1_000_000
    found = events(b"a APPEND x {1000000+}\r\n" + message + b"\r\n", step=65536)

    assert found == [Frame((b"a APPEND x {1000000+}", message, b""))]


def test_messages_of_one_append_share_a_limit() -> None:
    message = b" {150+}\r\n" + b"x" * 150

    (fits,) = events(b"a APPEND b" + message * 2 + b"\r\n")
    assert isinstance(fits, Frame)

    *_, last = events(b"a APPEND b" + message * 3 + b"\r\nb NOOP\r\n")
    assert last == Frame((b"b NOOP",))
    (first, _) = events(b"a APPEND b" + message * 3 + b"\r\nb NOOP\r\n")
    assert first == Poisoned(b"a", "the literal is too large", too_big=True)


def test_one_append_takes_so_many_messages_and_no_more() -> None:
    (fits,) = events(b"a APPEND b" + b" {1+}\r\nx" * 4 + b"\r\n")
    assert isinstance(fits, Frame)

    (refused,) = events(b"a APPEND b" + b" {1+}\r\nx" * 5 + b"\r\n")
    assert isinstance(refused, Poisoned)
    assert refused.too_big


def test_a_frame_is_amid_until_its_end_has_come() -> None:
    framer = Framer(SMALL)
    framer.authenticated = True
    amid = []
    for octets in (b"a APP", b"END b {3+}\r\n", b"xyz", b"\r\n", b"b NOOP\r\n"):
        framer.feed(octets)
        while framer.next_frame() is not None:
            pass
        amid.append(framer.amid)

    assert amid == [True, True, True, False, False]
