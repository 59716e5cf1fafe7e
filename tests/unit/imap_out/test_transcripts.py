"""Dialogues from the RFCs and of captured mail programs, whole and octet by octet."""

import asyncio
from pathlib import Path

import pytest

from tests.support.transcript import Transcript

PAGES = sorted((Path(__file__).parents[2] / "transcripts").glob("*.txt"))

ALONE = [page for page in PAGES if page.stem.startswith(("search-", "sort-", "thread-"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_the_dialogue_goes_as_written(page: Path, chunk: int) -> None:
    Transcript(chunk=chunk).plays(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ALONE, ids=lambda page: page.stem)
def test_the_dialogue_goes_as_written_in_one_packet(page: Path) -> None:
    """No answer decides what is said next, so all of it may come at once."""
    Transcript(pipelined=True).plays(page.read_text(encoding="utf-8"))


def test_a_dialogue_in_one_packet_is_answered_in_order() -> None:
    """mutt pipelines; nothing it sends at once may be lost or answered out of turn."""

    async def play() -> bytes:
        world = Transcript()
        line = await world.open("")
        await line.feed(
            b"a SELECT INBOX\r\nb APPEND INBOX {2+}\r\nhi\r\nc FETCH 1 FLAGS\r\n"
            b"d IDLE\r\nDONE\r\ne UID STORE 1 +FLAGS.SILENT (\\Seen)\r\nf EXPUNGE\r\ng CLOSE\r\n"
        )
        return line.taken()

    said = asyncio.run(play())

    tagged = [row[:4] for row in said.splitlines() if row[1:2] == b" " and row[:1].isalpha()]
    assert tagged == [b"a OK", b"b OK", b"c OK", b"d OK", b"e OK", b"f OK", b"g OK"]
