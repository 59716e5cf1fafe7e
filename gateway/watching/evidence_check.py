"""Evidence checked by a third person, who has nothing but the file.  Spec/transparency §9."""

from __future__ import annotations

from msgspec import Struct

from mx_core.directory.evidence import Evidence, Found, Kind
from mx_core.discovery.document import ServerDocument, SignedDocument, decode, verify_document
from mx_core.discovery.txt import key_text
from mx_core.model.errors import Untrusted
from mx_core.tlog.log_proof import LogKeys, origin_of
from mx_core.tlog.note import Kind as NoteKind
from mx_core.tlog.note import NoteKey
from mx_core.tlog.witness import name_of


class Checked(Struct, frozen=True):
    """What a bundle shows, of which domain, and under which of its keys."""

    domain: str
    key: str  # as the DNS record of the domain spells it
    found: Found


def checked(bundle: bytes, now: float) -> Checked:
    """Return what *bundle* shows.

    The document in it was in date when the evidence was made, which may be long ago: it is judged
    at the time it was created.

    Raises:
        Untrusted: It shows nothing, or does not prove itself.
    """
    evidence = Evidence.decode(bundle)
    document = decode(evidence.document)
    if document.created > now:
        raise Untrusted("evidence", "a server document from the future")
    keys = document.active_keys(document.created)
    signed = SignedDocument(evidence.document, evidence.signature)
    verify_document(signed, domain=evidence.domain, keys=keys, now=document.created)
    found = evidence.verify(keys, _log_keys(document, _witnesses(evidence)))
    return Checked(evidence.domain, ", ".join(key_text(key) for key in keys), found)


def _witnesses(evidence: Evidence) -> tuple[NoteKey, ...]:
    """Return the witness whose server document a bundle about what was not logged brings."""
    match evidence.kind, evidence.items:
        case Kind.UNLOGGED, (_, _, _, [bytes(octets), bytes(signature), *_]):
            document = decode(octets)
            keys = document.active_keys(document.created)
            signed = SignedDocument(octets, signature)
            verify_document(signed, domain=document.domain, keys=keys, now=document.created)
        case _:
            return ()
    if document.domain == evidence.domain:
        return ()  # nobody is a witness of what they show themselves
    name = name_of(document.domain)
    return tuple(
        NoteKey(name, key.public_key, NoteKind.COSIGNATURE)
        for key in document.role_keys
        if key.role == "witness"
    )


def _log_keys(document: ServerDocument, witnesses: tuple[NoteKey, ...]) -> LogKeys | None:
    keys = {key.role: key.public_key for key in document.role_keys}
    if "kt" not in keys or "vrf" not in keys:
        return None
    return LogKeys(origin_of(document.domain), keys["kt"], keys["vrf"], witnesses)
