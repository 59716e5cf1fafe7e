"""The list of tags at a home server: taken whole, replaced whole, found by the first octets."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mx_core.admission.tag_list import TAGS_MAX, good_until, tag_list
from mx_core.homeserver.people import doorway
from mx_core.homeserver.people.doorway import check_tags, hinted, replace_tags
from mx_core.model.errors import Refused
from tests.support.home_rows import add_member, home_database

NOW = time.time()
GOOD = tag_list([b"\x01" * 32], bytes(32), NOW)


@pytest.mark.parametrize(
    ("tags", "until"),
    [
        pytest.param(GOOD[:63], good_until(NOW), id="too-few"),
        pytest.param([*GOOD, b"\xff" * 32], good_until(NOW), id="no-power-of-two"),
        pytest.param([b"%08d" % n + bytes(24) for n in range(2 * TAGS_MAX)], good_until(NOW), id="too-many"),
        pytest.param([*GOOD[:-1], GOOD[-1][:31]], good_until(NOW), id="short"),
        pytest.param([*GOOD[:-1], GOOD[-2]], good_until(NOW), id="twice"),
        pytest.param(GOOD[::-1], good_until(NOW), id="not-ascending"),
        pytest.param(GOOD, int(NOW), id="over-already"),
        pytest.param(GOOD, good_until(NOW) + 1, id="too-far-ahead"),
    ],
)  # fmt: skip
def test_a_list_of_another_form_is_refused(tags: list[bytes], until: int) -> None:
    with pytest.raises(Refused):
        check_tags(tags, until, NOW)


def test_a_good_list_is_taken() -> None:
    check_tags(GOOD, good_until(NOW), NOW)


def test_the_new_list_is_all_there_is_and_of_one_mailbox_only(tmp_path: Path) -> None:
    with home_database(tmp_path) as database:
        bob, eve = (add_member(database, f"{name}@b.example") for name in ("bob", "eve"))
        first = sorted(os.urandom(32) for _ in range(64))
        second = sorted([*first[:60], *(os.urandom(32) for _ in range(68))])

        def give(member: int, tags: list[bytes], until: int) -> None:
            database.write_at_start(lambda tx: replace_tags(tx, member, tags, until))

        def found(member: int, tag: bytes) -> list[bytes]:
            return database.write_at_start(lambda tx: hinted(tx, [(member, tag[:24])])[0])

        give(bob.mailbox_id, first, 5)
        give(eve.mailbox_id, first, 6)
        give(bob.mailbox_id, second, 7)

        assert all(found(bob.mailbox_id, tag) == [tag] for tag in second)
        assert not any(found(bob.mailbox_id, tag) for tag in first[60:])
        assert found(eve.mailbox_id, first[63]) == [first[63]]
        doors = database.write_at_start(lambda tx: doorway.doors(tx, [bob.address, eve.address]))
        assert (doors[bob.address].tags_until, doors[eve.address].tags_until) == (7, 6)
