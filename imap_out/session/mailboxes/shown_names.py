"""The names a login is shown: all, or all but the folders with a rule.  spec/folders §1."""

from __future__ import annotations

from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import Account, MailboxInfo, MailReader

Names = tuple[list[MailboxInfo], list[MailboxName]]


def shows_folders(account: Account | None) -> bool:
    """Tell whether folders are shown; who knows the name of one can select it all the same."""
    return account is None or account.shows_folders


def shown(reader: MailReader, account: Account | None) -> Names:
    """Return mailboxes and subscriptions as *account* is shown them."""
    boxes, subscriptions = reader.mailboxes(), reader.subscriptions()
    if shows_folders(account):
        return boxes, subscriptions
    hidden = {box.name for box in boxes if box.rule}
    return (
        [box for box in boxes if box.name not in hidden],
        [name for name in subscriptions if name not in hidden],
    )
