"""A meeting of two devices: opened by one in a session, answered by who knows its id, soon over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.people import meetings
from mx_core.homeserver.people.meetings import OCTETS_MAX, WORDS_MAX, Word, meet
from mx_core.homeserver.schema import MEETING
from mx_core.model.errors import Refused
from mx_core.passport.linking.channel import LIFE_SECONDS
from tests.support.home_rows import add_member, home_database

NOW = 1_700_000_000
ID, OTHER_ID = b"r" * 16, b"s" * 16
ALICE, BOB = 1, 2


class Room:
    """The database of a home server with two people."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW

    def said(
        self, owner: int | None, number: int = 0, octets: bytes = b"", meeting: bytes = ID
    ) -> bytes | None:
        word = Word(meeting, number, octets, 0)
        return asyncio.run(meet(self.database, owner, word, self.now))

    def rows(self) -> int:
        return len(asyncio.run(self.database.read(lambda tx: tx.execute(MEETING.select()).all())))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with home_database(tmp_path) as database:
        for name in ("alice", "bob"):
            add_member(database, f"{name}@a.example")
        yield Room(database)


def test_each_hears_the_other_and_asking_again_changes_nothing(room: Room) -> None:
    assert room.said(ALICE, 0, b"present") == b""
    for _ in range(2):
        assert room.said(None, 0, b"new") == b"present"
        assert room.said(ALICE, 0, b"present") == b"new"
        assert room.said(ALICE) == b"new"
    assert room.rows() == 3


def test_who_is_not_in_a_session_opens_nothing(room: Room) -> None:
    assert room.said(None, 0, b"new") is None
    assert room.rows() == 0


def test_a_word_that_was_said_is_not_said_otherwise(room: Room) -> None:
    room.said(ALICE, 0, b"present")
    room.said(None, 0, b"new")

    for owner in (ALICE, None):
        with pytest.raises(Refused, match="otherwise"):
            room.said(owner, 0, b"another")


def test_a_meeting_is_of_one_mailbox_which_has_one(room: Room) -> None:
    room.said(ALICE, 0, b"present")
    with pytest.raises(Refused, match="somebody else"):
        room.said(BOB, 0, b"present")

    room.said(ALICE, 0, b"again", meeting=OTHER_ID)

    assert room.said(None) is None
    assert room.said(None, meeting=OTHER_ID) == b"again"
    assert room.rows() == 2


def test_ten_minutes_after_it_was_opened_it_is_over_whatever_was_said(room: Room) -> None:
    room.said(ALICE, 0, b"present")
    room.now += LIFE_SECONDS - 1
    assert room.said(None, 0, b"new") == b"present"
    room.now += 1

    assert room.said(None, 1, b"later") is None
    asyncio.run(room.database.write(lambda tx: meetings.forget_old(tx, room.now)))
    assert room.rows() == 0


@pytest.mark.parametrize(
    ("number", "octets", "meeting"),
    [
        (WORDS_MAX, b"x", ID),
        (0, bytes(OCTETS_MAX + 1), ID),
        (0, b"x", b"short"),
    ],
)
def test_what_is_too_much_is_refused(
    room: Room, number: int, octets: bytes, meeting: bytes
) -> None:
    with pytest.raises(Refused):
        room.said(ALICE, number, octets, meeting)
    assert room.rows() == 0
    assert room.said(ALICE, WORDS_MAX - 1, bytes(OCTETS_MAX)) == b""
