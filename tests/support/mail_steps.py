"""What tests of the store do with mail, in one call each."""

from mx_core.model.flags import DELETED, Flag, FlagSet
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.snapshot import Snapshot
from mx_core.ports import FlagChange, MailboxInfo, MailWriter
from mx_core.store.mail.mail import Mail
from tests.support.stores import START, form_of

OCTETS = b"Subject: hello\r\n\r\nbody\r\n"
TRASH, SENT = MailboxName("Trash"), MailboxName("Sent")


async def box(mail: Mail, name: MailboxName = INBOX) -> MailboxInfo:
    return await mail.read(lambda reader: reader.mailbox(name))


async def snapshot(mail: Mail, name: MailboxName = INBOX) -> Snapshot:
    return await mail.read(lambda reader: reader.snapshot(reader.mailbox(name).id))


async def fill(
    mail: Mail, count: int = 1, flags: FlagSet = frozenset(), octets: bytes = OCTETS
) -> list[Uid]:
    def job(writer: MailWriter) -> list[Uid]:
        inbox = writer.mailbox(INBOX).id
        return [
            writer.append(inbox, octets, form_of(octets), flags, START).uid for _ in range(count)
        ]

    return await mail.write(job)


async def store_flags(mail: Mail, uids: list[Uid], change: FlagChange, *flags: Flag) -> None:
    inbox = (await box(mail)).id
    await mail.write(lambda writer: writer.store_flags(inbox, uids, change, frozenset(flags)))


async def expunge(mail: Mail, uids: list[Uid]) -> None:
    await store_flags(mail, uids, FlagChange.ADD, DELETED)
    inbox = (await box(mail)).id
    await mail.write(lambda writer: writer.expunge(inbox, uids))
