"""What every MailStore keeps to; the store in memory and the one on the disk run the same.

Subclass and give ``mail``: a fixture that yields a fresh store with its default mailboxes.
"""

import pytest

from mx_core.mime import field_table
from mx_core.mime.casemap import fold
from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.change import (
    FlagsChanged,
    MailboxGone,
    MessagesAdded,
    MessagesExpunged,
    NameChanged,
    SubscriptionChanged,
)
from mx_core.model.errors import MailboxExists, NoSuchMailbox, NotPermitted
from mx_core.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.header_keys import (
    NO_DAY,
    NO_ID,
    Hits,
    OrderNumber,
    OrderText,
    TextField,
)
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Fact
from mx_core.model.snapshot import Snapshot
from mx_core.ports import FlagChange, MailReader, MailStore

OCTETS = b"Subject: hello\r\n\r\nbody\r\n"
WORK, SENT = MailboxName("Work"), MailboxName("Sent")


async def box(mail: MailStore, name: MailboxName = INBOX) -> MailboxId:
    return await mail.read(lambda reader: reader.mailbox(name).id)


async def snapshot(mail: MailStore, name: MailboxName = INBOX) -> Snapshot:
    return await mail.read(lambda reader: reader.snapshot(reader.mailbox(name).id))


async def add(
    mail: MailStore, flags: FlagSet = frozenset(), octets: bytes = OCTETS, name: MailboxName = INBOX
) -> Uid:
    form = prepare(octets)
    appended = await mail.write(
        lambda writer: writer.append(writer.mailbox(name).id, octets, form, flags, 1_000_000_000)
    )
    return appended.uid


@pytest.mark.anyio
class MailContract:
    async def test_the_usual_mailboxes_are_there_and_subscribed(self, mail: MailStore) -> None:
        found = await mail.read(lambda reader: reader.mailboxes())

        uses = {info.name: info.special_use for info in found}
        assert uses[INBOX] == ""
        assert uses[SENT] == "\\Sent"
        assert all(info.subscribed for info in found)
        assert [info.name for info in found] == sorted(uses)

    async def test_uids_rise_and_are_never_given_twice(self, mail: MailStore) -> None:
        first = await add(mail, frozenset({DELETED}))
        inbox = await box(mail)
        await mail.write(lambda writer: writer.expunge(inbox))

        second = await add(mail)

        assert second > first
        assert (await snapshot(mail)).uids == (second,)

    async def test_octets_come_back_as_they_went_in_and_by_range(self, mail: MailStore) -> None:
        octets = b"Subject: \xff\r\n\r\n" + bytes(range(1, 256)) * 1000
        await add(mail, octets=octets)
        (message,) = (await snapshot(mail)).messages

        assert await mail.read(lambda reader: reader.octets(message)) == octets
        assert await mail.read(lambda reader: reader.octets(message, 5, 70_000)) == octets[5:70_000]
        assert await mail.read(lambda reader: reader.octets(message, 0, 10**9)) == octets
        assert await mail.read(lambda reader: reader.forms([message])) == [prepare(octets)]
        assert await mail.read(lambda reader: reader.sizes_and_dates([message])) == [
            (len(octets), 1_000_000_000)
        ]

    async def test_facts_come_in_the_order_of_the_messages_and_of_what_is_asked(
        self, mail: MailStore
    ) -> None:
        large = b"Subject: large\r\nTo: a\r\n\r\n" + b"x" * 70_000
        await add(mail, octets=large)
        await add(mail, octets=b"no header at all")
        await add(mail, octets=b"\r\nnot one field")
        messages = [*reversed((await snapshot(mail)).messages), (await snapshot(mail)).messages[0]]
        asked = (Fact.ENVELOPE, Fact.HEADER, Fact.SIZE, Fact.INTERNAL_DATE, Fact.BODY)

        facts = await mail.read(lambda reader: reader.facts(messages, asked))

        octets = [b"\r\nnot one field", b"no header at all", large, large]
        forms = [prepare(each) for each in octets]
        assert [fact[0] for fact in facts] == [form.envelope for form in forms]
        assert [fact[1][0] for fact in facts] == [
            each[: form.header_end] for each, form in zip(octets, forms, strict=True)
        ]
        assert [field_table.unpack(fact[1][1]) for fact in facts] == [form.fields for form in forms]
        assert [fact[2:] for fact in facts] == [
            (len(each), 1_000_000_000, form.body) for each, form in zip(octets, forms, strict=True)
        ]

    async def test_counters_agree_with_the_messages(self, mail: MailStore) -> None:
        await add(mail, frozenset({SEEN}))
        await add(mail, frozenset({DELETED}))
        await add(mail)

        info = await mail.read(lambda reader: reader.mailbox(INBOX))

        assert (info.messages, info.unseen, info.deleted, info.recent) == (3, 2, 1, 3)
        assert info.size == 3 * len(OCTETS)
        assert info.uid_next == (await snapshot(mail)).uid_next

    async def test_flags_are_added_removed_and_replaced(self, mail: MailStore) -> None:
        uid = await add(mail, frozenset({SEEN, Flag("One")}))
        inbox = await box(mail)

        async def flags_after(change: FlagChange, *flags: Flag) -> FlagSet:
            await mail.write(
                lambda writer: writer.store_flags(inbox, [uid, Uid(999)], change, frozenset(flags))
            )
            return (await snapshot(mail)).flags[0]

        assert await flags_after(FlagChange.ADD, FLAGGED) == {SEEN, FLAGGED, Flag("One")}
        assert await flags_after(FlagChange.REMOVE, SEEN, Flag("one")) == {FLAGGED}
        assert await flags_after(FlagChange.REPLACE, ANSWERED) == {ANSWERED}

    async def test_only_what_is_deleted_is_expunged(self, mail: MailStore) -> None:
        one = await add(mail, frozenset({DELETED}))
        two = await add(mail, frozenset({DELETED}))
        three = await add(mail)
        inbox = await box(mail)

        gone = await mail.write(lambda writer: writer.expunge(inbox, [two, three]))

        assert gone == (two,)
        assert (await snapshot(mail)).uids == (one, three)

    async def test_a_copy_keeps_flags_date_and_octets(self, mail: MailStore) -> None:
        uid = await add(mail, frozenset({FLAGGED}))
        inbox = await box(mail)

        copied = await mail.write(lambda writer: writer.copy(inbox, [uid, Uid(77)], SENT))

        there = await snapshot(mail, SENT)
        assert (copied.source, copied.target) == ((uid,), there.uids)
        assert copied.uid_validity == there.uid_validity
        assert there.flags == (frozenset({FLAGGED}),)
        rows = await mail.read(lambda reader: reader.sizes_and_dates(there.messages))
        assert rows == [(len(OCTETS), 1_000_000_000)]
        assert await mail.read(lambda reader: reader.octets(there.messages[0])) == OCTETS

    async def test_a_copy_came_when_it_was_made_and_so_did_what_was_appended(
        self, mail: MailStore
    ) -> None:
        """RFC 8514 §4.2: the date is of the mailbox, not of the message."""
        uids = [await add(mail), await add(mail)]
        inbox = await box(mail)
        copied = await mail.write(lambda writer: writer.copy(inbox, uids, SENT))
        sent = await box(mail, SENT)

        here = await mail.read(lambda reader: reader.save_dates(inbox, uids))
        there = await mail.read(lambda reader: reader.save_dates(sent, copied.target))

        assert here == sorted(here)
        assert max(here) <= min(there)
        assert here[0] != 1_000_000_000
        assert await mail.read(lambda reader: reader.save_dates(inbox, [])) == []

    async def test_a_move_leaves_nothing_behind(self, mail: MailStore) -> None:
        uid = await add(mail)
        inbox = await box(mail)

        moved = await mail.write(lambda writer: writer.move(inbox, [uid], SENT))

        assert moved.source == (uid,)
        assert (await snapshot(mail)).uids == ()
        assert (await snapshot(mail, SENT)).uids == moved.target

    async def test_a_target_that_is_not_there_changes_nothing(self, mail: MailStore) -> None:
        uid = await add(mail)
        inbox = await box(mail)

        with pytest.raises(NoSuchMailbox):
            await mail.write(lambda writer: writer.move(inbox, [uid], WORK))

        assert (await snapshot(mail)).uids == (uid,)

    async def test_a_job_that_fails_leaves_no_trace(self, mail: MailStore) -> None:
        def job(writer: object) -> None:
            writer.create(WORK)  # type: ignore[attr-defined]  # a MailWriter
            raise NotPermitted("after all")

        with pytest.raises(NotPermitted):
            await mail.write(job)

        with pytest.raises(NoSuchMailbox):
            await box(mail, WORK)

    async def test_creating_makes_what_is_above(self, mail: MailStore) -> None:
        await mail.write(lambda writer: writer.create(MailboxName("a/b/c")))

        names = {info.name for info in await mail.read(lambda reader: reader.mailboxes())}
        assert {"a", "a/b", "a/b/c"} <= names
        with pytest.raises(MailboxExists):
            await mail.write(lambda writer: writer.create(MailboxName("a/b")))

    async def test_a_mailbox_made_again_has_another_uidvalidity(self, mail: MailStore) -> None:
        before = await mail.write(lambda writer: writer.create(WORK))
        await mail.write(lambda writer: writer.delete(WORK))
        after = await mail.write(lambda writer: writer.create(WORK))

        assert before.uid_validity != after.uid_validity

    async def test_inbox_can_not_be_deleted_and_gives_its_mail_away_by_rename(
        self, mail: MailStore
    ) -> None:
        await add(mail)
        with pytest.raises(NotPermitted):
            await mail.write(lambda writer: writer.delete(INBOX))

        await mail.write(lambda writer: writer.rename(INBOX, WORK))

        assert len((await snapshot(mail, WORK)).uids) == 1
        assert (await snapshot(mail)).uids == ()

    async def test_children_follow_a_rename(self, mail: MailStore) -> None:
        await mail.write(lambda writer: writer.create(MailboxName("a/b")))
        uid = await add(mail, name=MailboxName("a/b"))

        await mail.write(lambda writer: writer.rename(MailboxName("a"), MailboxName("z")))

        assert (await snapshot(mail, MailboxName("z/b"))).uids == (uid,)

    async def test_a_subscription_needs_no_mailbox(self, mail: MailStore) -> None:
        await mail.write(lambda writer: writer.subscribe(WORK, subscribed=True))
        assert WORK in await mail.read(lambda reader: reader.subscriptions())

        await mail.write(lambda writer: writer.subscribe(WORK, subscribed=False))
        assert WORK not in await mail.read(lambda reader: reader.subscriptions())

    async def test_recent_is_forgotten_once_and_for_all(self, mail: MailStore) -> None:
        uid = await add(mail)
        inbox = await box(mail)
        assert (await snapshot(mail)).first_recent <= uid

        before = await mail.write(lambda writer: writer.forget_recent(inbox))

        assert before <= uid
        assert (await snapshot(mail)).first_recent > uid
        assert (await mail.read(lambda reader: reader.mailbox(INBOX))).recent == 0

    async def test_a_watch_hears_all_that_happened_in_its_mailbox_in_order(
        self, mail: MailStore
    ) -> None:
        inbox = await box(mail)
        with mail.watch(inbox) as watch:
            before = (await snapshot(mail)).highest_modseq
            await add(mail, name=SENT)
            uid = await add(mail)
            await mail.write(
                lambda writer: writer.store_flags(
                    inbox, [uid], FlagChange.ADD, frozenset({DELETED})
                )
            )
            await mail.write(lambda writer: writer.expunge(inbox))
            await watch.wait()
            heard = watch.take()

        assert [type(change) for change in heard] == [MessagesAdded, FlagsChanged, MessagesExpunged]
        assert before < heard[0].modseq < heard[1].modseq < heard[2].modseq
        assert isinstance(heard[1], FlagsChanged)
        assert (heard[1].uids, heard[1].flags) == ((uid,), (frozenset({DELETED}),))

    async def test_a_watch_of_the_account_hears_of_all_mailboxes_and_of_their_names(
        self, mail: MailStore
    ) -> None:
        other = MailboxName("Other")
        with mail.watch() as watch:
            await mail.write(lambda writer: writer.create(WORK))
            await add(mail, name=WORK)
            await mail.write(lambda writer: writer.subscribe(WORK, subscribed=True))
            await mail.write(lambda writer: writer.subscribe(WORK, subscribed=True))
            await mail.write(lambda writer: writer.rename(WORK, other))
            await mail.write(lambda writer: writer.delete(other))
            await watch.wait()
            heard = [news for news in watch.take() if not isinstance(news, MailboxGone)]

        assert [news for news in heard if not isinstance(news, MessagesAdded)] == [
            NameChanged(None, WORK),
            SubscriptionChanged(WORK, subscribed=True),
            NameChanged(WORK, other),
            NameChanged(other, None),
        ]
        assert sum(isinstance(news, MessagesAdded) for news in heard) == 1

    async def test_flags_that_were_so_already_are_no_news(self, mail: MailStore) -> None:
        uid = await add(mail, frozenset({SEEN}))
        inbox = await box(mail)
        with mail.watch(inbox) as watch:
            await mail.write(
                lambda writer: writer.store_flags(inbox, [uid], FlagChange.ADD, frozenset({SEEN}))
            )

            assert watch.take() == []

    async def test_a_watch_hears_that_its_mailbox_is_gone(self, mail: MailStore) -> None:
        made = await mail.write(lambda writer: writer.create(WORK))
        with mail.watch(made.id) as watch:
            await mail.write(lambda writer: writer.delete(WORK))

            assert [type(change) for change in watch.take()] == [MailboxGone]
        with pytest.raises(NoSuchMailbox):
            await mail.read(lambda reader: reader.snapshot(made.id))

    async def test_octets_stay_while_a_view_holds_them(self, mail: MailStore) -> None:
        """RFC 2180 §4.1."""
        await add(mail, frozenset({DELETED}))
        inbox = await box(mail)
        (message,) = (await snapshot(mail)).messages
        following = await mail.follow(inbox)
        await mail.write(lambda writer: writer.expunge(inbox))
        await add(mail)

        assert await mail.read(lambda reader: reader.octets(message)) == OCTETS
        assert await mail.read(lambda reader: reader.forms([message])) == [prepare(OCTETS)]
        following.close()

    async def test_what_changed_and_what_vanished_since_a_modseq(self, mail: MailStore) -> None:
        """RFC 7162 §3.1.3, §3.2."""
        one, two, three, four = [await add(mail) for _ in range(4)]
        inbox = await box(mail)
        start = (await snapshot(mail)).highest_modseq
        await mail.write(
            lambda w: w.store_flags(inbox, [one, two], FlagChange.ADD, frozenset({DELETED}))
        )
        await mail.write(lambda w: w.expunge(inbox, [two]))
        middle = (await snapshot(mail)).highest_modseq
        await mail.write(lambda w: w.move(inbox, [three], SENT))

        changed = await mail.read(lambda r: r.changed_since(inbox, [one, two, four], start))
        assert changed == {one}
        assert await mail.read(lambda r: r.changed_since(inbox, [one], middle)) == set()
        assert await mail.read(lambda r: r.vanished_since(inbox, start)) == [two, three]
        assert await mail.read(lambda r: r.vanished_since(inbox, middle)) == [three]

    async def test_who_follows_a_mailbox_sees_each_commit_in_it(self, mail: MailStore) -> None:
        inbox = await box(mail)
        following = await mail.follow(inbox)
        seen = []
        uid = await add(mail)
        for job in (
            lambda writer: writer.store_flags(inbox, [uid], FlagChange.ADD, frozenset({DELETED})),
            lambda writer: writer.expunge(inbox),
        ):
            await following.wait()
            seen.append(following.newest())
            await mail.write(job)
        seen.append(following.newest())

        assert [(shot.uids, shot.flags) for shot in seen] == [
            ((uid,), (frozenset(),)),
            ((uid,), (frozenset({DELETED}),)),
            ((), ()),
        ]
        assert seen[-1] == await snapshot(mail)
        following.close()

    async def test_all_who_follow_know_the_same_keywords(self, mail: MailStore) -> None:
        inbox = await box(mail)
        uid = await add(mail, frozenset({Flag("$One"), DELETED}))
        first = await mail.follow(inbox)
        for change, keyword in ((FlagChange.ADD, "$Two"), (FlagChange.REPLACE, "$Three")):
            await mail.write(
                lambda w, c=change, k=keyword: w.store_flags(inbox, [uid], c, frozenset({Flag(k)}))
            )
            first.newest()
        second = await mail.follow(inbox)

        assert first.keywords() == second.keywords() == {"$One", "$Two", "$Three"}
        first.close()
        assert second.keywords() == {"$One", "$Two", "$Three"}
        second.close()
        third = await mail.follow(inbox)
        assert third.keywords() == {"$Three"}
        third.close()

    async def test_a_mailbox_that_is_gone_has_no_newest_state(self, mail: MailStore) -> None:
        made = await mail.write(lambda writer: writer.create(WORK))
        following = await mail.follow(made.id)
        await mail.write(lambda writer: writer.delete(WORK))
        await following.wait()

        with pytest.raises(NoSuchMailbox):
            following.newest()
        with pytest.raises(NoSuchMailbox):
            await mail.follow(made.id)
        following.close()

    @pytest.mark.parametrize("body_only", [True, False])
    @pytest.mark.parametrize("term", ["hello", "ello", "Body", "y\r\n", "subject: he", "absent"])
    async def test_what_the_index_is_sure_of_is_so(
        self, mail: MailStore, term: str, body_only: bool
    ) -> None:
        await add(mail)
        (message,) = (await snapshot(mail)).messages
        texts = [body_text(OCTETS, prepare(OCTETS))]
        if not body_only:
            texts.append(header_text(OCTETS, prepare(OCTETS)))

        hits = await mail.text_hits(fold(term), body_only=body_only)

        assert hits.verdict(message) in {None, any(fold(term) in text for text in texts)}

    async def test_keys_of_headers_are_those_of_the_octets(self, mail: MailStore) -> None:
        octets = (
            b"Subject: Re: one\r\nFrom: Fred <f@a.example>\r\nMessage-ID: <1@x>\r\n"
            b"References: <0@x>\r\nDate: Mon, 1 Jan 2024 00:30:00 +0200\r\n\r\nbody"
        )
        await add(mail, octets=octets)
        await add(mail, octets=b"Subject: two\r\n\r\n")
        await add(mail, octets=(b"Subject: one " + b"x" * 10_000 + b"\r\n") * 2 + b"\r\n")
        one, two, three = found = (await snapshot(mail)).messages
        keys = header_keys(octets, prepare(octets))

        def holding(text: TextField, wanted: str) -> Hits:
            return reader.holding(text, wanted, found)

        def check(job: MailReader) -> None:
            nonlocal reader
            reader = job
            assert holding(TextField.SUBJECT, "ONE").sure & {*found} == {one}
            assert holding(TextField.SUBJECT, "ONE").open & {*found} == {three}
            assert holding(TextField.FROM, "").sure & {*found} == {one}
            subjects = job.order_texts(OrderText.SUBJECT, [two, one, two])
            assert subjects == [b"TWO", b"ONE", b"TWO"]
            sent = job.order_numbers(OrderNumber.SENT, found)
            assert sent[:2] == [keys.sent, 1_000_000_000]
            assert job.order_numbers(OrderNumber.SENT_DAY, found)[:2] == [19723, NO_DAY]
            assert job.order_numbers(OrderNumber.SIZE, [one]) == [len(octets)]
            assert job.order_numbers(OrderNumber.ARRIVED, [two]) == [1_000_000_000]
            assert job.thread_keys([one, two])[0] == keys.thread
            assert job.thread_keys([two])[0].id == NO_ID

        reader: MailReader
        await mail.read(check)
        await mail.read(check)

    async def test_keys_of_a_message_that_came_since_are_there(self, mail: MailStore) -> None:
        await add(mail, octets=b"Subject: one\r\n\r\n")
        before = (await snapshot(mail)).messages
        await mail.read(lambda reader: reader.holding(TextField.SUBJECT, "ONE", before))
        await add(mail, octets=b"Subject: one again\r\n\r\n")
        found = (await snapshot(mail)).messages

        hits = await mail.read(lambda reader: reader.holding(TextField.SUBJECT, "ONE", found))

        assert hits.sure >= set(found)
        assert await mail.read(lambda reader: reader.order_numbers(OrderNumber.SIZE, found)) == [
            16,
            22,
        ]
