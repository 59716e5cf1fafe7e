"""Lines that are no commands: the responses of AUTHENTICATE, and the end of IDLE."""

import base64

import pytest

from imap_out.session import news
from imap_out.session.dialogues import Authenticating, Idling
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.refusals import ClientBug, Refusal
from imap_out.wire.commands import Authenticate
from mx_core.model.errors import Unavailable
from mx_core.model.flags import DELETED
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange, MailWriter
from tests.support.memory_mail import one_account
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
NAME, PASSWORD = (base64.b64encode(word) for word in (b"fred@a.example", b"secret"))


@pytest.fixture
async def stranger() -> Line:
    return Line(one_account(), RecentClaims())


async def said(line: Line) -> bytes:
    await line.out.flush()
    return line.taken()


async def test_each_response_is_asked_for_and_the_last_is_judged(stranger: Line) -> None:
    session, out = stranger.connection.session, stranger.out
    dialogue = Authenticating(session, b"a", Authenticate(b"LOGIN"))

    ends = [await dialogue.begin(out), await dialogue.take(NAME, out)]
    asked = await said(stranger)
    completed = await dialogue.take(PASSWORD, out)

    assert dialogue.tag == b"a"
    assert (ends, asked) == ([None, None], b"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n")
    assert completed is not None
    assert session.account is not None
    assert await said(stranger) == b""


async def test_what_came_with_the_command_is_not_asked_for(stranger: Line) -> None:
    initial = base64.b64encode(b"\0fred@a.example\0secret")
    command = Authenticate(b"PLAIN", Secret(initial))

    completed = await Authenticating(stranger.connection.session, b"a", command).begin(stranger.out)

    assert completed is not None
    assert await said(stranger) == b""


async def test_an_unknown_mechanism_begins_no_dialogue(stranger: Line) -> None:
    with pytest.raises(Refusal):
        Authenticating(stranger.connection.session, b"a", Authenticate(b"CRAM-MD5"))


async def test_a_client_may_give_up(stranger: Line) -> None:
    dialogue = Authenticating(stranger.connection.session, b"a", Authenticate(b"PLAIN"))
    await dialogue.begin(stranger.out)

    with pytest.raises(ClientBug, match="cancelled"):
        await dialogue.take(b"*", stranger.out)


async def test_after_a_refused_response_lines_are_commands_again(stranger: Line) -> None:
    await stranger.feed(b"a AUTHENTICATE LOGIN\r\n%b\r\n*\r\nb NOOP\r\n" % NAME)

    assert (await said(stranger)).endswith(b"a BAD authentication was cancelled\r\nb OK done\r\n")


async def fail(*_: object, **__: object) -> None:
    raise Unavailable("on purpose")


def expunge_all(writer: MailWriter) -> None:
    inbox = writer.mailbox(INBOX).id
    writer.store_flags(inbox, [Uid(1)], FlagChange.ADD, frozenset({DELETED}))
    writer.expunge(inbox)


@pytest.fixture
async def idler() -> Line:
    world = Transcript()
    line = await world.open("")
    await line.feed(b"s SELECT INBOX\r\n")
    line.taken()
    await world.mail.deliver(b"Subject: x\r\n\r\n")
    return line


async def test_idle_asks_for_its_end_before_it_tells_what_is_new(idler: Line) -> None:
    await Idling(idler.connection.session, b"i").begin(idler.out)

    assert (await said(idler)).startswith(b"+ idling\r\n* 1 EXISTS\r\n")


@pytest.mark.parametrize("line", [b"DONE", b"done"])
async def test_done_is_answered_after_what_is_new(idler: Line, line: bytes) -> None:
    await idler.feed(b"i IDLE\r\n")
    assert (await said(idler)).startswith(b"+ idling\r\n* 1 EXISTS\r\n")
    await idler.connection.session.mail.write(expunge_all)

    await idler.feed(line + b"\r\nb NOOP\r\n")

    answer = await said(idler)
    assert answer.startswith(b"* 1 EXPUNGE\r\n")
    assert answer.endswith(b"i OK no longer idling\r\nb OK done\r\n")


async def test_an_idle_that_can_not_tell_its_news_has_not_begun(
    idler: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr(news, "tell", fail)
        await idler.feed(b"i IDLE\r\n")

    assert await said(idler) == b"+ idling\r\ni NO [UNAVAILABLE] on purpose\r\n"
    await idler.feed(b"b NOOP\r\n")
    assert (await said(idler)).endswith(b"b OK done\r\n")


async def test_where_news_can_not_be_told_done_is_answered_all_the_same(
    idler: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await idler.feed(b"i IDLE\r\n")
    await said(idler)
    with monkeypatch.context() as failing:
        failing.setattr(news, "tell", fail)
        await idler.feed(b"DONE\r\n")

    assert await said(idler) == b"i NO [UNAVAILABLE] on purpose\r\n"
    await idler.feed(b"b NOOP\r\n")
    assert await said(idler) == b"b OK done\r\n"


async def test_any_other_line_ends_idle_too_and_is_refused(idler: Line) -> None:
    await idler.feed(b"i IDLE\r\n")
    await said(idler)

    await idler.feed(b"b NOOP\r\nc NOOP\r\n")

    assert await said(idler) == b"i BAD IDLE ends with DONE\r\nc OK done\r\n"
