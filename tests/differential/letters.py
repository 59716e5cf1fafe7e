"""Messages put together at random from the fields and bodies of odd ones, the same for a seed."""

import random
from collections import defaultdict
from functools import cache

from mx_core.mime.prepare import prepare
from tests.support.odd_messages import odd_messages

_TOP = (
    "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to",
    "references",
)  # fmt: skip
_OF_PARTS = (
    "content-type", "content-transfer-encoding", "content-disposition", "content-id",
    "content-description", "content-language", "content-md5", "content-location",
)  # fmt: skip
_DEPTH = 3
_FIELD_OCTETS_MAX = 2_000


class Pool:
    """What messages are made of: fields by name, and bodies; none of a message in *but*."""

    def __init__(self, but: frozenset[str]) -> None:
        fields: dict[str, set[bytes]] = defaultdict(set)
        bodies: set[bytes] = set()
        for message in odd_messages():
            if message.name in but:
                continue
            form = prepare(message.octets)
            for field in form.fields:
                octets = message.octets[field.start : field.end]
                name = octets.partition(b":")[0].strip().lower().decode("latin-1")
                if octets.endswith(b"\r\n") and len(octets) < _FIELD_OCTETS_MAX:
                    fields[name].add(octets)
            body = message.octets[form.header_end :]
            if body.endswith(b"\r\n") and b"--" not in body:
                bodies.add(body)
        holds = (b"multipart", b"message/", b"boundary")
        types = {octets for octets in fields["content-type"] if not _has(octets, *holds)}
        fields["content-type"] = types
        self.fields = {name: sorted(found) for name, found in fields.items() if found}
        self.bodies = sorted(bodies)


def _has(octets: bytes, *words: bytes) -> bool:
    return any(word in octets.lower() for word in words)


@cache
def pool(but: frozenset[str]) -> Pool:
    return Pool(but)


class Letter:
    """One message; ``octets`` is it."""

    def __init__(self, seed: int, made_of: Pool) -> None:
        self._chance = random.Random(f"letter {seed}")
        self._pool = made_of
        self._boundaries = 0
        self.octets = self._message(_DEPTH)

    def _message(self, depth: int) -> bytes:
        head = b"".join(self._some(name, 0.6) for name in _TOP)
        return head + b"MIME-Version: 1.0\r\n" + self._part(depth)

    def _some(self, name: str, how_often: float) -> bytes:
        found = self._pool.fields.get(name)
        return self._chance.choice(found) if found and self._chance.random() < how_often else b""

    def _part(self, depth: int) -> bytes:
        kind = self._chance.choices(("leaf", "multipart", "message"), (3, 2 * depth, depth))[0]
        fields = b"".join(self._some(name, 0.3) for name in _OF_PARTS[2:])
        if kind == "leaf":
            fields += self._some("content-type", 0.7)
            fields += self._some("content-transfer-encoding", 0.4)
            return fields + b"\r\n" + self._chance.choice(self._pool.bodies)
        if kind == "message":
            return fields + b"Content-Type: message/rfc822\r\n\r\n" + self._message(depth - 1)
        self._boundaries += 1
        line = b"--b%dx" % self._boundaries
        subtype = self._chance.choice((b"mixed", b"alternative", b"related", b"digest", b"odd"))
        kind_of = b'Content-Type: multipart/%b; boundary="%b"\r\n' % (subtype, line[2:])
        parts = [self._part(depth - 1) for _ in range(self._chance.randrange(1, 4))]
        inside = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts)
        closed = self._chance.random() < 0.8
        before = self._chance.choice((b"", b"preamble\r\n"))
        return fields + kind_of + b"\r\n" + before + inside + (line + b"--\r\n" if closed else b"")
