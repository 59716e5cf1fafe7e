"""What of an account's mail is encrypted by OpenPGP or S/MIME, and what takes its place.

Holds no key: whoever asks has one, is given ciphertext, and brings what was in it.
docs/spec/decrypting.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from gateway.decrypting.enclosed import MEDIA_TYPES, Kind, enclosed, kind_of
from gateway.decrypting.joining import is_network, joined
from mx_core.mime import part_map
from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone, Refused
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import QUEUED
from mx_core.model.message import MessageForm
from mx_core.model.snapshot import Snapshot
from mx_core.ports import MailboxInfo, MailReader
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.decrypted import is_original

_AT_ONCE: Final = 200  # messages of one read job
_DRAFTS: Final = "\\Drafts"


class Encrypted(Struct, frozen=True):
    """One message: of what kind, how long, and everywhere it stands (mailbox, UID)."""

    message: int
    kind: Kind
    octets: int
    at: list[tuple[int, int]]


class Decrypting:
    """Of one account."""

    def __init__(self, store: AccountStore, now: Now) -> None:
        self._mail = store.mail
        self._decrypted = store.decrypted
        self._now = now

    async def look(self) -> list[Encrypted]:
        """Return what is encrypted as a whole, but for drafts, what waits to leave, and originals."""
        boxes = await self._mail.read(lambda reader: reader.mailboxes(), nobody_waits=True)
        found: dict[MessageId, Encrypted] = {}
        for box in boxes:
            if not _is_passed_over(box):
                await self._look_in(box, found)
        return list(found.values())

    async def ciphertext(self, message: MessageId) -> bytes:
        """Return what is encrypted in *message*; raises Refused if nothing whole is, MessageGone."""
        octets = await self._mail.read(lambda reader: reader.octets(message), nobody_waits=True)
        found = await asyncio.to_thread(enclosed, octets)
        if found is None:
            raise Refused("the message is not as a whole encrypted")
        return found

    async def put(
        self, message: MessageId, kind: Kind, at: Sequence[tuple[int, int]], entity: bytes
    ) -> bool:
        """Store *entity*, which was in *message*, in its place; return whether it stood there still.

        Raises:
            NotOpened: It is no whole entity, and the message stays as it is.
            DiskFull, MessageGone: Nothing is changed.
        """

        def read(reader: MailReader) -> tuple[bytes, bool]:
            [form] = reader.forms([message])
            return reader.octets(message), form.foreign_status

        octets, foreign = await self._mail.read(read, nobody_waits=True)
        if kind_of(octets) is not kind or is_network(octets, foreign=foreign):
            return False
        now = int(self._now())
        made = await asyncio.to_thread(joined, octets, entity, kind, now, foreign=foreign)
        form = await asyncio.to_thread(prepare, made)
        places = [(MailboxId(mailbox), Uid(uid)) for mailbox, uid in at]
        return await self._decrypted.put(message, places, made, form)

    async def _look_in(self, box: MailboxInfo, found: dict[MessageId, Encrypted]) -> None:
        def view(reader: MailReader) -> Snapshot:
            return reader.snapshot(box.id)

        shot = await self._mail.read(view, nobody_waits=True)
        uids, messages = list(shot.uids), list(shot.messages)
        for start in range(0, len(uids), _AT_ONCE):
            part = messages[start : start + _AT_ONCE]
            here = await self._mail.read(partial(_among, messages=part), nobody_waits=True)
            for uid, message in zip(uids[start : start + _AT_ONCE], part, strict=True):
                if message in here:
                    kind, octets = here[message]
                    one = found.setdefault(message, Encrypted(message, kind, octets, []))
                    one.at.append((box.id, uid))


def _is_passed_over(box: MailboxInfo) -> bool:
    return (
        bool(box.rule) or box.name in QUEUED or box.special_use == _DRAFTS or is_original(box.name)
    )


def _among(reader: MailReader, messages: Sequence[MessageId]) -> dict[MessageId, tuple[Kind, int]]:
    """Return those of *messages* that are encrypted, with their octets."""
    found = {}
    try:
        forms = list(zip(messages, reader.forms(messages), strict=True))
    except MessageGone:  # one was removed meanwhile
        forms = [(each, form) for each in messages for form in _form(reader, each)]
    for message, form in forms:
        if part_map.decode(form.parts).media_type not in MEDIA_TYPES:
            continue
        header = reader.octets(message, 0, form.header_end)
        kind = kind_of(header)
        if kind is not None and not is_network(header, foreign=form.foreign_status):
            found[message] = (kind, form.size)
    return found


def _form(reader: MailReader, message: MessageId) -> list[MessageForm]:
    try:
        return reader.forms([message])
    except MessageGone:
        return []
