"""Words of messages, gathered."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator

import pytest

from mx_core.model.ids import MessageId
from mx_core.store.text_index.block import blocks
from mx_core.store.text_index.grams import Group
from mx_core.store.text_index.making.batch import MESSAGES_MAX, Batch
from mx_core.store.text_index.making.texts import Texts
from mx_core.store.text_index.postings import unpack

OCTETS = 1_000_000
HELD_SECONDS_MAX = 0.2


def test_words_come_in_order_with_the_messages_of_each_text() -> None:
    batch = Batch(MessageId(5), lambda: None)
    batch.add(Texts(MessageId(5), "B A", "A C"))
    batch.add(Texts(MessageId(8), "C", "C A A"))

    entries = [(word, *map(list, unpack(where))) for word, where in batch.entries()]

    assert entries == [(b"A", [0], [0, 3]), (b"B", [0], []), (b"C", [3], [0, 3])]


def test_a_message_that_can_not_be_read_is_noted() -> None:
    batch = Batch(MessageId(1), lambda: None)
    batch.add(Texts(MessageId(1), None, None))

    assert (batch.unread, batch.messages, list(batch.entries())) == ([1], 0, [])


@pytest.mark.parametrize(
    ("messages", "body"),
    [
        (MESSAGES_MAX, "a"),
        (2, " ".join(map(str, range(80_000)))),
        (2, "a" * 17_000_000),
    ],
)
def test_a_batch_is_full_in_time(messages: int, body: str) -> None:
    batch = Batch(MessageId(1), lambda: None)
    for number in range(1, messages):
        batch.add(Texts(MessageId(number), "", body))
    before = batch.is_full()
    batch.add(Texts(MessageId(messages), "", body.replace(" ", "X ") + "X"))

    assert (before, batch.is_full()) == (False, True)


@pytest.fixture
def _no_collections() -> Iterator[None]:
    """Leave out the search for garbage among all that a process of many tests holds."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collections")
@pytest.mark.parametrize("kind", ["spaces", "one word", "random", "numbers", "marks", "ideographs"])
def test_no_megabyte_holds_the_interpreter_for_long(kind: str) -> None:
    draw = random.Random(1)
    text = {
        "spaces": "A " * (OCTETS // 2),
        "one word": "A" * OCTETS,
        "random": "".join(draw.choices([chr(n) for n in range(33, 127)], k=OCTETS)),
        "numbers": " ".join(f"{draw.getrandbits(32):X}" for _ in range(OCTETS // 9)),
        "marks": "\u0301\u0323" * (OCTETS // 4),
        "ideographs": "漢字" * (OCTETS // 6),
    }[kind]
    last, held = time.thread_time(), 0.0

    def breathe() -> None:
        nonlocal last, held
        now = time.thread_time()
        held, last = max(held, now - last), now

    batch, group = Batch(MessageId(1), breathe), Group()
    batch.add(Texts(MessageId(1), "", text))
    for block in blocks(batch.entries(), breathe):
        group.add(block.words, breathe)

    assert held < HELD_SECONDS_MAX
