"""SORT and THREAD: search, read the keys of what was found, put it in order, in slices.

RFC 5256 §3, RFC 5957 §3 (DISPLAYFROM, DISPLAYTO), RFC 5267 §3 (ESORT).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar

from imap_out.session.answers import resync
from imap_out.session.answers.out import Out
from imap_out.session.search.do_search import begin, keep
from imap_out.session.search.find import find
from imap_out.session.search.forest import Forest, Subjects, by_subject
from imap_out.session.search.masks import messages_of
from imap_out.session.search.ordering import Slicer, in_order
from imap_out.session.search.references import Links, join
from imap_out.session.search.results import Numbers, tell, tell_esearch
from imap_out.session.search.saved import to_save
from imap_out.session.state.capability import CONDSTORE
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Sort, Thread
from imap_out.wire.search_keys import Every
from imap_out.wire.sorting import Criterion, SortBy, Threading
from mx_core.model.header_keys import OrderNumber, OrderText, ThreadTable
from mx_core.model.ids import MessageId
from mx_core.ports import MailReader

T = TypeVar("T")
R = TypeVar("R")

_READ_AT_ONCE: Final = 8_192  # messages whose keys one transaction reads
_THREADED_AT_ONCE: Final = 4_096  # a whole column of the store: nothing is copied
_PARTS_AT_ONCE: Final = 64  # two milliseconds
_KEYS: Final[dict[SortBy, OrderText | OrderNumber]] = {
    SortBy.ARRIVAL: OrderNumber.ARRIVED,
    SortBy.DATE: OrderNumber.SENT,
    SortBy.SIZE: OrderNumber.SIZE,
    SortBy.SUBJECT: OrderText.SUBJECT,
    SortBy.FROM: OrderText.FROM,
    SortBy.TO: OrderText.TO,
    SortBy.CC: OrderText.CC,
    SortBy.DISPLAYFROM: OrderText.DISPLAY_FROM,
    SortBy.DISPLAYTO: OrderText.DISPLAY_TO,
}


async def sort(session: Session, command: Sort, out: Out) -> Completed:
    """RFC 5256 §3."""
    view = session.selected()
    returning = command.returning
    if returning is None and _told_again(view, command, out):
        return Completed(b"sorted")
    key = begin(view, command.key, command.charset, returning)
    found = await find(session, key, out)
    ordered = await (await _Keys.of(session, view, found, out)).sorted(command.criteria)
    keep(view, returning, ordered)
    numbers = Numbers(view, ordered, by_uid=command.by_uid)
    asks_modseq = resync.asks_modseq(command.key)
    if asks_modseq:
        session.enabled.add(CONDSTORE)
    if returning is None:
        modseq = b" (MODSEQ %d)" % resync.highest(view, found) if asks_modseq and found else b""
        _keep(view, command, await tell(b"SORT", numbers, out, modseq))
        return Completed(b"sorted")
    told = sorted(to_save(returning, ordered))
    modseq = b" MODSEQ %d" % resync.highest(view, told) if asks_modseq and told else b""
    await tell_esearch(returning, numbers, out, modseq, by_uid=command.by_uid)
    return Completed(b"sorted")


async def thread(session: Session, command: Thread, out: Out) -> Completed:
    """RFC 5256 §3."""
    view = session.selected()
    if _told_again(view, command, out):
        return Completed(b"threaded")
    key = begin(view, command.key, command.charset, None)
    found = await find(session, key, out)
    forest = await (await _Keys.of(session, view, found, out)).threaded(command.algorithm)
    numbers = Numbers(view, found, by_uid=command.by_uid).at(range(len(found)))
    said: list[bytes] = []
    for piece in chain([b"* THREAD " if found else b"* THREAD"], forest.spell(numbers), [b"\r\n"]):
        said.append(piece)
        out.put(piece)
        await out.room()
    _keep(view, command, said)
    return Completed(b"threaded")


def _told_again(view: SelectedView, command: Sort | Thread, out: Out) -> bool:
    """Say the answer again if it is known."""
    answer = view.kept.get(command, view.rows)
    if answer is not None:
        out.put(answer)
    return answer is not None


def _keep(view: SelectedView, command: Sort | Thread, said: Sequence[bytes]) -> None:
    if command.key == Every():
        view.kept.keep(command, view.rows, said)


class _Keys:
    """The messages that were found, and what they are put in order by."""

    def __init__(
        self, session: Session, view: SelectedView, found: Sequence[int], out: Out
    ) -> None:
        self._mail = session.mail
        self._out = out
        self._found = found
        messages = messages_of(view.rows.parts)
        self._all = len(found) == len(messages)
        self._messages: Sequence[Any] = (
            messages if self._all else array("Q", map(messages.__getitem__, found))
        )

    @classmethod
    async def of(
        cls, session: Session, view: SelectedView, found: Sequence[int], out: Out
    ) -> _Keys:
        """Return what puts *found* in order; a part looks only once whether its ids are a run."""
        parts = view.rows.parts
        for start in range(0, len(parts), _PARTS_AT_ONCE):
            messages_of(parts[start : start + _PARTS_AT_ONCE])
            await out.progress()
        return cls(session, view, found, out)

    async def sorted(self, criteria: Sequence[Criterion]) -> Sequence[int]:
        """Return what was found in order of *criteria*, then of sequence number."""
        order: Sequence[int] = range(len(self._found))
        for criterion in reversed(criteria):
            key = _KEYS[criterion.by]
            if isinstance(key, OrderNumber):
                numbers = await self._read_numbers(key)
                order = await self._drive(in_order(order, numbers, reverse=criterion.reverse))
            else:
                texts = await self._read_texts(key)
                order = await self._drive(in_order(order, texts, reverse=criterion.reverse))
                while texts:  # to free a million at once takes longer than others shall wait
                    del texts[-_READ_AT_ONCE:]
                    await self._out.progress()
        return order if self._all else array("i", map(self._found.__getitem__, order))

    async def threaded(self, algorithm: Threading) -> Forest:
        """Return the threads of what was found."""
        sent = await self._read_numbers(OrderNumber.SENT)
        order = await self._drive(in_order(range(len(sent)), sent))
        del sent  # the most that is held is what a mailbox of a million takes
        links = Links()
        subjects = Subjects()
        for messages in self._slices(_THREADED_AT_ONCE):
            some = await self._read(partial(_thread_keys, messages))
            if algorithm is Threading.REFERENCES:
                links.add(some)
            subjects.add(some)
        if algorithm is Threading.REFERENCES:
            if await self._is_each_once():
                links.trust(await self._read(_doubtful_ids))
            return await self._drive(join(links, order, subjects))
        return await self._drive(by_subject(order, subjects))

    async def _is_each_once(self) -> bool:
        """Tell whether no message was found twice; one that was copied within its mailbox may be."""
        if isinstance(self._messages, range):
            return True
        seen = bytearray()  # by id
        for messages in self._slices():
            missing = max(messages) + 1 - len(seen)
            if missing > 0:
                seen += bytes(missing)
            for message in messages:
                seen[message] = 1
            await self._out.progress()
        return seen.count(1) == len(self._messages)

    async def _read_numbers(self, key: OrderNumber) -> array[int]:
        numbers = array("q")
        for messages in self._slices():
            numbers.extend(await self._read(partial(_numbers, key, messages)))
        return numbers

    async def _read_texts(self, key: OrderText) -> list[bytes]:
        texts: list[bytes] = []
        for messages in self._slices():
            some = await self._read(partial(_texts, key, messages))
            known: dict[bytes, bytes] = {}  # subjects and people come again and again: one of each
            texts += map(known.setdefault, some, some)
        return texts

    def _slices(self, at_once: int = _READ_AT_ONCE) -> Iterator[Sequence[MessageId]]:
        start = 0
        while start < len(self._messages):
            # up to a round number, as the store keeps them: whole columns need no cutting
            end = start + at_once - self._messages[start] % at_once
            yield self._messages[start:end]
            start = end

    async def _read(self, read: Callable[[MailReader], T]) -> T:
        found = await self._mail.read(read)
        await self._out.progress()
        return found

    async def _drive(self, slicer: Slicer[R]) -> R:
        """Run *slicer* to its end, and let the others run between its slices."""
        while True:
            try:
                next(slicer)
            except StopIteration as end:
                result: R = end.value
                return result
            await self._out.progress()


def _doubtful_ids(reader: MailReader) -> AbstractSet[int]:
    return reader.doubtful_ids()


def _numbers(
    number: OrderNumber, messages: Sequence[MessageId], reader: MailReader
) -> Sequence[int]:
    return reader.order_numbers(number, messages)


def _texts(text: OrderText, messages: Sequence[MessageId], reader: MailReader) -> list[bytes]:
    return reader.order_texts(text, messages)


def _thread_keys(messages: Sequence[MessageId], reader: MailReader) -> ThreadTable:
    return reader.thread_keys(messages)
