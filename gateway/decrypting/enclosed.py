"""Which messages are encrypted as a whole by OpenPGP or S/MIME, and what is in them.  Pure.

Only a whole message counts: a part of one, text with an armour in it, or what a server has taken
apart is never touched, because clear text beside it could carry the rest away.
docs/spec/decrypting.md §1.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from mx_core.mime import part_map
from mx_core.mime.content_field import ContentType, content_type
from mx_core.mime.header import split_fields, value
from mx_core.mime.limits import HEADER_OCTETS_MAX
from mx_core.mime.part_map import Kind as PartKind
from mx_core.mime.part_map import Part
from mx_core.mime.prepare import prepare
from mx_core.mime.transfer_encoding import decode
from mx_core.model.message import HeaderField

MEDIA_TYPES: Final = frozenset(
    {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
)
_CONTENT_TYPE: Final = b"content-type"
_PGP: Final = b"application/pgp-encrypted"
_SMIME_TYPES: Final = frozenset({b"enveloped-data", b"authenveloped-data"})
_PKCS7: Final = frozenset({b"pkcs7-mime", b"x-pkcs7-mime"})
_WORDS: Final = (b"encrypted", b"pkcs7-mime")  # no token can be folded
_SEQUENCE: Final = 0x30
_OID_WITHIN: Final = 32  # octets of a ContentInfo before its type ends, whatever its lengths are
_ENVELOPED: Final = bytes.fromhex("06092a864886f70d010703")  # 1.2.840.113549.1.7.3
_AUTH_ENVELOPED: Final = bytes.fromhex("060b2a864886f70d0109100117")  # 1.2.840.113549.1.9.16.1.23
_PARTS: Final = 2


class Kind(Enum):
    """What encrypted a message."""

    OPENPGP = "openpgp"  # multipart/encrypted, RFC 3156 §4
    SMIME = "smime"  # application/pkcs7-mime, RFC 8551 §3.3


def kind_of(octets: bytes, fields: Sequence[HeaderField] | None = None) -> Kind | None:
    """Return what the top header says that the whole message is encrypted by; never raises.

    *fields*: those of the top header, if somebody has them.
    """
    if fields is None:
        end = octets.find(b"\r\n\r\n", 0, HEADER_OCTETS_MAX)
        start = octets[: end if end >= 0 else HEADER_OCTETS_MAX].lower()
        if not any(word in start for word in _WORDS):
            return None  # nearly all mail, at a thirtieth of the cost
        fields = split_fields(octets, 0, len(octets))
    types = [field for field in fields if field.name == _CONTENT_TYPE]
    if len(types) != 1:  # with two, two programs may read two messages
        return None
    return _kind(content_type(value(octets, types[0])))


def enclosed(octets: bytes) -> bytes | None:
    """Return the ciphertext of a message that ``kind_of`` knows; None if there is no whole one."""
    kind = kind_of(octets)
    if kind is None:
        return None
    root = part_map.decode(prepare(octets).parts)
    if kind is Kind.OPENPGP:
        return _of_openpgp(octets, root)
    found = _body(octets, root) if root.kind is PartKind.LEAF else b""
    return found if is_enveloped(found) else None


def is_enveloped(der: bytes) -> bool:
    """Tell whether a ContentInfo holds EnvelopedData or AuthEnvelopedData.  RFC 5652 §3."""
    start = der[:_OID_WITHIN]
    return start[:1] == bytes([_SEQUENCE]) and (_ENVELOPED in start or _AUTH_ENVELOPED in start)


def is_authentic(der: bytes) -> bool:
    """Tell whether what is enveloped cannot be altered unseen (RFC 5083): no CBC."""
    return _AUTH_ENVELOPED in der[:_OID_WITHIN]


def _kind(found: ContentType) -> Kind | None:
    main, sub = found.main.lower(), found.sub.lower()
    if (main, sub) == (b"multipart", b"encrypted"):
        protocol = (found.parameter(b"protocol") or b"").strip().lower()
        return Kind.OPENPGP if protocol == _PGP else None
    if main == b"application" and sub in _PKCS7:
        said = found.parameter(b"smime-type")
        # RFC 8551 §3.2.2: a receiver must not depend on it; then the ciphertext itself says
        return Kind.SMIME if said is None or said.strip().lower() in _SMIME_TYPES else None
    return None


def _of_openpgp(octets: bytes, root: Part) -> bytes | None:
    # RFC 3156 §4: exactly two parts, the second of which is the message
    if root.kind is not PartKind.MULTIPART or len(root.children) != _PARTS:
        return None
    control, data = root.children
    if control.media_type != _PGP.decode() or data.media_type != "application/octet-stream":
        return None
    return _body(octets, data) or None


def _body(octets: bytes, part: Part) -> bytes:
    return decode(octets[part.body_start : part.end], part.encoding)
