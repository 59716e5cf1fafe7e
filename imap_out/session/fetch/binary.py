"""FETCH BINARY and BINARY.SIZE: a part with its transfer encoding undone.  RFC 3516 §4.2.

The message itself, multiparts and messages inside are given as they are, for their encoding is
one that changes nothing.  A part larger than one read is decoded twice, piece by piece: once to
learn its size, once to send it; never is all of it held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from imap_out.session.state.refusals import Refusal
from imap_out.wire.fetch_items import BinarySection, BinarySize
from imap_out.wire.render import binary_name
from mx_core.mime import part_map
from mx_core.mime.part_map import Kind
from mx_core.mime.transfer_encoding import decoder
from mx_core.model.ids import MessageId
from mx_core.model.message import MessageForm
from mx_core.ports import MailReader

_PLAIN = "binary"
Read = Callable[[MailReader], bytes]


class Encoded(Struct, frozen=True):
    """Octets of a message and how they are encoded."""

    message: MessageId
    start: int
    end: int
    encoding: str

    def reads(self, step: int) -> Iterator[Read]:
        """Yield jobs that give the decoded octets in order, each from *step* octets at most."""
        undo = decoder(self.encoding)
        if undo is None:
            raise Refusal(b"UNKNOWN-CTE", "nobody here can undo the encoding of this part")
        for start in range(self.start, self.end, step):
            end = min(start + step, self.end)
            yield lambda r, s=start, e=end: undo.feed(r.octets(self.message, s, e))  # type: ignore[misc]  # defaults bind the loop's values
        yield lambda _: undo.finish()


class DecodedPiece(Struct, frozen=True):
    """Decoded octets that are sent later; *count* of them, behind the first *skip*."""

    source: Encoded
    skip: int
    count: int

    def reads(self, step: int) -> Iterator[Read]:
        """Yield jobs that give them in order."""
        passed = 0
        for read in self.source.reads(step):
            if passed >= self.skip + self.count:
                return

            def cut(reader: MailReader, read: Read = read) -> bytes:
                nonlocal passed
                octets = read(reader)
                first = max(self.skip - passed, 0)
                last = self.skip + self.count - passed
                passed += len(octets)
                return octets[first:last]

            yield cut


def tell(
    reader: MailReader,
    message: MessageId,
    form: MessageForm,
    item: BinarySection | BinarySize,
    at_once: int,
) -> list[bytes | DecodedPiece]:
    """Return the answer for one message; parts of up to *at_once* octets stand in it whole.

    Raises:
        Refusal: The encoding is not known (RFC 3516 §4.3).
    """
    name = binary_name(item)
    source = _located(message, form, item.part)
    if source is None:
        return [name + (b" 0" if isinstance(item, BinarySize) else b" NIL")]
    if source.end - source.start <= at_once:
        octets = b"".join(read(reader) for read in source.reads(at_once))
        if isinstance(item, BinarySize):
            return [b"%b %d" % (name, len(octets))]
        if item.partial is not None:
            octets = octets[item.partial[0] : sum(item.partial)]
        tilde = b"~" if b"\0" in octets else b""
        return [b"%b %b{%d}\r\n" % (name, tilde, len(octets)), octets]
    size = sum(len(read(reader)) for read in source.reads(at_once))
    if isinstance(item, BinarySize):
        return [b"%b %d" % (name, size)]
    skip, count = item.partial or (0, size)
    skip = min(skip, size)
    count = min(count, size - skip)
    # literal8 may hold NUL and need not: RFC 3516 §7
    return [b"%b ~{%d}\r\n" % (name, count), DecodedPiece(source, skip, count)]


def _located(message: MessageId, form: MessageForm, path: tuple[int, ...]) -> Encoded | None:
    if not path:
        return Encoded(message, 0, form.size, _PLAIN)
    part = part_map.find(part_map.decode(form.parts), path)
    if part is None:
        return None
    encoding = part.encoding if part.kind is Kind.LEAF else _PLAIN
    return Encoded(message, part.body_start, part.end, encoding)
