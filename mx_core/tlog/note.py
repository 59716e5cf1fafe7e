"""A signed note: text, and lines of signatures by named keys.

C2SP signed-note, with Ed25519 (type 1) and, for witnesses, timestamped cosignatures (type 4, C2SP
tlog-cosignature).  What no known key signed is not shown: ``open_note`` gives text and signers.

Failure class: ``note``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from mx_core.model.errors import Untrusted
from mx_core.notation.signing import SIGNATURE_OCTETS

NOTE_OCTETS_MAX: Final = 16 * 1024
SIGNATURES_MAX: Final = 64
_ID_OCTETS: Final = 4
_TIME_OCTETS: Final = 8
_LINE: Final = re.compile(r"\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME: Final = re.compile(r"[^\s+]+")


class Kind(IntEnum):
    """The signature types that we know."""

    ED25519 = 1
    COSIGNATURE = 4


class NoteKey(Struct, frozen=True):
    """A key that is trusted to sign notes under a name."""

    name: str
    public: bytes
    kind: Kind = Kind.ED25519

    @property
    def id(self) -> bytes:
        """Return the 4 octets that stand before its signatures."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Return the key of ``name+hex id+base64 of type and key``.

        Raises:
            Untrusted: ``note``.
        """
        name, _, rest = text.partition("+")
        shown_id, _, encoded = rest.partition("+")
        try:
            octets = base64.b64decode(encoded, validate=True)
            key = cls(name, octets[1:], Kind(octets[0]))
        except (binascii.Error, ValueError, IndexError) as error:
            raise Untrusted("note", "not a key of signed notes") from error
        if not _NAME.fullmatch(name) or shown_id != key.id.hex() or len(key.public) != 32:  # noqa: PLR2004  # Ed25519
            raise Untrusted("note", "a key of signed notes that contradicts itself")
        return key


class Signed(Struct, frozen=True):
    """A signature that was verified; *time* in unix seconds for a cosignature, else None."""

    key: NoteKey
    time: int | None = None


def sign_note(text: str, name: str, key: SigningKey) -> bytes:
    """Return the signature line of *key* over *text*, which ends in a newline."""
    note_key = NoteKey(name, bytes(key.verify_key))
    return _signature_line(note_key, key.sign(text.encode()).signature)


def cosign(text: str, name: str, key: SigningKey, time: int) -> bytes:
    """Return a witness's line: it saw this checkpoint at *time*, consistent with all before."""
    note_key = NoteKey(name, bytes(key.verify_key), Kind.COSIGNATURE)
    signature = key.sign(_cosigned(text, time)).signature
    return _signature_line(note_key, time.to_bytes(_TIME_OCTETS, "big") + signature)


def join(text: str, lines: Iterable[bytes]) -> bytes:
    """Return the note of *text* and its signature lines."""
    return text.encode() + b"\n" + b"".join(lines)


def open_note(octets: bytes, keys: Sequence[NoteKey]) -> tuple[str, list[Signed]]:
    """Return the text and those of *keys* that signed it, in the order of the lines.

    Lines of unknown keys are passed over.

    Raises:
        Untrusted: ``note``: no note, no known signature, or a known key's that is wrong.
    """
    text, lines = _split(octets)
    known = {(key.name, key.id): key for key in keys}
    found: list[Signed] = []
    for line in lines:
        name, key_id, signature = _parse_line(line)
        key = known.get((name, key_id))
        if key is not None:
            found.append(_verified(key, text, signature))
    if not found:
        raise Untrusted("note", "a note that no known key signed")
    return text, found


def signature_lines(octets: bytes) -> list[bytes]:
    """Return the signature lines of a note; raises as ``open_note``."""
    return [line.encode() + b"\n" for line in _split(octets)[1]]


def _split(octets: bytes) -> tuple[str, list[str]]:
    if len(octets) > NOTE_OCTETS_MAX:
        raise Untrusted("note", "a note that is too large")
    try:
        whole = octets.decode()
    except UnicodeDecodeError as error:
        raise Untrusted("note", "a note that is not UTF-8") from error
    text, separator, signatures = whole.rpartition("\n\n")
    if not separator or not signatures.endswith("\n") or _CONTROL.search(whole):
        raise Untrusted("note", "not a signed note")
    lines = signatures[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Untrusted("note", "a note with too many signatures")
    return text + "\n", lines


def _parse_line(line: str) -> tuple[str, bytes, bytes]:
    match = _LINE.fullmatch(line)
    if match is None or "+" in match[1]:
        raise Untrusted("note", "a signature line that is none")
    try:
        octets = base64.b64decode(match[2], validate=True)
    except binascii.Error as error:
        raise Untrusted("note", "a signature line that is not base64") from error
    if len(octets) <= _ID_OCTETS:
        raise Untrusted("note", "a signature line without a signature")
    return match[1], octets[:_ID_OCTETS], octets[_ID_OCTETS:]


def _verified(key: NoteKey, text: str, signature: bytes) -> Signed:
    time: int | None = None
    signed = text.encode()
    if key.kind is Kind.COSIGNATURE:
        if len(signature) != _TIME_OCTETS + SIGNATURE_OCTETS:
            raise Untrusted("note", f"a cosignature of {key.name} of the wrong length")
        time = int.from_bytes(signature[:_TIME_OCTETS], "big")
        signature = signature[_TIME_OCTETS:]
        signed = _cosigned(text, time)
    try:
        VerifyKey(key.public).verify(signed, signature)
    except (BadSignatureError, ValueError, TypeError) as error:
        raise Untrusted("note", f"a signature of {key.name} does not verify") from error
    return Signed(key, time)


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _signature_line(key: NoteKey, signature: bytes) -> bytes:
    encoded = base64.b64encode(key.id + signature).decode()
    return f"\u2014 {key.name} {encoded}\n".encode()
