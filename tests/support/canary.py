"""Looks for marks in any form in which octets commonly hide one."""

import base64
import quopri
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_GZIP_HEAD = b"\x1f\x8b\x08"

# which marks stand in some octets, each with the names of the forms it has there
Marks = Mapping[bytes, set[str]]


def forms_of(mark: bytes) -> dict[str, bytes]:
    """Return what to look for, by the name of the form."""
    forms = {
        "raw": mark,
        "hex": mark.hex().encode(),
        "HEX": mark.hex().upper().encode(),
        "quoted-printable": b"".join(b"=%02X" % octet for octet in mark),
        "utf-16-le": mark.decode().encode("utf-16-le"),
        "utf-16-be": mark.decode().encode("utf-16-be"),
    }
    for shift in range(3):
        # the part of the encoding that does not depend on the neighbouring octets
        encoded = base64.b64encode(b"\0" * shift + mark + b"\0" * 2)
        start = -(-shift * 8 // 6)
        forms[f"base64 at {shift}"] = encoded[start : (shift + len(mark)) * 8 // 6]
    return forms


def marks_found(octets: bytes, marks: Iterable[bytes]) -> Marks:
    """Return which of *marks* stand in *octets*, and in which forms; "raw" in any case of letters."""
    found: dict[bytes, set[str]] = {}
    folded = octets.lower()
    inflated = [inner.lower() for inner in _inflated(octets)]
    for mark in marks:
        names = {
            name
            for name, form in forms_of(mark).items()
            if (form.lower() in folded if name == "raw" else form in octets)
        }
        if any(mark.lower() in inner for inner in inflated):
            names.add("inflated")
        if names:
            found[mark] = names
    return found


def files_holding(marks: Iterable[bytes], roots: Iterable[Path]) -> dict[Path, Marks]:
    """Return each file below *roots* that holds one of *marks*."""
    wanted = tuple(marks)
    holding = {}
    for root in roots:
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and (found := marks_found(path.read_bytes(), wanted)):
                holding[path] = found
    return holding


def planted(mark: bytes) -> dict[str, bytes]:
    """Return a text for each form, for the control that proves the search finds it."""
    texts = {name: b"before " + form + b" after" for name, form in forms_of(mark).items()}
    for shift in range(3):
        texts[f"base64 at {shift}"] = base64.b64encode(b"x" * shift + mark + b"more text")
    texts["quoted-printable"] = quopri.encodestring(b"\xc3\xa4" + mark).replace(
        mark, b"".join(b"=%02X" % octet for octet in mark)
    )
    texts["inflated"] = b"head" + zlib.compress(b"text " * 50 + mark) + b"tail"
    return texts


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
