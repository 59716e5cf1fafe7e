"""The configuration: a TOML file, checked whole at start, immutable after.

Every field has a default, so an absent file is a valid one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.loopback.hidden_capabilities import wrong_tables
from mx_core.program.configuration import converted, read_toml
from mx_core.program.log_settings import Log

MIB = 1024 * 1024


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where mail programs and the browser connect: loopback only."""

    imap: int = 1143  # STARTTLS, and clear for the same user
    smtp: int = 1025
    imap_tls: int = 1993  # implicit TLS
    smtp_tls: int = 1465
    page: int = 1180  # for a browser of the same user
    port_base: int = 0  # not 0: base+0 imap, +1 smtp, +2 imap_tls, +3 smtp_tls, +4 page


class Beyond(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where other devices of the person may connect, too: by TLS only, to IMAP and SMTP alone."""

    address: str = ""  # one address of this computer, "192.168.1.5"; empty: loopback only
    certificate: str = ""  # PEM chain for the name that the devices type
    key: str = ""  # its key, PEM, closed to other users


class Discovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How domains are found."""

    nameserver: str = ""  # "127.0.0.1:5353"; empty: the system's resolvers
    peers: str = ""  # static peers file (TOML), for tests and closed networks
    closed: bool = False  # domains that the peers file does not name are not on the network
    allow_private: bool = False  # let the well-known fetch reach private addresses (tests)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds that a person may change."""

    message_octets: int = 25 * MIB
    recipients: int = 500
    connections: int = 512
    account_octets: int = 0  # of one account's mail; 0: as much as the disk holds


class Hide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """IMAP capabilities that a mail program is not told of, since it has a fault with them."""

    capabilities: tuple[str, ...]
    account: str = ""  # an address; empty: all accounts
    client: str = ""  # how its name (RFC 2971) begins, "Thunderbird"; empty: all programs


class Sending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The retry schedule of the outbox."""

    first_delay_seconds: float = 30.0
    longest_delay_seconds: float = 4 * 3600.0
    give_up_seconds: float = 5 * 86400.0
    judge_seconds: float = 5.0  # longest wait for a verdict at RCPT TO
    undo_seconds: float = (
        0.0  # how long all mail waits in Outbox, where it can be taken back; 10 is usual
    )


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How mail is shown."""

    mark_subjects: bool = True  # "[not encrypted]" before the subject of ordinary mail, when stored


class OAuth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[oauth.NAME]: a client registered at a provider; URLs only of others than google, microsoft."""

    client_id: str = ""
    client_secret: str = ""  # as providers call what every copy of a program knows
    authorization_url: str = ""  # for browsers
    token_url: str = ""
    device_url: str = ""  # for codes
    revocation_url: str = ""
    scope: str = ""


class Unlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the gateway locks itself, and what it does while it is locked."""

    lock_after_minutes: float = 0.0  # from unlocking on; 0: never
    lock_when_idle_minutes: float = 0.0  # from when somebody last did something; 0: never
    receive_while_locked: bool = True  # keep what arrives, sealed as it came


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    listen: Listen = Listen()
    beyond: Beyond = Beyond()
    discovery: Discovery = Discovery()
    limits: Limits = Limits()
    sending: Sending = Sending()
    reading: Reading = Reading()
    unlock: Unlock = Unlock()
    hide: tuple[Hide, ...] = ()
    oauth: dict[str, OAuth] = {}
    log: Log = Log()


def load(path: Path) -> Config:
    """Return the configuration that the file at *path* spells; the defaults if there is no file.

    Raises:
        BadConfiguration: Not readable, not TOML, or a key or value that is not known; exit 78.
    """
    try:
        tree = read_toml(path)
    except FileNotFoundError:
        return Config()
    return converted(tree, Config, str(path), lambda config: wrong_tables(config.hide))
