"""Mailboxes as years of mail leave them, made up: for the tests and the benchmark of the import.

Two kinds, both of some 50 KB a message: mail as people have it, of which most octets are
attachments, and mail that is nothing but words, which is the hardest an index can be given.
"""

from __future__ import annotations

import base64
import random
import subprocess
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from tests.support.old_mail import letter

Letters = Callable[[random.Random, int], bytes]  # one message, by what is drawn and its number

_WORDS = [f"{random.Random(n).getrandbits(30):x}" for n in range(20_000)]
_SELDOM = list(accumulate(1 / (rank + 3) for rank in range(len(_WORDS))))  # as in a language
_FOLDERS = 20


def of_words(mean: int) -> Letters:
    """Return letters of text alone, *mean* lines of about 90 octets each, any word as often."""

    def made(draw: random.Random, number: int) -> bytes:
        # most are short, some long
        lines = min(int(draw.expovariate(1 / mean)) + 10, 20_000)
        text = "".join(" ".join(draw.choices(_WORDS, k=11)) + "\r\n" for _ in range(lines))
        return letter(number, body=text)

    return made


def with_attachments(mean_octets: int) -> Letters:
    """Return letters as a mailbox holds them: half with a page beside the text.

    One in four has a file, of *mean_octets* in the mean before it is written in base64.
    """

    def made(draw: random.Random, number: int) -> bytes:
        parts = [_text(draw)]
        if number % 2:
            parts.append(_page(draw))
        if number % 4 == 3:  # one in four
            parts.append(_file(draw, int(draw.expovariate(1 / mean_octets)) + 100))
        body = "".join(f"--=_{number}\r\n{part}" for part in parts) + f"--=_{number}--\r\n"
        more = f'{_trace(draw)}Content-Type: multipart/mixed; boundary="=_{number}"\r\n'
        return letter(number, body=body, more=more)

    return made


def fill(maildir: Path, size: int, letters: Letters) -> int:
    """Put *size* letters straight into a Maildir of 20 folders; return their octets."""
    octets = 0
    draw = random.Random(7)
    for number in range(size):
        name = f".Archive.{number % _FOLDERS}" if number % _FOLDERS else ""
        cur = maildir / name / "cur"
        if number < _FOLDERS:
            for part in ("cur", "new", "tmp"):
                (maildir / name / part).mkdir(parents=True)
        message = letters(draw, number)
        octets += len(message)
        flags = "S" if number % 10 else ""
        (cur / f"{1_500_000_000 + number}.{number}.host:2,{flags}").write_bytes(message)
    subprocess.run(["chown", "-R", "mail:mail", str(maildir)], check=True)
    return octets


def _words(draw: random.Random, count: int) -> list[str]:
    return draw.choices(_WORDS, cum_weights=_SELDOM, k=count)


def _text(draw: random.Random) -> str:
    count = min(int(draw.lognormvariate(5.2, 1.0)) + 5, 10_000)
    lines = "".join(" ".join(_words(draw, 11)) + "\r\n" for _ in range(count // 11 + 1))
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{lines}"


def _page(draw: random.Random) -> str:
    rows = "".join(
        '<tr><td style="font-family:sans-serif;font-size:14px;line-height:20px;color:#333333">'
        f'<a href="https://a.example/r/{draw.getrandbits(160):x}">{" ".join(_words(draw, 3))}</a>'
        f" {' '.join(_words(draw, 12))}&nbsp;</td></tr>\r\n"
        for _ in range(int(draw.expovariate(1 / 40)) + 5)
    )
    return (
        "Content-Type: text/html; charset=utf-8\r\n\r\n<html><head><style>td { padding: 0 }"
        f"</style></head><body><table>\r\n{rows}</table></body></html>\r\n"
    )


def _file(draw: random.Random, octets: int) -> str:
    lines = base64.encodebytes(draw.randbytes(octets)).decode().replace("\n", "\r\n")
    return (
        'Content-Type: application/pdf; name="file.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="file.pdf"\r\n\r\n{lines}'
    )


def _trace(draw: random.Random) -> str:
    """Return the fields that servers leave on a message."""
    came = "".join(
        f"Received: from mx{hop}.a.example (mx{hop}.a.example [192.0.2.{hop}])\r\n"
        f"\tby mx{hop + 1}.a.example with ESMTPS id {draw.getrandbits(60):x}\r\n"
        "\tfor <bob@b.example>; Sat, 21 Nov 2026 12:00:00 +0000\r\n"
        for hop in range(3)
    )
    signature = base64.b64encode(draw.randbytes(256)).decode()
    folded = "\r\n\t ".join(signature[at : at + 68] for at in range(0, len(signature), 68))
    return (
        f"{came}DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=x;\r\n"
        f"\th=from:to:subject:date; bh={base64.b64encode(draw.randbytes(32)).decode()};\r\n"
        f"\tb={folded}\r\nReferences: <{draw.getrandbits(90):x}@b.example>\r\nMIME-Version: 1.0\r\n"
    )
