"""What others see while mail changes: snapshots that are shared, octets that stay, watches that are told."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from mx_core.model.change import Change, FlagsChanged, MessagesAdded, MessagesExpunged
from mx_core.model.errors import (
    Busy,
    MessageGone,
)
from mx_core.model.flags import DELETED
from mx_core.model.ids import Uid
from mx_core.ports import FlagChange, MailReader
from mx_core.store.mail.mail import Mail
from tests.support.mail_steps import OCTETS, box, expunge, fill, snapshot, store_flags
from tests.support.stores import Clock, open_store


@pytest.mark.anyio
async def test_sessions_share_one_snapshot_until_something_changes(mail: Mail) -> None:
    await fill(mail)
    first = await snapshot(mail)
    assert await snapshot(mail) is first
    await fill(mail)

    assert await snapshot(mail) is not first
    assert len(first.uids) == 1


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
    assert mail.whole(messages[0], 1 << 20)[2] == OCTETS * 9000
    assert await mail.read(lambda reader: reader.forms(messages))
    following.hold(following.newest())
    await mail.sweep()

    for job in (octets, lambda r: r.forms(messages), lambda r: r.global_ids(messages)):
        with pytest.raises(MessageGone):
            await mail.read(job)
    with pytest.raises(MessageGone):
        mail.whole(messages[0], 1 << 20)
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
    await fill(first.mail, octets=bytes(300_000))
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
        modseqs = [cast("Change", news).modseq for news in heard]
        assert modseqs == sorted(modseqs)
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
