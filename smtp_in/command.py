"""The arguments of MAIL, RCPT and AUTH, as text in, values out.  No state, no I/O.

Nothing is upper-cased: an address and a parameter's value keep their case (RFC 5321 §2.4).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

# Reverse-path = Path / "<>" ;  Path = "<" [ A-d-l ":" ] Mailbox ">"      RFC 5321 §4.1.2
# A space after the colon is no grammar; several mail programs send one.
_PATH: Final = re.compile(
    r' *<(?:@[^:<>" ]*:)?(?P<address>"(?:[^"\\]|\\.)*"@[^<> ]*|[^<>" ]*)>(?: +(?P<parameters>.*))?'
)
# esmtp-param = esmtp-keyword ["=" esmtp-value]                           RFC 5321 §4.1.2
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(@.*)')
# Mailbox = Local-part "@" ( Domain / address-literal )                   RFC 5321 §4.1.2, §4.1.3
_QUOTED_MAILBOX: Final = re.compile(r'"(?:[^"\\]|\\.){1,62}"@[A-Za-z0-9.-]{1,253}')
_LITERAL: Final = re.compile(r"[^@]@\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]\Z")
_SIZE: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Path:
    """The argument of MAIL or RCPT; *address* is "" for ``<>``; keywords are upper-case."""

    address: str
    parameters: dict[str, str]
    # a form that is an address and that no account here has: quoted, or at an address literal
    foreign: bool = field(default=False, compare=False)


class Credentials(Struct, frozen=True):
    """What SASL PLAIN carries.  RFC 4616 §2."""

    username: str
    password: str


def parse_path(argument: str | None, keyword: str) -> Path | None:
    """Return what stands after ``FROM:`` or ``TO:`` (*keyword*), or None if it spells nothing."""
    if argument is None or argument[: len(keyword)].upper() != keyword:
        return None
    match = _PATH.fullmatch(argument[len(keyword) :])
    if match is None:
        return None
    parameters: dict[str, str] = {}
    for word in (match["parameters"] or "").split():
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None:
            return None
        parameters[parameter[1].upper()] = parameter[2] or ""
    address = match["address"]
    foreign = bool(_QUOTED_MAILBOX.fullmatch(address) or _LITERAL.search(address))
    return Path(_unquoted(address), parameters, foreign)


def parse_size(value: str) -> int | None:
    """Return the octets of SIZE=, or None.  RFC 1870 §4."""
    return int(value) if _SIZE.fullmatch(value) else None


def decode_base64(text: bytes) -> bytes | None:
    """Return the octets of a SASL response, or None; ``=`` is an empty one (RFC 4954 §4)."""
    if text == b"=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def parse_plain(octets: bytes) -> Credentials | None:
    """Return the credentials of a PLAIN response; None if another identity is asked for."""
    # message = [authzid] UTF8NUL authcid UTF8NUL passwd                   RFC 4616 §2
    parts = octets.split(b"\0")
    if len(parts) != 3 or parts[0] not in {b"", parts[1]}:  # noqa: PLR2004  # the three of the grammar
        return None
    return login(parts[1], parts[2])


def login(username: bytes, password: bytes) -> Credentials | None:
    """Return the credentials, or None if they are not UTF-8 or empty."""
    try:
        found = Credentials(username.decode(), password.decode())
    except UnicodeDecodeError:
        return None
    return found if found.username and found.password else None


def _unquoted(address: str) -> str:
    """Drop quotes around a local part: ``"alice"@a`` and ``alice@a`` are one (RFC 5321 §4.1.2)."""
    match = _QUOTED.fullmatch(address)
    return re.sub(r"\\(.)", r"\1", match[1]) + match[2] if match else address
