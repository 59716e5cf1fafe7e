"""What any mail program asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The settings of one account for one mail program; *ca*: the path of the root to trust."""

    address: str
    username: str
    password: str
    host: str
    imap: int  # STARTTLS, or clear for the same user
    smtp: int
    imap_tls: int  # implicit TLS
    smtp_tls: int
    ca: str
