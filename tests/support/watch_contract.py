"""What every MailStore keeps to towards those who follow it; a part of ``MailContract``."""

import pytest

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
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import DELETED, SEEN, Flag
from mx_core.model.header_keys import (
    NO_DAY,
    NO_ID,
    Hits,
    OrderNumber,
    OrderText,
    TextField,
)
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import FlagChange, MailReader, MailStore
from tests.support.mail_calls import OCTETS, SENT, WORK, add, box, snapshot


@pytest.mark.anyio
class WatchContract:
    """Subclass and give ``mail``."""

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
        came, changed, went = heard
        assert isinstance(came, MessagesAdded)
        assert isinstance(changed, FlagsChanged)
        assert isinstance(went, MessagesExpunged)
        assert before < came.modseq < changed.modseq < went.modseq
        assert (list(changed.uids), changed.turns) == ([uid], {frozenset(): frozenset({DELETED})})

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

        assert [(tuple(shot.uids), tuple(shot.flags)) for shot in seen] == [
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
                lambda w, c=change, k=keyword: w.store_flags(inbox, [uid], c, frozenset({Flag(k)}))  # type: ignore[misc]  # bound now
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

        def holding(job: MailReader, text: TextField, wanted: str) -> Hits:
            return job.holding(text, wanted, found)

        def check(job: MailReader) -> None:
            assert holding(job, TextField.SUBJECT, "ONE").sure & {*found} == {one}
            assert holding(job, TextField.SUBJECT, "ONE").open & {*found} == {three}
            assert holding(job, TextField.FROM, "").sure & {*found} == {one}
            subjects = job.order_texts(OrderText.SUBJECT, [two, one, two])
            assert subjects == [b"TWO", b"ONE", b"TWO"]
            sent = job.order_numbers(OrderNumber.SENT, found)
            assert sent[:2] == [keys.sent, 1_000_000_000]
            assert job.order_numbers(OrderNumber.SENT_DAY, found)[:2] == [19723, NO_DAY]
            assert job.order_numbers(OrderNumber.SIZE, [one]) == [len(octets)]
            assert job.order_numbers(OrderNumber.ARRIVED, [two]) == [1_000_000_000]
            assert job.thread_keys([one, two])[0] == keys.thread
            assert job.thread_keys([two])[0].id == NO_ID

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
