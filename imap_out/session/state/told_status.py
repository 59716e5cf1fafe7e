"""What was told of a mailbox by STATUS: programs ask the same of the same one, again and again."""

from __future__ import annotations

from msgspec import Struct

from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailboxInfo


class ToldStatus(Struct, frozen=True):
    """The answer *line* to *items* of *name*; it holds while the store gives the same *info* and *recent*."""

    name: MailboxName
    items: tuple[bytes, ...]
    info: MailboxInfo | None = None
    recent: int = 0  # that no session has claimed
    line: bytes = b""
