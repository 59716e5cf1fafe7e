"""Odd fields of content, and bodies that do not do what they say."""

from __future__ import annotations

import base64

from tests.support.odd_building import Made, _mime, _multipart, _part, _plain

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
