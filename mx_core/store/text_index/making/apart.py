"""Runs made by a worker, a process of its own, while there is much to be indexed.

What it costs to take messages apart does not hold up whoever needs the interpreter here, and another
core can do it.  What is read for the next question goes out while the last one is worked on.
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final, cast

import msgspec

from mx_core.mime import field_table
from mx_core.model.ids import MessageId
from mx_core.store.text_index.block import Block
from mx_core.store.text_index.making import frames
from mx_core.store.text_index.making.frames import (
    Answer,
    Asked,
    Finished,
    Last,
    MadeBlock,
    Sent,
    Taken,
)
from mx_core.store.text_index.making.maker import Made
from mx_core.store.text_index.making.texts import Letter

_PROGRAM: Final = (sys.executable, "-I", "-m", "mx_core.store.text_index.making.worker")
_PIPE_OCTETS: Final = 1 << 20
_AHEAD: Final = 1  # questions that are sent before the last one is answered


class WorkerLost(Exception):
    """The worker ended, or said what it can not say."""


class Worker:
    """The process; used by one thread, and ended by any."""

    def __init__(self) -> None:
        """Start it; raises WorkerLost."""
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                _PROGRAM,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a fault of ours may spell what stands in a message
                start_new_session=True,  # a Ctrl-C is the gateway's
            )
        except OSError as error:
            raise WorkerLost(str(error)) from error
        self._asked = cast("BinaryIO", self._process.stdin)
        self._answers = cast("BinaryIO", self._process.stdout)
        self._decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
        with contextlib.suppress(AttributeError, OSError):  # of Linux, and bounded for each user
            fcntl.fcntl(self._asked, fcntl.F_SETPIPE_SZ, _PIPE_OCTETS)

    def say(self, question: Asked) -> None:
        """Send *question*; raises WorkerLost."""
        try:
            frames.put(self._asked, question)
        except (OSError, ValueError) as error:
            raise WorkerLost("it takes nothing any more") from error

    def hear(self) -> Answer:
        """Return the next answer; raises WorkerLost."""
        try:
            octets = frames.get(self._answers)
            if octets is None:
                raise WorkerLost("it ended")
            return self._decoder.decode(octets)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise WorkerLost("it says what it can not say") from error

    def kill(self) -> None:
        """End it at once; whoever waits for it hears WorkerLost."""
        self._process.kill()

    def close(self) -> None:
        """End it, and let go of what it had."""
        self.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was not sent yet
            self._asked.close()
        self._answers.close()


class MakerApart:
    """A ``Maker`` whose work *worker* does.

    Its methods raise WorkerLost; then nothing of the run is to be used.
    """

    def __init__(self, worker: Worker, first: MessageId, breathe: Callable[[], None]) -> None:
        self._worker = worker
        self._first = first
        self._breathe = breathe
        self._waiting = 0  # questions that are not answered
        self._full = False

    def take(self, letters: Sequence[Letter]) -> bool:
        """See ``Maker``."""
        if not letters:
            return self._full
        self._worker.say(Asked(self._first, list(map(_sent, letters))))
        self._waiting += 1
        self._hear(_AHEAD)
        self._breathe()
        return self._full

    def finish(self) -> Made:
        """See ``Maker``."""
        self._hear(0)
        self._worker.say(Asked(self._first, []))
        told = self._worker.hear()
        if not isinstance(told, Finished):
            raise WorkerLost("it does not finish")
        return Made(
            told.messages,
            list(map(MessageId, told.unread)),
            [(MessageId(message), kind) for message, kind in told.faults],
        )

    def blocks(self) -> Iterator[Block]:
        """See ``Maker``."""
        while not isinstance(told := self._worker.hear(), Last):
            if not isinstance(told, MadeBlock):
                raise WorkerLost("it gives no words")
            yield Block(told.words, told.postings)
            self._breathe()

    def _hear(self, most: int) -> None:
        while self._waiting > most:
            told = self._worker.hear()
            if not isinstance(told, Taken):
                raise WorkerLost("it does not take")
            self._waiting -= 1
            self._full |= told.full


def _sent(letter: Letter) -> Sent:
    return Sent(letter.message, letter.octets, field_table.pack(letter.fields), letter.parts)
