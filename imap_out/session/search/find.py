"""Which messages of a view match a search key: in slices, cheap facts first.

Each stretch of the view is judged by masks, from flags, numbers and prepared texts; what these
leave open is judged message by message from octets.  Between slices other connections run, the
client is told how far it is, and a client that is gone ends the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from imap_out.session.answers.out import Out
from imap_out.session.search import masks as search_masks
from imap_out.session.search.masks import Scene, Stretch, Verdicts
from imap_out.session.search.objects import asks_objects, gather
from imap_out.session.search.program import Facts, Judge, prepare
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Session
from imap_out.wire.search_keys import Either, Every, Negated, Numbers, SearchKey, Uids
from imap_out.wire.sequence_set import runs_set
from mx_core.mime.field_match import day_sent
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.ids import MessageId
from mx_core.ports import MailReader

_ALL: Final = Every()
_UNREAD_AT_ONCE: Final = 4  # stretches that nothing is read for: a few milliseconds
_HEADERS_SLICE: Final = 100
_BODY_OCTETS: Final = 1024 * 1024  # of messages whose text one transaction decodes


def with_saved(key: SearchKey, saved: Sequence[int]) -> SearchKey:
    """Return *key* with the UIDs of the last saved result in place of each ``$``."""
    match key:
        case Every(keys):
            return Every(tuple(with_saved(inner, saved) for inner in keys))
        case Either(one, other):
            return Either(with_saved(one, saved), with_saved(other, saved))
        case Negated(inner):
            return Negated(with_saved(inner, saved))
        case Numbers(which) | Uids(which) if which.saved:
            return Uids(runs_set(saved))
        case _:
            return key


async def find(session: Session, key: SearchKey, out: Out) -> Sequence[int]:
    """Return the indices of the messages that match, ascending.

    Raises:
        BadSyntax: A text is not in UTF-8.
    """
    view = session.selected()
    if key == _ALL:
        return range(len(view.rows))
    now = session.mail.now()
    judge = prepare(key, view, now)
    terms = search_masks.terms_of(key)
    texts = {
        (text, body_only): await session.mail.text_hits(text, body_only=body_only)
        for text, body_only in sorted(terms)
    }
    scene = Scene(view.rows, view.recent.__contains__, now, texts)
    masks = search_masks.prepare(key, scene)
    reads = search_masks.reads(key)
    found: list[int] = []
    open_: list[int] = []
    for number, stretch in enumerate(search_masks.stretches(view.rows)):
        verdicts = await _judged(session, masks, stretch) if reads else masks(stretch)
        found += stretch.places(verdicts.sure)
        open_ += stretch.places(verdicts.open)
        if reads or number % _UNREAD_AT_ONCE == 0:
            await out.progress()
    if open_:
        scan = _Scan(session, view, judge, asks_objects(key))
        found = sorted(found + await scan.run(open_, out))
    return found


async def _judged(session: Session, masks: search_masks.Judge, stretch: Stretch) -> Verdicts:
    def job(reader: MailReader) -> Verdicts:
        stretch.reader = reader
        return masks(stretch)

    return await session.mail.read(job)


class _Scan:
    """Messages judged one by one from what is stored of them."""

    def __init__(
        self, session: Session, view: SelectedView, judge: Judge, asks_objects_too: bool
    ) -> None:
        self._mail = session.mail
        self._rows, self._mailbox = view.rows, view.mailbox
        self._judge = judge
        self._asks_objects = asks_objects_too
        self._messages: dict[int, MessageId] = {}
        self._left: list[Facts] = []
        self._found: list[int] = []

    async def run(self, places: Sequence[int], out: Out) -> list[int]:
        """Return those of *places* that match."""
        waiting = iter(places)
        done = 0
        while batch := list(islice(waiting, _HEADERS_SLICE)):
            self._messages = {
                at: MessageId(part.messages[inside]) for at, part, inside in self._rows.rows(batch)
            }
            self._left = [Facts(at) for at in batch]
            await self._mail.read(self._read_headers)
            while self._left:
                await self._mail.read(self._read_bodies)
                await out.progress(done + len(batch) - len(self._left), len(places))
            done += len(batch)
            await out.progress(done, len(places))
        return self._found

    def _read_headers(self, reader: MailReader) -> None:
        """Judge by ids, sizes, dates and header."""
        if self._asks_objects:
            uids = [self._rows.uids[facts.at] for facts in self._left]
            rows = gather(reader, self._mailbox, uids, self._ids())
            for facts, row in zip(self._left, rows, strict=True):
                facts.objects = row
        weights = reader.sizes_and_dates(self._ids())
        for facts, (size, arrived) in zip(self._left, weights, strict=True):
            facts.size, facts.arrived = size, arrived
        self._sift()
        for facts, form in zip(self._left, reader.forms(self._ids()), strict=True):
            facts.form = form
        self._sift()
        for facts in self._left:
            if facts.form is None:
                continue
            facts.header = reader.octets(self._messages[facts.at], 0, facts.form.header_end)
            facts.sent = day_sent(facts.header, facts.form)
        self._sift()

    def _read_bodies(self, reader: MailReader) -> None:
        """Judge the first of those left by their text."""
        octets_read = 0
        for facts in self._left:
            if octets_read >= _BODY_OCTETS:
                break
            octets = reader.octets(self._messages[facts.at])
            octets_read += len(octets)
            if facts.form is not None:
                facts.body = body_text(octets, facts.form)
                facts.headers = header_text(octets, facts.form)
        self._sift()

    def _ids(self) -> list[MessageId]:
        return [self._messages[facts.at] for facts in self._left]

    def _sift(self) -> None:
        left: list[Facts] = []
        for facts in self._left:
            verdict = self._judge(facts)
            if verdict is None:
                left.append(facts)
            elif verdict:
                self._found.append(facts.at)
        self._left = left
