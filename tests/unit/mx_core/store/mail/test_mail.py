"""The port's promises one by one; ``test_mail_model`` plays them against a plain model."""

import asyncio
import resource
from collections.abc import Awaitable, Sequence
from pathlib import Path

import pytest

from mx_core.model.change import MessagesAdded, MessagesExpunged
from mx_core.model.errors import (
    DiskFull,
    NotPermitted,
    OverQuota,
)
from mx_core.model.flags import FLAGGED, RECENT, SEEN, Flag
from mx_core.model.ids import MessageId, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.model.text_hits import TextHits
from mx_core.ports import Appended, FlagChange, MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.mail.mail import Mail
from tests.support.mail_steps import OCTETS, TRASH, box, expunge, fill, snapshot, store_flags
from tests.support.stores import START, form_of, open_store


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
    assert (copied.source, copied.target) == (tuple(uids), tuple(target.uids))
    assert target.flags == source.flags

    def facts(reader: MailReader, messages: Sequence[MessageId]) -> tuple[object, ...]:
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
@pytest.mark.parametrize("ask", ["read", "glance", "whole", "follow", "write"])
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
    await fill(mail)
    [message] = (await snapshot(mail)).messages
    mail.index = index = Index()

    def job(reader: MailReader) -> object:
        return reader.mailbox(INBOX)

    if ask == "read":
        await mail.read(job)
    elif ask == "glance":
        mail.glance(job)
    elif ask == "whole":
        mail.whole(message, 1)
    elif ask == "follow":
        (await mail.follow(inbox)).close()
    else:
        await mail.write(job)

    assert index.aside
