"""A home server that keeps newer epochs back: the message goes, and both sides see that it was so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.flags import SEEN, Flag
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from tests.support.anew import Post, post_of
from tests.support.people import DAY
from tests.support.sending import ALICE, BOB

pytestmark = pytest.mark.anyio
SENT = MailboxName("Sent")
REDUCED, SUBMITTED = Flag("$MXReduced"), Flag("$Submitted")


async def write(post: Post, subject: str) -> None:
    """Submit as a mail program does: the message is shown."""
    octets = (
        f"From: {ALICE}\r\nMessage-ID: <{subject}@a.example>\r\nSubject: {subject}\r\n\r\nhello\r\n"
    ).encode()
    queue_id = await post.alice.store.outbox.enqueue(
        Submission(ALICE, (BOB,), octets), form=prepare(octets)
    )
    post.subjects[queue_id] = subject.encode()
    await post.carry()


async def flags(post: Post) -> list[frozenset[Flag]]:
    def job(reader: Any) -> list[frozenset[Flag]]:
        return list(reader.snapshot(reader.mailbox(SENT).id).flags)

    return list(await post.alice.store.mail.read(job))


async def test_what_is_sealed_past_the_time_of_a_key_is_marked_for_both(tmp_path: Path) -> None:
    async with post_of(tmp_path) as post:
        device = await post.first_device()
        await write(post, "fresh")
        await device.collect()
        for _week in range(3):
            post.true.at += 7 * DAY
            device.clock.at = post.true()
            await device.epochs._publish_due()
            # the server hands out the first one only
            del device.owned.epochs[1:]
        post.alice.forget_cards()
        await write(post, "stale")
        await device.collect()

        def whole(reader: Any) -> list[bytes]:
            view = reader.snapshot(reader.mailbox(INBOX).id)
            return [reader.octets(message) for message in view.messages]

        fresh, stale = await device.store.mail.read(whole)
        assert await flags(post) == [{SEEN, SUBMITTED}, {SEEN, SUBMITTED, REDUCED}]
        assert b"reduced-secrecy" not in fresh
        assert b"reduced-secrecy" in stale.split(b"\r\nReturn-Path", 1)[0].replace(b"\r\n ", b"")


async def test_sealed_anew_to_a_fresh_key_it_loses_the_mark(tmp_path: Path) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        post.true.at += 20 * DAY
        await write(post, "stale")
        marked = await flags(post)
        new = await post.recovered(None)
        await new.collect()
        await new.unread.tell_due()
        await post.carry()
        await new.collect()

        assert marked == [{SEEN, SUBMITTED, REDUCED}]
        assert await flags(post) == [{SEEN, SUBMITTED}]
        assert await new.subjects() == [b"stale"]
