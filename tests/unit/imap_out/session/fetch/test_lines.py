"""Lines made of prepared pieces: the same answers, whatever was asked before and by whom."""

import pytest

from imap_out.session.fetch import left as fetch_left
from imap_out.session.fetch import lines as fetch_lines
from imap_out.session.fetch.pieces import Stretch, recipe_of
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.shelves import Shelves
from imap_out.wire.fetch_items import RFC822_TEXT, Attribute, BodySection, Section, SectionText
from mx_core.model import part
from tests.support.memory_mail import MemoryAccounts, one_account
from tests.support.transcript import Line

pytestmark = pytest.mark.anyio
SUBJECT = BodySection(Section(text=SectionText.FIELDS, fields=(b"SUBJECT",)), peek=True)
ITEMS = b'(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT "X-%")] ENVELOPE)'


async def logged_in(accounts: MemoryAccounts, shelves: Shelves) -> Line:
    line = Line(accounts, RecentClaims(), shelves=shelves)
    await line.feed(b"a LOGIN fred@a.example secret\r\nb EXAMINE INBOX\r\n")
    line.taken()
    return line


async def said(line: Line, command: bytes) -> bytes:
    await line.feed(command + b"\r\n")
    return line.taken()


async def filled(count: int) -> MemoryAccounts:
    accounts = one_account()
    [account] = accounts.accounts.values()
    for number in range(count):
        await account.mail.deliver(b"Subject: %d%%d\r\nX-%%: y\r\n\r\nbody\r\n" % number)
    return accounts


async def test_a_second_session_hears_what_the_first_heard() -> None:
    accounts = await filled(3)
    shelves = Shelves()
    first = await said(await logged_in(accounts, shelves), b"c FETCH 1:* " + ITEMS)
    second = await said(await logged_in(accounts, shelves), b"c FETCH 1:* " + ITEMS)

    assert second == first
    assert first.count(b'BODY[HEADER.FIELDS (SUBJECT "X-%")] {') == 3
    assert b"Subject: 2%d\r\nX-%: y\r\n\r\n ENVELOPE (" in first


async def test_flags_are_those_of_now_however_often_the_lines_were_told() -> None:
    accounts = await filled(3)
    line = await logged_in(accounts, Shelves())
    await said(line, b"s SELECT INBOX")
    await said(line, b"t SELECT INBOX")  # nothing is recent to this session any more
    before = await said(line, b"c FETCH 1:* FLAGS")
    await said(line, b"d STORE 2 FLAGS.SILENT (\\Seen)")

    assert before.count(b"FLAGS ()") == 3
    assert b"* 2 FETCH (FLAGS (\\Seen))" in await said(line, b"e FETCH 1:* FLAGS")
    assert b"* 1 FETCH (FLAGS ())" in await said(line, b"e FETCH 1:* FLAGS")


async def test_shelves_without_room_change_no_answer() -> None:
    accounts = await filled(3)
    roomy = await said(await logged_in(accounts, Shelves()), b"c FETCH 1:* " + ITEMS)
    line = await logged_in(accounts, Shelves(octets_max=1))

    assert await said(line, b"c FETCH 1:* " + ITEMS) == roomy
    assert await said(line, b"c FETCH 1:* " + ITEMS) == roomy


async def test_neighbours_are_told_as_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more messages than are read at once, some of which another command has asked for before."""
    monkeypatch.setattr(fetch_left, "AT_ONCE", 16)
    monkeypatch.setattr(fetch_lines, "_FEW", 2)
    accounts = await filled(60)
    line = await logged_in(accounts, Shelves())
    await said(line, b"c FETCH 9:11,30 " + ITEMS)
    together = await said(line, b"c FETCH 7:59 " + ITEMS)
    scattered = await said(await logged_in(accounts, Shelves()), b"c FETCH 1:3,7:58,59 " + ITEMS)
    alone = await logged_in(accounts, Shelves())
    done = b"c OK fetched\r\n"
    one_by_one = b""
    for number in range(7, 60):
        one_by_one += (await said(alone, b"c FETCH %d " % number + ITEMS)).removesuffix(done)

    assert together == one_by_one + done
    assert scattered.endswith(together)


@pytest.mark.parametrize("items", [b"FLAGS", b"(UID FLAGS)", b"(MODSEQ FLAGS UID)", b"UID"])
async def test_what_the_view_gives_of_one_is_told_as_among_its_neighbours(items: bytes) -> None:
    accounts = await filled(5)
    other = await logged_in(accounts, Shelves())
    await said(other, b"s SELECT INBOX")  # from here on those are recent to nobody else
    [account] = accounts.accounts.values()
    await account.mail.deliver(b"Subject: new\r\n\r\nbody\r\n")
    line = await logged_in(accounts, Shelves())
    await said(line, b"s SELECT INBOX")
    await said(line, b"d STORE 2,6 FLAGS (\\Seen $Label)")

    await said(line, b"e FETCH 1 " + items)  # who asks for MODSEQ is told once where it stands
    together = await said(line, b"c FETCH 1:* " + items)
    done = b"c OK fetched\r\n"
    each = [(await said(line, b"c FETCH %d " % n + items)).removesuffix(done) for n in range(1, 7)]

    assert b"".join(each) + done == together
    assert (b"\\Recent" in together) == (b"FLAGS" in items)


@pytest.mark.parametrize("items", [b"FLAGS", b"(UID FLAGS)", b"(FLAGS UID BODY.PEEK[HEADER])"])
async def test_parts_that_are_recent_not_or_in_part_are_told_as_each_by_itself(
    items: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "PART_MAX", 4)
    accounts = await filled(6)
    await said(await logged_in(accounts, Shelves()), b"s SELECT INBOX")  # recent to nobody else
    [account] = accounts.accounts.values()
    for number in range(7):
        await account.mail.deliver(b"Subject: %d\r\n\r\nnew\r\n" % number)
    line = await logged_in(accounts, Shelves())
    await said(line, b"s SELECT INBOX")
    await said(line, b"d STORE 2,5,8,12 FLAGS (\\Seen $Label)")
    view = line.connection.session.selected()
    kinds = {
        (
            view.recent.touches(some.uids[0], some.uids[-1]),
            view.recent.covers(some.uids[0], some.uids[-1]),
        )
        for some in view.rows.parts
    }
    assert kinds == {(False, False), (True, False), (True, True)}

    for _ in range(2):
        together = await said(line, b"c FETCH 1:* " + items)
        done = b"c OK fetched\r\n"
        each = [
            (await said(line, b"c FETCH %d " % n + items)).removesuffix(done) for n in range(1, 14)
        ]
        assert b"".join(each) + done == together
        assert together.count(b"\\Recent") == 7
        await said(line, b"d STORE 1:13 +FLAGS.SILENT (\\Answered)")


@pytest.mark.parametrize("item", [RFC822_TEXT, BodySection(Section((1,), SectionText.FIELDS))])
def test_a_body_and_the_header_of_a_part_are_not_kept(item: BodySection) -> None:
    assert recipe_of((Attribute.UID, item)) is None


def test_a_line_is_formats_with_sections_between() -> None:
    recipe = recipe_of((Attribute.SIZE, SUBJECT, Attribute.UID, Attribute.ENVELOPE))

    assert recipe is not None
    assert recipe.kept == (Attribute.SIZE, SUBJECT, Attribute.ENVELOPE)
    assert recipe.stretches == (
        Stretch(b"* %d FETCH (RFC822.SIZE %d BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n", (0, 1), 1),
        Stretch(b" UID %d ENVELOPE %b)\r\n", (Attribute.UID, 2)),
    )
