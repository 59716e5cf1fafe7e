"""When news may come, and what of them is told: with a command, in IDLE, and as NOTIFY has it."""

import asyncio

import pytest

from imap_out.session import news
from imap_out.session.state.session import Session
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
NOTIFY = b"n NOTIFY SET (%b (MessageNew MessageExpunge))\r\n"


@pytest.fixture
def world() -> Transcript:
    return Transcript()


async def selected(world: Transcript, *more: bytes, name: str = "") -> Line:
    line = await world.open(name)
    await line.feed(b"s SELECT INBOX\r\n")
    for command in more:
        await line.feed(command)
    line.taken()
    return line


async def told(line: Line, *, expunges: bool, flags: bool = True) -> bytes:
    await news.tell(line.connection.session, line.out, expunges=expunges, flags=flags)
    await line.out.flush()
    return line.taken()


async def pushed(line: Line, *, idling: bool) -> bytes:
    await news.push(line.connection.session, line.out, idling=idling)
    await line.out.flush()
    return line.taken()


async def comes(session: Session) -> bool:
    """Tell whether ``come`` returns without anything more."""
    coming = asyncio.ensure_future(news.come(session))
    for _ in range(3):
        await asyncio.sleep(0)
    done = coming.done()
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)
    return done


async def changed_by_another(world: Transcript) -> None:
    """One of two messages is flagged and the other goes, and one comes."""
    other = await selected(world, name="other")
    await other.feed(
        b"a STORE 1 +FLAGS (\\Flagged)\r\nb STORE 2 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\n"
    )
    await world.mail.deliver(b"Subject: new\r\n\r\n")


async def with_two(world: Transcript) -> None:
    for _ in range(2):
        await world.mail.deliver(b"Subject: x\r\n\r\n")


async def test_what_may_not_be_told_yet_is_told_later(world: Transcript) -> None:
    await with_two(world)
    line = await selected(world)
    await changed_by_another(world)

    first = await told(line, expunges=False, flags=False)
    then = await told(line, expunges=False)
    last = await told(line, expunges=True)

    assert first == b"* 3 EXISTS\r\n* 3 RECENT\r\n"
    assert then == b"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))\r\n"
    assert last == b"* 2 EXPUNGE\r\n* 2 RECENT\r\n"
    assert await told(line, expunges=True) == b""


async def test_notify_none_keeps_all_from_being_told(world: Transcript) -> None:
    await with_two(world)
    line = await selected(world, b"n NOTIFY NONE\r\n")
    await changed_by_another(world)

    assert await told(line, expunges=True) == b""


async def test_a_mailbox_that_is_deleted_ends_the_connection(world: Transcript) -> None:
    line = await world.open("")
    await line.feed(b"a CREATE box\r\nb SELECT box\r\n")
    other = await world.open("other")
    await other.feed(b"a DELETE box\r\n")
    line.taken()

    await told(line, expunges=True)

    assert line.connection.session.farewell == b"the selected mailbox was deleted"


@pytest.mark.parametrize(
    ("notify", "idling", "expunges", "arrivals"),
    [
        ((), True, True, True),
        ((), False, False, False),
        ((NOTIFY % b"SELECTED",), False, True, True),
        ((NOTIFY % b"SELECTED-DELAYED",), False, False, True),
        ((NOTIFY % b"SELECTED-DELAYED",), True, True, True),
        ((NOTIFY % b"PERSONAL",), False, False, False),
    ],
)
async def test_what_is_pushed(
    world: Transcript, notify: tuple[bytes, ...], *, idling: bool, expunges: bool, arrivals: bool
) -> None:
    await with_two(world)
    line = await selected(world, *notify)
    await changed_by_another(world)

    said = await pushed(line, idling=idling)

    assert (b" EXPUNGE\r\n" in said, b" EXISTS\r\n" in said) == (expunges, arrivals)


@pytest.mark.parametrize(
    ("commands", "can_come", "are_pushed"),
    [
        (b"a NOOP\r\n", False, False),
        (b"s SELECT INBOX\r\n", True, False),
        (NOTIFY % b"PERSONAL", True, True),
        (b"s SELECT INBOX\r\nn NOTIFY NONE\r\n", False, False),
    ],
)
async def test_when_news_can_come(
    world: Transcript, commands: bytes, *, can_come: bool, are_pushed: bool
) -> None:
    line = await world.open("")
    await line.feed(commands)
    session = line.connection.session

    assert news.can_come(session) is can_come
    assert news.are_pushed(session) is are_pushed


@pytest.mark.parametrize("commands", [b"s SELECT INBOX\r\n", NOTIFY % b"PERSONAL"])
async def test_news_come_when_something_happened(world: Transcript, commands: bytes) -> None:
    line = await world.open("")
    await line.feed(commands)
    session = line.connection.session
    before = await comes(session)

    await world.mail.deliver(b"Subject: x\r\n\r\n")

    assert (before, await comes(session)) == (False, True)
