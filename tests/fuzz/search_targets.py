"""What senders write and what people look for in it: the index, and a plain look at the texts."""

from __future__ import annotations

import functools
from itertools import islice

import sqlalchemy as sa

from imap_out.session.search.program import text_of
from imap_out.wire.syntax import BadSyntax
from mx_core.db.migrate import migrate
from mx_core.mime.prepare import prepare
from mx_core.model.ids import MessageId
from mx_core.store.text_index import block, lookup, runs, state
from mx_core.store.text_index.grams import Group
from mx_core.store.text_index.making.maker import MakerHere
from mx_core.store.text_index.making.texts import Letter, texts_of
from tests.fuzz.hammer import Target
from tests.support.indexed_mail import MAIL, TERMS
from tests.support.odd_messages import odd_messages

_WORDS_OF_BLOCK = 16  # so that a message of some hundred words has rows to be looked through
_FIRST, _END = MessageId(1), MessageId(4)
_LOOKED_FOR = [
    *(term.encode() + b"\0" + mail for mail in MAIL for term in TERMS),
    *(b"de \0" + odd.octets for odd in odd_messages() if len(odd.octets) < 4_000),
]


@functools.cache
def _index() -> sa.Connection:
    connection = sa.create_engine("sqlite://").connect()
    migrate(connection, "mx_core.store.text_index.migrations")
    connection.exec_driver_sql("INSERT INTO state VALUES (1, ?, ?, 1)", (state.FORMAT, b""))
    connection.commit()
    return connection


def _breathe() -> None:
    """Nobody waits here."""


def _write(letters: list[Letter], connection: sa.Connection) -> None:
    maker = MakerHere(_FIRST, _breathe)
    maker.take(letters)
    made = maker.finish()
    assert not made.unread
    assert not made.faults
    run = runs.begin(connection, _FIRST, _END, 0)
    # a run as much mail has it: many blocks, each of a few words
    entries = maker._batch.entries()
    blocks: list[block.Block] = []
    while few := list(islice(entries, _WORDS_OF_BLOCK)):
        blocks += block.blocks(few, _breathe)
    runs.add_blocks(connection, run, 0, blocks)
    if len(blocks) >= runs.GRAMS_FROM_BLOCKS:
        group = Group()
        for one in blocks:
            group.add(one.words, _breathe)
        runs.add_grams(connection, run, 0, group.slices())
    runs.finish(connection, run, made.messages, [])
    state.advance(connection, _END, [])


def _found(octets: bytes) -> None:
    """The index says of no message what its texts do not say, wherever it stands among others."""
    asked, _, mail = octets.partition(b"\0")
    term = text_of(asked)
    letters = []
    for message, each in zip(range(_FIRST, _END), (MAIL[0], mail, MAIL[2]), strict=True):
        form = prepare(each)
        letters.append(Letter(MessageId(message), each, form.fields, form.parts))
    connection = _index()
    try:
        _write(letters, connection)
        decided = bool(term) and term.split() == [term]
        for body_only in (False, True):
            hits = lookup.find(connection, term, body_only=body_only)
            for letter in letters:
                texts = texts_of(letter)
                held = (texts.body,) if body_only else (texts.header, texts.body)
                verdict = hits.verdict(letter.message)
                assert verdict in (None, any(term in text for text in held if text is not None))
                assert verdict is not None or not decided
    finally:
        connection.rollback()


SEARCH = Target("search", _LOOKED_FOR, _found, (BadSyntax,))

TARGETS = (SEARCH,)
