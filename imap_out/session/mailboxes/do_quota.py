"""One quota root, "", over all mail of the account: how much there is, and how much may be.

Only what a mail program adds is refused.  Mail from the network is always kept: the person can
make room later, the sender could not be told why.  RFC 9208.
"""

from __future__ import annotations

from typing import Final

from imap_out.session.answers.out import Out
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.session import Completed, Session
from imap_out.wire import render
from imap_out.wire.commands import GetQuota, GetQuotaRoot, SetQuota
from mx_core.model.errors import OverQuota
from mx_core.model.flags import DELETED
from mx_core.model.mailbox_name import mailbox_name
from mx_core.ports import MailboxInfo, MailReader

_UNIT: Final = 1024  # octets, of STORAGE (RFC 9208 §5.1)


def used_octets(reader: MailReader) -> int:
    """Return what the account holds; folders that show mail of others hold none."""
    return sum(box.size for box in reader.mailboxes() if not box.rule)


def require_room(session: Session, reader: MailReader) -> None:
    """Refuse what a write job has just added if it is more than may be; nothing of it stays.

    Raises:
        OverQuota: The account would hold more than its quota.
    """
    limit = session.limits.account_octets
    if limit and used_octets(reader) > limit:
        raise OverQuota("the account has no room for this")


def deleted_octets(reader: MailReader, info: MailboxInfo) -> int:
    r"""Return the size of what is \\Deleted.  RFC 9208 §4.1.4; asked rarely, so it is counted."""
    if not info.deleted:
        return 0
    snapshot = reader.snapshot(info.id)
    rows = zip(snapshot.messages, snapshot.flags, strict=True)
    doomed = [message for message, flags in rows if DELETED in flags]
    return sum(size for size, _ in reader.sizes_and_dates(doomed))


async def get_quota(session: Session, command: GetQuota, out: Out) -> Completed:
    """RFC 9208 §4.2."""
    if command.root or not session.limits.account_octets:
        raise Refusal(b"NONEXISTENT", "there is no such quota root")
    await _tell(session, out)
    return Completed(b"that is the quota")


async def get_quota_root(session: Session, command: GetQuotaRoot, out: Out) -> Completed:
    """RFC 9208 §4.3; a mailbox that is not there has the root that it would have."""
    name = render.mailbox(mailbox_name(command.mailbox), utf8=session.utf8_names)
    if not session.limits.account_octets:
        out.put(b"* QUOTAROOT %b\r\n" % name)
        return Completed(b"there is no quota")
    out.put(b'* QUOTAROOT %b ""\r\n' % name)
    await _tell(session, out)
    return Completed(b"that is the quota")


async def set_quota(_session: Session, _command: SetQuota, _out: Out) -> Completed:
    """RFC 9208 §4.4: only the configuration sets it."""
    raise Refusal(b"NOPERM", "the quota stands in the configuration of the gateway")


async def _tell(session: Session, out: Out) -> None:
    used = await session.mail.read(used_octets)
    limit = session.limits.account_octets // _UNIT
    out.put(b'* QUOTA "" (STORAGE %d %d)\r\n' % (-(-used // _UNIT), limit))
