"""The view: what the client knows, and what waits beside it."""

import pytest

from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.selected import SelectedView
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import DELETED, SEEN, Flag
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange, MailStore
from tests.support.memory_mail import MemoryMail
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio
FRED = Address("fred", "a.example")
OCTETS = b"Subject: x\r\n\r\nbody\r\n"


async def opened(mail: MailStore, *, read_only: bool = False) -> SelectedView:
    info = await mail.read(lambda reader: reader.mailbox(INBOX))
    view = SelectedView(mail, info, FRED, read_only=read_only)
    await view.open(RecentClaims())
    return view


async def deliver(mail: MailStore) -> Uid:
    inbox = await mail.read(lambda reader: reader.mailbox(INBOX).id)
    form = prepare(OCTETS)
    return (await mail.write(lambda w: w.append(inbox, OCTETS, form, frozenset()))).uid


async def expunge(mail: MemoryMail, view: SelectedView, *uids: Uid) -> None:
    def job(writer: object) -> None:
        writer.store_flags(view.mailbox, uids, FlagChange.ADD, frozenset({DELETED}))  # type: ignore[attr-defined]  # a MailWriter
        writer.expunge(view.mailbox, uids)  # type: ignore[attr-defined]  # a MailWriter

    await mail.write(job)


async def test_numbers_stay_until_an_expunge_may_be_told() -> None:
    mail = MemoryMail()
    uids = [await mail.deliver(OCTETS) for _ in range(3)]
    view = await opened(mail)
    await expunge(mail, view, uids[0])
    view.absorb()

    assert list(view.news(expunges=False)) == []
    assert view.uids == uids
    assert list(view.news(expunges=True)) == [b"* 1 EXPUNGE\r\n", b"* 2 RECENT\r\n"]
    assert view.uids == uids[1:]


@pytest.mark.parametrize("count", [3, 40])
async def test_expunges_are_told_from_the_last_to_the_first(count: int) -> None:
    mail = MemoryMail()
    uids = [await mail.deliver(OCTETS) for _ in range(count + 1)]
    view = await opened(mail)
    await expunge(mail, view, *uids[:-1])
    view.absorb()

    lines = b"".join(view.news(expunges=True)).splitlines(keepends=True)
    told = [line for line in lines if b"EXPUNGE" in line]

    assert told == [b"* %d EXPUNGE\r\n" % n for n in range(count, 0, -1)]
    assert view.uids == uids[-1:]


async def test_what_came_and_went_unseen_is_never_told() -> None:
    mail = MemoryMail()
    view = await opened(mail)
    uid = await mail.deliver(OCTETS)
    await expunge(mail, view, uid)
    view.absorb()

    assert list(view.news(expunges=True)) == []


async def test_all_that_happened_is_told_in_one_piece() -> None:
    mail = MemoryMail()
    kept = await mail.deliver(OCTETS)
    gone = await mail.deliver(OCTETS)
    view = await opened(mail)
    await expunge(mail, view, gone)
    new = await mail.deliver(OCTETS)
    await mail.write(
        lambda w: w.store_flags(view.mailbox, [kept], FlagChange.ADD, frozenset({SEEN}))
    )
    view.absorb()

    assert list(view.news(expunges=True)) == [
        b"* 2 EXPUNGE\r\n",
        b"* 2 EXISTS\r\n",
        b"* 2 RECENT\r\n",
        b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\n",
    ]
    assert view.uids == [kept, new]


async def test_what_is_shown_is_made_anew_only_when_something_of_it_changed() -> None:
    with memory_store() as store:
        first = await deliver(store.mail)
        view = await opened(store.mail)
        shown = view.rows
        await deliver(store.mail)
        view.absorb()

        assert view.rows is shown
        await store.mail.write(
            lambda w: w.store_flags(view.mailbox, [first], FlagChange.ADD, frozenset({SEEN}))
        )
        view.absorb()
        assert (tuple(view.rows.uids), tuple(view.rows.flags)) == ((first,), (frozenset({SEEN}),))
        told, *_ = view.news(expunges=False)
        assert told == b"* 2 EXISTS\r\n"
        assert len(view.rows) == 2


async def test_who_is_not_told_of_an_expunge_shares_what_was_there() -> None:
    with memory_store() as store:
        uids = [await deliver(store.mail) for _ in range(3)]
        one, other = await opened(store.mail), await opened(store.mail)
        await store.mail.write(
            lambda w: w.store_flags(one.mailbox, uids[1:2], FlagChange.ADD, frozenset({DELETED}))
        )
        for view in (one, other):
            view.absorb()
            list(view.news(expunges=False))
        shown = one.rows
        await store.mail.write(lambda w: w.expunge(one.mailbox))
        for view in (one, other):
            view.absorb()
            assert list(view.news(expunges=False)) == []
            assert view.rows is shown
        await store.mail.write(
            lambda w: w.store_flags(one.mailbox, uids[2:], FlagChange.ADD, frozenset({SEEN}))
        )
        one.absorb()

        assert list(one.uids) == uids
        assert list(one.news(expunges=False)) == [b"* 3 FETCH (UID 3 FLAGS (\\Seen \\Recent))\r\n"]
        assert list(one.flags) == [frozenset(), frozenset({DELETED}), frozenset({SEEN})]
        told, *_ = one.news(expunges=True)
        assert told == b"* 2 EXPUNGE\r\n"
        assert list(one.uids) == [uids[0], uids[2]]


async def test_an_arrival_is_recent_even_if_as_many_as_before_are() -> None:
    mail = MemoryMail()
    gone = await mail.deliver(OCTETS)
    view = await opened(mail)
    await expunge(mail, view, gone)
    await mail.deliver(OCTETS)
    view.absorb()

    assert list(view.news(expunges=True)) == [
        b"* 1 EXPUNGE\r\n",
        b"* 1 EXISTS\r\n",
        b"* 1 RECENT\r\n",
    ]


async def test_closing_raises_the_watermark_of_what_was_shown() -> None:
    mail = MemoryMail()
    view = await opened(mail)
    await mail.deliver(OCTETS)
    view.absorb()
    list(view.news(expunges=True))

    await view.close()

    assert (await mail.read(lambda reader: reader.mailbox(INBOX))).recent == 0


async def test_looking_takes_no_recent() -> None:
    mail = MemoryMail()
    await mail.deliver(OCTETS)

    view = await opened(mail, read_only=True)
    await view.close()

    assert view.recent.count(view.rows) == 1
    assert (await mail.read(lambda reader: reader.mailbox(INBOX))).recent == 1


async def test_a_view_holds_what_it_shows_and_nothing_after_closing() -> None:
    mail = MemoryMail()
    first = await mail.deliver(OCTETS)
    view = await opened(mail)
    await expunge(mail, view, first)
    await mail.deliver(OCTETS)
    view.absorb()
    list(view.news(expunges=False))

    assert mail.follows[0].held == frozenset(view.rows.messages)
    assert len(view.rows) == 2
    await view.close()
    assert mail.follows == []


async def test_views_that_were_told_everything_are_one_snapshot() -> None:
    with memory_store() as store:
        one, other = await opened(store.mail), await opened(store.mail)
        uid = await deliver(store.mail)
        for view in (one, other):
            view.absorb()
            list(view.news(expunges=True))

        assert list(one.uids) == [uid]
        assert one.rows is other.rows


async def test_a_keyword_is_announced_before_its_first_use() -> None:
    mail = MemoryMail()
    await mail.deliver(OCTETS)
    view = await opened(mail)
    list(view.flags_known())

    await mail.write(
        lambda w: w.store_flags(view.mailbox, [Uid(1)], FlagChange.ADD, frozenset({Flag("Old")}))
    )
    view.absorb()

    told = list(view.news(expunges=True))

    assert told[0].startswith(b"* FLAGS (")
    assert b"Old" in told[0]
    assert told[-1] == b"* 1 FETCH (UID 1 FLAGS (\\Recent Old))\r\n"
