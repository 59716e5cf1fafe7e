"""Proof that an ordinary address is somebody's: their claim in a mail that its domain signed.

The only module that imports dkimpy.  A proof holds the mail, the key records its DKIM signatures
name, and the passport, so that anybody can check it without a network.  docs/spec/ownership.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import dkim
from msgspec import Struct

from gateway.own.claim import Claim, claim_in
from mx_core.mime import address_list
from mx_core.mime.header import value
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, Untrusted
from mx_core.model.message import MessageForm
from mx_core.notation import cbor

VERSION: Final = 1
MESSAGE_OCTETS_MAX: Final = 256 * 1024  # a claim is short; and dkimpy is not made for hostile sizes
_PROOF_OCTETS_MAX: Final = 1024 * 1024
_SIGNATURES_MAX: Final = 10
_KEY_BITS_MIN: Final = 1024
_RECORD_OCTETS_MAX: Final = 4096
_ALGORITHMS: Final = frozenset({b"rsa-sha256", b"ed25519-sha256"})

Ask = Callable[[str], bytes | None]  # the TXT record of a name


class Ownership(Struct, frozen=True):
    """What a proof shows."""

    claim: Claim
    domain: str  # that signed the mail
    selector: str
    seen: int  # unix seconds: when its key was read from the DNS


class Proof(Struct, frozen=True):
    """What somebody needs who checks it."""

    message: bytes
    records: Mapping[str, bytes]  # TXT records by name, in lower case
    entries: tuple[bytes, ...]  # of the passport
    seen: int

    def encode(self) -> bytes:
        """Return the octets of a proof file."""
        records: list[cbor.Value] = [[name, text] for name, text in sorted(self.records.items())]
        return cbor.encode([VERSION, self.message, records, list(self.entries), self.seen])

    @classmethod
    def decode(cls, octets: bytes) -> Proof:
        """Raises Untrusted."""
        if len(octets) > _PROOF_OCTETS_MAX:
            raise Untrusted("ownership", "the file is too large for a proof")
        match cbor.decode(octets):
            case [1, bytes(message), [*records], [*entries], int(seen)]:
                found: dict[str, bytes] = {}
                for each in records:
                    match each:
                        case [str(name), bytes(text)]:
                            found[name] = text
                        case _:
                            raise Untrusted("ownership", "a record that is none")
                chain = tuple(entry for entry in entries if isinstance(entry, bytes))
                return cls(message, found, chain, seen)
            case _:
                raise Untrusted("ownership", "the file is no proof that is known")


def prove(message: bytes, entries: Sequence[bytes], ask: Ask, now: int) -> Proof:
    """Return the proof that *message* gives; *ask* reads the DNS, at *now*.

    Raises:
        Untrusted: It proves nothing.
    """
    records: dict[str, bytes] = {}

    def asked(name: str) -> bytes | None:
        text = ask(name)
        if text is not None and len(text) <= _RECORD_OCTETS_MAX:
            records[name] = text
        return records.get(name)

    _check(message, entries, asked, now, now)
    return Proof(message, records, tuple(entries), now)


def verify_proof(proof: Proof, now: float) -> Ownership:
    """Return what *proof* shows; asks nobody.  Raises Untrusted."""
    if proof.seen > now:
        raise Untrusted("ownership", "a proof from the future")
    return _check(proof.message, proof.entries, proof.records.get, proof.seen, now)


def _check(message: bytes, entries: Sequence[bytes], ask: Ask, seen: int, now: float) -> Ownership:
    if len(message) > MESSAGE_OCTETS_MAX:
        raise Untrusted("ownership", "the message is too large for a claim")
    form = prepare(message)
    claim = claim_in(body_text(message, form), entries, now)
    if author_of(message, form) != claim.ordinary.canonical():
        raise Untrusted("ownership", "the message is not from the address that is claimed")
    for number in range(min(_signatures(form), _SIGNATURES_MAX)):
        selector = _signed(message, number, claim.ordinary.domain, ask)
        if selector is not None:
            return Ownership(claim, claim.ordinary.domain, selector, seen)
    raise Untrusted(
        "ownership",
        f"no signature of {claim.ordinary.domain} covers the whole message: it may have been"
        " altered on its way, or that domain does not sign its mail (DKIM)",
    )


def _signed(message: bytes, number: int, domain: str, ask: Ask) -> str | None:
    """Return the selector of signature *number* if it is of *domain*, and covers everything."""

    def record(name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG001  # as dkimpy calls it
        return ask(name.decode("ascii", "replace").rstrip(".").lower())

    try:
        signature: Any = dkim.DKIM(message, minkey=_KEY_BITS_MIN)
        holds = signature.verify(idx=number, dnsfunc=record)
        tags: dict[bytes, bytes] = signature.signature_fields
    except Exception:  # noqa: BLE001  # whatever a header does to the library, it proves nothing
        return None
    fields = {name.strip().lower() for name in tags.get(b"h", b"").split(b":")}
    covers = b"from" in fields and b"l" not in tags and tags.get(b"a", b"") in _ALGORITHMS
    if not holds or not covers or tags.get(b"d", b"").decode("ascii", "replace").lower() != domain:
        return None
    return tags[b"s"].decode("ascii", "replace")


def _signatures(form: MessageForm) -> int:
    return sum(field.name == b"dkim-signature" for field in form.fields)


def author_of(message: bytes, form: MessageForm) -> Address | None:
    """Return who alone stands in the one From field."""
    fields = [field for field in form.fields if field.name == b"from"]
    if len(fields) != 1:
        return None
    match address_list.parse(value(message, fields[0]), 2):
        case [entry] if entry.mailbox is not None and entry.domain is not None:
            try:
                return Address.parse((entry.mailbox + b"@" + entry.domain).decode()).canonical()
            except (BadAddress, UnicodeDecodeError):
                return None
        case _:
            return None
