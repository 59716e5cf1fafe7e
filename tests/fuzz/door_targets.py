"""What strangers show at the door: records of their DNS, signatures of their mail, words of their dialogue."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace

from gateway.arriving.door_status import named_authors, trace_lines
from mx_core.mime.header import split_fields
from mx_core.model.errors import BadMessage
from smtp_in.door.judging.dmarc import author_domain, judge_dmarc
from smtp_in.door.judging.signatures import dkim_results, forwarder
from smtp_in.door.judging.spf import check_host, peer_of
from smtp_in.door.judging.tags import parse_tags
from tests.fuzz.hammer import Target
from tests.support.door_mail import RECORD
from tests.support.door_names import TableNames
from tests.support.signed_mail import LETTER, rsa_key, sealed_by, signed

_WORDS = frozenset(
    {"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "policy"}
)
_RECORDS = [
    b"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx:m.c.example/24//64 -all",
    b"v=spf1 include:in.c.example ?exists:%{ir}.%{v}.%{l1r-}._spf.%{d2} ptr ~all",
    b"v=spf1 redirect=_spf.%{d} exp=e.%{h} x-moo=%{S}%%%_%-",
    b"v=DMARC1; p=reject; sp=none; adkim=s; aspf=r; t=y; psd=n; rua=mailto:a@c.example",
]
_KEYS = {
    "TXT s._domainkey.c.example": [rsa_key()[1]],
    "TXT s._domainkey.f.example": [rsa_key()[1]],
}
_MAILS = [signed(LETTER), sealed_by(signed(LETTER), "f.example", b"spf=pass; dmarc=pass")]
_TRUSTED = frozenset({"f.example"})


def _done(asked: Coroutine[Any, Any, Any]) -> Any:
    """Return what *asked* gives, which waits for nothing."""
    try:
        asked.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a table answers at once")


def _record(octets: bytes) -> None:
    text = octets.decode("latin-1")
    names = TableNames(
        {
            "TXT c.example": [text],
            "TXT in.c.example": [text],
            "TXT _dmarc.c.example": [text],
            "MX m.c.example": ["h.c.example"],
        }
    )
    assert (
        _done(check_host(names, peer_of("192.0.2.3"), "carol@c.example", "h.c.example")) in _WORDS
    )
    assert len(names.asked) < 150
    verdict = _done(judge_dmarc(names, "c.example", ("c.example", "pass"), ()))
    assert verdict.result in {"none", "pass"}
    parse_tags(octets)


def _mail(octets: bytes) -> None:
    fields = split_fields(octets, 0, len(octets))
    names = TableNames(_KEYS)

    async def both() -> tuple[tuple[tuple[str, str], ...], str]:
        results = await dkim_results(names, octets, fields)
        return results, await forwarder(names, octets, fields, _TRUSTED)

    results, vouches = asyncio.run(both())
    assert all(word in _WORDS for _, word in results)
    author_domain(octets, fields)
    if ("c.example", "pass") in results or vouches:
        # what passed is what was signed, but for white space that counts for nothing
        assert octets.rstrip().endswith(LETTER.rpartition(b"\r\n\r\n")[2].strip())


def _dialogue(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    record = replace(
        RECORD, mail_from=text, rcpt_to=text, helo=text, peer_ip=text, spf=text, dmarc=text,
        dkim=((text, text),),
    )  # fmt: skip
    for line in trace_lines(record):
        assert line.isascii()
        assert b"\r" not in line
        assert b"\n" not in line
    written = b"From: " + octets + b"\r\n\r\n"
    named_authors(written, split_fields(written, 0, len(written)))


RECORDS = Target("door-records", _RECORDS, _record)
MAILS = Target("door-mail", _MAILS, _mail, (BadMessage,))
DIALOGUES = Target(
    "door-dialogue",
    [
        b"carol@c.example",
        b'"a b" <carol@c.example>',
        b"[192.0.2.3]",
        b"fail p=reject arc=f.example",
    ],
    _dialogue,
)

TARGETS = (RECORDS, MAILS, DIALOGUES)
