"""Does what passed belong to the domain in the From field, and what does that domain ask for?

RFC 7489 §3.1 and §6.6, with the tree walk of draft-ietf-dmarc-dmarcbis-41 §4.10 in place of a list of
public suffixes: a list is never right, and is somebody's to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mx_core.mime import address_list
from mx_core.mime.header import value
from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress
from mx_core.model.message import HeaderField
from smtp_in.door.judging.names import Names, NamesUnavailable
from smtp_in.door.judging.tags import parse_tags

_FROM: Final = b"from"
_VERSION: Final = b"v=DMARC1"
_POLICIES: Final = ("none", "quarantine", "reject")
_LABELS_MAX: Final = 8  # draft-ietf-dmarc-dmarcbis-41 §4.10: what is longer goes on with seven


@dataclass(frozen=True, slots=True)
class Dmarc:
    """A result, and for ``fail`` the policy that the author's domain asks for."""

    result: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class _Record:
    domain: str
    tags: dict[str, str]


def author_domain(octets: bytes, fields: Sequence[HeaderField]) -> str | None:
    """Return the domain of the one author that is named; None: there is no such one."""
    named = [field for field in fields if field.name == _FROM]
    if len(named) != 1:
        return None
    match address_list.parse(value(octets, named[0]), 2):
        case [entry] if entry.mailbox is not None and entry.domain is not None:
            try:
                return canonical_domain(entry.domain.decode())
            except (BadAddress, UnicodeDecodeError):
                return None
        case _:
            return None


async def judge_dmarc(
    names: Names, author: str | None, spf: tuple[str, str], dkim: Sequence[tuple[str, str]]
) -> Dmarc:
    """Return the verdict; *spf* and each of *dkim* are (domain, result)."""
    if author is None:
        return Dmarc("permerror")
    try:
        walked = await _walk(names, author)
        if not walked:
            return Dmarc("none")
        return await _aligned(names, author, walked, spf, dkim)
    except NamesUnavailable:
        return Dmarc("temperror")


async def _aligned(
    names: Names,
    author: str,
    walked: Sequence[_Record],
    spf: tuple[str, str],
    dkim: Sequence[tuple[str, str]],
) -> Dmarc:
    own = next((record for record in walked if record.domain == author), None)
    above = _organization(author, walked)
    record = own or next((one for one in walked if one.domain == above), walked[-1])
    doubt = False
    for (domain, result), mode in [(spf, "aspf"), *((each, "adkim") for each in dkim)]:
        if result not in {"pass", "temperror"}:
            continue
        strict = record.tags.get(mode, "r").lower() == "s"
        if not await _belongs(names, domain, author, above, strict=strict):
            continue
        if result == "pass":
            return Dmarc("pass")
        doubt = True
    if doubt:
        return Dmarc("temperror")
    return Dmarc("fail", _policy(record, is_own=own is not None))


async def _belongs(names: Names, domain: str, author: str, above: str, *, strict: bool) -> bool:
    domain = domain.lower()
    if domain == author or strict:
        return domain == author
    if domain.rpartition(".")[2] != author.rpartition(".")[2]:
        return False  # no organization spans two top-level domains
    return _organization(domain, await _walk(names, domain)) == above


async def _walk(names: Names, domain: str) -> list[_Record]:
    """Return the records at *domain* and above it, as far as one says to go on."""
    found: list[_Record] = []
    labels = domain.split(".")
    at = 0
    while at < len(labels):
        name = ".".join(labels[at:])
        try:
            texts = await names.texts(f"_dmarc.{name}")
        except NamesUnavailable:
            if not found:
                raise
            break  # what is known decides: above it only a registry could say more
        record = _parsed(name, texts)
        if record is not None:
            found.append(record)
            psd = record.tags.get("psd", "u").lower()
            if psd == "n" or (psd == "y" and at):
                break
        at = len(labels) - _LABELS_MAX + 1 if at == 0 and len(labels) > _LABELS_MAX else at + 1
    return found


def _organization(domain: str, walked: Sequence[_Record]) -> str:
    """Return the organizational domain.  draft-ietf-dmarc-dmarcbis-41 §4.10.2."""
    for record in walked:
        psd = record.tags.get("psd", "u").lower()
        if psd == "n":
            return record.domain
        if psd == "y" and record.domain != domain:
            below = domain.split(".")
            return ".".join(below[-len(record.domain.split(".")) - 1 :])
    return walked[-1].domain if walked else domain


def _parsed(name: str, texts: Sequence[bytes]) -> _Record | None:
    found = [text for text in texts if text[: len(_VERSION)] == _VERSION]
    found = [text for text in found if text[len(_VERSION) :].lstrip()[:1] in {b"", b";"}]
    if len(found) != 1:
        return None
    tags = parse_tags(found[0])
    if tags.get("p", "").lower() not in _POLICIES and not tags.get("rua"):
        return None
    return _Record(name, tags)


def _policy(record: _Record, *, is_own: bool) -> str:
    asked = record.tags.get("p", "none")
    if not is_own:
        asked = record.tags.get("sp", asked)
    policy = asked.lower() if asked.lower() in _POLICIES else "none"
    if record.tags.get("t", "n").lower() == "y":  # only a test: one step less
        return _POLICIES[max(0, _POLICIES.index(policy) - 1)]
    return policy
