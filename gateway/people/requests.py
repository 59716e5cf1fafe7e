"""Who asks to write, and who is blocked, on the page: each answer is the move that a mail program makes.

Nothing here decides: a message goes to INBOX or to Junk, and the store takes that as what it says
of whoever wrote it, as from any program.  spec/requests §3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from mx_core.mime import encoded_word
from mx_core.mime.header import value
from mx_core.model.errors import Refused
from mx_core.model.ids import MessageId, Pid, Uid
from mx_core.model.mailbox_name import INBOX, REQUESTS, MailboxName
from mx_core.ports import MailboxInfo, MailReader
from mx_core.store.account_store import AccountStore
from mx_core.store.people.relation import JUNK, Author, Blocked, Relation

_LOOKED_AT: Final = 2_000  # newest messages of Requests
_PEOPLE_MAX: Final = 100
_SUBJECTS: Final = 3  # of one person
_SUBJECT_MAX: Final = 120  # characters
_NONE_LEFT: Final = "nothing that they wrote is in {box} any more: look at the page again"


class _Asking(Struct):
    """One person who waits, and their messages, the newest first."""

    author: Author
    messages: list[MessageId]


class Requests:
    """Over one account."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store

    async def count(self) -> int:
        """Return how many people wait, as far as ``state`` looks."""
        return len(await self._asking())

    async def state(self) -> dict[str, Any]:
        """Return who waits and who is blocked, the newest first; ids are passports in hex."""
        asking = (await self._asking())[:_PEOPLE_MAX]
        told = await self._store.mail.read(lambda reader: [_told(reader, one) for one in asking])
        junk = await self._junk()
        thrown = set() if junk is None else {one.pid for one in (await self._wrote(junk)).values()}
        return {
            "waiting": told,
            "blocked": [
                {
                    "id": bytes(one.pid).hex(),
                    "address": "" if one.address is None else str(one.address),
                    "since": one.at,
                    "can_undo": one.pid in thrown,
                }
                for one in await self._store.relations.blocked()
            ],
        }

    async def accept(self, who: str) -> None:
        """Move what *who* wrote from Requests to INBOX; raises Refused: there is nothing."""
        await self._move(await self._box(REQUESTS), _pid(who), INBOX)

    async def block(self, who: str) -> None:
        """Move what *who* wrote from Requests to Junk; raises Refused: there is nothing, or no Junk."""
        await self._move(await self._box(REQUESTS), _pid(who), (await self._needed_junk()).name)

    async def undo(self, who: str) -> None:
        """Move what *who* wrote from Junk to where it was thrown from; raises as ``block``."""
        pid = _pid(who)
        junk = await self._needed_junk()
        for one in await self._store.relations.blocked():
            if one.pid == pid:
                await self._move(junk, pid, _back(one))
                return
        raise Refused("they are not blocked: look at the page again")

    async def _move(self, source: MailboxInfo, pid: Pid, target: MailboxName) -> None:
        theirs = [uid for uid, author in (await self._wrote(source)).items() if author.pid == pid]
        # Crash before the commit: nothing was moved, and nothing said of whoever wrote it.
        moved = await self._store.mail.write(lambda writer: writer.move(source.id, theirs, target))
        if not moved.source:
            raise Refused(_NONE_LEFT.format(box=source.name))

    async def _asking(self) -> list[_Asking]:
        """Return everybody of whom nothing was said, by the newest message of each."""
        box = self._store.mail.mailbox(REQUESTS)
        found: dict[Pid, _Asking] = {}
        if not box.messages:
            return []
        view = await self._store.mail.read(lambda reader: reader.snapshot(box.id))
        newest = list(view.messages[max(0, len(view) - _LOOKED_AT) :])
        authors = await self._store.relations.authors(newest, undecided=True)
        for message in reversed(newest):
            if (author := authors.get(message)) is not None:
                found.setdefault(author.pid, _Asking(author, [])).messages.append(message)
        return list(found.values())

    async def _wrote(self, box: MailboxInfo) -> dict[Uid, Author]:
        view = await self._store.mail.read(lambda reader: reader.snapshot(box.id))
        authors = await self._store.relations.authors(list(view.messages))
        return {
            uid: authors[message]
            for uid, message in zip(view.uids, view.messages, strict=True)
            if message in authors
        }

    async def _box(self, name: MailboxName) -> MailboxInfo:
        return await self._store.mail.read(lambda reader: reader.mailbox(name))

    async def _junk(self) -> MailboxInfo | None:
        boxes = await self._store.mail.read(lambda reader: reader.mailboxes())
        return next((box for box in boxes if box.special_use == JUNK), None)

    async def _needed_junk(self) -> MailboxInfo:
        junk = await self._junk()
        if junk is None:
            raise Refused(
                "there is no mailbox for junk: make one of special use \\Junk in your mail program"
            )
        return junk


def _back(one: Blocked) -> MailboxName:
    """Return the mailbox to which a move makes *one* what they were before.  spec/requests §3."""
    if one.source is None or (one.source == INBOX and one.before is Relation.UNDECIDED):
        return INBOX if one.before is Relation.ACCEPTED else REQUESTS
    return one.source


def _told(reader: MailReader, one: _Asking) -> dict[str, Any]:
    dates = [date for _, date in reader.sizes_and_dates(one.messages)]
    return {
        "id": bytes(one.author.pid).hex(),
        "address": str(one.author.address),
        "messages": len(one.messages),
        "since": min(dates),
        "subjects": list(_subjects(reader, one.messages[:_SUBJECTS])),
    }


def _subjects(reader: MailReader, messages: list[MessageId]) -> Iterable[str]:
    """Yield the subjects as a person reads them, cut; without one: the empty text."""
    for message, form in zip(messages, reader.forms(messages), strict=True):
        head = reader.octets(message, 0, form.header_end)
        shown = ""
        for field in form.fields:
            if field.name == b"subject":
                shown = encoded_word.decode(value(head, field)).strip()
                break
        yield shown[:_SUBJECT_MAX] + ("…" if len(shown) > _SUBJECT_MAX else "")


def _pid(text: str) -> Pid:
    try:
        return Pid(bytes.fromhex(text))
    except ValueError as error:
        raise Refused("a person is named by the number of their passport") from error
