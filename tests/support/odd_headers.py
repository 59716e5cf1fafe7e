"""Odd headers: addresses, dates, subjects, charsets, and fields of any kind."""

from __future__ import annotations

import base64
import quopri

from tests.support.odd_building import Made, _crlf, _mime, _plain, _top

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
