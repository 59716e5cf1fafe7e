"""One message as ``sendmail`` got it, and its sealed form.  spec/spool.

Whoever seals holds only the public key, so nothing that waits can be read without the master key.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from mx_core.model.errors import BadMessage, Untrusted
from mx_core.notation import cbor

_FORM: Final = 1
_KEYS: Final = frozenset(range(7))
_NUL: Final = b"\0"


class Letter(Struct, frozen=True):
    """What is to be sent: addresses as they were written, lines with CRLF."""

    sender: str  # "": whoever the From field names
    recipients: tuple[str, ...]
    octets: bytes
    notify: str = ""  # as NOTIFY of RFC 3461 §4.1; "": as usual
    return_full: bool = False
    envid: str = ""


def sealed(letter: Letter, key: PublicKey) -> bytes:
    """Return *letter* for the holder of the private half of *key* alone."""
    value: dict[int, cbor.Value] = {
        0: _FORM,
        1: letter.sender,
        2: list(letter.recipients),
        3: letter.octets,
        4: letter.notify,
        5: letter.return_full,
        6: letter.envid,
    }
    return bytes(SealedBox(key).encrypt(cbor.encode(value)))


def opened(octets: bytes, key: PrivateKey) -> Letter:
    """Return what was sealed; raises Untrusted: this is no letter to *key*."""
    try:
        value = cbor.decode(SealedBox(key).decrypt(octets))
    except (CryptoError, ValueError, TypeError) as error:
        raise Untrusted("spool", "a file of the spool does not open") from error
    if not isinstance(value, dict) or value.keys() != _KEYS:
        raise Untrusted("spool", "a file of the spool is of another form")
    match value:
        case {
            0: int(form),
            1: str(sender),
            2: list(recipients),
            3: bytes(text),
            4: str(notify),
            5: bool(full),
            6: str(envid),
        } if form == _FORM:
            named = tuple(each for each in recipients if isinstance(each, str))
            return Letter(sender, named, text, notify, full, envid)
    raise Untrusted("spool", "a file of the spool is of another form")


def with_crlf(octets: bytes, *, dot_ends: bool) -> bytes:
    r"""Return the lines of *octets*, which end in LF or CRLF, each with CRLF.

    *dot_ends*: a line that is only a dot ends the message, as sendmail has it without ``-i``.

    Raises:
        BadMessage: There is a NUL, or a CR that stands alone.
    """
    text = octets.replace(b"\r\n", b"\n")
    if _NUL in text or b"\r" in text:
        raise BadMessage("the message has a NUL, or a CR that stands alone")
    if dot_ends and (end := re.search(rb"^\.\n", text, re.MULTILINE)) is not None:
        text = text[: end.start()]
    if text and not text.endswith(b"\n"):
        text += b"\n"
    return text.replace(b"\n", b"\r\n")
