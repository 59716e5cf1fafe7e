"""APPENDs of one connection that wait for the writer at the same time are one job, as MULTIAPPEND is.

A job of its own costs the writer's thread three times what a message more in a job costs.  Whether each
APPEND is kept stays a question of its own: if a job of several fails, nothing of it is kept, and each is
tried again alone before the next job is given to the writer, so all of them keep their order.
docs/decisions/0055-appends-that-wait-are-one-job.md
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from itertools import islice
from typing import Any, Protocol

from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import Appended, MailStore, MailWriter, NewMail


class UnderWay(Protocol):
    """Something that has begun: a task of the shell."""

    def done(self) -> bool:
        """Tell whether it need not be waited for."""

    def cancel(self) -> object:
        """Give it up, if the writer has not begun it."""

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait until it is durable; raises what it raises."""


Begin = Callable[[Coroutine[Any, Any, Any]], UnderWay]
Check = Callable[[MailWriter], None]


class _One:
    """What one APPEND brings, and once its job has ended, what became of it."""

    def __init__(self, messages: Sequence[NewMail], check: Check) -> None:
        self.messages = messages
        self.check = check
        self.appended: list[Appended] = []
        self.error: Exception | None = None


class _Job:
    """Those that one job stores; they may join until the writer's thread begins with it."""

    under_way: UnderWay

    def __init__(self, name: MailboxName, one: _One) -> None:
        self._name = name
        self._ones = [one]
        self._begun = False
        self._state = threading.Lock()  # orders join() against _add()

    def __len__(self) -> int:
        return len(self._ones)

    def join(self, name: MailboxName, one: _One) -> bool:
        """Tell whether *one*, for the mailbox *name*, is stored by this job."""
        with self._state:
            joins = name == self._name and not self._begun
            if joins:
                self._ones.append(one)
            return joins

    async def store(self, mail: MailStore, before: UnderWay | None) -> None:
        """Return once it is known of each what became of it; *before*: the job that goes first."""
        if before is not None:
            await before
        try:
            await mail.write(self._add)
        except Exception as error:  # noqa: BLE001  # whatever it is, who brought it must hear it
            self._begin()  # it may have failed before the thread came to it
            if len(self._ones) == 1:
                self._ones[0].error = error
                return
            for one in self._ones:
                await _Job(self._name, one).store(mail, None)

    def _begin(self) -> None:
        """Let nobody join from here on: nothing would be done for them."""
        with self._state:
            self._begun = True

    def _add(self, writer: MailWriter) -> None:
        self._begin()
        messages = [new for one in self._ones for new in one.messages]
        # Crash before the commit: none of them is there, and the client was told nothing.
        appended = iter(writer.append_all(writer.mailbox_id(self._name), messages))
        for one in self._ones:
            one.check(writer)
            one.appended = list(islice(appended, len(one.messages)))


class Gathered:
    """The APPENDs under way of one connection, which are given up together.  Owned by its task."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._newest: _Job | None = None  # of those that have not ended

    async def append(
        self, mail: MailStore, name: MailboxName, messages: Sequence[NewMail], check: Check
    ) -> list[Appended]:
        """Store *messages*, all or none, in one durable commit; *check* refuses what was added.

        Raises:
            MailError: As a job of its own does; none of *messages* is kept.
        """
        one = _One(messages, check)
        job = self._newest
        if job is None or not job.join(name, one):
            before = None if job is None else job.under_way
            job = self._newest = _Job(name, one)
            job.under_way = self._begin(job.store(mail, before))
        try:
            await job.under_way
        finally:
            if self._newest is job:
                self._newest = None  # and with it the octets
        if one.error is not None:
            raise one.error
        return one.appended
