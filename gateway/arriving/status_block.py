"""The lines that are prepended to a message when it is stored, and what they say.

Pure.  Normative: spec/status.  Rendered once and frozen with the octets under their UID;
whatever can change later is a keyword.  Only the first field of a message can be a status:
anything of that name further down was written by somebody else and says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from msgspec import Struct, structs

from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.model.flags import KEY_CHANGED, NOT_ENCRYPTED, UNVERIFIED, FlagSet
from mx_core.model.ids import DeviceId
from mx_core.model.message import HeaderField

RESERVED_FIELDS: Final = frozenset({b"mx-status", b"return-path", b"authentication-results"})
RESERVED_KEYWORD_PREFIX: Final = "$MX"

# Notes of version 1; a reader shows one it does not know as it is (spec/status §4).
FIRST_CONTACT: Final = "first-contact"
DEVICES_CHANGED: Final = "devices-changed"
KEY_ROTATED: Final = "key-rotated"
PASSPORT_CHANGED: Final = "passport-changed"
MOVED: Final = "moved"
ENDED: Final = "ended"
KEY_CHANGED_NOTE: Final = "key-changed"
FROM_DIFFERS: Final = "from-differs"
REDUCED_SECRECY: Final = "reduced-secrecy"
LATE: Final = "late"
FORGED_STATUS: Final = "forged-status"
DOOR: Final = "door"
CLAIMS_CONTACT: Final = "claims-contact"
BOUNCE: Final = "bounce"
DECRYPTED_OPENPGP: Final = "decrypted-openpgp"
DECRYPTED_SMIME: Final = "decrypted-smime"

_COMPARED: Final = frozenset({"endorsed", "verified"})
_DECRYPTED: Final = {DECRYPTED_OPENPGP: "OpenPGP", DECRYPTED_SMIME: "S/MIME"}
_DATE_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_VERSION: Final = "1"
_BLOCK_FIELDS: Final = 2
_LINE_OCTETS: Final = 78
_DEVICE_OCTETS: Final = 16
_SAFE: Final = frozenset(range(0x21, 0x7F)) - set(b'%;,()\\"')
_ESCAPED: Final = re.compile(rb"%([0-9A-F]{2})")
_START: Final = b"MX-Status: "
# parameter = name "=" value, each after ";" FWS; a comment may end the field     spec/status §2
_PARAMETER: Final = r"; ([a-z][a-z0-9-]*)=([!#-'*-:<-\[\]-~]*)"
_UNFOLDED: Final = re.compile(rf"([0-9]{{1,3}})((?:{_PARAMETER})*)(?: \([^()\\]*\))?")
_FIELD_OCTETS_MAX: Final = 8192
_LINES_MAX: Final = 16


class Mail(Enum):
    """How the message came."""

    NETWORK = "network"  # end to end encrypted and signed
    ORDINARY = "ordinary"  # everything else: others could read it on its way
    REPORT = "report"  # written by this gateway


class Status(Struct, frozen=True):
    """What was known of one message when it was stored."""

    mail: Mail
    received: int  # unix seconds
    sender: Address | None = None  # verified; None for ordinary mail and reports
    trust: str = "none"  # "none", "implicit", "endorsed" or "verified" (identity §6)
    device: DeviceId | None = None
    suite: int | None = None
    notes: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = ()  # parameters of a later version, in their order


def render(status: Status, return_path: Address | None, lines: Sequence[bytes] = ()) -> bytes:
    """Return the block; ``Return-Path: <>`` if there is no path.

    *lines*: more fields of it, each one line of printable ASCII without its end.

    All its fields but the first are one line each.  A message that begins with a folded line
    thereby continues Return-Path for some readers, and never the status.
    """
    head = _status_field(status, _BLOCK_FIELDS + len(lines))
    rest = (b"Return-Path: <%s>" % _mailbox(return_path), *lines)
    return head + b"".join(line + b"\r\n" for line in rest)


def parse(octets: bytes) -> Status | None:
    """Return what the first field of *octets* says, or None if it is no status of ours."""
    found = _read(octets)
    return None if found is None else found[0]


def block_octets(octets: bytes) -> int:
    """Return the length of the block at the start; what follows is the message as it was sent."""
    found = _read(octets)
    if found is None:
        return 0
    at = found[2]
    for _ in range(found[1] - 1):
        line_end = octets.find(b"\r\n", at)
        if line_end < 0:
            return 0  # cut off: no block of ours
        at = line_end + 2
    return at


def noted(octets: bytes, note: str) -> bytes:
    """Return the block at the start of *octets* with one *note* more; its other lines stay."""
    found = _read(octets)
    if found is None:
        return b""
    status, fields, end = found
    more = structs.replace(status, notes=(*status.notes, note))
    return _status_field(more, fields) + octets[end : block_octets(octets)]


def keywords(status: Status) -> FlagSet:
    """Return the keywords a message is stored with.  spec/status §5."""
    flags = set()
    if status.mail is Mail.ORDINARY:
        flags.add(NOT_ENCRYPTED)
    if KEY_CHANGED_NOTE in status.notes:
        flags.add(KEY_CHANGED)
    compared = status.trust in _COMPARED and FROM_DIFFERS not in status.notes
    claims = status.mail is Mail.ORDINARY and CLAIMS_CONTACT in status.notes
    if claims or (status.mail is Mail.NETWORK and not compared):
        flags.add(UNVERIFIED)
    return frozenset(flags)


def claims_status(fields: Iterable[HeaderField]) -> bool:
    """Tell whether the sender's own header fields use a field name of the status."""
    return any(field.name.startswith(b"mx-status") for field in fields)


def sentence(status: Status) -> str:
    """Say it in plain words; ASCII without parentheses."""
    if status.mail is Mail.REPORT:
        return "written by your own gateway"
    if status.mail is Mail.ORDINARY or status.sender is None:
        claims = CLAIMS_CONTACT in status.notes
        told = "; it claims to be a contact of yours but came as ordinary mail" if claims else ""
        by = next((name for note, name in _DECRYPTED.items() if note in status.notes), None)
        if by is not None:
            return (
                f"ordinary email that was encrypted by {by} and is decrypted here: the sender is not"
                f" proven, a signature in it was not checked{told}"
            )
        return f"ordinary email: not end-to-end encrypted, the sender is not proven{told}"
    trust = {
        "implicit": "known by their first message",
        "endorsed": "vouched for by a contact of yours, or by an invitation of theirs",
        "verified": "verified by you",
    }.get(status.trust, "not proven")
    other = "; the From field names somebody else" if FROM_DIFFERS in status.notes else ""
    changed = "; their key has changed" if KEY_CHANGED_NOTE in status.notes else ""
    return f"end-to-end encrypted; the sender is {trust}{changed}{other}"


def _status_field(status: Status, fields: int) -> bytes:
    parameters = [("mail", status.mail.value)]
    if status.sender is not None:
        parameters.append(("from", str(status.sender)))
    parameters.append(("trust", status.trust))
    if status.device is not None:
        parameters.append(("device", status.device.hex()))
    if status.suite is not None:
        parameters.append(("suite", str(status.suite)))
    parameters.append(("received", _date_time(status.received)))
    field = [f"MX-Status: {_VERSION}"]
    words = [f"{name}={_escaped(value)}" for name, value in parameters]
    if status.notes:
        words.append("notes=" + ",".join(_escaped(note) for note in status.notes))
    words.append(f"fields={fields}")
    words += [f"{name}={_escaped(value)}" for name, value in status.more]
    for word in words:
        if len(field[-1]) + len(word) + 3 > _LINE_OCTETS:
            field[-1] += ";"
            field.append(f" {word}")
        else:
            field[-1] += f"; {word}"
    field.append(f" ({sentence(status)})")
    return "\r\n".join(field).encode("ascii") + b"\r\n"


def _read(octets: bytes) -> tuple[Status, int, int] | None:
    """Return the status, the number of fields of its block, and where its own field ends."""
    if not octets.startswith(_START):
        return None
    end = _field_end(octets, len(_START))
    text = octets[len(_START) : min(end, _FIELD_OCTETS_MAX)].decode("ascii", "replace")
    match = _UNFOLDED.fullmatch(text.replace("\r\n", ""))
    if match is None or match[1] != _VERSION:
        return None
    parameters = re.findall(_PARAMETER, match[2])
    values = dict(parameters)
    if len(values) != len(parameters):
        return None
    try:
        notes = tuple(_plain(note) for note in values.pop("notes", "").split(",") if note)
        device = bytes.fromhex(values.pop("device")) if "device" in values else None
        lines = int(values.pop("fields", "1"))
        status = Status(
            mail=Mail(values.pop("mail")),
            received=_unix(values.pop("received")),
            sender=Address.parse(_plain(values.pop("from"))) if "from" in values else None,
            trust=_plain(values.pop("trust", "none")),
            device=None if device is None else DeviceId(device),
            suite=int(values.pop("suite")) if "suite" in values else None,
            notes=notes,
            more=tuple((name, _plain(value)) for name, value in values.items()),
        )
    except (KeyError, ValueError, BadAddress):
        return None
    if not 1 <= lines <= _LINES_MAX or (device and len(device) != _DEVICE_OCTETS):
        return None
    return status, lines, end


def _field_end(octets: bytes, start: int) -> int:
    """Return the offset after the CRLF that ends the field, continuation lines included."""
    end = start
    while True:
        line_end = octets.find(b"\r\n", end)
        if line_end < 0:
            return len(octets)
        end = line_end + 2
        if not octets.startswith((b" ", b"\t"), end):
            return end


def _date_time(unix: int) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):{_DATE_TIME}}"


def _unix(text: str) -> int:
    unix = int(datetime.strptime(text, _DATE_TIME).replace(tzinfo=UTC).timestamp())
    if unix < 0 or _date_time(unix) != text:
        raise ValueError("a moment since 1970 has one spelling")
    return unix


def _escaped(value: str) -> str:
    return "".join(chr(o) if o in _SAFE else f"%{o:02X}" for o in value.encode())


def _plain(value: str) -> str:
    """Undo the escape; raises ValueError if it is not the one spelling of a text."""
    octets = _ESCAPED.sub(lambda m: bytes.fromhex(m[1].decode()), value.encode("ascii"))
    text = octets.decode()
    if _escaped(text) != value:
        raise ValueError("a value has one spelling")
    return text


def _mailbox(address: Address | None) -> bytes:
    """Spell a return path in 7 bits; one that needs more is told by ``from`` alone."""
    text = str(address) if address is not None else ""
    return text.encode("ascii") if text.isascii() else b""
