"""The port's promises one by one; ``test_mail_model`` plays them against a plain model."""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mx_core.model.change import FlagsChanged, MailboxGone, MessagesAdded, MessagesExpunged
from mx_core.model.errors import (
    Busy,
    DiskFull,
    MailboxExists,
    MessageGone,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
)
from mx_core.model.flags import DELETED, FLAGGED, RECENT, SEEN, Flag, FlagSet
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.snapshot import Snapshot
from mx_core.model.text_hits import TextHits
from mx_core.ports import Appended, FlagChange, MailboxInfo, MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.mail.mail import Mail
from tests.support.stores import START, Clock, form_of, open_store

OCTETS = b"Subject: hello\r\n\r\nbody\r\n"
TRASH, SENT = MailboxName("Trash"), MailboxName("Sent")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[AccountStore]:
    opened = open_store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def mail(store: AccountStore) -> Mail:
    return store.mail


async def box(mail: Mail, name: MailboxName = INBOX) -> MailboxInfo:
    return await mail.read(lambda reader: reader.mailbox(name))


async def snapshot(mail: Mail, name: MailboxName = INBOX) -> Snapshot:
    return await mail.read(lambda reader: reader.snapshot(reader.mailbox(name).id))


async def fill(
    mail: Mail, count: int = 1, flags: FlagSet = frozenset(), octets: bytes = OCTETS
) -> list[Uid]:
    def job(writer: MailWriter) -> list[Uid]:
        inbox = writer.mailbox(INBOX).id
        return [
            writer.append(inbox, octets, form_of(octets), flags, START).uid for _ in range(count)
        ]

    return await mail.write(job)


@pytest.mark.anyio
async def test_a_mailbox_is_what_the_last_commit_left(mail: Mail) -> None:
    before = mail.mailbox(INBOX)
    [uid] = await fill(mail)
    filled = mail.mailbox(INBOX)
    await store_flags(mail, [uid], FlagChange.ADD, SEEN)
    await mail.write(lambda writer: writer.subscribe(INBOX, subscribed=False))
    read = mail.mailbox(INBOX)

    assert (before.messages, filled.messages, filled.unseen) == (0, 1, 1)
    assert (read.unseen, read.subscribed) == (0, False)
    assert read == await box(mail)


@pytest.mark.anyio
async def test_a_mailbox_that_is_gone_is_not_remembered(mail: Mail) -> None:
    name = MailboxName("Short")
    with pytest.raises(NoSuchMailbox):
        mail.mailbox(name)
    made = await mail.write(lambda writer: writer.create(name))
    assert mail.mailbox(name).id == made.id
    await mail.write(lambda writer: writer.delete(name))
    with pytest.raises(NoSuchMailbox):
        mail.mailbox(name)


async def store_flags(mail: Mail, uids: list[Uid], change: FlagChange, *flags: Flag) -> None:
    inbox = (await box(mail)).id
    await mail.write(lambda writer: writer.store_flags(inbox, uids, change, frozenset(flags)))


async def expunge(mail: Mail, uids: list[Uid]) -> None:
    await store_flags(mail, uids, FlagChange.ADD, DELETED)
    inbox = (await box(mail)).id
    await mail.write(lambda writer: writer.expunge(inbox, uids))


@pytest.mark.anyio
async def test_a_new_account_has_the_usual_mailboxes_subscribed(mail: Mail) -> None:
    boxes = await mail.read(lambda reader: reader.mailboxes())

    assert {(each.name, each.special_use) for each in boxes} == {
        ("INBOX", ""),
        ("Archive", "\\Archive"),
        ("Drafts", "\\Drafts"),
        ("Junk", "\\Junk"),
        ("Sent", "\\Sent"),
        ("Trash", "\\Trash"),
        ("Key changed", ""),
        ("Not encrypted", ""),
        ("Unverified", ""),
        ("Requests", ""),
        ("Gateway", ""),
        ("Outbox", ""),
        ("Outbox/Send as ordinary email", ""),
    }
    assert all(each.subscribed and each.uid_next == 1 for each in boxes)
    assert len({each.uid_validity for each in boxes}) == 13
    assert len({each.global_id for each in boxes}) == 13


@pytest.mark.anyio
async def test_what_was_appended_is_read_unaltered(mail: Mail) -> None:
    await fill(mail, flags=frozenset({SEEN}))
    shot = await snapshot(mail)

    def look(reader: MailReader) -> tuple[object, ...]:
        return (
            reader.octets(shot.messages[0]),
            reader.octets(shot.messages[0], 9, 14),
            reader.octets(shot.messages[0], 1000, 2000),
            reader.forms(shot.messages),
            reader.sizes_and_dates(shot.messages),
        )

    assert await mail.read(look) == (
        OCTETS,
        b"hello",
        b"",
        [form_of(OCTETS)],
        [(len(OCTETS), START)],
    )
    assert shot.flags == (frozenset({SEEN}),)


@pytest.mark.anyio
async def test_append_never_reuses_the_uid_of_an_expunged_message(mail: Mail) -> None:
    uids = await fill(mail, 3)
    await expunge(mail, uids)

    assert await fill(mail) == [4]


@pytest.mark.anyio
async def test_a_uid_is_not_reused_after_a_restart(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    await expunge(first.mail, await fill(first.mail, 2))
    first.close()
    again = open_store(tmp_path)

    assert await fill(again.mail) == [3]
    again.close()


@pytest.mark.anyio
async def test_an_unknown_mailbox_is_refused_everywhere(mail: Mail) -> None:
    gone = MailboxId(999)
    jobs: list[Callable[[MailWriter], object]] = [
        lambda writer: writer.snapshot(gone),
        lambda writer: writer.append(gone, OCTETS, form_of(OCTETS), frozenset()),
        lambda writer: writer.store_flags(gone, [Uid(1)], FlagChange.ADD, frozenset({SEEN})),
        lambda writer: writer.expunge(gone),
        lambda writer: writer.copy(gone, [Uid(1)], TRASH),
        lambda writer: writer.move(gone, [Uid(1)], TRASH),
        lambda writer: writer.forget_recent(gone),
        lambda writer: writer.copy(writer.mailbox(INBOX).id, [], MailboxName("nope")),
        lambda writer: writer.move(writer.mailbox(INBOX).id, [], MailboxName("nope")),
        lambda writer: writer.delete(MailboxName("nope")),
        lambda writer: writer.rename(MailboxName("nope"), MailboxName("x")),
        lambda writer: writer.mailbox(MailboxName("nope")),
    ]

    for job in jobs:
        with pytest.raises(NoSuchMailbox):
            await mail.write(job)


@pytest.mark.anyio
async def test_a_store_that_changes_nothing_raises_no_modseq_and_is_not_announced(
    mail: Mail,
) -> None:
    uids = await fill(mail, 2, frozenset({SEEN}))
    before = await snapshot(mail)
    with mail.watch((await box(mail)).id) as watch:
        await store_flags(mail, uids, FlagChange.ADD, SEEN)
        await store_flags(mail, uids, FlagChange.REMOVE, FLAGGED)
        await store_flags(mail, uids, FlagChange.REPLACE, SEEN)

        assert watch.take() == []
    assert await snapshot(mail) == before


@pytest.mark.anyio
async def test_one_store_raises_one_modseq_for_those_that_change(mail: Mail) -> None:
    uids = await fill(mail, 3)
    await store_flags(mail, uids[:1], FlagChange.ADD, SEEN)
    before = await snapshot(mail)
    await store_flags(mail, uids, FlagChange.ADD, SEEN)
    after = await snapshot(mail)

    assert after.modseqs[0] == before.modseqs[0]
    assert after.modseqs[1] == after.modseqs[2] == after.highest_modseq
    assert after.highest_modseq == before.highest_modseq + 1


@pytest.mark.anyio
async def test_unknown_uids_are_ignored(mail: Mail) -> None:
    await fill(mail, 1)
    await store_flags(mail, [Uid(0), Uid(7), Uid(4_000_000_000)], FlagChange.ADD, SEEN)

    assert (await snapshot(mail)).flags == (frozenset(),)


@pytest.mark.anyio
async def test_keywords_compare_without_case_and_keep_the_first_spelling(mail: Mail) -> None:
    uids = await fill(mail, 1, frozenset({Flag("$Forwarded"), Flag("\\SEEN"), RECENT}))
    assert (await snapshot(mail)).flags == (frozenset({Flag("$Forwarded"), SEEN}),)

    await store_flags(mail, uids, FlagChange.ADD, Flag("$FORWARDED"))
    assert (await snapshot(mail)).flags == (frozenset({Flag("$Forwarded"), SEEN}),)
    await store_flags(mail, uids, FlagChange.REMOVE, Flag("$forwarded"))
    assert (await snapshot(mail)).flags == (frozenset({SEEN}),)


@pytest.mark.anyio
async def test_keywords_are_bounded_in_kind_and_number(mail: Mail) -> None:
    uids = await fill(mail)
    for bad in ("", "two words", "a\r\nb", "x" * 256):
        with pytest.raises(NotPermitted):
            await store_flags(mail, uids, FlagChange.ADD, Flag(bad))
    with pytest.raises(OverQuota):
        await store_flags(mail, uids, FlagChange.ADD, *(Flag(f"k{n}") for n in range(101)))
    for start in range(0, 1000, 100):
        many = (Flag(f"k{n}") for n in range(start, start + 100))
        await store_flags(mail, uids, FlagChange.REPLACE, *many)
    with pytest.raises(OverQuota):
        await store_flags(mail, uids, FlagChange.REPLACE, Flag("one-more"))


@pytest.mark.anyio
async def test_copy_keeps_flags_date_and_global_id(mail: Mail) -> None:
    uids = await fill(mail, 2, frozenset({SEEN, Flag("k")}))
    inbox = (await box(mail)).id
    copied = await mail.write(lambda writer: writer.copy(inbox, [*uids, Uid(77)], TRASH))
    source, target = await snapshot(mail), await snapshot(mail, TRASH)

    assert copied.uid_validity == target.uid_validity
    assert (copied.source, copied.target) == (tuple(uids), target.uids)
    assert target.flags == source.flags

    def facts(reader: MailReader, messages: tuple[MessageId, ...]) -> tuple[object, ...]:
        return reader.global_ids(messages), reader.sizes_and_dates(messages)

    assert await mail.read(lambda r: facts(r, source.messages) == facts(r, target.messages))


@pytest.mark.anyio
async def test_copying_nothing_changes_nothing(mail: Mail) -> None:
    inbox = (await box(mail)).id
    before = await box(mail, TRASH)
    copied = await mail.write(lambda writer: writer.copy(inbox, [Uid(5)], TRASH))

    assert (copied.source, copied.target) == ((), ())
    assert await box(mail, TRASH) == before


@pytest.mark.anyio
async def test_move_adds_to_the_target_before_it_expunges_the_source(mail: Mail) -> None:
    uids = await fill(mail, 2)
    inbox, trash = (await box(mail)).id, (await box(mail, TRASH)).id
    with mail.watch(inbox) as left, mail.watch(trash) as right:
        copied = await mail.write(lambda writer: writer.move(inbox, uids, TRASH))
        [gone], [added] = left.take(), right.take()

    assert isinstance(gone, MessagesExpunged)
    assert isinstance(added, MessagesAdded)
    assert added.modseq < gone.modseq
    assert gone.uids == copied.source == tuple(uids)
    assert added.uids == copied.target


@pytest.mark.anyio
async def test_copy_and_move_within_one_mailbox_give_new_uids(mail: Mail) -> None:
    await fill(mail, 2)
    inbox = (await box(mail)).id
    await mail.write(lambda writer: writer.copy(inbox, [Uid(1)], INBOX))
    await mail.write(lambda writer: writer.move(inbox, [Uid(1), Uid(3)], INBOX))
    shot = await snapshot(mail)

    assert shot.uids == (2, 4, 5)
    assert shot.messages[1] == shot.messages[2]
    await expunge(mail, [Uid(4)])
    assert await mail.read(lambda reader: reader.octets(shot.messages[2])) == OCTETS


@pytest.mark.anyio
async def test_renaming_inbox_moves_its_mail_and_inbox_lives_on(mail: Mail) -> None:
    await fill(mail, 2)
    before = await box(mail)
    await mail.write(lambda writer: writer.rename(INBOX, MailboxName("old/mail")))

    assert (await box(mail)).uid_validity == before.uid_validity
    assert (await box(mail)).messages == 0
    assert await fill(mail) == [3]
    assert (await box(mail, MailboxName("old/mail"))).messages == 2
    assert (await box(mail, MailboxName("old"))).messages == 0


@pytest.mark.anyio
async def test_rename_takes_those_below_along_and_makes_those_above(mail: Mail) -> None:
    def job(writer: MailWriter) -> dict[str, int]:
        writer.create(MailboxName("a/b/c"))
        writer.create(MailboxName("a/b-not-below"))
        before = {each.name: each.uid_validity for each in writer.mailboxes()}
        writer.rename(MailboxName("a/b"), MailboxName("x/y"))
        return {name: before[MailboxName(name)] for name in ("a/b", "a/b/c")}

    before = await mail.write(job)
    names = {each.name: each for each in await mail.read(lambda reader: reader.mailboxes())}

    assert {"a", "a/b-not-below", "x", "x/y", "x/y/c"} <= names.keys()
    assert not {"a/b", "a/b/c"} & names.keys()
    assert names[MailboxName("x/y/c")].uid_validity == before["a/b/c"]


@pytest.mark.anyio
async def test_a_mailbox_can_be_renamed_below_itself(mail: Mail) -> None:
    def job(writer: MailWriter) -> None:
        writer.create(MailboxName("a/c"))
        writer.rename(MailboxName("a"), MailboxName("a/b"))

    await mail.write(job)
    names = {each.name for each in await mail.read(lambda reader: reader.mailboxes())}

    assert {"a", "a/b", "a/b/c"} <= names
    assert "a/c" not in names


@pytest.mark.anyio
async def test_what_can_not_be_done_to_a_mailbox(mail: Mail) -> None:
    await mail.write(lambda writer: writer.create(MailboxName("a/b")))

    for forbidden in ("INBOX", "a"):
        with pytest.raises(NotPermitted):
            await mail.write(lambda writer, name=forbidden: writer.delete(MailboxName(name)))
    with pytest.raises(MailboxExists):
        await mail.write(lambda writer: writer.create(TRASH))
    with pytest.raises(MailboxExists):
        await mail.write(lambda writer: writer.rename(TRASH, SENT))
    with pytest.raises(MailboxExists):
        await mail.write(lambda writer: writer.rename(TRASH, INBOX))


@pytest.mark.anyio
async def test_a_name_that_comes_back_has_another_uid_validity(mail: Mail) -> None:
    seen = set()
    for _ in range(3):
        made = await mail.write(lambda writer: writer.create(MailboxName("again")))
        seen.add(made.uid_validity)
        await mail.write(lambda writer: writer.delete(MailboxName("again")))

    assert len(seen) == 3
    assert sorted(seen) == sorted(seen, key=int)


@pytest.mark.anyio
async def test_a_deleted_mailbox_keeps_nothing_and_says_so(
    store: AccountStore, clock: Clock
) -> None:
    mail = store.mail
    made = await mail.write(lambda writer: writer.create(MailboxName("gone")))
    await mail.write(lambda w: w.append(made.id, OCTETS, form_of(OCTETS), frozenset({SEEN})))
    with mail.watch(made.id) as watch:
        await mail.write(lambda writer: writer.delete(MailboxName("gone")))
        [change] = watch.take()
    clock.at += 61
    await mail.sweep()

    assert isinstance(change, MailboxGone)
    tables = ("segment", "tombstone", "message", "form", "body", "expunged")
    left = await store._database.read(
        lambda c: [c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() for table in tables]
    )
    assert left == [0] * 6


@pytest.mark.anyio
async def test_a_subscription_needs_no_mailbox(mail: Mail) -> None:
    name = MailboxName("not/there")
    await mail.write(lambda writer: writer.subscribe(name, subscribed=True))
    await mail.write(lambda writer: writer.subscribe(INBOX, subscribed=False))

    names = await mail.read(lambda reader: reader.subscriptions())
    assert name in names
    assert INBOX not in names
    assert not (await box(mail)).subscribed


@pytest.mark.anyio
async def test_recent_is_a_watermark_that_survives(mail: Mail) -> None:
    await fill(mail, 2)
    assert (await snapshot(mail)).first_recent == 1
    assert (await box(mail)).recent == 2
    inbox = (await box(mail)).id
    await mail.write(lambda writer: writer.forget_recent(inbox))
    assert (await snapshot(mail)).first_recent == 3
    await fill(mail, 2)
    await expunge(mail, [Uid(1), Uid(4)])

    assert (await box(mail)).recent == 1


@pytest.mark.anyio
async def test_sessions_share_one_snapshot_until_something_changes(mail: Mail) -> None:
    await fill(mail)
    first = await snapshot(mail)
    assert await snapshot(mail) is first
    await fill(mail)

    assert await snapshot(mail) is not first
    assert len(first.uids) == 1


@pytest.mark.anyio
async def test_a_job_that_fails_leaves_no_trace_of_new_flags_or_counters(mail: Mail) -> None:
    uids = await fill(mail)
    before = await box(mail)

    def fails(writer: MailWriter) -> None:
        writer.store_flags(before.id, uids, FlagChange.ADD, frozenset({Flag("lost")}))
        assert writer.snapshot(before.id).flags == (frozenset({Flag("lost")}),)
        raise NotPermitted("no")

    with mail.watch(before.id) as watch, pytest.raises(NotPermitted):
        await mail.write(fails)
    await store_flags(mail, uids, FlagChange.ADD, Flag("kept"))

    assert watch.take() == []
    assert (await snapshot(mail)).flags == (frozenset({Flag("kept")}),)
    assert (await box(mail)).highest_modseq == before.highest_modseq + 1


@pytest.mark.anyio
async def test_octets_stay_while_a_view_holds_them_and_go_afterwards(
    mail: Mail, clock: Clock, tmp_path: Path
) -> None:
    await fill(mail, octets=OCTETS * 9000)
    shot = await snapshot(mail)

    def octets(reader: MailReader) -> bytes:
        return reader.octets(shot.messages[0], 0, len(OCTETS))

    messages = list(shot.messages)
    following = await mail.follow((await box(mail)).id)
    await expunge(mail, list(shot.uids))
    clock.at += 1_000
    await mail.sweep()
    assert await mail.read(octets) == OCTETS
    assert await mail.read(lambda reader: reader.forms(messages))
    following.hold(following.newest())
    await mail.sweep()

    for job in (octets, lambda r: r.forms(messages), lambda r: r.global_ids(messages)):
        with pytest.raises(MessageGone):
            await mail.read(job)
    assert list((tmp_path / "bodies").iterdir()) == []


@pytest.mark.anyio
async def test_octets_outlive_the_moment_between_snapshot_and_hold(mail: Mail) -> None:
    await fill(mail)
    shot = await snapshot(mail)
    await expunge(mail, list(shot.uids))
    await mail.sweep()

    assert await mail.read(lambda reader: reader.octets(shot.messages[0])) == OCTETS


@pytest.mark.anyio
async def test_a_restart_sweeps_what_a_view_had_held(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    await fill(first.mail, octets=bytes(100_000))
    shot = await snapshot(first.mail)
    await first.mail.follow((await box(first.mail)).id)
    await expunge(first.mail, list(shot.uids))
    first.close()
    orphan = tmp_path / "bodies" / ("ab" * 16)
    orphan.write_bytes(b"left by a crash")
    again = open_store(tmp_path)

    assert list((tmp_path / "bodies").iterdir()) == []
    again.close()


@pytest.mark.anyio
async def test_changes_are_told_in_modseq_order_to_every_watch(mail: Mail) -> None:
    inbox = (await box(mail)).id
    with mail.watch(inbox) as one, mail.watch(inbox) as two:
        waiting = asyncio.ensure_future(one.wait())
        uids = await fill(mail, 2)
        await waiting
        await store_flags(mail, uids, FlagChange.ADD, DELETED)
        await mail.write(lambda writer: writer.expunge(inbox))
        heard = one.take()

        assert [type(change) for change in heard] == [
            MessagesAdded,
            MessagesAdded,
            FlagsChanged,
            MessagesExpunged,
        ]
        assert [change.modseq for change in heard] == sorted(change.modseq for change in heard)
        assert two.take() == heard
        assert one.take() == []
    await fill(mail)
    assert one.take() == []


@pytest.mark.anyio
async def test_a_watch_that_overflows_says_so_once_and_follows_on(mail: Mail) -> None:
    inbox = (await box(mail)).id
    with mail.watch(inbox) as watch:
        added = MessagesAdded(
            inbox,
            (await box(mail)).highest_modseq,
            tuple(Uid(n) for n in range(60_000)),
            (),
            (),
        )
        mail._watches.announce([added, added, added])
        with pytest.raises(Busy):
            watch.take()
        await fill(mail)

        assert len(watch.take()) == 1


@pytest.mark.anyio
async def test_segments_split_when_full_and_join_when_worn(store: AccountStore) -> None:
    mail = store.mail
    uids = await fill(mail, 1500)
    assert (await snapshot(mail)).uids == tuple(uids)
    keep = set(uids[::100])
    await expunge(mail, [uid for uid in uids if uid not in keep])

    assert (await snapshot(mail)).uids == tuple(sorted(keep))
    segments = await store._database.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM segment").scalar()
    )
    assert segments == 1
    await store_flags(mail, [uids[0], uids[1], uids[700]], FlagChange.ADD, SEEN)
    assert (await box(mail)).unseen == len(keep) - 2


@pytest.mark.anyio
@pytest.mark.parametrize("size", [60_000, 1_000_000])
async def test_a_full_disk_refuses_and_leaves_nothing(
    mail: Mail, tmp_path: Path, size: int
) -> None:
    """In the row and in a file; with room again, the next message is taken."""
    await fill(mail)
    before = await snapshot(mail)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(DiskFull):
            await fill(mail, 10, octets=bytes(size))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert await snapshot(mail) == before
    assert list((tmp_path / "bodies").iterdir()) == []
    assert await fill(mail, octets=bytes(size)) == [2]


@pytest.mark.anyio
async def test_an_empty_message_is_a_message(mail: Mail) -> None:
    await fill(mail, octets=b"")
    [message] = (await snapshot(mail)).messages

    assert await mail.read(lambda reader: reader.octets(message)) == b""


@pytest.mark.anyio
async def test_appends_given_together_are_numbered_in_order(mail: Mail) -> None:
    inbox = (await box(mail)).id

    async def one(n: int) -> Appended:
        octets = b"%d\r\n" % n
        return await mail.write(
            lambda writer: writer.append(inbox, octets, form_of(octets), frozenset())
        )

    tasks: list[Awaitable[Appended]] = [one(n) for n in range(50)]
    appended = await asyncio.gather(*tasks)
    shot = await snapshot(mail)

    assert [each.uid for each in appended] == list(range(1, 51))
    first = await mail.read(lambda reader: reader.octets(shot.messages[0]))
    assert first == b"0\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize("ask", ["read", "glance", "follow", "write"])
async def test_the_index_steps_aside_for_whoever_asks(mail: Mail, ask: str) -> None:
    class Index:
        aside = 0

        async def hits(self, term: str, *, body_only: bool) -> TextHits:
            return TextHits(frozenset(), frozenset(), MessageId(0))

        def wake(self) -> None:
            self.aside += 1

        def step_aside(self) -> None:
            self.aside += 1

    inbox = (await box(mail)).id
    mail.index = index = Index()

    def job(reader: MailReader) -> object:
        return reader.mailbox(INBOX)

    if ask == "read":
        await mail.read(job)
    elif ask == "glance":
        mail.glance(job)
    elif ask == "follow":
        (await mail.follow(inbox)).close()
    else:
        await mail.write(job)

    assert index.aside
