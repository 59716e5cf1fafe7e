"""The TXT record at ``_mailx.<domain>``: which keys a domain has and where its hello listener is.

    record = "v=mailx1" *( ";" [SP] tag "=" value ) [";"]
    k      = "ed25519:" base64 of 32 octets, one to four times
    e      = "https://" host ":" port, once

Tags we do not know are passed over, as in DKIM (RFC 6376 §3.2).  Pure.  docs/spec/discovery.md §2.

Failure class: ``txt``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from mx_core.discovery.endpoint import Endpoint, parse_endpoint
from mx_core.model.errors import Untrusted
from mx_core.notation.signing import PUBLIC_KEY_OCTETS

OWNER_LABEL: Final = "_mailx"
_VERSION: Final = "mailx1"
_KEY_PREFIX: Final = "ed25519:"
_URL_PREFIX: Final = "https://"
_KEYS_MAX: Final = 4
_OCTETS_MAX: Final = 2_048


class TxtRecord(Struct, frozen=True):
    """What a record says: domain keys (not yet accepted) and the hello endpoint."""

    keys: tuple[bytes, ...]
    hello: Endpoint


def render_record(record: TxtRecord) -> str:
    """Return the text of *record*, to be put into DNS."""
    keys = "; ".join(f"k={key_text(key)}" for key in record.keys)
    return f"v={_VERSION}; {keys}; e={_URL_PREFIX}{record.hello}"


def parse_records(texts: Iterable[str]) -> TxtRecord | None:
    """Return what the one ``v=mailx1`` record among *texts* says, or None if there is none.

    Raises:
        Untrusted: ``txt``: it breaks the grammar, or there are several.
    """
    ours = [text for text in texts if _tags(text)[:1] == [("v", _VERSION)]]
    match ours:
        case []:
            return None
        case [text]:
            return _parse(text)
        case _:
            raise Untrusted("txt", "several mailx1 records; which one holds is not known")


def key_text(key: bytes) -> str:
    """Return *key* as records and peers files spell it."""
    return _KEY_PREFIX + base64.b64encode(key).decode("ascii")


def parse_key(text: str) -> bytes:
    """Return the key that ``ed25519:<base64>`` spells; the padding may be left out.

    Raises:
        Untrusted: ``txt``.
    """
    encoded = text.removeprefix(_KEY_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Untrusted("txt", f"{text!r} is not ed25519:<base64>") from error
    # comparing with the canonical spelling refuses stray bits and doubled padding
    if len(key) != PUBLIC_KEY_OCTETS or text not in {key_text(key), key_text(key).rstrip("=")}:
        raise Untrusted("txt", f"{text!r} is not ed25519:<base64>")
    return key


def _parse(text: str) -> TxtRecord:
    if len(text) > _OCTETS_MAX:
        raise Untrusted("txt", "a record of unusual size")
    tags = _tags(text)
    keys = tuple(dict.fromkeys(parse_key(value) for name, value in tags if name == "k"))
    urls = [value for name, value in tags if name == "e"]
    if not 1 <= len(keys) <= _KEYS_MAX or len(urls) != 1 or not urls[0].startswith(_URL_PREFIX):
        raise Untrusted("txt", "a record needs one to four k= and one e=https://host:port")
    if sum(name == "v" for name, _ in tags) != 1:
        raise Untrusted("txt", "a record with two versions")
    try:
        hello = parse_endpoint(urls[0].removeprefix(_URL_PREFIX))
    except Untrusted as error:
        raise Untrusted("txt", f"{urls[0]!r} is not https://host:port") from error
    return TxtRecord(keys, hello)


def _tags(text: str) -> list[tuple[str, str]]:
    return [
        (name.strip(" "), value.strip(" "))
        for name, _, value in (part.partition("=") for part in text.split(";"))
        if name.strip(" ")
    ]
