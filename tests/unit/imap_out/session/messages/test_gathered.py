"""APPENDs that share a job: none hears of success that was not its own."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from imap_out.session.messages.gathered import Gathered
from mx_core.mime.prepare import prepare
from mx_core.model.errors import Unavailable
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailWriter, NewMail

pytestmark = pytest.mark.anyio
MESSAGE = b"Subject: x\r\n\r\nx\r\n"
NEW = NewMail(MESSAGE, prepare(MESSAGE), frozenset(), 0)


class Shut:
    """A store whose writer takes no job any more."""

    asked = 0

    async def write(self, _job: Callable[[MailWriter], object]) -> object:
        self.asked += 1
        raise Unavailable("the store is closed")


async def test_what_comes_as_a_job_fails_before_it_began_is_not_told_that_it_was_kept() -> None:
    mail: Any = Shut()
    gathered = Gathered(asyncio.create_task)

    def append() -> "asyncio.Task[Any]":
        return asyncio.create_task(gathered.append(mail, INBOX, [NEW], lambda _: None))

    first = append()
    await asyncio.sleep(0)  # its job is to be begun by the loop next
    second = append()  # comes to it when it has ended, and before the first has heard of it
    ends = await asyncio.gather(first, second, return_exceptions=True)

    assert [type(end) for end in ends] == [Unavailable, Unavailable]
    assert mail.asked == 2
