"""What is said of ordinary mail that the door of the own domain sealed.  Pure.

The door's record is believed as what the own home domain saw; of who wrote the message it proves
nothing.  docs/spec/door.md §7, docs/spec/status.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from gateway.arriving.ordinary_mail import is_forged
from gateway.arriving.status_block import (
    BOUNCE,
    CLAIMS_CONTACT,
    DOOR,
    FORGED_STATUS,
    LATE,
    Mail,
    Status,
)
from mx_core.envelope.statement import DoorRecord, Statement
from mx_core.mime import address_list, encoded_word
from mx_core.mime.header import value
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.message import HeaderField

JUNK: Final = Flag("$Junk")
AUTHORS_MAX: Final = 50
_FROM: Final = b"from"
_LIKE_AN_ADDRESS: Final = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}")
_HELO: Final = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,255}")
_PEER: Final = re.compile(r"[0-9A-Fa-f.:]{2,45}")
_WORD: Final = re.compile(r"[a-z]{2,12}")
_PATH: Final = re.compile(r"[!-;=?-~]{3,320}")
_SIGNATURES_TOLD: Final = 8
_REFUSING: Final = frozenset({"p=quarantine", "p=reject"})


def named_authors(octets: bytes, fields: Sequence[HeaderField]) -> frozenset[Address]:
    """Return every address that a From field shows, in its place or in a name, canonical."""
    shown: set[str] = set()
    for field in [each for each in fields if each.name == _FROM][:AUTHORS_MAX]:
        for entry in address_list.parse(value(octets, field), AUTHORS_MAX):
            if entry.mailbox is not None and entry.domain is not None:
                shown.add((entry.mailbox + b"@" + entry.domain).decode("utf-8", "replace"))
            name = encoded_word.decode(entry.name) if entry.name else ""
            shown.update(_LIKE_AN_ADDRESS.findall(name)[:AUTHORS_MAX])
    found: set[Address] = set()
    for text in shown:
        try:
            found.add(Address.parse(text).canonical())
        except BadAddress:
            continue
    return frozenset(found)


def door_status(
    statement: Statement,
    record: DoorRecord,
    fields: Sequence[HeaderField],
    received: int,
    *,
    claims: Sequence[Address] = (),
    bounces: Sequence[Address] = (),
) -> Status:
    """Return the status of what *record* tells of, stored at *received*.

    *claims*: contacts whose mail comes encrypted, and whom the message names as its author.
    *bounces*: addresses that it says it could not be delivered to.
    """
    notes = [DOOR]
    if claims:
        notes.append(CLAIMS_CONTACT)
    if bounces:
        notes.append(BOUNCE)
    if is_forged(fields):
        notes.append(FORGED_STATUS)
    if received > statement.deliver_by:
        notes.append(LATE)
    more = [
        ("tls", "yes" if record.tls else "no"),
        ("spf", _result(record.spf)),
        ("dkim", _best(result for _, result in record.dkim)),
        ("dmarc", _result(record.dmarc)),
    ]
    more += [("claims", str(address)) for address in claims[:1]]
    more += [("bounced", str(address)) for address in bounces[:1]]
    return Status(mail=Mail.ORDINARY, received=received, notes=tuple(notes), more=tuple(more))


def door_flags(record: DoorRecord) -> FlagSet:
    """Return ``$Junk`` for what the domain in its From field wants to be distrusted."""
    words = record.dmarc.split(" ")
    trusted = any(word.startswith("arc=") for word in words)
    if words[0] == "fail" and _REFUSING & set(words) and not trusted:
        return frozenset({JUNK})
    return frozenset()


def path_of(record: DoorRecord) -> Address | None:
    """Return the sender of the envelope, if it is an address."""
    try:
        return Address.parse(record.mail_from)
    except BadAddress:
        return None


def trace_lines(record: DoorRecord) -> tuple[bytes, bytes]:
    """Return Authentication-Results (RFC 8601) and Received (RFC 5321 §4.4), a line each.

    What is not plain ASCII of the right form is left out: it was written by a stranger.
    """
    results = [f"spf={_result(record.spf)}{_property('smtp.mailfrom', _domain_of(record))}"]
    results += [
        f"dkim={_result(result)}{_property('header.d', domain)}"
        for domain, result in record.dkim[:_SIGNATURES_TOLD]
    ] or ["dkim=none"]
    results.append(f"dmarc={_result(record.dmarc)}")
    results += [
        f"arc=pass{_property('header.d', word.removeprefix('arc='))}"
        for word in record.dmarc.split(" ")
        if word.startswith("arc=")
    ][:1]
    told = f"Authentication-Results: {record.domain}; " + "; ".join(results)
    helo = record.helo if _HELO.fullmatch(record.helo) else "unknown"
    peer = f" ([{record.peer_ip}])" if _PEER.fullmatch(record.peer_ip) else ""
    protocol = "ESMTPS" if record.tls else "ESMTP"
    whom = f" for <{record.rcpt_to}>" if _PATH.fullmatch(record.rcpt_to) else ""
    when = format_datetime(datetime.fromtimestamp(min(record.received, 2**37), UTC))
    came = f"Received: from {helo}{peer} by {record.domain} with {protocol}{whom}; {when}"
    return told.encode("ascii"), came.encode("ascii")


def _domain_of(record: DoorRecord) -> str:
    return record.mail_from.rpartition("@")[2] or record.helo


def _property(name: str, text: str) -> str:
    return f" {name}={text}" if _DOMAIN.fullmatch(text) else ""


def _result(text: str) -> str:
    """Return the first word of a verdict: what follows it are details."""
    word = text.partition(" ")[0]
    return word if _WORD.fullmatch(word) else "none"


def _best(results: Iterable[str]) -> str:
    found = [_result(one) for one in results]
    return "pass" if "pass" in found else found[0] if found else "none"
