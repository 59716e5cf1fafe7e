"""SEARCH: a scan in slices; facts are read only for messages that the cheaper ones left open."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from imap_out.session import resync
from imap_out.session.capability import CONDSTORE
from imap_out.session.out import Out
from imap_out.session.refusals import Refusal
from imap_out.session.search_objects import asks_objects, gather
from imap_out.session.search_program import Facts, Judge, prepare
from imap_out.session.selected import SelectedView
from imap_out.session.session import Completed, Session
from imap_out.wire.commands import Search
from mx_core.mime import text
from mx_core.mime.casemap import fold
from mx_core.mime.field_match import day_sent
from mx_core.model.ids import MessageId
from mx_core.ports import MailReader

_CHARSETS: Final = frozenset({b"UTF-8", b"US-ASCII"})
_NUMBERS_SLICE: Final = 5_000  # about 5 ms of judging without reading
_HEADERS_SLICE: Final = 100
_BODY_OCTETS: Final = 1024 * 1024  # of messages whose text one transaction decodes


async def search(session: Session, command: Search, out: Out) -> Completed:
    """RFC 3501 §6.4.4."""
    if command.charset is not None and command.charset.upper() not in _CHARSETS:
        raise Refusal(b"BADCHARSET (US-ASCII UTF-8)", "search in UTF-8")
    view = session.selected()
    judge = prepare(command.key, view)
    found: list[int] = []
    open_: list[int] = []
    places = iter(range(len(view.rows)))
    while batch := list(islice(places, _NUMBERS_SLICE)):
        for at in batch:
            verdict = judge(Facts(at))
            if verdict is None:
                open_.append(at)
            elif verdict:
                found.append(at)
        await out.breathe()
    if open_:
        objects = asks_objects(command.key)
        found = sorted(found + await _read_and_judge(session, view, judge, open_, objects))
    numbers = (view.uids[at] for at in found) if command.by_uid else (at + 1 for at in found)
    line = b"* SEARCH" + b"".join(b" %d" % number for number in numbers)
    if resync.asks_modseq(command.key):
        session.enabled.add(CONDSTORE)
        if found:  # search-sort-mod-seq = "(" "MODSEQ" SP mod-sequence-value ")"
            line += b" (MODSEQ %d)" % resync.highest(view, found)
    out.put(line + b"\r\n")
    return Completed(b"searched")


async def _read_and_judge(
    session: Session, view: SelectedView, judge: Judge, places: Sequence[int], objects: bool
) -> list[int]:
    found: list[int] = []
    waiting = iter(places)
    while batch := list(islice(waiting, _HEADERS_SLICE)):
        scan = _Scan(view, judge, batch)
        if objects:
            await session.mail.read(scan.objects)
        await session.mail.read(scan.headers)
        while scan.left:
            await session.mail.read(scan.bodies)
        found += scan.found
    return found


class _Scan:
    """Read jobs over one slice; what they leave open is in ``left``."""

    def __init__(self, view: SelectedView, judge: Judge, places: Sequence[int]) -> None:
        self._messages = {
            at: MessageId(part.messages[inside]) for at, part, inside in view.rows.rows(places)
        }
        self._rows, self._mailbox = view.rows, view.mailbox
        self._judge = judge
        self.left = [Facts(at) for at in places]
        self.found: list[int] = []

    def objects(self, reader: MailReader) -> None:
        """Judge by ids and save date."""
        uids = [self._rows.uids[facts.at] for facts in self.left]
        messages = [self._messages[facts.at] for facts in self.left]
        rows = gather(reader, self._mailbox, uids, messages)
        for facts, row in zip(self.left, rows, strict=True):
            facts.objects = row
        self._sift()

    def headers(self, reader: MailReader) -> None:
        """Judge by size, dates and header."""
        messages = [self._messages[facts.at] for facts in self.left]
        rows = reader.sizes_and_dates(messages)
        for facts, (size, arrived) in zip(self.left, rows, strict=True):
            facts.size, facts.arrived = size, arrived
        self._sift()
        messages = [self._messages[facts.at] for facts in self.left]
        for facts, form in zip(self.left, reader.forms(messages), strict=True):
            facts.form = form
        self._sift()
        for facts in self.left:
            if facts.form is None:
                continue
            end = facts.form.header_end
            facts.header = reader.octets(self._messages[facts.at], 0, end)
            facts.sent = day_sent(facts.header, facts.form)
        self._sift()

    def bodies(self, reader: MailReader) -> None:
        """Judge the first of those left by their text."""
        octets_read = 0
        for facts in self.left:
            if octets_read >= _BODY_OCTETS:
                break
            octets = reader.octets(self._messages[facts.at])
            octets_read += len(octets)
            if facts.form is not None:
                facts.body = fold(text.searchable(octets, facts.form))
        self._sift()

    def _sift(self) -> None:
        left: list[Facts] = []
        for facts in self.left:
            verdict = self._judge(facts)
            if verdict is None:
                left.append(facts)
            elif verdict:
                self.found.append(facts.at)
        self.left = left
