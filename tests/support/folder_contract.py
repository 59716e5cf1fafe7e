"""What folders with a rule keep to in every MailStore; memory and disk run the same.

Subclass and give ``mail``: a fixture that yields a fresh store.
"""

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.change import FlagsChanged, MessagesAdded, MessagesExpunged
from mx_core.model.errors import BadRule, MailboxExists, NotPermitted
from mx_core.model.flags import DELETED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import GlobalId, MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailReader, MailStore, MailWriter
from tests.support.mail_calls import add, box, snapshot

STARRED, BOSS = MailboxName("Starred"), MailboxName("Boss")
ARCHIVE, TRASH, WORK = MailboxName("Archive"), MailboxName("Trash"), MailboxName("Work")
FROM_BOSS = b"From: The Boss <boss@work.example>\r\nSubject: now\r\n\r\nplease\r\n"


async def starred(mail: MailStore) -> MailboxId:
    return await folder(mail, STARRED, "FLAGGED")


async def folder(mail: MailStore, name: MailboxName, rule: str) -> MailboxId:
    return (await mail.write(lambda writer: writer.add_folder(name, rule))).id


async def flag(
    mail: MailStore, mailbox: MailboxId, uid: Uid, change: FlagChange, *flags: Flag
) -> None:
    await mail.write(lambda writer: writer.store_flags(mailbox, [uid], change, frozenset(flags)))


async def uids(mail: MailStore, name: MailboxName) -> tuple[Uid, ...]:
    return tuple((await snapshot(mail, name)).uids)


async def ids(mail: MailStore, name: MailboxName) -> list[GlobalId]:
    def job(reader: MailReader) -> list[GlobalId]:
        return reader.global_ids(list(reader.snapshot(reader.mailbox(name).id).messages))

    return await mail.read(job)


@pytest.mark.anyio
class FolderContract:
    async def test_a_folder_shows_what_was_there_before_it(self, mail: MailStore) -> None:
        await add(mail, frozenset({FLAGGED}))
        await add(mail)
        await starred(mail)

        info = await mail.read(lambda reader: reader.mailbox(STARRED))
        assert (info.messages, info.unseen, info.rule) == (1, 1, "FLAGGED")
        assert await ids(mail, STARRED) == (await ids(mail, INBOX))[:1]

    async def test_a_new_message_enters_in_the_same_change(self, mail: MailStore) -> None:
        here = await starred(mail)
        with mail.watch(here) as watch:
            await add(mail, frozenset({FLAGGED, SEEN}), name=ARCHIVE)
            (change,) = watch.take()

        assert isinstance(change, MessagesAdded)
        assert change.flags == (frozenset({FLAGGED, SEEN}),)
        assert await uids(mail, STARRED) == change.uids

    async def test_flags_let_a_message_in_and_out_and_it_comes_back_as_new(
        self, mail: MailStore
    ) -> None:
        here, inbox = await starred(mail), await box(mail)
        uid = await add(mail)
        await flag(mail, inbox, uid, FlagChange.ADD, FLAGGED)
        (first,) = await uids(mail, STARRED)
        with mail.watch(here) as watch:
            await flag(mail, inbox, uid, FlagChange.REMOVE, FLAGGED)
            (left,) = watch.take()
        await flag(mail, inbox, uid, FlagChange.ADD, FLAGGED)

        assert isinstance(left, MessagesExpunged)
        assert left.uids == (first,)
        assert await uids(mail, STARRED) == (first + 1,)

    async def test_a_flag_set_in_either_place_shows_in_both(self, mail: MailStore) -> None:
        here, inbox = await starred(mail), await box(mail)
        uid = await add(mail, frozenset({FLAGGED}))
        (shown,) = await uids(mail, STARRED)
        with mail.watch(inbox) as in_inbox, mail.watch(here) as in_folder:
            await flag(mail, here, shown, FlagChange.ADD, SEEN)
            heard = [*in_inbox.take(), *in_folder.take()]
            await flag(mail, inbox, uid, FlagChange.ADD, Flag("Later"))
            (change,) = in_folder.take()

        assert [type(each) for each in heard] == [FlagsChanged, FlagsChanged]
        assert isinstance(change, FlagsChanged)
        wanted = frozenset({FLAGGED, SEEN, Flag("Later")})
        assert change.turns == {frozenset({FLAGGED, SEEN}): wanted}
        assert (await snapshot(mail)).flags[0] == (await snapshot(mail, STARRED)).flags[0] == wanted
        info = await mail.read(lambda reader: reader.mailbox(STARRED))
        assert (info.unseen, info.messages) == (0, 1)

    async def test_a_flag_removed_through_the_folder_lets_the_message_leave(
        self, mail: MailStore
    ) -> None:
        here = await starred(mail)
        await add(mail, frozenset({FLAGGED}))
        (shown,) = await uids(mail, STARRED)

        await flag(mail, here, shown, FlagChange.REPLACE)

        assert await uids(mail, STARRED) == ()
        assert (await snapshot(mail)).flags[0] == frozenset()

    async def test_expunge_moves_the_original_to_the_trash(self, mail: MailStore) -> None:
        here = await starred(mail)
        await add(mail, frozenset({FLAGGED, DELETED}))
        await add(mail, frozenset({FLAGGED}), name=ARCHIVE)
        names = await ids(mail, STARRED)

        await mail.write(lambda writer: writer.expunge(here))

        assert await uids(mail, INBOX) == ()
        assert await ids(mail, TRASH) == names[:1]
        assert (await snapshot(mail, TRASH)).flags[0] == {FLAGGED}
        assert await ids(mail, STARRED) == names[1:]

    async def test_without_a_trash_nothing_is_expunged(self, mail: MailStore) -> None:
        here = await starred(mail)
        uid = await add(mail, frozenset({FLAGGED, DELETED}))
        await mail.write(lambda writer: writer.delete(TRASH))

        with pytest.raises(NotPermitted):
            await mail.write(lambda writer: writer.expunge(here))

        assert await uids(mail, INBOX) == (uid,)

    async def test_a_move_moves_the_original_and_the_message_comes_back_as_new(
        self, mail: MailStore
    ) -> None:
        here = await starred(mail)
        await add(mail, frozenset({FLAGGED}))
        (shown,) = await uids(mail, STARRED)

        moved = await mail.write(lambda writer: writer.move(here, [shown], ARCHIVE))

        assert moved.source == (shown,)
        assert await uids(mail, INBOX) == ()
        assert await uids(mail, ARCHIVE) == moved.target
        assert await uids(mail, STARRED) == (shown + 1,)

    async def test_a_copy_is_another_message_with_the_same_id(self, mail: MailStore) -> None:
        here = await starred(mail)
        await add(mail, frozenset({FLAGGED}))
        (shown,) = await uids(mail, STARRED)

        await mail.write(lambda writer: writer.copy(here, [shown], ARCHIVE))

        assert len(await uids(mail, INBOX)) == len(await uids(mail, ARCHIVE)) == 1
        assert len(set(await ids(mail, STARRED))) == 1
        assert await uids(mail, STARRED) == (shown, shown + 1)

    async def test_nothing_can_be_put_into_a_folder(self, mail: MailStore) -> None:
        here, inbox = await starred(mail), await box(mail)
        uid = await add(mail)
        octets = b"Subject: in\r\n\r\n"

        def append(writer: MailWriter) -> object:
            return writer.append(here, octets, prepare(octets), frozenset({FLAGGED}))

        def copy(writer: MailWriter) -> object:
            return writer.copy(inbox, [uid], STARRED)

        def move(writer: MailWriter) -> object:
            return writer.move(inbox, [uid], STARRED)

        for job in (append, copy, move):
            with pytest.raises(NotPermitted):
                await mail.write(job)
        assert await uids(mail, INBOX) == (uid,)
        assert await uids(mail, STARRED) == ()

    async def test_mail_in_trash_and_junk_and_below_is_in_no_folder(self, mail: MailStore) -> None:
        await starred(mail)
        below = MailboxName("Trash/old")
        await mail.write(lambda writer: writer.create(below))
        for name in (TRASH, MailboxName("Junk"), below):
            await add(mail, frozenset({FLAGGED}), name=name)

        assert await uids(mail, STARRED) == ()

    async def test_a_mailbox_renamed_into_the_trash_takes_its_mail_out_and_brings_it_back(
        self, mail: MailStore
    ) -> None:
        await starred(mail)
        await mail.write(lambda writer: writer.create(WORK))
        await add(mail, frozenset({FLAGGED}), name=WORK)
        thrown = MailboxName("Trash/Work")
        (before,) = await uids(mail, STARRED)

        await mail.write(lambda writer: writer.rename(WORK, thrown))
        assert await uids(mail, STARRED) == ()

        await mail.write(lambda writer: writer.rename(thrown, WORK))
        assert await uids(mail, STARRED) == (before + 1,)

    async def test_mail_leaves_with_its_mailbox(self, mail: MailStore) -> None:
        await starred(mail)
        await mail.write(lambda writer: writer.create(WORK))
        await add(mail, frozenset({FLAGGED}), name=WORK)

        await mail.write(lambda writer: writer.delete(WORK))

        assert await uids(mail, STARRED) == ()

    async def test_a_folder_can_be_deleted_and_its_mail_stays(self, mail: MailStore) -> None:
        before = await mail.write(lambda writer: writer.add_folder(STARRED, "FLAGGED"))
        uid = await add(mail, frozenset({FLAGGED}))
        await mail.write(lambda writer: writer.delete(STARRED))
        after = await mail.write(lambda writer: writer.add_folder(STARRED, "FLAGGED"))

        assert await uids(mail, INBOX) == (uid,)
        assert after.uid_validity != before.uid_validity
        assert await uids(mail, STARRED) == (Uid(1),)

    async def test_a_folder_keeps_its_uids_when_it_is_renamed(self, mail: MailStore) -> None:
        before = await mail.write(lambda writer: writer.add_folder(STARRED, "FLAGGED"))
        await add(mail, frozenset({FLAGGED}))
        await mail.write(lambda writer: writer.rename(STARRED, MailboxName("a/b")))
        await add(mail, frozenset({FLAGGED}))

        after = await snapshot(mail, MailboxName("a/b"))
        assert (after.uid_validity, tuple(after.uids)) == (before.uid_validity, (Uid(1), Uid(2)))

    async def test_no_mailbox_can_be_below_a_folder(self, mail: MailStore) -> None:
        await starred(mail)
        await mail.write(lambda writer: writer.create(WORK))

        with pytest.raises(NotPermitted):
            await mail.write(lambda writer: writer.create(MailboxName("Starred/a")))
        with pytest.raises(NotPermitted):
            await mail.write(lambda writer: writer.rename(WORK, MailboxName("Starred/a")))

    async def test_a_folder_needs_a_free_name_and_a_rule(self, mail: MailStore) -> None:
        with pytest.raises(MailboxExists):
            await folder(mail, ARCHIVE, "FLAGGED")
        with pytest.raises(BadRule):
            await folder(mail, STARRED, "FLAGED")

    async def test_a_rule_may_ask_for_header_and_flags(self, mail: MailStore) -> None:
        await add(mail, octets=FROM_BOSS)
        await folder(mail, BOSS, "UNSEEN FROM boss@work")
        inbox = await box(mail)
        await add(mail)
        uid = await add(mail, frozenset({SEEN}), octets=FROM_BOSS)
        assert await uids(mail, BOSS) == (Uid(1),)

        await flag(mail, inbox, uid, FlagChange.REMOVE, SEEN)
        await flag(mail, inbox, Uid(1), FlagChange.ADD, SEEN)

        assert await uids(mail, BOSS) == (Uid(2),)
        names = await ids(mail, INBOX)
        assert await ids(mail, BOSS) == names[-1:]

    async def test_many_messages_enter_and_leave_as_one(self, mail: MailStore) -> None:
        here, inbox = await starred(mail), await box(mail)
        many = [await add(mail, flags) for flags in _MIXED * 10]

        await mail.write(lambda w: w.store_flags(inbox, many, FlagChange.ADD, frozenset({FLAGGED})))
        assert len(await uids(mail, STARRED)) == len(many)
        shown = await uids(mail, STARRED)
        await mail.write(lambda w: w.store_flags(here, shown, FlagChange.ADD, frozenset({SEEN})))

        info = await mail.read(lambda reader: reader.mailbox(STARRED))
        assert (info.messages, info.unseen) == (len(many), 0)
        moved = await mail.write(lambda w: w.move(here, shown[:5], TRASH))
        assert len(moved.target) == 5
        assert len(await uids(mail, STARRED)) == len(await uids(mail, INBOX)) == len(many) - 5


_MIXED: tuple[FlagSet, ...] = (frozenset(), frozenset({SEEN}), frozenset({Flag("One")}))
