"""Two domains that ask for postage: a stranger pays once, an answer and all that follows do not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.demo.world import Side
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.proto.federation_pb2 import ACCEPTED, POSTAGE, Item
from tests.support.clients import about, imap, wait_until, write
from tests.support.worlds import TestedWorld, brought

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedWorld]:
    with TestedWorld(
        tmp_path_factory.mktemp("admission"),
        rates="user_burst = 60",
        acquainted=False,
        recorded=True,
    ) as made:
        yield made


def move(settings: MailSettings, subject: str, source: str, target: str) -> None:
    with imap(settings) as client:
        client.select(source)
        found = client.uid("SEARCH", "SUBJECT", subject)[1][0].decode()
        assert client.uid("MOVE", found.replace(" ", ","), target)[0] == "OK"


def brought_since(
    earlier: int, count: int, world: TestedWorld, side: Side
) -> list[tuple[Item, int]]:
    """Return what came after the first *earlier*, once *count* have: an item is seen before its answer."""
    wait_until(lambda: len(brought(world, side)) >= earlier + count)
    return brought(world, side)[earlier:]


def tags_of(side: Side) -> list[bytes]:
    """Return what the home server of *side* lets in by to its first person."""
    database = Path(side.home_dir / "home.sqlite")
    asked = "SELECT tag FROM tag JOIN mailbox USING (mailbox_id) WHERE address = ? ORDER BY tag"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
        return [tag for (tag,) in rows.execute(asked, (side.address,))]


def test_a_stranger_pays_an_answer_and_what_follows_does_not_until_a_block(
    world: TestedWorld,
) -> None:
    alice, bob = world.alice.known, world.bob.known

    earlier = len(brought(world, world.bob))
    write(alice, bob.address, "hello-bob")
    wait_until(lambda: bool(about(bob, "hello-bob", "Requests")))
    asked, paid = brought_since(earlier, 2, world, world.bob)
    assert asked[1] == POSTAGE
    assert (asked[0].token, asked[0].postage) == (b"", b"")
    assert asked[0].envelope == paid[0].envelope  # sealed once
    assert (paid[0].token, len(paid[0].postage)) == (b"", 8)

    wait_until(lambda: len(tags_of(world.alice)) == 64)
    write(bob, alice.address, "hello-alice")
    wait_until(lambda: bool(about(alice, "hello-alice")))
    [(answer, _)] = brought_since(0, 1, world, world.alice)
    assert (len(answer.token), answer.postage) == (24, b"")

    wait_until(lambda: len(tags_of(world.bob)) == 64)
    write(alice, bob.address, "again")
    wait_until(lambda: bool(about(bob, "again")))
    [(again, _)] = brought_since(earlier + 2, 1, world, world.bob)
    assert (len(again.token), again.postage) == (24, b"")
    assert again.token[:8] in {tag[:8] for tag in tags_of(world.bob)}

    before = set(tags_of(world.bob))
    tokens = len(brought(world, world.bob))

    move(bob, "again", "INBOX", "Junk")
    wait_until(lambda: len(before & set(tags_of(world.bob))) < len(before) - 10)
    write(alice, bob.address, "unwanted")
    wait_until(lambda: bool(about(bob, "unwanted", "Junk")))

    refused, paid = brought_since(tokens, 2, world, world.bob)
    assert (len(refused[0].token), refused[1]) == (24, POSTAGE)
    assert (paid[0].token, len(paid[0].postage)) == (b"", 8)


def test_a_larger_first_message_comes_when_it_is_accepted_and_not_before(
    world: TestedWorld,
) -> None:
    ann, bob = world.add_person(world.alice, "ann"), world.bob.known
    before = len(brought(world, world.bob))

    write(ann, bob.address, "long-letter", 300_000)
    asking = "ann@a.example asks to send you a message"
    wait_until(lambda: bool(about(bob, asking, "Requests")))
    unpaid, paid = brought_since(before, 2, world, world.bob)
    assert (unpaid[1], paid[1]) == (POSTAGE, ACCEPTED)
    for item, _ in (unpaid, paid):
        assert item.body == b""
        assert item.body_ref.size > 300_000
    assert list(world.recording(world.bob).glob("*-PutBlob-in-*")) == []
    assert not about(bob, "long-letter")

    move(bob, "asks", "Requests", "INBOX")
    wait_until(lambda: bool(about(bob, "long-letter")))

    [letter] = about(bob, "long-letter")
    assert letter.endswith(b"line of it\r\n" * (300_000 // 12 + 1))
    assert b"from=ann%40a.example" in letter or b"from=ann@a.example" in letter
    write(ann, bob.address, "short-letter")
    wait_until(lambda: bool(about(bob, "short-letter")))
