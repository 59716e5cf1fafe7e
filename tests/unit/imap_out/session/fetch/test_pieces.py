"""Pieces spelled by the hundred are what each message by itself would be told."""

import re
from typing import Any

import pytest

from imap_out.session.fetch import left as fetch_left
from imap_out.session.fetch import lines as fetch_lines
from imap_out.session.fetch.pieces import facts_of, recipe_of
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.shelves import Shelves
from imap_out.wire.fetch_items import Attribute, BodySection, Section, SectionText
from mx_core.mime.listed import LISTED
from mx_core.mime.prepare import prepare
from mx_core.model.errors import StoreDamaged
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Fact
from mx_core.ports import MailReader
from tests.support.memory_job import Job
from tests.support.memory_mail import MemoryAccounts, one_account
from tests.support.odd_messages import odd_messages
from tests.support.transcript import Line

pytestmark = pytest.mark.anyio
SHOWN = b"From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Received"
LISTS = [
    b"BODY.PEEK[HEADER.FIELDS (%b)]" % SHOWN,
    b"BODY.PEEK[HEADER.FIELDS (%b)]" % SHOWN.swapcase().replace(b"TO CC", b"CC tO cc"),
    b"BODY.PEEK[HEADER.FIELDS (%b X-Odd)]" % SHOWN,
    b"BODY.PEEK[HEADER.FIELDS (Subject)]",
    b"BODY.PEEK[HEADER.FIELDS.NOT (%b)]" % SHOWN,
    b"BODY.PEEK[HEADER.FIELDS.NOT (Subject)]",
    b"BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[HEADER.FIELDS (%b)] ENVELOPE" % SHOWN,
    b"RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE BODY",
]
BESIDE = re.compile(rb' SAVEDATE "[^"]*"\)\r\n')
FIELDS = BodySection(Section(text=SectionText.FIELDS, fields=tuple(LISTED)), peek=True)
OTHERS = BodySection(Section(text=SectionText.FIELDS_NOT, fields=tuple(LISTED)), peek=True)


async def examined(accounts: MemoryAccounts) -> Line:
    line = Line(accounts, RecentClaims(), shelves=Shelves())
    await line.feed(b"a LOGIN fred@a.example secret\r\nb EXAMINE INBOX\r\n")
    line.taken()
    return line


async def said(line: Line, command: bytes) -> bytes:
    await line.feed(b"c %b\r\n" % command)
    return line.taken()


async def test_odd_messages_are_told_as_one_by_one() -> None:
    accounts = one_account()
    [account] = accounts.accounts.values()
    odd = [message.octets for message in odd_messages()]
    await account.mail.write(
        lambda writer: [
            writer.append(writer.mailbox(INBOX).id, octets, prepare(octets), frozenset())
            for octets in odd
        ]
    )
    line = await examined(accounts)

    for items in LISTS:
        together = await said(line, b"FETCH 1:* (UID %b FLAGS %b)" % (items, items))
        # what is asked beside takes the way of one by one
        alone = await said(line, b"FETCH 1:* (UID %b FLAGS %b SAVEDATE)" % (items, items))

        assert together == BESIDE.sub(b")\r\n", alone)
        assert together.count(b" FLAGS (") >= len(odd)


def test_fields_that_lists_show_are_asked_alone() -> None:
    assert facts_of([FIELDS, Attribute.SIZE, FIELDS]) == (Fact.LISTED, Fact.SIZE)
    assert facts_of([OTHERS, FIELDS]) == (Fact.HEADER, Fact.LISTED)
    assert recipe_of((BodySection(Section((1,), SectionText.FIELDS)),)) is None


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """Of a mailbox of 18 messages, of which four are read at once."""
    monkeypatch.setattr(fetch_left, "AT_ONCE", 4)
    monkeypatch.setattr(fetch_lines, "_FEW", 1)
    accounts = one_account()
    [account] = accounts.accounts.values()
    for number in range(18):
        await account.mail.deliver(b"Subject: %d\r\n\r\n" % number)
    return await examined(accounts)


def mail_of(line: Line) -> Any:
    account: Any = line.connection.session.account
    return account.mail


async def test_what_comes_next_is_read_before_lines_leave(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    mail, join = mail_of(line), fetch_lines._Lines.join
    begin = mail.begin

    def begun(job: Any, after: Any) -> Any:
        seen.append("begun")
        return begin(job, after)

    def joined(*given: Any) -> bytes:
        seen.append("told")
        return join(*given)

    monkeypatch.setattr(mail, "begin", begun)
    monkeypatch.setattr(fetch_lines._Lines, "join", joined)
    answer = await said(line, b"FETCH 1:* (UID ENVELOPE)")

    # two are in hand once one has brought all that it was asked for
    assert seen == ["begun", "begun", *(["begun", "told"] * 3), "told", "told"]
    assert answer.count(b"* ") == 18


async def test_a_reading_that_brings_less_is_followed_by_such_that_bring_all(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(fetch_left, "LEAST", 2)
    facts = Job.facts

    def short(self: Any, messages: Any, of: Any) -> Any:
        asked.append(len(messages))
        return facts(self, messages[:3], of)

    monkeypatch.setattr(Job, "facts", short)
    answer = await said(line, b"FETCH 1:* (UID ENVELOPE)")

    assert asked == [4, 3, 3, 3, 3, 3]
    assert answer.count(b"* ") == 18


@pytest.mark.parametrize("served", [0, 1, 2])
async def test_a_read_that_fails_is_told_after_what_came_before(
    line: Line, monkeypatch: pytest.MonkeyPatch, served: int
) -> None:
    asked: list[None] = []
    mail = mail_of(line)
    begin = mail.begin

    def failing(job: Any, after: Any) -> Any:
        def read(reader: MailReader) -> Any:
            asked.append(None)
            if len(asked) > served:
                raise StoreDamaged("on purpose")
            return job(reader)

        return begin(read, after)

    with monkeypatch.context() as patch:
        patch.setattr(mail, "begin", failing)
        answer = await said(line, b"FETCH 1:* (UID ENVELOPE)")

    assert answer.count(b"* ") == 4 * served
    assert b"\r\nc NO [CORRUPTION] " in b"\r\n" + answer
    assert (await said(line, b"FETCH 1:* (UID ENVELOPE)")).count(b"* ") == 18
