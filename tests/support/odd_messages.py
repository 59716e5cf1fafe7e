"""Odd messages that any mail transport must carry unchanged: every line ends in CRLF.

Our own, generated, the same in every run.  No bare CR or LF, no NUL, no line over 50,000
octets, no Bcc in a top header.  ``is_submittable`` ones can go through DATA as they are; the others
need APPEND.
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Made = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class OddMessage:
    """A message and the name that says what is odd about it."""

    name: str
    octets: bytes

    @property
    def is_submittable(self) -> bool:
        """Tell whether it ends in CRLF and does not begin with a fold (spec/octets §1)."""
        return self.octets.endswith(b"\r\n") and not self.octets.startswith((b" ", b"\t"))


def odd_messages() -> list[OddMessage]:
    """Return all of them, 300 and more, names unique."""
    made = [OddMessage(name, octets) for family in FAMILIES for name, octets in family()]
    assert len({message.name for message in made}) == len(made)
    return made


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


# ── families ─────────────────────────────────────────────────────────────────────────
_TEXTS = {
    "us-ascii": "plain words, nothing more",
    "utf-8": "Grüße, żółć, Ελληνικά, иврит, 日本語, 😀 e\u0301",
    "iso-8859-1": "Grüße und café, ÿ",
    "iso-8859-2": "żółć, háček",
    "iso-8859-5": "Привет",
    "iso-8859-7": "Ελληνικά",
    "iso-8859-8": "שלום",
    "iso-8859-9": "Türkçe ğış",
    "iso-8859-15": "10 € und œuvre",
    "windows-1250": "Příliš žluťoučký kůň",
    "windows-1251": "Привет, мир",
    "windows-1252": "“quoted” – 10 €",
    "windows-1256": "مرحبا",
    "koi8-r": "Привет",
    "iso-2022-jp": "日本語の手紙",
    "euc-jp": "日本語の手紙",
    "shift_jis": "日本語の手紙",
    "euc-kr": "안녕하세요",
    "gb2312": "你好世界",
    "gb18030": "你好，世界𠀀",
    "big5": "你好世界",
}


def _charsets() -> Made:
    for charset, text in _TEXTS.items():
        raw = text.encode(charset)
        word_b = b"=?%b?B?%b?=" % (charset.encode(), base64.b64encode(raw))
        word_q = b"=?%b?q?%b?=" % (
            charset.encode(),
            b"".join(b"=%02X" % octet for octet in raw),
        )
        kind = b"text/plain; charset=" + charset.encode()
        for encoding, body in (
            ("8bit", raw + b"\r\n"),
            ("base64", base64.b64encode(raw * 9) + b"\r\n"),
            ("quoted-printable", _crlf(quopri.encodestring(raw, quotetabs=True)) + b"\r\n"),
        ):
            tag = f"{charset} {encoding}"
            yield (
                tag,
                _mime(
                    tag,
                    kind,
                    body,
                    b"Content-Transfer-Encoding: " + encoding.encode(),
                    b"X-Word: " + word_b + b"\r\n " + word_q,
                ).replace(
                    b"Subject: odd", b"Subject: " + (word_b if encoding == "8bit" else word_q)
                ),
            )


_ADDRESS_VALUES = [
    b"bob@b.example",
    b"<bob@b.example>",
    b"Bob <bob@b.example>",
    b'"Bob, the Builder" <bob@b.example>',
    b'"Bob \\"B\\" \\\\ Ex" <bob@b.example>',
    b"bob@b.example (Bob Example)",
    b"bob@b.example (Bob (nested (deep)) Example)",
    b"(before) bob@b.example",
    b"bob@b.example, carol@c.example",
    b"bob@b.example,carol@c.example,,dave@d.example",
    b", bob@b.example",
    b"bob@b.example,",
    b"bob",
    b"bob carol",
    b"Bob Example bob@b.example",
    b"bob@",
    b"@b.example",
    b"<>",
    b"Bob <>",
    b"<bob>",
    b"Bob <bob@b.example",
    b"Bob bob@b.example>",
    b"<@r1.example,@r2.example:bob@b.example>",
    b"<@r1.example:bob@b.example>",
    b"<@r1.example bob@b.example>",
    b"undisclosed-recipients:;",
    b"undisclosed-recipients: ;",
    b"Friends: bob@b.example, Carol <carol@c.example>;",
    b"Friends: bob@b.example; , dave@d.example",
    b"Friends: bob@b.example",
    b'"The Friends": bob@b.example;',
    b"A: a@a.example;, B: b@b.example;",
    b"A:;, B:;",
    b":;",
    b"bob@[192.0.2.1]",
    b"bob@[IPv6:2001:db8::1]",
    b"bob@[broken",
    b'"bob smith"@b.example',
    b'"bob@home"@b.example',
    b"bob.smith.@b.example",
    b"bob..smith@b.example",
    b".bob@b.example",
    b"bob @ b.example",
    b"bob . smith @ b . example",
    b"Bob =?utf-8?q?B=C3=BCilder?= <bob@b.example>",
    b"=?utf-8?q?B=C3=BCilder?= <bob@b.example>",
    b'"=?utf-8?q?B=C3=BCilder?=" <bob@b.example>',
    "Böb <bob@b.example>".encode(),
    "böb@b.example".encode(),
    "bob@bücher.example".encode(),
    "Böb <bob@b.example>".encode("latin-1"),
    b"Bob\t\tExample  <bob@b.example>",
    b"Bob\r\n\tExample\r\n <bob@b.example>",
    b"bob@b.example\r\n , carol@c.example",
    b"Bob <bob@b.example> trailing",
    b"Bob <bob@b.example> carol@c.example",
    b"bob@b.example carol@c.example",
    b"bob@b.example; carol@c.example",
    b'"unterminated <bob@b.example>',
    b"(unterminated bob@b.example",
    b"bob@b.example (unterminated",
    b'"" <bob@b.example>',
    b'" " <bob@b.example>',
    b"Bob E. <bob@b.example>",
    b"B.E.W. Example <bob@b.example>",
    b"Bob. <bob@b.example>",
    b"bob!uucp!path",
    b"bob%home@b.example",
    b"bob+tag@b.example",
    b"b'o'b@b.example",
    b"bob@b.example.",
    b"Bob [work] <bob@b.example>",
    b"Bob@home <bob@b.example>",
    b"Bob; Carol <bob@b.example>",
    b"<bob@b.example> (Bob)",
    b"bob (Bob) @ (at) b.example (end)",
    b"\\bob <bob@b.example>",
    b"",
    b" ",
]


def _addresses() -> Made:
    for number, value in enumerate(_ADDRESS_VALUES):
        tag = f"address {number}"
        kept = b"To: " + value if value.strip() else b"To:" + value
        yield tag, _plain(tag, b"x\r\n").replace(b"To: bob@b.example", kept)
    for name in (b"Sender", b"Reply-To", b"Cc"):
        tag = f"address in {name.decode()}"
        yield tag, _plain(tag, b"x\r\n", name + b": Carol (c) <carol@c.example>")
        yield tag + " empty", _plain(tag + " empty", b"x\r\n", name + b":")
    many = b",\r\n ".join(b"Person %d <p%d@b.example>" % (n, n) for n in range(300))
    yield "address 300 people", _plain("address 300 people", b"x\r\n", b"Cc: " + many)
    yield "address two To", _plain("address two To", b"x\r\n", b"To: carol@c.example")
    yield "address two From", _plain("address two From", b"x\r\n", b"From: mallory@m.example")


_DATE_VALUES = [
    b"Sat, 21 Nov 2026 10:11:12 +0100",
    b"21 Nov 2026 10:11:12 +0100",
    b"Sat, 21 Nov 2026 10:11 +0100",
    b"Sat, 1 Nov 26 1:11:12 GMT",
    b"Sat,21 Nov 99 10:11:12 EST",
    b"Sat, 21 November 2026 10:11:12 Z",
    b"Sat, 21 Nov 2026 10:11:12 -0000 (UTC)",
    b"Sat, 21 Nov 2026 10.11.12",
    b"Sat, 21 Nov 2026\r\n 10:11:12\t+0100",
    b"Sat (x), 21 (y) Nov (z) 2026 10 : 11 : 12 +0100",
    b"2026-11-21T10:11:12Z",
    b"Sat Nov 21 10:11:12 2026",
    b"Mon, 31 Feb 2026 25:61:61 +9999",
    b"",
    b"yesterday",
    b"Sat, 21 Nov 1026 10:11:12 +0100",
    b"Sat, 21 Nov 2026 10:11:12 +0100 trailing words \xe4",
]


def _dates() -> Made:
    for number, value in enumerate(_DATE_VALUES):
        tag = f"date {number}"
        yield (
            tag,
            _plain(tag, b"x\r\n").replace(b"Sat, 21 Nov 2026 10:11:12 +0100", value),
        )


_SUBJECT_VALUES = [
    b"",
    b" ",
    b"  leading and trailing  ",
    b"tabs\tand  spaces",
    b"folded\r\n over\r\n\tlines",
    b"folded\r\n   with room",
    b"\r\n only a fold",
    b"\r\n \r\n empty fold",
    b"a fold of space\r\n   \r\n and more",
    b'quotes " and \\ backslash',
    b'""""""',
    b"=?utf-8?b?R3LDvMOfZQ==?= =?utf-8?b?IG5vY2g=?=",
    b"=?utf-8?q?broken",
    b"=?x-none?q?unknown?=",
    b"=?utf-7?q?+AGE-?=",
    "raw Grüße".encode(),
    "raw Grüße".encode("latin-1"),
    b"Re: [list] Fwd: (fwd) thing (fwd)",
    b"[Fwd: thing]",
    b"control \x01\x02\x1b[31m\x7f octets",
    b"word " * 150,
    b"x" * 900,
    b"{5}",
    b"NIL",
    b"(paren) %d %s * \\Seen",
]


def _subjects() -> Made:
    for number, value in enumerate(_SUBJECT_VALUES):
        tag = f"subject {number}"
        yield (
            tag,
            _plain(tag, b"x\r\n").replace(b"Subject: odd " + tag.encode(), b"Subject: " + value),
        )


def _headers() -> Made:
    def of(name: str, *fields: bytes) -> tuple[str, bytes]:
        return f"header {name}", _plain(f"header {name}", b"x\r\n", *fields)

    yield of("without colon", b"this line has no colon", b"X-After: yes")
    yield of("space before colon", b"X-Space  : yes", b"X-Tab\t: yes")
    yield of("empty name", b": no name")
    yield of("odd name", b"X!#$%&'*+-^_`|~: yes", b"X[1]: yes")
    yield of("upper and lower", b"x-MiXeD: 1", b"X-mIxEd: 2")
    yield of("same name ten times", *[b"X-Same: %d" % n for n in range(10)])
    yield of("long name", b"X-" + b"n" * 200 + b": v")
    yield of("very long name", b"X-" + b"n" * 1200 + b": v")
    yield of("long line", b"X-Long: " + b"v" * 5000)
    yield of("long fold", b"X-Fold: " + b"\r\n ".join(b"v%d" % n for n in range(400)))
    yield of("no value", b"X-None:", b"X-Space: ", b"X-Two:  ")
    yield of("space only folds", b"X-Folds: a\r\n \r\n\t\r\n b")
    yield of("raw 8 bit", b"X-Raw: " + bytes(range(0x80, 0x100)))
    yield of("utf-8", "X-Grüße: Grüße".encode())
    yield of("controls", b"X-Ctl: " + bytes(range(1, 10)) + bytes(range(14, 32)) + b"\x7f")
    yield of("many", *[b"X-N%d: value %d" % (n, n) for n in range(300)])
    yield of(
        "received trail",
        *[
            b"Received: from h%d by h%d;\r\n\tSat, 21 Nov 2026 10:11:12 +0000" % (n, n + 1)
            for n in range(40)
        ],
    )
    yield of(
        "references",
        b"References: " + b"\r\n ".join(b"<r%d@a.example>" % n for n in range(60)),
        b"In-Reply-To: <r59@a.example>",
    )
    yield of("in-reply-to words", b"In-Reply-To: Your message of Friday\r\n <x@y>")
    yield of("two subjects", b"Subject: second")
    yield of(
        "two dates and ids",
        b"Date: Sun, 22 Nov 2026 10:11:12 +0100",
        b"Message-ID: <second@a.example>",
    )
    yield of(
        "dkim",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example;\r\n\tb="
        + b"A" * 70
        + b"\r\n\t "
        + b"B" * 70,
    )
    yield of("status look-alike", b"X-MX-Status: verified", b"MX-Statuses: x")
    yield of("mbox from", b"X-From_: yes", b">From alice Sat Nov 21")
    yield of(
        "list fields",
        b"List-Post: <mailto:l@a.example>",
        b"List-Unsubscribe: <https://a.example/u?x=1&y=2>",
    )
    yield "header only", _top("header only")
    yield "header only with blank", _top("header only with blank") + b"\r\n"
    yield "header cut in a line", _top("header cut in a line") + b"X-Cut: no end"
    yield "header none", b"\r\nbody without any header\r\n"
    yield "header one line", b"X: y\r\n"
    yield "header one fold first", b" folded: first\r\n" + _plain("header one fold first", b"x\r\n")
    yield (
        "header blank line of space",
        _top("header blank line of space") + b" \r\nX-More: yes\r\n\r\nx\r\n",
    )
    yield "header words only", b"hello\r\n"
    yield "header no id no date", b"From: alice@a.example\r\nTo: bob@b.example\r\n\r\nx\r\n"


_TYPE_VALUES = [
    b"text/plain",
    b"text/plain;",
    b"text/plain; charset",
    b"text/plain; charset=",
    b'text/plain; charset=""',
    b"text/plain; charset=utf-8; format=flowed; delsp=yes",
    b'TEXT/PLAIN; CHARSET="UTF-8"',
    b"text/plain ; charset = utf-8 ; x = y",
    b"text/plain; charset=utf-8;;; format=flowed;",
    b"text/plain; (comment) charset=(c) utf-8 (d)",
    b"text/plain\r\n\t; charset=utf-8\r\n\t; format=flowed",
    b"text/plain charset=utf-8",
    b"text",
    b"text/",
    b"/plain",
    b"",
    b"plain words here",
    b"text/plain; charset=utf-8 garbage",
    b"text/plain; =utf-8; name",
    b'text/plain; name="unterminated',
    b'text/plain; name="a\\"b\\\\c"; charset=utf-8',
    b'text/plain; name="folded\r\n name.txt"',
    b"text/plain; name==?utf-8?q?caf=C3=A9.txt?=",
    b'text/plain; name="=?utf-8?q?caf=C3=A9.txt?="',
    b"text/plain; name*=utf-8''caf%C3%A9.txt",
    b"text/plain; name*0=part; name*1=two.txt",
    b"text/plain; name*1=two.txt; name*0=part",
    b"text/plain; name*0*=utf-8''caf%C3; name*1*=%A9.txt",
    b"text/plain; name*0*=utf-8''caf%C3%A9; name*1=50%.txt",
    b"text/plain; name*0=plain; name*1*=%C3%A9.txt",
    b"text/plain; name*0=a; name*2=c",
    b"text/plain; name*x=a; name*=utf-8''b",
    b"text/plain; name*0=a; Name*1=b",
    b"text/plain; name*99999999999999999999=a",
    "text/plain; name=café.txt".encode(),
    'text/plain; name="café.txt"'.encode(),
    'text/plain; name="café.txt"'.encode("latin-1"),
    b"text/plain; a=1; a=2; b=3",
    b"text/html; charset=utf-8",
    b"text/x-odd+thing",
    b"application/octet-stream",
    b'application/octet-stream; name="a b.bin"',
    b"application/pdf",
    b"image/png; name=x.png",
    b"audio/basic",
    b"video/mp4",
    b"font/woff2",
    b"x-odd/x-thing",
    b"message/delivery-status",
    b"message/partial; number=1; total=2; id=x",
    b"message/global",
    b'message/external-body; access-type=URL; url="https://a.example/x"',
    b"multipart",
    b"multipart/mixed",
    b'multipart/mixed; boundary=""',
    b"multipart/mixed boundary=x",
    b"text/plain/odd",
    b"text / plain",
    b"text/plain, text/html",
    b'"text/plain"',
    b"text/plain; charset=us-ascii (Plain text)",
    b"text/plain; " + b"; ".join(b"p%d=v%d" % (n, n) for n in range(60)),
    b"text/plain; name=" + b"n" * 2000,
]

_ENCODING_VALUES = [
    b"7bit", b"8BIT", b"Base64", b"quoted-printable", b"binary", b"x-uuencode", b"",
    b"7bit (comment)", b"(comment) 7bit", b"7bit; x=y", b'"7bit"', b"unknown words", b"7bit\r\n ",
]  # fmt: skip

_DISPOSITION_VALUES = [
    b"attachment",
    b"inline",
    b"attachment; filename=a.txt",
    b'attachment; filename="a b \\"c\\".txt"; size=3',
    b"attachment; filename*=utf-8''caf%C3%A9.txt",
    b"attachment; filename*0*=utf-8''caf%C3; filename*1*=%A9.txt",
    b'attachment; filename="=?utf-8?b?Y2Fmw6kudHh0?="',
    'attachment; filename="café.txt"'.encode(),
    b"ATTACHMENT; FILENAME=A.TXT",
    b"attachment filename=a.txt",
    b"; filename=a.txt",
    b"",
    b"x-odd; a=1; b",
    b'attachment; creation-date="Sat, 21 Nov 2026 10:11:12 +0100"',
]

_OTHER_FIELDS = [
    b"Content-ID: <id@a.example>",
    b"Content-ID: no brackets",
    b"Content-ID:",
    b"Content-Description: a described part",
    b"Content-Description: =?utf-8?q?caf=C3=A9?=",
    "Content-Description: café".encode(),
    b"Content-Description: folded\r\n\tover lines",
    b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
    b"Content-Language: en",
    b"Content-Language: en, de-CH ,fr (French)",
    b"Content-Language: en de",
    b"Content-Language:",
    b"Content-Language: ,en",
    b"Content-Location: https://a.example/x?y=1",
    b"Content-Location: https://a.example/\r\n long/path",
    b"Content-Base: https://a.example/",
    b"Content-Disposition: inline\r\nContent-Disposition: attachment; filename=x",
    b"Content-Disposition: inline; a=b\r\nContent-Disposition: attachment; filename=x",
    b"Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64",
    b"Content-Type: text/html",
    b"Content-ID: <one@a.example>\r\nContent-ID: <two@a.example>",
]


def _content_fields() -> Made:
    for number, value in enumerate(_TYPE_VALUES):
        tag = f"type {number}"
        yield tag, _mime(tag, value, b"line one\r\n--x\r\nline two\r\n")
        tag = f"type in part {number}"
        yield (
            tag,
            _mime(
                tag,
                b"multipart/mixed; boundary=out",
                _multipart(b"out", _part(value, b"one\r\ntwo")),
            ),
        )
    for number, value in enumerate(_ENCODING_VALUES):
        tag = f"encoding {number}"
        yield tag, _mime(tag, b"text/plain", b"eA==\r\n", b"Content-Transfer-Encoding: " + value)
    for number, value in enumerate(_DISPOSITION_VALUES):
        tag = f"disposition {number}"
        part = _part(b"text/plain", b"x", b"Content-Disposition: " + value)
        yield tag, _mime(tag, b"multipart/mixed; boundary=out", _multipart(b"out", part))
    for number, fields in enumerate(_OTHER_FIELDS):
        tag = f"content field {number}"
        yield tag, _mime(tag, b"text/plain; charset=utf-8", b"x\r\n", fields)
        yield tag + " alone", _plain(tag + " alone", b"x\r\n", fields)
        yield tag + " no type", _plain(tag + " no type", b"x\r\n", b"Mime-Version: 1.0", fields)


def _nest(depth: int, subtype: bytes = b"mixed") -> bytes:
    body = _part(b"text/plain", b"innermost")
    for level in range(depth):
        boundary = b"level-%d" % level
        body = _part(
            b"multipart/" + subtype + b"; boundary=" + boundary,
            _multipart(boundary, body).removesuffix(b"\r\n"),
        )
    return body


def _multiparts() -> Made:
    def of(
        name: str, parameter: bytes, body: bytes, subtype: bytes = b"mixed"
    ) -> tuple[str, bytes]:
        tag = f"multipart {name}"
        return tag, _mime(tag, b"multipart/" + subtype + b"; boundary=" + parameter, body)

    text = _part(b"text/plain", b"words")
    page = _part(b"text/html", b"<p>words</p>")
    for subtype in (
        b"mixed",
        b"alternative",
        b"related",
        b"parallel",
        b"signed",
        b"report",
        b"x-odd",
        b"digest",
        b"DIGEST",
    ):
        yield of(f"{subtype.decode()} two", b"b", _multipart(b"b", text, page), subtype)
    for depth in (1, 2, 3, 5, 8, 12):
        tag = f"multipart depth {depth}"
        yield tag, _top(tag, b"MIME-Version: 1.0") + _nest(depth) + b"\r\n"
    for length in (1, 69, 70, 79, 80, 81, 120):
        long = b"L" * length
        yield of(f"boundary of {length}", long, _multipart(long, text, page))
    yield of("boundary odd signs", b'"a b\'()+_,-./:=?"', _multipart(b"a b'()+_,-./:=?", text))
    yield of("boundary trailing space", b'"b "', _multipart(b"b ", text))
    yield of("boundary dashes", b"----", _multipart(b"----", text, page))
    yield of(
        "boundary case", b"Case", _multipart(b"Case", _part(b"text/plain", b"--case\r\n--CASE--"))
    )
    yield of("boundary regex", b'".*[a-z]+"', _multipart(b".*[a-z]+", text))
    yield of("boundary 8 bit", '"grüß"'.encode(), _multipart("grüß".encode(), text))
    yield of("boundary split", b"x; boundary*0=a; boundary*1=b", _multipart(b"x", text))
    tag = "multipart boundary continued"
    yield (
        tag,
        _mime(tag, b"multipart/mixed; boundary*0=ab; boundary*1=cd", _multipart(b"abcd", text)),
    )
    yield of("space after delimiter", b"b", b"--b  \t\r\n" + text + b"\r\n--b-- \r\n")
    yield of("words after delimiter", b"b", b"--b words\r\n" + text + b"\r\n--b--words\r\n")
    yield of("longer line", b"b", b"--bb\r\n" + text + b"\r\n--b\r\n" + page + b"\r\n--b--\r\n")
    yield of(
        "preamble and epilogue",
        b"b",
        _multipart(
            b"b", text, preamble=b"this is\r\n\r\npreamble\r\n", epilogue=b"this is\r\nepilogue\r\n"
        ),
    )
    yield of("blank before first", b"b", b"\r\n\r\n" + _multipart(b"b", text))
    yield of("epilogue without newline", b"b", _multipart(b"b", text) + b"no newline")
    yield of("closed without newline", b"b", _multipart(b"b", text).removesuffix(b"\r\n"))
    yield of("not closed", b"b", b"--b\r\n" + text + b"\r\n--b\r\n" + page + b"\r\n")
    yield of("cut in delimiter", b"b", b"--b\r\n" + text + b"\r\n--")
    yield of("cut after delimiter", b"b", b"--b\r\n" + text + b"\r\n--b")
    yield of("cut after delimiter line", b"b", b"--b\r\n" + text + b"\r\n--b\r\n")
    yield of("cut in part header", b"b", b"--b\r\nContent-Type: text/html\r\n")
    yield of("no parts", b"b", b"nothing here\r\n")
    yield of("closed at once", b"b", b"--b--\r\n")
    yield of("closed at once with words", b"b", b"pre\r\n--b--\r\npost\r\n")
    yield of("empty body", b"b", b"")
    yield of("parts after close", b"b", _multipart(b"b", text) + _multipart(b"b", page))
    yield of("empty parts", b"b", b"--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--\r\n")
    yield of("part without header", b"b", _multipart(b"b", b"\r\njust words", b"\r\n"))
    yield of(
        "part without blank", b"b", _multipart(b"b", b"Content-Type: text/html", b"words only")
    )
    yield of(
        "part cut in type", b"b", b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n--b--\r\n"
    )
    yield of("part header blank", b"b", _multipart(b"b", b"Content-Type: text/html\r\n"))
    yield of(
        "trailing blank lines", b"b", _multipart(b"b", _part(b"text/plain", b"words\r\n\r\n\r\n"))
    )
    yield of(
        "hundred parts",
        b"b",
        _multipart(b"b", *[_part(b"text/plain", b"part %d" % n) for n in range(100)]),
    )
    same = _part(b"multipart/mixed; boundary=b", _multipart(b"b", text))
    yield of("same boundary inside", b"b", _multipart(b"b", same, page))
    prefix = _part(b"multipart/mixed; boundary=bb", _multipart(b"bb", text, page))
    yield of("inner longer", b"b", _multipart(b"b", prefix, page))
    shorter = _part(b"multipart/mixed; boundary=b", _multipart(b"b", text, page))
    yield of("inner shorter", b"bb", _multipart(b"bb", shorter, page))
    dashed = _part(b'multipart/mixed; boundary="b--"', _multipart(b"b--", text, page))
    yield of("inner dashed", b"b", _multipart(b"b", dashed, page))
    unclosed = _part(b"multipart/mixed; boundary=in", b"--in\r\n" + text)
    yield of("inner not closed", b"out", _multipart(b"out", unclosed, page))
    partless = _part(b"multipart/mixed", text)
    yield of("inner without boundary", b"out", _multipart(b"out", partless, page))
    unused = _part(b"multipart/mixed; boundary=unused", text)
    yield of("inner boundary unused", b"out", _multipart(b"out", unused, page))
    three = _part(
        b"multipart/mixed; boundary=in",
        _multipart(b"in", text, page, preamble=b"pre\r\n", epilogue=b"epi\r\n"),
    )
    yield of("between two multiparts", b"out", _multipart(b"out", text, three, three, page))
    signed = _part(
        b"application/pgp-signature; name=s.asc",
        b"-----BEGIN PGP SIGNATURE-----\r\n\r\nxx\r\n-----END PGP SIGNATURE-----",
    )
    yield of("dash lines", b"-", _multipart(b"-", text, signed))
    yield of("pgp dash lines", b"sig", _multipart(b"sig", text, signed))
    wide = _part(
        b"image/png; name=p.png",
        base64.encodebytes(bytes(range(256)) * 40).replace(b"\n", b"\r\n").removesuffix(b"\r\n"),
        b"Content-Transfer-Encoding: base64",
        b"Content-Disposition: attachment; filename=p.png",
    )
    yield of("attachment", b"b", _multipart(b"b", text, wide))


def _nested_messages() -> Made:
    inner = (
        _top("inner", b"Cc: Friends: x@x.example;", b"Bcc: hidden@h.example")
        + b"\r\ninner words\r\nmore\r\n"
    )
    htmled = _mime("inner page", b"text/html", b"<p>x</p>\r\n")
    mixed = _mime(
        "inner mixed",
        b"multipart/mixed; boundary=in",
        _multipart(b"in", _part(b"text/plain", b"a"), _part(b"image/png", b"b")),
    )
    cases = {
        "plain": inner,
        "html": htmled,
        "mixed": mixed,
        "empty": b"",
        "blank": b"\r\n",
        "header only": _top("inner header only"),
        "no header": b"\r\nwords\r\n",
        "words": b"words only\r\n",
        "odd from": b'From: =?utf-8?q?=C3=A9?= <e@e.example>, (x\r\nSubject: "q" \\ \xe4\r\n\r\nb\r\n',
        "8 bit": "Subject: Grüße\r\n\r\nGrüße\r\n".encode(),
        "no newline": b"Subject: x\r\n\r\nno newline",
        "mime not mime": b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\nx\r\n",
        "unclosed mixed": mixed.removesuffix(b"--in--\r\n"),
        "digest": _mime(
            "inner digest",
            b"multipart/digest; boundary=di",
            _multipart(b"di", b"\r\n" + inner, b"\r\n" + inner),
        ),
    }
    for name, message in cases.items():
        tag = f"message {name}"
        yield tag + " alone", _mime(tag + " alone", b"message/rfc822", message)
        part = _part(b"message/rfc822", message, b"Content-Disposition: attachment; filename=m.eml")
        yield (
            tag + " in mixed",
            _mime(
                tag + " in mixed",
                b"multipart/mixed; boundary=out",
                _multipart(
                    b"out", _part(b"text/plain", b"see"), part, _part(b"text/plain", b"end")
                ),
            ),
        )
        yield (
            tag + " in digest",
            _mime(
                tag + " in digest",
                b"multipart/digest; boundary=out",
                _multipart(b"out", b"\r\n" + message, _part(b"text/plain", b"not a message"), b""),
            ),
        )
    deep = inner
    for depth in range(1, 9):
        deep = _mime(f"message depth {depth}", b"message/rfc822", deep)
        if depth in (2, 4, 8):
            yield f"message depth {depth}", deep
    deep = inner
    for depth in range(1, 6):
        boundary = b"mix-%d" % depth
        deep = _mime(
            f"message in mixed depth {depth}",
            b"multipart/mixed; boundary=" + boundary,
            _multipart(boundary, _part(b"text/plain", b"note"), _part(b"message/rfc822", deep)),
        )
        yield f"message in mixed depth {depth}", deep
    encoded = base64.encodebytes(inner).replace(b"\n", b"\r\n")
    yield (
        "message encoded",
        _mime("message encoded", b"message/rfc822", encoded, b"Content-Transfer-Encoding: base64"),
    )
    cut = b"--out\r\nContent-Type: message/rfc822\r\n--out\r\nContent-Type: message/rfc822\r\n\r\nSubject: cut\r\n--out\r\nContent-Type: message/rfc822\r\n\r\n--out--\r\n"
    yield (
        "message cut by delimiter",
        _mime("message cut by delimiter", b"multipart/mixed; boundary=out", cut),
    )
    yield "message upper case", _mime("message upper case", b"MESSAGE/RFC822; x=y", inner)
    report = _multipart(
        b"rep",
        _part(b"text/plain", b"failed"),
        _part(
            b"message/delivery-status",
            b"Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; bob@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        ),
        _part(b"text/rfc822-headers", _top("reported")),
    )
    yield (
        "message report",
        _mime(
            "message report", b"multipart/report; report-type=delivery-status; boundary=rep", report
        ),
    )


def _bodies() -> Made:
    def of(name: str, body: bytes) -> tuple[str, bytes]:
        return f"body {name}", _plain(f"body {name}", body)

    yield of("empty", b"")
    yield of("one blank", b"\r\n")
    yield of("many blanks", b"\r\n" * 50)
    yield of("dot", b".\r\n")
    yield of("dots", b".\r\n..\r\n...\r\n.x\r\n ..\r\n.\r\n")
    yield of("dot then end", b"words\r\n.")
    yield of("no newline", b"no final newline")
    yield of("ends in blanks", b"words\r\n\r\n\r\n")
    yield of("trailing space", b"a \r\nb\t\r\n \r\n\t \r\nc   \r\n")
    yield of("from lines", b"From alice\r\n>From bob\r\nFrom: x\r\n")
    yield of("header look-alike", b"Subject: not a field\r\nX: y\r\n\r\nmore\r\n")
    yield of("998", b"x" * 998 + b"\r\n")
    yield of("1000", b"y" * 1000 + b"\r\n" + b"z" * 4000 + b"\r\n")
    yield of("20000", b"w" * 20_000 + b"\r\n")
    yield of("50000 8 bit", b"\xe4" * 50_000 + b"\r\n")
    yield of("all octets", bytes(n for n in range(1, 256) if n not in (10, 13)) + b"\r\n")
    yield of(
        "all octets in lines",
        b"".join(bytes([n, 32, n]) + b"\r\n" for n in range(1, 256) if n not in (10, 13)),
    )
    yield of("controls", b"\x01\x02\x07\x08\x0b\x0c\x1a\x1b[0m\x7f\r\n")
    yield of("form feed page", b"page one\r\n\x0c\r\npage two\r\n")
    yield of("invalid utf-8", b"\xff\xfe\xc3(\xa0\xe2\x28\xa1 \xf0\x9f\r\n")
    yield of("bom", b"\xef\xbb\xbfwords\r\n")
    yield of("dashes", b"--\r\n-- \r\n--b\r\n--b--\r\n---\r\n")
    yield of("signature", b"words\r\n-- \r\nAlice\r\n")
    yield of("quoted-printable look", b"=3D=20=\r\n=\r\n")
    yield of("base64 look", base64.encodebytes(bytes(range(256))).replace(b"\n", b"\r\n"))
    yield of(
        "armor",
        b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n=abcd\r\n-----END PGP MESSAGE-----\r\n",
    )
    yield of("imap look", b"* 1 EXISTS\r\n{10}\r\n)\r\na OK done\r\n+ idle\r\n")
    yield of("smtp look", b"QUIT\r\nMAIL FROM:<x>\r\nDATA\r\n354 x\r\n250 ok\r\n")
    yield of("thousand lines", b"".join(b"line %d\r\n" % n for n in range(1000)))
    yield of("200 KB", b"".join(b"%064d\r\n" % n for n in range(3000)))
    yield of("tabs", b"\ta\tb\t\r\n")
    yield of("flowed", b"soft \r\nbreaks \r\n> quoted \r\n> more\r\n")


FAMILIES: tuple[Callable[[], Made], ...] = (
    _charsets,
    _addresses,
    _dates,
    _subjects,
    _headers,
    _content_fields,
    _multiparts,
    _nested_messages,
    _bodies,
)
