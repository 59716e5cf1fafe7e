"""What every MailStore keeps to; the store in memory and the one on the disk run the same.

Subclass and give ``mail``: a fixture that yields a fresh store with its default mailboxes.
"""

import pytest

from mx_core.mime import listed
from mx_core.mime.prepare import prepare
from mx_core.model.errors import MailboxExists, MailError, NoSuchMailbox, NotPermitted
from mx_core.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MessageId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Fact
from mx_core.ports import FlagChange, MailStore
from tests.support.mail_calls import OCTETS, SENT, WORK, add, box, snapshot
from tests.support.watch_contract import WatchContract


@pytest.mark.anyio
class MailContract(WatchContract):
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
        assert mail.whole(message, len(octets)) == (len(octets), 1_000_000_000, octets)
        assert mail.whole(message, len(octets) - 1) == (len(octets), 1_000_000_000, None)
        with pytest.raises(MailError):
            mail.whole(MessageId(99), len(octets))

    async def test_opened_octets_are_read_after_the_job(self, mail: MailStore) -> None:
        short, long = b"Subject: s\r\n\r\nx", b"Subject: l\r\n\r\n" + bytes(range(1, 256)) * 1000
        for octets in (short, long):
            await add(mail, octets=octets)
        messages = (await snapshot(mail)).messages
        opened = [await mail.read(lambda reader, m=m: reader.opened(m)) for m in messages]  # type: ignore[misc]  # bound now

        assert [each[0 : len(each)] for each in opened] == [short, long]
        assert opened[1][65_000:140_000] == long[65_000:140_000]
        with pytest.raises(MailError):
            await mail.read(lambda reader: reader.opened(MessageId(99)))

    async def test_facts_come_in_the_order_of_the_messages_and_of_what_is_asked(
        self, mail: MailStore
    ) -> None:
        large = b"Subject: large\r\nTo: a\r\n\r\n" + b"x" * 70_000
        await add(mail, octets=large)
        await add(mail, octets=b"no header at all")
        await add(mail, octets=b"\r\nnot one field")
        messages = [*reversed((await snapshot(mail)).messages), (await snapshot(mail)).messages[0]]
        asked = (Fact.ENVELOPE, Fact.HEADER, Fact.SIZE, Fact.INTERNAL_DATE, Fact.BODY, Fact.LISTED)

        columns = await mail.read(lambda reader: reader.facts(messages, asked))
        facts = list(zip(*columns, strict=True))

        octets = [b"\r\nnot one field", b"no header at all", large, large]
        forms = [prepare(each) for each in octets]
        assert [fact[0] for fact in facts] == [form.envelope for form in forms]
        assert [listed.header_of(*fact[1]) for fact in facts] == [
            each[: form.header_end] for each, form in zip(octets, forms, strict=True)
        ]
        assert [listed.fields_of(fact[1][2]) for fact in facts] == [form.fields for form in forms]
        assert [fact[5] for fact in facts] == [fact[1][0] for fact in facts]
        assert [fact[2:5] for fact in facts] == [
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
        assert (copied.source, copied.target) == ((uid,), tuple(there.uids))
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
