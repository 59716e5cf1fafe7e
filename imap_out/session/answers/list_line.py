"""One untagged LIST, as LIST, NOTIFY and (in IMAP4rev2) SELECT, CREATE and RENAME tell it."""

from __future__ import annotations

from typing import Final

from imap_out.session.state.session import Session
from imap_out.wire import render
from mx_core.model.mailbox_name import DELIMITER

QUOTED_DELIMITER: Final = b'"%b"' % DELIMITER.encode()


def list_line(
    session: Session, name: str, *, attributes: bytes = b"", old: str | None = None
) -> bytes:
    """Spell it; *old* is what the mailbox was called, or how the client spelled it.

    oldname-extended-item = "OLDNAME" SP "(" mailbox ")"                   RFC 9051 §6.3.9.7
    """
    spelled = render.mailbox(name, utf8=session.utf8_names)
    was = b""
    if old is not None and old != name:
        was = b' ("OLDNAME" (%b))' % render.mailbox(old, utf8=session.utf8_names)
    return b"* LIST (%b) %b %b%b\r\n" % (attributes, QUOTED_DELIMITER, spelled, was)
