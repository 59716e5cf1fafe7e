"""Of a message that is read range by range the next one is in hand once an answer has left."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from imap_out.session.state.ahead import Ahead
from mx_core.model.address import Address
from tests.support.imap_line import Raw, running
from tests.support.memory_mail import MemoryAccount, MemoryAccounts

pytestmark = pytest.mark.anyio
RANGE = 65_536
OCTETS = b"Subject: long\r\n\r\n" + (bytes(range(32, 127)) + b"\r\n") * 4_000


@pytest.fixture
async def line() -> AsyncIterator[Raw]:
    """A connection with a long message in INBOX."""
    fred = MemoryAccounts(MemoryAccount(Address.parse("fred@a.example"), "secret"))
    async with running(fred) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\n")
        await line.until(b"a OK")
        line.say(b"b APPEND INBOX {%d+}\r\n%b\r\n" % (len(OCTETS), OCTETS))
        await line.until(b"b OK")
        line.say(b"c SELECT INBOX\r\n")
        await line.until(b"c OK")
        yield line


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(b"(BODY.PEEK[]<%d.%d>)", id="answered where it comes in"),
        pytest.param(b"(BODY.PEEK[]<%d.%d> MODSEQ)", id="answered by the task"),
    ],
)
async def test_the_next_range_is_in_hand(
    line: Raw, items: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hand: list[int] = []
    go_on = Ahead.go_on

    def noting(ahead: Ahead) -> None:
        go_on(ahead)
        in_hand.append(len(ahead._octets))

    monkeypatch.setattr(Ahead, "go_on", noting)
    told = b""
    for start in range(0, len(OCTETS), RANGE):
        line.say(b"d FETCH 1 " + items % (start, RANGE) + b"\r\n")
        answer = await line.until(b"d OK")
        told += answer.partition(b"}\r\n")[2][: min(RANGE, len(OCTETS) - start)]

    assert told == OCTETS
    whole, _ = divmod(len(OCTETS), RANGE)
    assert in_hand == [RANGE] * (whole - 2) + [len(OCTETS) - whole * RANGE]


async def test_of_what_is_asked_in_one_go_nothing_is_read_before_all_is_answered(
    line: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    many: list[Ahead] = []
    monkeypatch.setattr(Ahead, "go_on", many.append)
    asked = [b"d FETCH 1 (BODY.PEEK[]<%d.%d>)\r\n" % (at * RANGE, RANGE) for at in range(4)]
    line.say(b"".join(asked))
    for _ in asked:
        await line.until(b"d OK")
    assert len(many) <= 1


async def test_a_bug_while_reading_ahead_ends_this_connection_and_is_logged(
    line: Raw, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(ahead: Ahead) -> None:
        ahead.due = False
        raise RuntimeError("octets of a message")

    monkeypatch.setattr(Ahead, "go_on", fail)
    line.say(b"d FETCH 1 (BODY.PEEK[]<0.9>)\r\n")
    await line.until(b"d OK")
    line.say(b"e FETCH 1 (BODY.PEEK[]<9.9>)\r\n")

    assert b"e OK" in await line.until(b"e OK")
    with suppress(ConnectionError):
        assert await line.reader.read() == b""
    told = capsys.readouterr().out
    assert told.count("imap_bug") == 1
    assert "RuntimeError" in told
    assert "octets of a message" not in told
