"""FETCH of one message by the shorter way says what the longer way says."""

from typing import Any

import pytest

from imap_out.session.fetch import lone
from imap_out.wire.limits import Limits
from mx_core.model.errors import StoreDamaged
from tests.support.answered import noted
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
MESSAGES = [b"Subject: %d\r\n\r\n" % n + b"%d%%d " % n * (300 * n) for n in range(5)]
PLAIN = [
    b"FETCH 3 BODY.PEEK[]",
    b"FETCH 3 (BODY.PEEK[])",
    b"fetch 3 (uid body.peek[])",
    b"FETCH 3 (FLAGS UID RFC822.SIZE INTERNALDATE BODY.PEEK[])",
    b"FETCH 1 (BODY.PEEK[] FLAGS UID RFC822.SIZE)",
    b"UID FETCH 3 (BODY.PEEK[])",
    b"UID FETCH 3 (FLAGS BODY.PEEK[] UID)",
    b"FETCH 4 (BODY.PEEK[]<0.1000>)",
    b"FETCH 4 (FLAGS BODY.PEEK[]<100.100000> UID)",
    b"UID FETCH 4 BODY.PEEK[]<1000000.5>",
    b"FETCH 4 BODY.PEEK[]<0.1>",
    b"FETCH 4 BODY.PEEK[]<0.1> ",
    b"FETCH 4 BODY.PEEK[] ",
]
OTHER = [
    b"FETCH 3 BODY[]",
    b"FETCH 3 RFC822",
    b"FETCH 9 BODY.PEEK[]",
    b"UID FETCH 9 BODY.PEEK[]",
    b"FETCH 999999999 BODY.PEEK[]",
    b"FETCH 3 (BODY.PEEK[] MODSEQ)",
    b"FETCH 3 (BODY.PEEK[] ENVELOPE)",
    b"FETCH 3 (BODY.PEEK[]<0.5> RFC822.SIZE)",
    b"FETCH 3 (BODY.PEEK[] BODY.PEEK[HEADER])",
    b"FETCH 3 (BODY.PEEK[]) (CHANGEDSINCE 1)",
    b"UID FETCH 3 (BODY.PEEK[]) (PARTIAL 1:2)",
    b"FETCH 3 BODY.PEEK[TEXT]<0.5>",
    b"FETCH 3 BODY.PEEK[]<0.0>",
    b"FETCH 3 (BODY.PEEK[]<0.5>",
    b"FETCH 3  BODY.PEEK[]",
    b"FETCH 3 (BODY.PEEK[]<0.5> BODY.PEEK[]<5.5>)",
    b"FETCH 3 FLAGS",
    b"FETCH 4 BODY.PEEK[]<0.999999999>",
    b"FETCH 1:3 BODY.PEEK[]",
    b"FETCH 03 BODY.PEEK[]",
    b"FETCH 3 BODY.PEEK[HEADER.FIELDS (<)]",
]


@pytest.fixture
def shorter(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The commands that were answered by the shorter way."""
    return noted(lone, monkeypatch)


async def selected(world: Transcript, how: bytes = b"SELECT", name: str = "") -> Line:
    line = await world.open(name)
    await line.feed(b"b %b INBOX\r\n" % how)
    line.taken()
    return line


async def filled(limits: Limits | None = None) -> Transcript:
    world = Transcript(limits=limits or Limits())
    line = await world.open("")
    for octets in MESSAGES:
        await line.feed(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(octets), octets))
    await line.feed(b"a SELECT INBOX\r\na STORE 3 +FLAGS.SILENT (\\Seen $Label)\r\na CLOSE\r\n")
    return world


async def said(line: Line, command: bytes) -> bytes:
    await line.feed(b"c %b\r\n" % command)
    return line.taken()


async def by_the_longer_way(line: Line, command: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    with monkeypatch.context() as only:
        only.setattr(lone, "answer", lambda *_: False)
        return await said(line, command)


@pytest.mark.parametrize("how", [b"SELECT", b"EXAMINE"])
@pytest.mark.parametrize("command", PLAIN)
async def test_what_is_plain_is_answered_as_by_the_longer_way(
    command: bytes, how: bytes, shorter: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await selected(await filled(), how)

    first = await said(line, command)

    assert shorter == [b"c " + command]
    assert first == await by_the_longer_way(line, command, monkeypatch)
    assert b"c OK fetched\r\n" in first


@pytest.mark.parametrize("command", OTHER)
async def test_what_is_not_plain_takes_the_longer_way(command: bytes, shorter: list[bytes]) -> None:
    line = await selected(await filled())

    assert await said(line, command)
    assert shorter == []


async def test_a_body_that_marks_as_seen_is_plain_where_nothing_can_be_marked(
    shorter: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await selected(await filled(), b"EXAMINE")

    first = await said(line, b"FETCH 1 (FLAGS BODY[])")

    assert len(shorter) == 1
    assert first == await by_the_longer_way(line, b"FETCH 1 (FLAGS BODY[])", monkeypatch)


@pytest.mark.parametrize(
    "change",
    [
        b"STORE 1 +FLAGS (\\Flagged)",
        b"STORE 1 +FLAGS.SILENT (New)",
        b"EXPUNGE",
        b"APPEND INBOX {1+}\r\nx",
    ],
)
async def test_news_are_told_as_by_the_longer_way(
    change: bytes, shorter: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await filled()
    one, other, third = [await selected(world, name=name) for name in ("one", "other", "third")]
    await said(third, b"STORE 5 +FLAGS.SILENT (\\Deleted)")
    for line in (one, other):
        await said(line, b"NOOP")
    await said(third, change)

    for command in (b"FETCH 3 (UID BODY.PEEK[])", b"FETCH 2 (BODY.PEEK[])"):
        told = await said(one, command)
        assert told == await by_the_longer_way(other, command, monkeypatch)
    assert await said(one, b"NOOP") == await by_the_longer_way(other, b"NOOP", monkeypatch)
    expunges = change == b"EXPUNGE"  # it waits for a command that lets numbers change
    assert len(shorter) == (0 if expunges else 1)


async def test_one_that_is_too_long_for_one_reading_comes_in_pieces(
    shorter: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await selected(await filled(Limits(read_octets=1_500, answer_octets=1_500)))

    for command in (b"FETCH 5 BODY.PEEK[]", b"FETCH 5 BODY.PEEK[]<0.2000>"):
        told = await said(line, command)
        assert told == await by_the_longer_way(line, command, monkeypatch)
    assert shorter == []


async def test_octets_that_do_not_open_are_refused(
    shorter: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await selected(await filled())
    account: Any = line.connection.session.account

    def damaged(_job: object) -> None:
        raise StoreDamaged("a body is missing")

    monkeypatch.setattr(account.mail, "glance", damaged)
    for command in (b"FETCH 3 BODY.PEEK[]", b"FETCH 3 BODY.PEEK[]<0.5>"):
        assert (await said(line, command)).startswith(b"c NO ")
    assert shorter == []


async def test_commands_that_came_together_are_answered_in_order(shorter: list[bytes]) -> None:
    line = await selected(await filled())
    await line.feed(
        b"d FETCH 1 BODY.PEEK[]\r\ne NOOP\r\nf UID FETCH 2 BODY.PEEK[]<0.9>\r\ng NOOP\r\n"
    )

    answer = line.taken()

    assert len(shorter) == 2
    tags = [answer.index(tag + b" OK") for tag in (b"d", b"e", b"f", b"g")]
    assert tags == sorted(tags)


@pytest.mark.parametrize("between", [b"\r\n", b"\r", b"\n", b"\0", b"\r\r\n"])
@pytest.mark.parametrize("command", [b"FETCH 3 BODY.PEEK[]", b"FETCH 3 (BODY.PEEK[]<0.9> UID)"])
async def test_what_came_is_answered_at_once_only_if_it_is_one_line(
    command: bytes, between: bytes, shorter: list[bytes]
) -> None:
    line = await selected(await filled())
    whole = b"c " + command + b"\r\n"
    places = {at for at in range(len(whole) - 1) if whole[at : at + 1] in b" ]>)("} | {len(whole)}

    for at in places:
        assert not line.connection.at_once(whole[:at] + between + whole[at:], line.out)
    for octets in (whole + b"d NOOP\r\n", whole[:-1], whole[:-2], whole[:-2] + b"\n", whole[2:]):
        assert not line.connection.at_once(octets, line.out)
    assert shorter == []
    assert line.connection.at_once(whole, line.out)
