"""Odd messages from their parts, octet by octet."""

from __future__ import annotations

from collections.abc import Iterator

Made = Iterator[tuple[str, bytes]]


# ── building blocks ──────────────────────────────────────────────────────────────────
def _lines(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


def _top(tag: str, *fields: bytes) -> bytes:
    return _lines(
        b"From: Alice Example <alice@a.example>",
        b"To: bob@b.example",
        b"Subject: odd " + tag.encode(),
        b"Date: Sat, 21 Nov 2026 10:11:12 +0100",
        b"Message-ID: <" + tag.replace(" ", ".").encode() + b"@a.example>",
        *fields,
    )


def _plain(tag: str, body: bytes, *fields: bytes) -> bytes:
    return _top(tag, *fields) + b"\r\n" + body


def _mime(tag: str, content_type: bytes, body: bytes, *fields: bytes) -> bytes:
    return _plain(tag, body, b"MIME-Version: 1.0", b"Content-Type: " + content_type, *fields)


def _multipart(
    boundary: bytes, *parts: bytes, preamble: bytes = b"", epilogue: bytes = b""
) -> bytes:
    opened = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return preamble + opened + b"--" + boundary + b"--\r\n" + epilogue


def _part(content_type: bytes, body: bytes, *fields: bytes) -> bytes:
    return _lines(b"Content-Type: " + content_type, *fields) + b"\r\n" + body


def _crlf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
