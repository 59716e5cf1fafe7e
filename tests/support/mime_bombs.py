"""Messages made to be expensive; each takes a size in octets that it roughly has."""

from __future__ import annotations

from collections.abc import Callable

_TOP = b"From: m@m.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
_MIXED = _TOP + b"Content-Type: multipart/mixed; boundary=bx\r\n\r\n"


def _repeat(before: bytes, unit: bytes, after: bytes = b"\r\n\r\nx\r\n") -> Callable[[int], bytes]:
    return lambda size: before + unit * (size // len(unit)) + after


def _nested(size: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    return _TOP + b"".join(level % (n, n) for n in range(size // 60))


def _prefixes(size: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n--%b\r\n"
    opened = b"".join(level % (b"a" * n, b"a" * n) for n in range(1, 31))
    return _TOP + opened + (b"\n--" + b"b" * 31) * (size // 34)


def _parts_with_multiparts(size: int) -> bytes:
    part = b"--bx\r\nContent-Type: multipart/mixed; boundary=c%d\r\n\r\n--c%d\r\n\r\nx\r\n"
    return _MIXED + b"".join(part % (n, n) for n in range(size // 70))


def _typed_parts(size: int) -> bytes:
    part = b"--bx\r\nContent-Type: text/plain" + b"; p=v" * 160 + b"\r\n\r\nx\r\n"
    return _MIXED + part * (size // len(part))


def _digest(size: int) -> bytes:
    part = b"--bx\r\n\r\nFrom: " + b"a@b.c, " * 140 + b"\r\n\r\nx\r\n"
    return _MIXED.replace(b"mixed", b"digest") + part * (size // len(part))


def _continued_parameters(size: int) -> bytes:
    parts = b"".join(b"; p*%d=v" % n for n in range(size // 10))
    return _TOP + b"Content-Type: text/plain" + parts + b"\r\n\r\nx\r\n"


def _text(kind: bytes, unit: bytes, more: bytes = b"") -> Callable[[int], bytes]:
    return _repeat(_TOP + b"Content-Type: text/" + kind + b"\r\n" + more + b"\r\n", unit)


_QUOTED = b"Content-Transfer-Encoding: quoted-printable\r\n"
_BASE64 = b"Content-Transfer-Encoding: base64\r\n"

BOMBS: dict[str, Callable[[int], bytes]] = {
    "open comments": _repeat(b"To: ", b"("),
    "open quotes": _repeat(b"To: ", b'"'),
    "backslashes": _repeat(b"To: ", b'"\\'),
    "angles": _repeat(b"To: ", b"<"),
    "dots": _repeat(b"To: ", b"."),
    "commas": _repeat(b"To: ", b","),
    "words": _repeat(b"To: ", b"a "),
    "addresses": _repeat(b"To: ", b"a@b.example, "),
    "groups": _repeat(b"To: ", b"a:;,"),
    "address fields": _repeat(b"", b"To: a@b.example, (c) d@e.example\r\n"),
    "comment fields": _repeat(b"", b"To: " + b"(" * 200 + b"\r\n"),
    "encoded words": _repeat(b"Subject: ", b"=?utf-8?q?a?= "),
    "encoded words cut": _repeat(b"Subject: ", b"=?utf-8?q?a"),
    "subject leaders": _repeat(b"Subject: ", b"re: "),
    "subject blobs": _repeat(b"Subject: ", b"[a] "),
    "subject open blobs": _repeat(b"Subject: ", b"["),
    "subject forwards": lambda size: b"Subject: " + b"[fwd:" * (size // 6) + b"]" * (size // 6),
    "subject trailers": _repeat(b"Subject: ", b"(fwd) "),
    "subject ligatures": _repeat(b"Subject: ", "\ufdfa".encode()),
    "folds": _repeat(b"Subject: ", b"\r\n x"),
    "date comments": _repeat(b"Date: ", b"("),
    "message ids": _repeat(b"Message-ID: ", b"<"),
    "parameters": _repeat(_TOP + b"Content-Type: text/plain", b"; p=v"),
    "semicolons": _repeat(_TOP + b"Content-Type: text/plain", b";"),
    "continued parameters": _continued_parameters,
    "languages": _repeat(_TOP + b"Content-Language: ", b"a,"),
    "header lines": _repeat(b"", b"a:\r\n"),
    "header without lines": _repeat(b"", b"a"),
    "colons": _repeat(b"", b":"),
    "line feeds": _repeat(_TOP + b"\r\n", b"\n"),
    "blank lines": _repeat(b"", b"\r\n"),
    "nested multiparts": _nested,
    "nested messages": _repeat(b"", b"Content-Type: message/rfc822\r\n\r\n"),
    "empty parts": _repeat(_MIXED, b"--bx\r\n"),
    "small parts": _repeat(_MIXED, b"--bx\r\n\r\nx\r\n"),
    "multiparts in a row": _parts_with_multiparts,
    "typed parts": _typed_parts,
    "digest": _digest,
    "dash lines": _repeat(_MIXED, b"\n--"),
    "near delimiters": _repeat(_MIXED, b"\n--b"),
    "near delimiters in a header": _repeat(_MIXED + b"--bx\r\nX: y", b"\n--b"),
    "delimiters of all lengths": _prefixes,
    "references": _repeat(b"References: ", b"<a@b> "),
    "reference fields": _repeat(b"", b"References: <a@b> <c@d>\r\n"),
    "open references": _repeat(b"References: ", b"<a@"),
    "in reply to many": _repeat(b"In-Reply-To: ", b"<a@b>"),
    "unknown charsets": _repeat(b"Subject: ", b"=?x-unknown-1?q?a?= "),
    "parts of a charset": _repeat(
        _MIXED, b"--bx\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AGE-\r\n"
    ),
    "utf-7": _text(b"plain; charset=utf-7", b"+AGE-"),
    "iso-2022": _text(b"plain; charset=iso-2022-jp", b"\x1b$B\x1b(B"),
    "gb18030": _text(b"plain; charset=gb18030", b"\x81\x30\x81\x30"),
    "ligatures": _text(b"plain; charset=utf-8", "\ufdfa".encode()),
    "combining marks": _text(b"plain; charset=utf-8", ("a" + "\u0301\u0323" * 8).encode()),
    "one run of marks": _text(b"plain; charset=utf-8", "\u0301\u0323".encode()),
    "tags": _text(b"html", b"<a>"),
    "open tags": _text(b"html", b"<"),
    "attributes": _text(b"html", b"<a a='b' "),
    "comments in a page": _text(b"html", b"<!--"),
    "scripts": _text(b"html", b"<script>"),
    "entities": _text(b"html", b"&amp;"),
    "open entities": _text(b"html", b"&#x41"),
    "equals signs": _text(b"plain", b"=", _QUOTED),
    "soft line breaks": _text(b"plain", b"=\r\n", _QUOTED),
    "short base64 lines": _text(b"plain", b"Q\r\n", _BASE64),
    "base64 pads": _text(b"plain", b"QQ==", _BASE64),
}
