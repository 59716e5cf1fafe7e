"""The worker of a search index: a process that makes runs of messages it is given, and keeps nothing.

It reads plaintext from one pipe and writes words to another; it has no key, opens no file, and ends
when the gateway does.  docs/decisions/0033-a-worker-for-the-index.md.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

import msgspec

from mx_core.mime import field_table
from mx_core.model.ids import MessageId
from mx_core.program.memory import keep_out_of_dumps
from mx_core.store.text_index.making import frames
from mx_core.store.text_index.making.frames import Asked, Finished, Last, MadeBlock, Taken
from mx_core.store.text_index.making.maker import MakerHere
from mx_core.store.text_index.making.texts import Letter


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Make one run after the other until *asked* ends."""
    decoder = msgspec.msgpack.Decoder(Asked)
    maker: MakerHere | None = None
    while (octets := frames.get(asked)) is not None:
        question = decoder.decode(octets)
        if maker is None:
            maker = MakerHere(MessageId(question.first), _go_on)
        if question.letters:
            letters = [
                Letter(
                    MessageId(sent.message),
                    sent.octets,
                    field_table.unpack(sent.fields),
                    sent.parts,
                )
                for sent in question.letters
            ]
            frames.put(answers, Taken(maker.take(letters)))
            continue
        made = maker.finish()
        frames.put(answers, Finished(made.messages, list(made.unread), list(made.faults)))
        for block in maker.blocks():
            frames.put(answers, MadeBlock(block.words, block.postings))
        frames.put(answers, Last())
        maker = None


def _go_on() -> None:
    """Nobody waits for this interpreter."""


if __name__ == "__main__":
    keep_out_of_dumps()
    serve(sys.stdin.buffer, sys.stdout.buffer)
