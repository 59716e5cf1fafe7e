"""What happens while a SELECT is answered is told afterwards, as news."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from typing_extensions import override

from mx_core.model.address import Address
from mx_core.ports import MailReader
from tests.support.memory_mail import MemoryAccount, MemoryAccounts, MemoryMail
from tests.support.transcript import Transcript

pytestmark = pytest.mark.anyio
T = TypeVar("T")
OCTETS = b"Subject: x\r\n\r\nbody\r\n"


class Busy(MemoryMail):
    """Mail that comes while somebody reads."""

    expected = 0

    @override
    async def read(self, job: Callable[[MailReader], T]) -> T:
        found = await super().read(job)
        if self.expected:
            self.expected -= 1
            await self.deliver(OCTETS)
        return found


async def test_a_mailbox_is_selected_with_one_count_although_mail_comes_meanwhile() -> None:
    mail = Busy()
    account = MemoryAccount(Address.parse("fred@a.example"), "secret", mail)
    world = Transcript(MemoryAccounts(account))
    line = await world.open("")
    for _ in range(3):
        await mail.deliver(OCTETS)
    await line.feed(
        b"a ENABLE QRESYNC\r\nb SELECT INBOX\r\nc STORE 1 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\n"
    )
    line.taken()
    mail.expected = 1
    await line.feed(b"e SELECT INBOX (QRESYNC (1002 1))\r\n")
    selected = line.taken().splitlines()
    await line.feed(b"f NOOP\r\n")
    news = line.taken().splitlines()
    await world.end()

    assert mail.expected == 0
    assert [row for row in selected if row.endswith(b"EXISTS")] == [b"* 2 EXISTS"]
    assert b"* VANISHED (EARLIER) 1" in selected
    assert news[0] == b"* 3 EXISTS"
