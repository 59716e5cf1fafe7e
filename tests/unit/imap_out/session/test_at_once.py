"""What is answered at once says what the way of all commands says."""

import pytest

from imap_out.session import at_once
from imap_out.wire.limits import Limits
from tests.support.answered import noted
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
MESSAGE = b"Subject: x\r\n\r\nx\r\n"
AT_ONCE = [
    b"NOOP",
    b"noop",
    b"STATUS INBOX (MESSAGES)",
    b"status inbox (unseen messages recent uidnext uidvalidity)",
    b'STATUS "inbox" (MESSAGES UNSEEN)',
    b"STATUS INBOX (SIZE DELETED APPENDLIMIT MAILBOXID)",
    b'STATUS "&ZeVnLIqe-" (MESSAGES)',
    b"FETCH 1 BODY.PEEK[]",
]
OTHERWISE = [
    b"STATUS INBOX (HIGHESTMODSEQ)",
    b"STATUS INBOX (DELETED-STORAGE)",
    b"STATUS Nowhere (MESSAGES)",
    b"STATUS INBOX (NONSENSE)",
    b"STATUS INBOX MESSAGES",
    b"STATUS INBOX ()",
    b'STATUS "a//b" (MESSAGES)',
    b"STATUS {5+}\r\nINBOX (MESSAGES)",
    b"NOOP x",
    b"NOOP ",
    b"CHECK",
    b"FETCH 1 FLAGS",
]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The commands that were answered at once."""
    return noted(at_once, monkeypatch)


async def filled() -> tuple[Transcript, Line]:
    world = Transcript()
    line = await world.open("")
    await line.feed(b'a CREATE "&ZeVnLIqe-"\r\n')
    await added(line)
    await line.feed(b"a SELECT INBOX\r\n")
    line.taken()
    return world, line


async def added(line: Line) -> None:
    await line.feed(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(MESSAGE), MESSAGE))


async def said(line: Line, command: bytes) -> bytes:
    await line.feed(b"c %b\r\n" % command)
    return line.taken()


async def said_at_length(line: Line, command: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    with monkeypatch.context() as longer:
        longer.setattr(at_once, "answer", lambda *_: False)
        return await said(line, command)


@pytest.mark.parametrize("command", AT_ONCE)
async def test_a_plain_command_is_answered_at_once_as_at_length(
    command: bytes, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, line = await filled()
    expected = await said_at_length(line, command, monkeypatch)

    answers = [await said(line, command) for _ in range(2)]  # the second is known already

    assert answers == [expected, expected]
    assert taken == [b"c " + command] * 2


@pytest.mark.parametrize("command", OTHERWISE)
async def test_what_is_not_plain_is_left_to_the_longer_way(
    command: bytes, taken: list[bytes]
) -> None:
    _, line = await filled()

    answer = await said(line, command)

    assert b"\r\nc " in b"\r\n" + answer
    assert taken == []


async def test_a_status_that_was_told_follows_what_happens(taken: list[bytes]) -> None:
    world, line = await filled()
    other = await world.open("other")
    asked = b"STATUS INBOX (MESSAGES UNSEEN RECENT)"
    await said(line, b"UNSELECT")
    before = await said(line, asked)
    await added(other)
    after = await said(line, asked)
    await other.feed(b"a SELECT INBOX\r\na STORE 1 +FLAGS.SILENT (\\Seen)\r\n")  # takes RECENT
    seen = await said(line, asked)

    assert before == b"* STATUS INBOX (MESSAGES 1 UNSEEN 1 RECENT 0)\r\nc OK that is its status\r\n"
    assert after == b"* STATUS INBOX (MESSAGES 2 UNSEEN 2 RECENT 1)\r\nc OK that is its status\r\n"
    assert seen == b"* STATUS INBOX (MESSAGES 2 UNSEEN 1 RECENT 0)\r\nc OK that is its status\r\n"
    assert [text for text in taken if b"STATUS" in text] == [b"c " + asked] * 3


async def test_news_are_told_before_the_answer(taken: list[bytes]) -> None:
    world, line = await filled()
    await added(await world.open("other"))

    answers = [await said(line, b"NOOP") for _ in range(2)]

    assert answers == [b"* 2 EXISTS\r\n* 2 RECENT\r\nc OK done\r\n", b"c OK done\r\n"]
    assert taken == [b"c NOOP"]


async def test_a_name_means_what_the_client_says_since_it_enabled_utf8(taken: list[bytes]) -> None:
    _, line = await filled()
    asked = b'STATUS "&ZeVnLIqe-" (MESSAGES)'

    before = await said(line, asked)
    await said(line, b"ENABLE UTF8=ACCEPT")
    after = await said(line, asked)

    assert before.startswith(b"* STATUS ")
    assert after.startswith(b"c NO [NONEXISTENT] ")
    assert taken == [b"c " + asked]


async def test_a_mailbox_that_is_gone_is_told_as_gone(taken: list[bytes]) -> None:
    _, line = await filled()
    asked = b'STATUS "&ZeVnLIqe-" (MESSAGES)'

    await said(line, asked)
    await said(line, b'DELETE "&ZeVnLIqe-"')

    assert (await said(line, asked)).startswith(b"c NO [NONEXISTENT] ")
    assert taken == [b"c " + asked]


async def test_nothing_is_answered_at_once_before_a_login_nor_in_a_dialogue() -> None:
    world, line = await filled()
    fresh = Line(world.accounts, world.claims)
    out = line.out

    assert not fresh.connection.at_once(b"a NOOP\r\n", fresh.out)
    assert line.connection.at_once(b"a NOOP\r\n", out)
    assert b"".join(out.taken()) == b"a OK done\r\n"
    for octets in (b"a NOOP", b"a NOOP\r\nb NOOP\r\n", b"a NOOP\n", b"a NO\0OP\r\n", b""):
        assert not line.connection.at_once(octets, out)
    line.connection.framer.feed(b"a NO")
    assert not line.connection.at_once(b"OP\r\n", out)
    await line.feed(b"OP\r\na IDLE\r\n")
    assert not line.connection.at_once(b"a NOOP\r\n", out)


ASKED = [b"APPEND INBOX {16}", b'append "&ZeVnLIqe-" (\\Seen) "01-Jan-2024 00:00:00 +0000" {1}']
NOT_ASKED = [
    b"APPEND INBOX {16+}",
    b"APPEND INBOX {100000}",
    b"APPEND INBOX {x}",
    b"APPEND {5}",
    b"APPEND INBOX {1} {1}",
    b"LOGIN {4}",
]


@pytest.mark.parametrize("command", ASKED)
async def test_the_message_of_an_append_is_asked_for_at_once_as_at_length(command: bytes) -> None:
    _, line = await filled()
    octets = b"x" * int(command.rsplit(b"{")[1][:-1])
    assert line.connection.at_once(b"c %b\r\n" % command, line.out)
    await line.out.flush()
    assert line.taken() == b"+ OK\r\n"
    await line.feed(octets + b"\r\n")
    at_once_said = line.taken()
    await line.feed(b"c %b\r\n" % command)
    assert line.taken() == b"+ OK\r\n"
    await line.feed(octets + b"\r\n")

    assert b"c OK [APPENDUID" in at_once_said
    assert line.taken().splitlines()[-1].split()[-1] == at_once_said.splitlines()[-1].split()[-1]


@pytest.mark.parametrize("command", NOT_ASKED)
async def test_what_may_be_refused_or_brings_its_octets_is_not(command: bytes) -> None:
    _, line = await filled()

    assert not line.connection.at_once(b"c %b\r\n" % command, line.out)
    assert not line.connection.framer.amid


async def test_what_is_larger_than_a_server_takes_is_not_asked_for() -> None:
    for limits in (Limits(message_octets=15), Limits(append_octets=15)):
        world = Transcript(limits=limits)
        line = await world.open("")

        assert not line.connection.at_once(b"c APPEND INBOX {16}\r\n", line.out)
        assert line.connection.at_once(b"c APPEND INBOX {15}\r\n", line.out)


async def test_nothing_is_asked_for_before_a_login() -> None:
    world = Transcript()
    fresh = Line(world.accounts, world.claims)

    assert not fresh.connection.at_once(b"c APPEND INBOX {16}\r\n", fresh.out)
