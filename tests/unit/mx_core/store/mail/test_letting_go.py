"""What a write job had in hand goes with it: mail that was stored stays in no memory."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailWriter
from mx_core.store.mail.mail import Mail
from tests.support.mail_steps import fill


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.anyio
@pytest.mark.usefixtures("no_collection")
async def test_what_a_job_stored_goes_with_the_job_and_waits_for_no_collection(mail: Mail) -> None:
    jobs: list[weakref.ref[MailWriter]] = []

    def store(writer: MailWriter) -> None:
        jobs.append(weakref.ref(writer))
        octets = b"Subject: x\r\n\r\nhello\r\n"
        writer.append(writer.mailbox(INBOX).id, octets, prepare(octets), frozenset())

    await mail.write(store)
    await fill(mail)  # the thread that writes holds the last job until it has another

    assert [job() for job in jobs] == [None]
