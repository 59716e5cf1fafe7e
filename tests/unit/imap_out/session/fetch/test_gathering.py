"""What one read job gathers of a slice: whole answers, as many as fit, and only what is needed read."""

from collections.abc import Sequence

import pytest

from imap_out.session.fetch.columns import Wanted
from imap_out.session.fetch.gathering import Answer, Gathering, Piece
from imap_out.wire.fetch_items import (
    Attribute,
    BinarySection,
    BodySection,
    Column,
    FetchItem,
    Section,
    SectionText,
)
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import MessageForm
from tests.support.memory_job import Job
from tests.support.memory_mail import MemoryMail

pytestmark = pytest.mark.anyio
MESSAGES = [b"Subject: %d\r\n\r\n" % n + b"x" * 100 for n in range(4)]
WHOLE = BodySection(peek=True)
HEADER = BodySection(Section(text=SectionText.HEADER), peek=True)
ROOMY = 1_000_000


class Recording(Job):
    """A reader that notes which tables it is asked for."""

    asked: set[str]

    def forms(self, messages: Sequence[MessageId]) -> list[MessageForm]:
        self.asked.add("forms")
        return super().forms(messages)

    def sizes_and_dates(self, messages: Sequence[MessageId]) -> list[tuple[int, int]]:
        self.asked.add("rows")
        return super().sizes_and_dates(messages)


class Watched(MemoryMail):
    """Mail whose readers say what they were asked for."""

    job_kind = Recording


@pytest.fixture
async def mail() -> Watched:
    Recording.asked = set()
    mail = Watched()
    for octets in MESSAGES:
        await mail.deliver(octets)
    return mail


def slice_of(mail: MemoryMail) -> list[Wanted]:
    [part] = mail.snapshot(mailbox(mail)).parts
    return [
        Wanted(at, Uid(part.uids[at]), MessageId(part.messages[at]), b"(\\Seen)", 7)
        for at in range(len(part))
    ]


def mailbox(mail: MemoryMail) -> MailboxId:
    return mail.mailbox(INBOX).id


async def gathered(
    mail: MemoryMail, *items: FetchItem, seen_now: frozenset[int] = frozenset(), octets: int = ROOMY
) -> list[Answer]:
    batch = slice_of(mail)
    seen = {batch[at].uid for at in seen_now}
    gathering = Gathering(items, seen, mailbox(mail), octets)
    return await mail.read(lambda reader: gathering.gather(reader, batch))


def joined(answer: Answer) -> bytes:
    pieces = [piece for piece in answer if isinstance(piece, bytes)]
    assert len(pieces) == len(answer)
    return b"".join(pieces)


async def test_each_message_has_an_answer_in_order(mail: Watched) -> None:
    answers = await gathered(mail, Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ, HEADER)

    assert [joined(answer) for answer in answers] == [
        b"* %d FETCH (UID %d FLAGS (\\Seen) MODSEQ (7) BODY[HEADER] {14}\r\nSubject: %d\r\n\r\n)\r\n"
        % (n + 1, n + 1, n)
        for n in range(len(MESSAGES))
    ]


async def test_as_many_come_as_fill_the_room_and_at_least_one(mail: Watched) -> None:
    [one, *_] = [len(joined(answer)) for answer in await gathered(mail, WHOLE)]

    many = [
        len(await gathered(mail, WHOLE, octets=room)) for room in (one, one + 1, 3 * one, ROOMY)
    ]
    none_fits = await gathered(mail, HEADER, octets=1)

    assert many == [1, 2, 3, 4]
    assert len(none_fits) == 1


async def test_octets_that_do_not_fit_are_left_to_be_read_when_they_are_sent(
    mail: Watched,
) -> None:
    [first, *_] = await gathered(mail, WHOLE, octets=50)

    [piece] = [each for each in first if isinstance(each, Piece)]
    assert first[:3] == [b"* 1 FETCH (", b"", b"BODY[] {%d}\r\n" % len(MESSAGES[0])]
    read = [await mail.read(job) for job in piece.reads(50)]
    assert [len(octets) for octets in read] == [50, 50, 14]
    assert b"".join(read) == MESSAGES[0]


async def test_a_range_of_what_does_not_fit_is_as_long_as_it_was_asked(mail: Watched) -> None:
    asked = BodySection(peek=True, partial=(10, 60))

    [first, *_] = await gathered(mail, asked, octets=50)

    [piece] = [each for each in first if isinstance(each, Piece)]
    assert (piece.start, piece.end) == (10, 70)


@pytest.mark.parametrize(
    ("item", "asked"),
    [
        (Attribute.FLAGS, set()),
        (Column.SAVEDATE, set()),
        (Attribute.SIZE, {"rows"}),
        (WHOLE, {"rows"}),
        (HEADER, {"forms"}),
        (BinarySection(peek=True), {"forms"}),
        (Attribute.ENVELOPE, {"forms"}),
    ],
)
async def test_nothing_is_read_that_is_not_told(
    mail: Watched, item: FetchItem, asked: set[str]
) -> None:
    Recording.asked.clear()

    assert len(await gathered(mail, item)) == len(MESSAGES)
    assert Recording.asked == asked


async def test_who_was_marked_by_this_fetch_is_told_its_flags_once(mail: Watched) -> None:
    answers = await gathered(mail, Attribute.UID, seen_now=frozenset({1}))
    asked = await gathered(mail, Attribute.FLAGS, seen_now=frozenset({1}))

    assert [joined(answer).count(b"FLAGS") for answer in answers] == [0, 1, 0, 0]
    assert joined(answers[1]) == b"* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n"
    assert [joined(answer).count(b"FLAGS") for answer in asked] == [1, 1, 1, 1]


async def test_a_part_that_is_not_there_is_nil(mail: Watched) -> None:
    [first, *_] = await gathered(mail, BodySection(Section(part=(3,)), peek=True))

    assert joined(first) == b"* 1 FETCH (BODY[3] NIL)\r\n"
