"""What is announced, and what can be enabled: two tables and who reads them.

docs/spec/imap.md §1 says what each word means here.  A hidden word is neither announced nor
enabled; its commands still work, so that a program that knows of them anyway is not broken.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from imap_out.wire.limits import Limits

BEFORE_LOGIN: Final = (
    b"IMAP4rev1",
    b"IMAP4rev2",
    b"LITERAL+",
    b"SASL-IR",
    b"ENABLE",
    b"ID",
    b"IDLE",
)
AFTER_LOGIN: Final = (
    *BEFORE_LOGIN,
    b"NAMESPACE",
    b"CHILDREN",
    b"UNSELECT",
    b"UIDPLUS",
    b"MOVE",
    b"MULTIAPPEND",
    b"SPECIAL-USE",
    b"CREATE-SPECIAL-USE",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"STATUS=SIZE",
    b"OBJECTID",
    b"SAVEDATE",
    b"PREVIEW",
    b"BINARY",
    b"REPLACE",
    b"UTF8=ACCEPT",
    b"APPENDLIMIT",
    b"CONDSTORE",
    b"QRESYNC",
    b"NOTIFY",
    b"ESEARCH",
    b"SEARCHRES",
    b"WITHIN",
    b"PARTIAL",
    b"I18NLEVEL=1",
    b"INPROGRESS",
    b"SORT",
    b"SORT=DISPLAY",
    b"ESORT",
    b"THREAD=REFERENCES",
    b"THREAD=ORDEREDSUBJECT",
)
QUOTA: Final = (b"QUOTA", b"QUOTA=RES-STORAGE")  # only where there is one
COMPRESS: Final = b"COMPRESS=DEFLATE"  # only to another computer, and once
# RFC 5161 §3.1; what a word changes is looked up in `Session.enabled`
CONDSTORE: Final = b"CONDSTORE"
QRESYNC: Final = b"QRESYNC"
UTF8_ACCEPT: Final = b"UTF8=ACCEPT"
IMAP4REV2: Final = b"IMAP4REV2"  # as ENABLE's words are kept; spec/imap §7 says what changes
CAN_BE_ENABLED: Final = frozenset({CONDSTORE, QRESYNC, UTF8_ACCEPT, IMAP4REV2})
# what a configuration may hide: not what a login needs
CAN_BE_HIDDEN: Final = frozenset(word.upper() for word in (*AFTER_LOGIN, *QUOTA, COMPRESS)) - {
    b"IMAP4REV1"
}


def announced(
    *,
    logged_in: bool,
    can_start_tls: bool,
    login_allowed: bool,
    can_compress: bool,
    limits: Limits,
    hidden: Collection[bytes],
) -> bytes:
    """Return the words of CAPABILITY, a space between; *hidden* is in upper case.

    RFC 9051 §6.1.1.
    """
    words = list(AFTER_LOGIN if logged_in else BEFORE_LOGIN)
    if not logged_in:
        if can_start_tls:
            words.append(b"STARTTLS")
        words.append(b"AUTH=PLAIN" if login_allowed else b"LOGINDISABLED")
    if logged_in and can_compress:
        words.append(COMPRESS)
    if logged_in and limits.account_octets:
        words += QUOTA
    values = {b"APPENDLIMIT": b"=%d" % limits.message_octets}  # RFC 7889 §3.1
    return b" ".join(word + values.get(word, b"") for word in words if word.upper() not in hidden)
