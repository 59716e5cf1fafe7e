"""Reading and writing any ``MailStore`` in one call each."""

from mx_core.mime.prepare import prepare
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.snapshot import Snapshot
from mx_core.ports import MailStore

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
