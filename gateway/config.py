"""The configuration: a TOML file, checked whole at start, immutable after.

Every field has a default, so an absent file is a valid one.  An unknown key is an error that
names the nearest known key; all of a file's problems of one kind are not guessed at.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from mx_core.model.errors import BadConfiguration

T = TypeVar("T")

MIB = 1024 * 1024


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where mail programs connect: loopback only, ARCHITECTURE decision 16."""

    imap: int = 1143  # STARTTLS, and clear for the same user
    smtp: int = 1025
    imap_tls: int = 1993  # implicit TLS
    smtp_tls: int = 1465
    port_base: int = 0  # not 0: base+0 imap, +1 smtp, +2 imap_tls, +3 smtp_tls


class Discovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How domains are found."""

    nameserver: str = ""  # "127.0.0.1:5353"; empty: the system's resolvers
    peers: str = ""  # static peers file (TOML), for tests and closed networks
    allow_private: bool = False  # let the well-known fetch reach private addresses (tests)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds that a person may change."""

    message_octets: int = 25 * MIB
    recipients: int = 500
    connections: int = 512


class Sending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The retry schedule of the outbox."""

    first_delay_seconds: float = 30.0
    longest_delay_seconds: float = 4 * 3600.0
    give_up_seconds: float = 5 * 86400.0
    judge_seconds: float = 5.0  # longest wait for a verdict at RCPT TO


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    listen: Listen = Listen()
    discovery: Discovery = Discovery()
    limits: Limits = Limits()
    sending: Sending = Sending()
    log: Log = Log()


def load(path: Path, kind: type[T]) -> T:
    """Return the *kind* that the TOML file at *path* spells; defaults if there is no file.

    Raises:
        BadConfiguration: Not readable, not TOML, or a key or value that is not known; exit 78.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return kind()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} cannot be read: {error}") from error
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{path} is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise BadConfiguration(f"{path}: {_explained(str(error), kind)}") from error


def _explained(message: str, kind: type[object]) -> str:
    """Add the nearest known key to msgspec's sentence about an unknown one."""
    _, unknown, rest = message.partition("unknown field `")
    if not unknown:
        return message
    name, _, where = rest.partition("`")
    near = difflib.get_close_matches(name, _all_keys(kind), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown key {name!r}{where}{hint}"


def _all_keys(kind: type[object]) -> list[str]:
    keys: list[str] = []
    for field in msgspec.structs.fields(kind):  # type: ignore[arg-type]  # kind is a Struct
        keys.append(field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            keys += _all_keys(field.type)
    return keys
