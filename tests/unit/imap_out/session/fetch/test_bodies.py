"""Whole messages and ranges of them, however many fit into one read."""

from typing import Any

import msgspec
import pytest

from imap_out.session.fetch.bodies import asked_of
from imap_out.wire.fetch_items import Attribute, BodySection, Section, SectionText
from imap_out.wire.limits import Limits
from mx_core.model.errors import StoreDamaged
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
WHOLE = BodySection(peek=True)
MESSAGES = [b"Subject: %d\r\n\r\n" % n + b"%d%%d " % n * (300 * n) for n in range(6)]
FEW, SOME, MANY = 1_500, 8_000, 1024 * 1024


async def selected(read_octets: int) -> Line:
    world = Transcript(limits=Limits(read_octets=read_octets, answer_octets=read_octets))
    line = await world.open("")
    for octets in MESSAGES:
        await line.feed(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(octets), octets))
    await line.feed(b"b SELECT INBOX\r\n")
    line.taken()
    return line


async def said(line: Line, command: bytes) -> bytes:
    await line.feed(b"c %b\r\n" % command)
    return line.taken()


@pytest.mark.parametrize("read_octets", [FEW, MANY])
@pytest.mark.parametrize("which", [b"1:*", b"2", b"1,3:4,6"])
async def test_every_octet_comes(read_octets: int, which: bytes) -> None:
    line = await selected(read_octets)
    places = {b"1:*": range(6), b"2": [1], b"1,3:4,6": [0, 2, 3, 5]}[which]
    wanted = b"".join(
        b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (n + 1, n + 1, len(octets), octets)
        for n, octets in enumerate(MESSAGES)
        if n in places
    )

    assert (await said(line, b"UID FETCH %b (BODY.PEEK[])" % which)).startswith(wanted + b"c OK")


@pytest.mark.parametrize("read_octets", [FEW, MANY])
async def test_what_stands_beside_the_octets(read_octets: int) -> None:
    line = await selected(read_octets)
    await said(line, b"STORE 5 +FLAGS.SILENT (\\Seen)")

    answer = await said(line, b"FETCH 5:6 (RFC822.SIZE BODY.PEEK[] MODSEQ INTERNALDATE FLAGS)")

    for number, flags in ((5, b"\\Seen \\Recent"), (6, b"\\Recent")):
        octets = MESSAGES[number - 1]
        size = (number, len(octets), len(octets))
        head = b"* %d FETCH (RFC822.SIZE %d BODY[] {%d}\r\n" % size + octets + b" MODSEQ ("
        assert head in answer
        assert answer.split(head)[1].split(b"FLAGS ")[1].startswith(b"(" + flags + b"))\r\n")


@pytest.mark.parametrize("read_octets", [FEW, MANY])
@pytest.mark.parametrize(("first", "count"), [(0, 1), (20, 1400), (10, 5000), (9_000, 5)])
async def test_a_range_ends_where_the_message_does(
    read_octets: int, first: int, count: int
) -> None:
    line = await selected(read_octets)
    wanted = b""
    for number, octets in enumerate(MESSAGES, 1):
        part = octets[first : first + count]
        wanted += b"* %d FETCH (BODY[]<%d> {%d}\r\n%b)\r\n" % (number, first, len(part), part)

    answer = await said(line, b"FETCH 1:* (BODY.PEEK[]<%d.%d>)" % (first, count))

    assert answer.startswith(wanted + b"c OK")


async def test_each_reading_goes_on_where_the_one_before_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = await selected(SOME)
    account: Any = line.connection.session.account
    begin = account.mail.begin
    begun: list[Any] = []
    read: list[list[int]] = []  # by each reading, how many octets of which message

    def noted(job: Any, after: Any = None) -> Any:
        assert after is (begun[-1] if begun else None)

        def reading(reader: Any) -> Any:
            found = job(reader)
            if found is not None:
                read.append([size for size, _, _ in found.rows])
            return found

        begun.append(begin(reading, after))
        return begun[-1]

    monkeypatch.setattr(account.mail, "begin", noted)
    answer = await said(line, b"FETCH 1:* (BODY.PEEK[])")

    assert answer.count(b" FETCH (") == len(MESSAGES)
    assert [each for some in read for each in some] == [len(octets) for octets in MESSAGES]
    assert len(read) >= 2


class _Packed:
    """As a store gives octets that are unpacked when they are sent; None: they do not unpack."""

    def __init__(self, octets: bytes | None) -> None:
        self._octets = octets

    def unpacked(self) -> bytes:
        if self._octets is None:
            raise StoreDamaged("compressed octets do not open")
        return self._octets


@pytest.mark.parametrize("damaged", [None, 0, 3])
async def test_what_does_not_unpack_is_not_announced(
    monkeypatch: pytest.MonkeyPatch, damaged: int | None
) -> None:
    line = await selected(MANY)
    account: Any = line.connection.session.account
    begin = account.mail.begin

    def packing(job: Any, after: Any = None) -> Any:
        def reading(reader: Any) -> Any:
            found = job(reader)
            rows = [
                (size, date, _Packed(None if number == damaged else octets))
                for number, (size, date, octets) in enumerate(found.rows)
            ]
            return msgspec.structs.replace(found, rows=rows)

        return begin(reading, after)

    monkeypatch.setattr(account.mail, "begin", packing)
    answer = await said(line, b"FETCH 1:* (BODY.PEEK[])")

    told = MESSAGES if damaged is None else MESSAGES[:damaged]
    wanted = b"".join(
        b"* %d FETCH (BODY[] {%d}\r\n%b)\r\n" % (number, len(octets), octets)
        for number, octets in enumerate(told, 1)
    )
    assert answer.startswith(wanted + (b"c OK" if damaged is None else b"c NO "))


async def test_seen_is_set_and_told_unless_it_is_a_peek() -> None:
    line = await selected(MANY)

    assert b"FLAGS" not in await said(line, b"FETCH 1 BODY.PEEK[]")
    assert b" FLAGS (\\Seen \\Recent))" in await said(line, b"FETCH 1 BODY[]")
    assert b"FLAGS" not in await said(line, b"FETCH 1 BODY[]")


def test_what_is_not_asked_here() -> None:
    part = BodySection(Section((1,)), peek=True)
    header = BodySection(Section(text=SectionText.HEADER), peek=True)

    for items in ((part,), (header,), (WHOLE, header), (Attribute.UID,), (Attribute.BODY, WHOLE)):
        assert asked_of(items) is None, items
    assert asked_of((Attribute.SIZE, BodySection(peek=True, partial=(0, 5)))) is None
    assert asked_of((Attribute.SIZE, WHOLE)) is not None
