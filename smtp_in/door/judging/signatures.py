"""DKIM signatures and ARC seals of a message, checked against keys that were asked for before.

The only module of the door that imports dkimpy, which asks nobody here: the keys it wants are
fetched at once, then it computes.  RFC 6376, RFC 8617.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from mx_core.mime.header import value
from mx_core.model.message import HeaderField
from smtp_in.door.judging.names import Names, NamesUnavailable
from smtp_in.door.judging.tags import parse_tags

T = TypeVar("T")

SIGNATURES_MAX: Final = 8
SETS_MAX: Final = 10  # of ARC; RFC 8617 §4.2.1 allows fifty, and each costs two signatures
_KEY_BITS_MIN: Final = 1024
_ALGORITHMS: Final = frozenset({"rsa-sha256", "ed25519-sha256"})
_DOMAIN_OCTETS_MAX: Final = 253
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMENT: Final = re.compile(rb"\([^()]*\)")
_NESTED_MAX: Final = 10
_LARGE_OCTETS: Final = 256 * 1024
_SIGNATURE: Final = b"dkim-signature"
_SEAL: Final = b"arc-seal"
_SEALED: Final = b"arc-message-signature"
_RESULTS: Final = b"arc-authentication-results"

_RSA_BITS_MAX: Final = 8_192
_KEYS_KEPT: Final = 1_024

_silent = logging.getLogger("smtp_in.door.dkim")  # it would log what strangers wrote (law 6)
_silent.disabled = True


@dataclass(frozen=True, slots=True)
class _Key:
    """What the DNS says of a selector: a record, none (None), or not now."""

    record: bytes | None
    temporary: bool = False


Keys = Mapping[str, _Key]


async def dkim_results(
    names: Names, octets: bytes, fields: Sequence[HeaderField]
) -> tuple[tuple[str, str], ...]:
    """Return (domain, result) of the first eight signatures that name a domain."""
    signed = [field for field in fields if field.name == _SIGNATURE][:SIGNATURES_MAX]
    tags = [parse_tags(value(octets, field)) for field in signed]
    keys = await _fetched(names, map(_key_name, tags))
    if not signed:
        return ()

    def check() -> tuple[tuple[str, str], ...]:
        message = _opened(octets)
        return tuple(
            (each["d"].lower(), _dkim_result(message, number, each, keys))
            for number, each in enumerate(tags)
            if _is_domain(each.get("d", ""))
        )

    return await _computed(octets, check)


async def forwarder(
    names: Names, octets: bytes, fields: Sequence[HeaderField], trusted: frozenset[str]
) -> str:
    """Return the domain of *trusted* that sealed the message last and vouches for it, or "".

    It vouches if its chain holds and its own set says that DMARC passed.
    """
    seals = [parse_tags(value(octets, field)) for field in fields if field.name == _SEAL]
    last = max(seals, key=_instance, default={})
    domain = last.get("d", "").lower()
    if domain not in trusted or not 0 < len(seals) <= SETS_MAX:
        return ""
    sealed = [parse_tags(value(octets, field)) for field in fields if field.name == _SEALED]
    if len(sealed) > SETS_MAX or not _says_pass(octets, fields, _instance(last)):
        return ""
    keys = await _fetched(names, map(_key_name, [*seals, *sealed]))

    def check() -> str:
        try:
            chain: Any = dkim.ARC(octets, logger=_silent, minkey=_KEY_BITS_MIN)
            verdict, _, _ = chain.verify(dnsfunc=_answers(keys))
        except Exception:  # noqa: BLE001  # whatever a header does to the library, it proves nothing
            return ""
        return domain if verdict == dkim.CV_Pass else ""

    return await _computed(octets, check)


def _opened(octets: bytes) -> Any:
    """Return *octets*, whose lines all end with CRLF, as the library has a message; None: it takes none.

    It would split the body into its lines and join them again.
    """
    header, blank, body = octets.partition(b"\r\n\r\n")
    try:
        message: Any = dkim.DKIM(header + b"\r\n", logger=_silent, minkey=_KEY_BITS_MIN)
    except Exception:  # noqa: BLE001  # whatever a header does to the library, it proves nothing
        return None
    if blank:
        message.body = body
    return message


def _dkim_result(message: Any, number: int, tags: Mapping[str, str], keys: Keys) -> str:
    key = keys.get(_key_name(tags))
    if key is None or (key.record is None and not key.temporary):
        return "permerror"
    if key.temporary:
        return "temperror"
    if message is None:
        return "permerror"
    try:
        holds = message.verify(idx=number, dnsfunc=_answers(keys))
    except Exception as error:  # noqa: BLE001  # whatever a header does to the library, it proves nothing
        return "fail" if str(error).startswith("body hash mismatch") else "permerror"
    signed = {name.lower() for name in tags.get("h", "").split(":")}
    if tags.get("a", "").lower() not in _ALGORITHMS or "from" not in signed or "l" in tags:
        return "policy"  # it covers too little, or by too little
    return "pass" if holds else "fail"


def _says_pass(octets: bytes, fields: Sequence[HeaderField], instance: int) -> bool:
    for field in fields:
        if field.name != _RESULTS:
            continue
        words = [part.strip().lower() for part in _plain(value(octets, field)).split(b";")]
        mine = words[0].replace(b" ", b"") == b"i=%d" % instance
        if mine and any(_is_pass(word) for word in words[1:]):
            return True
    return False


def _plain(text: bytes) -> bytes:
    """Return *text* without quoted strings and comments, where a forwarder quotes strangers."""
    text = _QUOTED.sub(b"", text)
    for _ in range(_NESTED_MAX):
        shorter = _COMMENT.sub(b"", text)
        if shorter == text:
            break
        text = shorter
    return text


def _is_domain(text: str) -> bool:
    return text.isascii() and 0 < len(text) <= _DOMAIN_OCTETS_MAX


def _is_pass(word: bytes) -> bool:
    method, _, rest = word.partition(b"=")
    return method.strip() == b"dmarc" and rest.split(None, 1)[:1] == [b"pass"]


def _instance(tags: Mapping[str, str]) -> int:
    text = tags.get("i", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else 0  # noqa: PLR2004


def _key_name(tags: Mapping[str, str]) -> str:
    selector, domain = tags.get("s", ""), tags.get("d", "")
    return f"{selector}._domainkey.{domain}".lower() if selector and domain else ""


async def _fetched(names: Names, wanted: Iterable[str]) -> dict[str, _Key]:
    """Return what the DNS says of each of the *wanted* names, asked all at once."""
    distinct = [name for name in dict.fromkeys(wanted) if name]
    found = await asyncio.gather(*(_key(names, name) for name in distinct))
    return dict(zip(distinct, found, strict=True))


async def _key(names: Names, name: str) -> _Key:
    try:
        texts = await names.texts(name)
    except NamesUnavailable:
        return _Key(None, temporary=True)
    return _Key(texts[0] if texts else None)


def _answers(keys: Keys) -> Callable[..., bytes | None]:
    def answer(name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG001  # as dkimpy calls it
        key = keys.get(name.decode("ascii", "replace").rstrip(".").lower())
        return None if key is None else key.record

    return answer


@functools.lru_cache(_KEYS_KEPT)
def _rsa_key(modulus: int, exponent: int) -> rsa.RSAPublicKey | None:
    """Return what OpenSSL makes of the numbers; None: they are left to the library."""
    if not _KEY_BITS_MIN <= modulus.bit_length() <= _RSA_BITS_MAX:
        return None
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None


def _rsa_holds(hashed: Any, signature: bytes, numbers: Mapping[str, int]) -> bool:
    """As the library's own, which does it in Python: PKCS #1 v1.5, RFC 8017 §8.2.2."""
    key = _rsa_key(numbers["modulus"], numbers["publicExponent"])
    if key is None or hashed.name != "sha256":
        return bool(_rsa_holds_slowly(hashed, signature, numbers))
    whole = signature.rjust((key.key_size + 7) // 8, b"\0")  # some leave zeros out
    try:
        key.verify(whole, hashed.digest(), PKCS1v15(), _SHA256)
    except InvalidSignature:
        return False
    return True


_SHA256: Final = Prehashed(SHA256())
_rsa_holds_slowly: Final = dkim.RSASSA_PKCS1_v1_5_verify
dkim.RSASSA_PKCS1_v1_5_verify = _rsa_holds  # it takes none, and looks this one up
# pure; a domain signs many messages by one key, and to read it costs as much as to check a signature
dkim.evaluate_pk = functools.lru_cache(_KEYS_KEPT)(dkim.evaluate_pk)


async def _computed(octets: bytes, check: Callable[[], T]) -> T:
    """Compute here what is short, and elsewhere what would keep others waiting."""
    return check() if len(octets) < _LARGE_OCTETS else await asyncio.to_thread(check)
