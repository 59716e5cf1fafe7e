"""Odd messages that any mail transport must carry unchanged: every line ends in CRLF.

Our own, generated, the same in every run.  No bare CR or LF, no NUL, no line over 50,000
octets, no Bcc in a top header.  ``is_submittable`` ones can go through DATA as they are; the others
need APPEND.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.odd_building import Made, _mime, _multipart, _part, _top
from tests.support.odd_content import _bodies, _content_fields
from tests.support.odd_headers import _addresses, _charsets, _dates, _headers, _subjects


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
