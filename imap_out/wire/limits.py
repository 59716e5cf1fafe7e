"""Every bound of the IMAP front door in one place, each with its reason.  Values only."""

from __future__ import annotations

from msgspec import Struct

KIB = 1024


class Limits(Struct, frozen=True):
    """Bounds of one server; a test crosses each of them."""

    line_octets_before_login: int = 40 * KIB  # an ID of 30 × 1,024 octets (RFC 2971 §3.3)
    line_octets: int = 64 * KIB  # UID sets of large mailboxes come in one line
    literal_octets_before_login: int = 1 * KIB  # LOGIN may spell name and password as literals
    literals_octets_before_login: int = 8 * KIB
    command_octets: int = 64 * KIB  # all of a command, the message of an APPEND aside
    message_octets: int = 50_000_000  # an APPEND beyond is refused before it is sent
    account_octets: int = 0  # all mail of an account (RFC 9208 STORAGE); 0: no quota
    append_octets: int = 100_000_000  # all messages of one APPEND (RFC 3502)
    append_messages: int = 2_000
    answer_octets: int = 256 * KIB  # answers are joined to pieces of about this size
    read_octets: int = 1024 * KIB  # what one read transaction fetches before it ends
    login_failures: int = 6  # one attempt of Thunderbird is three refusals
    login_seconds: float = 30.0
    idle_seconds: float = 31 * 60.0  # RFC 9051 §5.4: at least 30 minutes
    still_here_seconds: float = 5 * 60.0  # keeps the path of an IDLE open
    write_seconds: float = 120.0  # a client that reads nothing holds memory of ours
    connections: int = 1000
    connections_per_account: int = 512
