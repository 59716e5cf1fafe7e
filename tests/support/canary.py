"""Looks for a marker in any form in which octets commonly hide one."""

import base64
import quopri
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_GZIP_HEAD = b"\x1f\x8b\x08"


def forms_of(marker: bytes) -> dict[str, bytes]:
    """Return what to look for, by the name of the form."""
    forms = {
        "raw": marker,
        "hex": marker.hex().encode(),
        "HEX": marker.hex().upper().encode(),
        "quoted-printable": b"".join(b"=%02X" % octet for octet in marker),
        "utf-16-le": marker.decode().encode("utf-16-le"),
        "utf-16-be": marker.decode().encode("utf-16-be"),
    }
    for shift in range(3):
        # the part of the encoding that does not depend on the neighbouring octets
        encoded = base64.b64encode(b"\0" * shift + marker + b"\0" * 2)
        start = -(-shift * 8 // 6)
        forms[f"base64 at {shift}"] = encoded[start : (shift + len(marker)) * 8 // 6]
    return forms


def forms_found(octets: bytes, marker: bytes) -> set[str]:
    """Return the names of all forms in which *marker* stands in *octets*."""
    folded = octets.lower()
    found = {
        name
        for name, form in forms_of(marker).items()
        if (form.lower() in folded if name == "raw" else form in octets)
    }
    found |= {"inflated" for inner in _inflated(octets) if marker.lower() in inner.lower()}
    return found


def files_holding(marker: bytes, roots: Iterable[Path]) -> dict[str, set[str]]:
    """Return, for each file below *roots* that holds *marker*, the forms found."""
    holding = {}
    for root in roots:
        for path in sorted(p for p in (root.rglob("*") if root.is_dir() else [root])):
            if path.is_file() and (found := forms_found(path.read_bytes(), marker)):
                holding[str(path)] = found
    return holding


def in_every_form(marker: bytes) -> dict[str, bytes]:
    """Return a text for each form, for the control run that proves the search finds it."""
    planted = {name: b"before " + form + b" after" for name, form in forms_of(marker).items()}
    for shift in range(3):
        planted[f"base64 at {shift}"] = base64.b64encode(b"x" * shift + marker + b"more text")
    planted["quoted-printable"] = quopri.encodestring(b"\xc3\xa4" + marker).replace(
        marker, b"".join(b"=%02X" % octet for octet in marker)
    )
    planted["inflated"] = b"head" + zlib.compress(b"text " * 50 + marker) + b"tail"
    return planted


def _inflated(octets: bytes) -> Iterator[bytes]:
    for head in (*_ZLIB_HEADS, _GZIP_HEAD):
        at = octets.find(head)
        while at != -1:
            window = 31 if head == _GZIP_HEAD else 15
            stream = zlib.decompressobj(window)
            inner = b""
            try:
                inner = stream.decompress(octets[at : at + 1_000_000], 10_000_000)
            except zlib.error:
                inner = b""
            if inner:
                yield inner
            at = octets.find(head, at + 1)
