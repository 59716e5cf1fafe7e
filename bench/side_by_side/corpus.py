"""Messages as a mailbox holds them: 2 to 200 KB, log-normal, the same octets for the same seed.

38 % plain, 42 % alternative, 20 % with attachments; a few hold words that the searches look for.
"""

import base64
import random
import time
from dataclasses import dataclass
from typing import Any

SEED = 20_240_229
RARE_BODY = "zyxqvortal"
RARE_SUBJECT = "Quarzblende"
VIP = "vera.importante@vip.example"
ONE_PERCENT = "percentmark"
EVERY = "everymark"
HITS = 7
VIPS = 50
_SMALLEST, _LARGEST = 2_000, 200_000
_PLAIN, _ALTERNATIVE = 0.38, 0.80
_FILES = (
    ("application/pdf", "report-%d.pdf"),
    ("image/png", "img-%d.png"),
    ("image/jpeg", "photo %d.jpg"),
    ("text/calendar", "inv-%d.ics"),
)


@dataclass(frozen=True)
class Sample:
    """One message, and when it arrived."""

    octets: bytes
    internal_date: str


class Corpus:
    """*count* messages; made at once."""

    def __init__(self, count: int, seed: int = SEED) -> None:
        self._random = random.Random(seed)
        self._make_words()
        self._make_people()
        self._ids: list[str] = []
        pick = self._random.sample
        self._rare = set(pick(range(count), min(HITS, count)))
        self._rare_subject = set(pick(range(count), min(HITS, count)))
        self._vip = set(pick(range(count), min(VIPS, count)))
        self.samples: list[Sample] = []
        at = 1_600_000_000
        for number in range(count):
            at += self._random.randrange(60, 9_000)
            date = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(at))
            self.samples.append(Sample(self._message(number, at), date))
        self.octets = sum(len(sample.octets) for sample in self.samples)

    def _make_words(self) -> None:
        draw = self._random
        syllables = [
            a + b
            for a in "bcdfghklmnprstvw"
            for b in ("a", "e", "i", "o", "u", "an", "en", "or", "is")
        ]
        self._vocabulary = [
            "".join(draw.choices(syllables, k=draw.choice((1, 2, 2, 3, 3, 4)))) for _ in range(6000)
        ]
        weights, total = [], 0.0
        for rank in range(len(self._vocabulary)):
            total += 1.0 / (rank + 2.7)
            weights.append(total)
        self._lines: list[str] = []
        line: list[str] = []
        length = 0
        for word in draw.choices(self._vocabulary, cum_weights=weights, k=300_000):
            if length + len(word) + 1 > 72:
                self._lines.append(" ".join(line))
                line, length = [], 0
            line.append(word)
            length += len(word) + 1
        blob = base64.b64encode(draw.randbytes(1 << 20)).decode()
        self._base64 = [blob[at : at + 76] for at in range(0, len(blob), 76)]

    def _make_people(self) -> None:
        draw = self._random
        self._people = []
        for _ in range(500):
            first, last = (draw.choice(self._vocabulary).title() for _ in range(2))
            host = draw.choice(self._vocabulary[:200])
            self._people.append(
                (f"{first} {last}", f"{first.lower()}.{last.lower()}@{host}.example")
            )

    def _message(self, number: int, at: int) -> bytes:
        draw = self._random
        size = int(min(_LARGEST, max(_SMALLEST, draw.lognormvariate(9.1, 1.1))))
        header = self._header(number, at)
        boundary = f"=_b{draw.getrandbits(96):024x}"
        kind = draw.random()
        if kind < _PLAIN:
            header += [
                "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: 8bit",
                "",
            ]
            body = self._text(number, min(size, 60_000))
        elif kind < _ALTERNATIVE:
            header += [f'Content-Type: multipart/alternative;\r\n\tboundary="{boundary}"', ""]
            body = self._alternative(number, boundary, size)
        else:
            header += [f'Content-Type: multipart/mixed; boundary="{boundary}"', ""]
            body = self._mixed(number, boundary, size)
        return ("\r\n".join(header) + "\r\n" + "\r\n".join(body) + "\r\n").encode()

    def _header(self, number: int, at: int) -> list[str]:
        draw, words = self._random, self._vocabulary
        name, address = (
            ("Vera Importante", VIP) if number in self._vip else draw.choice(self._people)
        )
        subject = " ".join(draw.choices(words[:2000], k=draw.randrange(2, 9))).capitalize()
        if number in self._rare_subject:
            subject += f" {RARE_SUBJECT}"
        elif draw.random() < 0.12:
            subject = "=?UTF-8?Q?" + subject.replace(" ", "_") + "_=C3=A9t=C3=A9?="
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(at))
        lines = [self._received(hop, date) for hop in range(draw.randrange(2, 5))]
        signature = self._base64[draw.randrange(len(self._base64) - 5)]
        lines.append(
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={address.split('@')[1]}; s=s1;\r\n"
            f"\th=from:to:subject:date:message-id;\r\n\tb={signature[:64]}\r\n\t {signature[8:72]}"
        )
        lines.append(f"From: {name} <{address}>")
        lines.append("To: " + self._addresses(draw.choice((1, 1, 1, 2, 4))))
        if draw.random() < 0.25:
            lines.append("Cc: " + self._addresses(draw.randrange(1, 6)))
        if draw.random() < 0.15:
            lines.append("Reply-To: " + self._addresses(1))
        if self._ids and draw.random() < 0.45:
            references = draw.choices(self._ids[-200:], k=draw.randrange(1, 7))
            subject = f"Re: {subject}"
            lines.append(f"In-Reply-To: {references[-1]}")
            lines.append("References: " + "\r\n\t".join(references))
        message_id = f"<{draw.getrandbits(64):x}.{number}.{address.replace('@', '@mx.')}>"
        self._ids.append(message_id)
        lines += [f"Subject: {subject}", f"Date: {date}", f"Message-ID: {message_id}"]
        if draw.random() < 0.05:
            lines.append("X-Priority: 1")
        if draw.random() < 0.2:
            of = draw.choice(words[:300])
            lines.append(f"List-Id: <{of}.lists.example>")
            lines.append("List-Unsubscribe: <mailto:u@lists.example>")
        return [*lines, "MIME-Version: 1.0"]

    def _received(self, hop: int, date: str) -> str:
        draw = self._random
        one, other = (draw.choice(self._vocabulary[:200]) for _ in range(2))
        return (
            f"Received: from mx{hop}.{one}.example (mx{hop}.{other}.example"
            f" [192.0.2.{draw.randrange(255)}])\r\n\tby in{hop}.bench.example (Postfix) with ESMTPS"
            f" id {draw.getrandbits(48):012X}\r\n\tfor <me@bench.example>; {date}"
        )

    def _addresses(self, count: int) -> str:
        chosen = self._random.choices(self._people, k=count)
        return ",\r\n\t".join(f"{name} <{address}>" for name, address in chosen)

    def _run_of(self, lines: list[str], count: int) -> list[str]:
        at = self._random.randrange(len(lines) - 1)
        taken = lines[at : at + count]
        while len(taken) < count:
            taken += lines[: count - len(taken)]
        return taken

    def _text(self, number: int, size: int) -> list[str]:
        lines = self._run_of(self._lines, max(1, size // 74))
        middle = len(lines) // 2
        if number in self._rare:
            lines.insert(middle, f"here {RARE_BODY} there")
        if number % 100 == 0:
            lines.insert(middle, ONE_PERCENT)
        lines.append(EVERY)
        return lines

    def _html(self, size: int) -> list[str]:
        lines = self._run_of(self._lines, max(1, int(size * 0.8) // 74))
        marked = [
            ('<p style=3D"margin:0">' if at % 5 == 0 else "") + line
            for at, line in enumerate(lines)
        ]
        return ['<html><head><meta charset=3D"utf-8"></head><body>', *marked, "</body></html>"]

    def _alternative(self, number: int, boundary: str, size: int) -> list[str]:
        encoding = "Content-Transfer-Encoding: quoted-printable"
        return [
            *(f"--{boundary}", "Content-Type: text/plain; charset=utf-8", encoding, ""),
            *self._text(number, size * 4 // 10),
            *(f"--{boundary}", "Content-Type: text/html; charset=utf-8", encoding, ""),
            *self._html(size * 6 // 10),
            f"--{boundary}--",
        ]

    def _mixed(self, number: int, boundary: str, size: int) -> list[str]:
        draw = self._random
        letter = min(size // 4, 12_000)
        inner = boundary + "a"
        body: list[Any] = [
            f"--{boundary}",
            f'Content-Type: multipart/alternative; boundary="{inner}"',
            "",
        ]
        body += self._alternative(number, inner, letter)
        count = draw.choice((1, 1, 1, 2))
        for _ in range(count):
            media, name = draw.choice(_FILES)
            name %= draw.randrange(1000)
            body += [
                f"--{boundary}",
                f'Content-Type: {media}; name="{name}"',
                f'Content-Disposition: attachment; filename="{name}"',
                "Content-Transfer-Encoding: base64",
                "",
            ]
            body += self._run_of(self._base64, max(1, max(1_000, size - letter) // count // 78))
        return [*body, f"--{boundary}--"]
