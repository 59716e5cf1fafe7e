"""What a client that is alone is answered where its octets come in is what everybody is answered."""

import pytest

from imap_out.wire.limits import Limits
from mx_core.model.errors import DiskFull
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
MESSAGE = b"Subject: x\r\n\r\n\r\n"  # 16 octets


async def world(*, alone: bool, limits: Limits | None = None) -> tuple[Transcript, Line]:
    """Three messages in a mailbox that is selected, by a client that was told of all."""
    made = Transcript(limits=limits or Limits())
    line = await made.open("")
    await line.feed(b"a CREATE Work\r\n")
    for flags in (b"", b"(\\Seen) ", b"($Known) "):
        await line.feed(b"a APPEND Work %b{%d+}\r\n%b\r\n" % (flags, len(MESSAGE), MESSAGE))
    await line.feed(b"a SELECT Work\r\n")
    line.connection.session.is_alone = lambda: alone
    line.taken()
    return made, line


async def said(line: Line, *pieces: bytes) -> tuple[bytes, int]:
    """Return what *line* answers to pieces that come one by one, and how many were answered at once."""
    at_once = 0
    for octets in pieces:
        done = line.connection.at_once(octets, line.out)
        await line.out.flush()
        at_once += done and not line.connection.prompt.left_something
        await line.feed(b"" if done else octets)
    return line.taken(), at_once


async def both(*pieces: bytes, before: bytes = b"", after: bytes = b"FETCH 1:* (UID FLAGS)") -> int:
    """Compare both ways; return how many pieces were answered at once to a client that is alone."""
    heard = []
    for alone in (False, True):
        _, line = await world(alone=alone)
        if before:
            await line.feed(before)
            line.taken()
        told, at_once = await said(line, *pieces)
        later, _ = await said(line, b"z %b\r\n" % after, b"y NOOP\r\n")
        heard.append((told, later))

    assert heard[0] == heard[1]
    return at_once


@pytest.mark.parametrize(
    "command",
    [
        rb"STORE 1 +FLAGS (\Seen)",
        rb"STORE 2 -FLAGS (\Seen)",
        rb"STORE 2 +FLAGS (\Seen)",  # changes nothing
        rb"STORE 3 FLAGS (\Flagged)",
        rb"STORE 1 +FLAGS ($New)",
        rb"STORE 1 +FLAGS ($KNOWN)",
        rb"STORE 1 +FLAGS.SILENT (\Seen)",
        rb"STORE 1 FLAGS.SILENT ($new)",
        rb"UID STORE 2 +FLAGS (\Answered \Deleted)",
        rb"store 3 flags ()",
    ],
)
async def test_a_store_of_one_message_is_answered_as_at_length(command: bytes) -> None:
    assert await both(b"c %b\r\n" % command) == 1


@pytest.mark.parametrize(
    ("command", "before"),
    [
        (rb"STORE 4 +FLAGS (\Seen)", b""),
        (rb"UID STORE 9 +FLAGS (\Seen)", b""),
        (rb"STORE 1:2 +FLAGS (\Seen)", b""),
        (rb"STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\Seen)", b""),
        (rb"STORE 1 +FLAGS (\Nonsense)", b""),
        (rb"STORE 1 +FLAGS (\Seen)", b"b EXAMINE Work\r\n"),
        (rb"STORE 1 +FLAGS (\Seen)", b"b ENABLE CONDSTORE\r\n"),
        (rb"STORE 1 +FLAGS (\Seen)", b"b NOTIFY SET (SELECTED (MessageNew MessageExpunge))\r\n"),
        (rb"STORE 1 +FLAGS (\Seen)", b"b UNSELECT\r\n"),
    ],
)
async def test_another_is_left_to_the_longer_way(command: bytes, before: bytes) -> None:
    after = b"STATUS Work (MESSAGES)"
    assert await both(b"c %b\r\n" % command, before=before, after=after) == 0


APPENDS = [
    b"APPEND Work {16}",
    b'append "work" (\\Seen $New) "01-Jan-2024 00:00:00 +0000" {16}',
    b"APPEND INBOX {16}",
    b"APPEND Work ~{16}",
]


@pytest.mark.parametrize("command", APPENDS)
async def test_an_append_is_answered_as_at_length(command: bytes) -> None:
    pieces = (b"c %b\r\n" % command, MESSAGE + b"\r\n")
    assert await both(*pieces, before=b"b CREATE work\r\n") == 2
    assert (
        await both(pieces[0], MESSAGE[:5], MESSAGE[5:], b"\r\n", before=b"b CREATE work\r\n") == 4
    )


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        (b"APPEND Nowhere {16}", MESSAGE + b"\r\n"),
        (b"APPEND Work {0}", b"\r\n"),
        (b"APPEND Work ~{1}", b"\0\r\n"),
        (b"APPEND Work {16}", MESSAGE + b" nonsense\r\n"),
        (b"APPEND Work {16}", MESSAGE + b" {16+}\r\n" + MESSAGE + b"\r\nd NOOP\r\n"),
        (b"APPEND Work {16}", MESSAGE + b"\r\nd NOOP\r\n"),
        (b"APPEND Work {70000}", b"x" * 70_000 + b"\r\n"),
        (b"APPEND Work (\\Nonsense) {16}", MESSAGE + b"\r\n"),
        (b"REPLACE 1 Work {16}", MESSAGE + b"\r\n"),
    ],
)
async def test_what_comes_otherwise_is_held_for_the_longer_way(line: bytes, rest: bytes) -> None:
    assert await both(b"c %b\r\n" % line, rest) <= 1


async def test_news_of_others_come_first_and_by_the_longer_way() -> None:
    heard = []
    for alone in (False, True):
        made, line = await world(alone=alone)
        other = await made.open("other")
        await other.feed(b"a SELECT Work\r\na STORE 2 +FLAGS (\\Flagged)\r\n")
        told, at_once = await said(line, b"c STORE 1 +FLAGS (\\Seen)\r\n")
        assert at_once == 0
        heard.append(told)

    assert heard[0] == heard[1]
    assert b"* 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen" in heard[0]


async def test_an_account_without_room_says_so_as_at_length() -> None:
    heard = []
    for alone in (False, True):
        _, line = await world(alone=alone, limits=Limits(account_octets=60))
        heard.append(await said(line, b"c APPEND Work {16}\r\n", MESSAGE + b"\r\n"))

    assert heard[0][0] == heard[1][0]
    assert b"c NO [OVERQUOTA]" in heard[0][0]


async def test_a_disk_without_room_is_told_by_the_longer_way() -> None:
    made, line = await world(alone=True)

    def full(_job: object) -> None:
        raise DiskFull("on purpose")

    async def also_full(_job: object) -> None:
        full(_job)

    made.mail.write_here = full  # type: ignore[method-assign,assignment]  # a disk of our own
    made.mail.write = also_full  # type: ignore[method-assign,assignment]  # a disk of our own
    for pieces in (
        (b"c STORE 1 +FLAGS (\\Seen)\r\n",),
        (b"c APPEND Work {16}\r\n", MESSAGE + b"\r\n"),
    ):
        told, _ = await said(line, *pieces)
        assert b"c NO [" in told


async def test_where_others_are_at_work_it_is_left_to_the_longer_way() -> None:
    made, line = await world(alone=True)
    made.mail.write_here = lambda _job: None  # type: ignore[method-assign,assignment]  # as the store's
    told, at_once = await said(line, b"c STORE 1 +FLAGS (\\Seen)\r\n")
    assert (b"c OK stored" in told, at_once) == (True, 0)
    told, at_once = await said(line, b"c APPEND Work {16}\r\n", MESSAGE + b"\r\n")
    assert (b"c OK [APPENDUID" in told, at_once) == (True, 1)
