"""A second reader, written from docs/spec/{notation,envelope}.md alone; shares no code with ours.

It reads whole buffers and favours the wording of the page over speed.  The tests hold the two
readers against each other: same message, or same failure class, on every input.
"""

import hashlib
import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import nacl.bindings as sodium
import nacl.exceptions
from cryptography.exceptions import InvalidTag

from tests.support import page_xwing

PageKey = tuple[int, bytes, bytes | None]
SENDER_ADDRESS = Callable[[str], bool]
ALL_KINDS = {0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16}
DOOR_TYPES = [str, str, str, str, str, bool, str, list, str, int]


class PageRefusalError(Exception):
    """Carries the failure class alone."""


def page_read(
    envelope: bytes,
    body: bytes,
    keys: Sequence[PageKey],
    sign_pk: bytes,
    my_pid: bytes,
    is_canonical_address: SENDER_ADDRESS,
) -> bytes:
    """Do §7 of the page from 1 to 33; *keys* are (n, X25519 private key, X-Wing seed or None)."""
    block, ctx, suite = _envelope(envelope, keys)
    statement = _statement(block, ctx, suite, is_canonical_address)
    use = b"door" if statement[15] == 4 else b"message"
    _verify(sign_pk, b"MailX v1 " + use + b"\0" + block[0], block[1])
    _need(statement[4] == my_pid, "recipient")
    return _body(body, statement, block[2])


def _envelope(envelope: bytes, keys: Sequence[PageKey]) -> tuple[dict[int, Any], bytes, int]:
    _need(len(envelope) <= 65_536, "size")
    _need(envelope[:4] == b"MXE1", "magic")
    outer = page_cbor(envelope[4:])
    _need(isinstance(outer, dict) and set(outer) == {0, 1, 2}, "format")
    _octets(outer[0])
    pub = page_cbor(outer[0])
    _need(isinstance(pub, dict) and {0, 1} <= set(pub), "format")
    _need(_uint(pub[0]) == 1, "version")
    _need(_uint(pub[1]) in {1, 2}, "suite")
    _need(set(pub) == {0, 1, 2, 3}, "format")
    salt, commit = _octets(pub[2], 32), _octets(pub[3], 32)
    _need(isinstance(outer[1], list), "format")
    packets = [_octets(packet, {1: 112, 2: 1200}[pub[1]]) for packet in outer[1]]
    _need(len(packets) in {4, 8, 16}, "format")
    _need(all(packets[n] < packets[n + 1] for n in range(len(packets) - 1)), "format")
    _octets(outer[2])
    taken = None
    ctx = page_b2("MX1.ctx", [outer[0]])
    live = sorted(keys, key=lambda key: key[0], reverse=True)[:4]
    for packet in packets:
        for _, private, seed in live:
            if pub[1] == 1:
                taken = taken or _unseal(packet, private)
            elif seed is not None:
                taken = taken or _unseal_2(packet, seed, b"MX1.packet" + ctx)
    if taken is None:
        _refuse("no-packet")
    env_key = taken[:32]
    _need(taken[32:] == ctx, "context")
    _need(page_b2("MX1.env.commit", [salt], env_key) == commit, "envelope-commitment")
    key = page_b2("MX1.env.ctl", [salt], env_key)
    try:
        padded = sodium.crypto_secretbox_open(outer[2], bytes(24), key)
    except (nacl.exceptions.CryptoError, ValueError):
        _refuse("control")
    block = page_cbor(_unpad(padded, 1024))
    _need(isinstance(block, dict), "format")
    _need({0, 1, 2} <= set(block) <= {0, 1, 2, 3, 4}, "format")
    for at, length in ((0, None), (1, 64), (2, 32)):
        _octets(block[at], length)
    for at in {3, 4} & set(block):
        _need(len(_octets(block[at])) > 0, "format")
    return block, ctx, pub[1]


def _statement(
    block: dict[int, Any], ctx: bytes, suite: int, is_canonical_address: SENDER_ADDRESS
) -> dict[int, Any]:
    s = page_cbor(block[0])
    _need(isinstance(s, dict) and set(s) >= ALL_KINDS and max(s) <= 17, "format")
    _need(1 <= _uint(s[15]) <= 4, "kind")
    door = s[15] == 4
    _need(set(s) == ALL_KINDS | ({17} if door else {2, 3, 13, 14}), "format")
    for at in {5, 6, 9, 11, 13} & set(s):
        _uint(s[at])
    for at in {2, 4, 7, 8, 10, 12, 14, 16} & set(s):
        _octets(s[at], 32)
    for at in {0, 3} & set(s):
        _octets(s[at], 16)
    _need(isinstance(s[1], str), "format")
    if door:
        _need(s[1] == "" and 3 not in block, "format")
        record = s[17]
        _need(isinstance(record, dict) and set(record) == set(range(10)), "format")
        _need(all(type(record[n]) is kind for n, kind in enumerate(DOOR_TYPES)), "format")
        for pair in record[7]:
            _need(isinstance(pair, list) and [type(x) for x in pair] == [str, str], "format")
    else:
        _need(is_canonical_address(s[1]), "format")
    _need(s[11] == suite and s[12] == ctx, "context")
    ext_hash = page_b2("MX1.ext", [block.get(3, b""), block.get(4, b"")])
    _need(s[16] == ext_hash, "proof-hash")
    statement: dict[int, Any] = s
    return statement


def _body(body: bytes, s: dict[int, Any], body_key: bytes) -> bytes:
    _need(len(body) <= 69_224_060, "size")
    _need(body[:4] == b"MXB1", "magic")
    _need(len(body) >= 92, "size")
    salt, commit, header = body[4:36], body[36:68], body[68:92]
    _need(commit == s[7], "body-commitment")
    _need(commit == page_b2("MX1.body.commit", [salt], body_key), "body-commitment")
    _need(page_b2("MX1.body.ct", [body]) == s[8], "body-hash")
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    key = page_b2("MX1.body.key", [salt], body_key)
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    padded, rest, final = b"", body[92:], False
    while rest and not final:
        piece, rest = rest[:65_553], rest[65_553:]
        _need(len(piece) > 17, "chunk")
        try:
            chunk, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, piece)
        except (nacl.exceptions.CryptoError, RuntimeError):
            _refuse("chunk")
        _need(tag in {0, 3}, "chunk")
        padded, final = padded + chunk, tag == 3
    _need(final, "truncated")
    _need(not rest, "trailing")
    message = _unpad(padded, 2048)
    _need(len(message) == s[9], "length")
    _need(page_b2("MX1.body.pt", [message]) == s[10], "text-hash")
    return message


def page_b2(person: str, parts: Sequence[bytes], key: bytes = b"") -> bytes:
    """§2 of the notation page."""
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.blake2b(
        framed, digest_size=32, key=key, person=person.encode().ljust(16, b"\0")
    ).digest()


def page_padme(length: int) -> int:
    """§3 of the envelope page, by its formula."""
    if length < 2:
        return length
    exponent = int(math.log2(length))
    mantissa = int(math.log2(exponent)) + 1 if exponent else 0
    step: int = 2 ** max(exponent - mantissa, 0)
    return math.ceil(length / step) * step


def page_cbor(octets: bytes) -> Any:
    """§1 of the notation page: the one encoding of a value of the profile."""
    value, rest = _item(octets, 15)
    _need(not rest, "canonical")
    return value


def _item(octets: bytes, depth: int) -> tuple[Any, bytes]:
    _need(len(octets) > 0, "canonical")
    major, low, rest = octets[0] >> 5, octets[0] & 31, octets[1:]
    if major == 7:
        _need(low in {20, 21}, "canonical")
        return low == 21, rest
    if low >= 24:
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
        _need(size > 0 and len(rest) >= size, "canonical")
        number, rest = int.from_bytes(rest[:size], "big"), rest[size:]
        _need(number >= {1: 24, 2: 2**8, 4: 2**16, 8: 2**32}[size], "canonical")
    else:
        number = low
    if major == 0:
        return number, rest
    if major in {2, 3}:
        _need(len(rest) >= number, "canonical")
        return (_text(rest[:number]) if major == 3 else rest[:number]), rest[number:]
    _need(major in {4, 5} and depth > 0, "canonical")
    items: list[Any] = []
    last = -1
    keyed: dict[int, Any] = {}
    for _ in range(number):
        if major == 5:
            _need(len(rest) > 0 and rest[0] >> 5 == 0, "canonical")
            key, rest = _item(rest, depth - 1)
            _need(key > last, "canonical")
            keyed[key], rest = _item(rest, depth - 1)
            last = key
        else:
            item, rest = _item(rest, depth - 1)
            items.append(item)
    return (keyed if major == 5 else items), rest


def _text(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        _refuse("canonical")
    _need(unicodedata.normalize("NFC", text) == text, "canonical")
    return text


def _unpad(padded: bytes, floor: int) -> bytes:
    content, mark, zeros = padded.rpartition(b"\x80")
    _need(mark != b"" and not zeros.strip(b"\0"), "padding")
    _need(len(padded) == max(floor, page_padme(len(content) + 1)), "padding")
    return content


def _unseal(packet: bytes, private: bytes) -> bytes | None:
    public = sodium.crypto_scalarmult_base(private)
    try:
        return sodium.crypto_box_seal_open(packet, public, private)
    except nacl.exceptions.CryptoError:
        return None


def _unseal_2(packet: bytes, seed: bytes, info: bytes) -> bytes | None:
    try:
        return page_xwing.open_sealed(seed, packet, info)
    except (InvalidTag, ValueError):
        return None


def _verify(public_key: bytes, octets: bytes, signature: bytes) -> None:
    _need(len(public_key) == 32, "signature")
    _need(sodium.crypto_core_ed25519_is_valid_point(public_key), "signature")
    try:
        sodium.crypto_sign_open(signature + octets, public_key)
    except nacl.exceptions.BadSignatureError:
        _refuse("signature")


def _octets(value: Any, length: int | None = None) -> bytes:
    _need(isinstance(value, bytes) and length in {None, len(value)}, "format")
    octets: bytes = value
    return octets


def _uint(value: Any) -> int:
    _need(type(value) is int, "format")
    number: int = value
    return number


def _need(held: bool, failure: str) -> None:
    if not held:
        _refuse(failure)


def _refuse(failure: str) -> NoReturn:
    raise PageRefusalError(failure)
