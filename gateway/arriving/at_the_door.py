"""Ordinary mail that the door of the own home domain sealed: judged, opened, and never trusted.

An envelope of kind 4 counts only under the ``door`` key of the own home domain and tells what that
domain saw; it pins nobody, raises no trust, and causes no look-up.  docs/spec/door.md §7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gateway.arriving.bounce_hint import bounced
from gateway.arriving.door_status import (
    door_flags,
    door_status,
    named_authors,
    path_of,
    trace_lines,
)
from gateway.arriving.ordinary_mail import Hear, hear_nothing, stored_octets
from gateway.arriving.status_block import keywords
from gateway.own.identity import OwnIdentity
from mx_core.discovery.finder import Finder
from mx_core.envelope.open import OpenedControl, open_body, verify_statement
from mx_core.envelope.statement import DoorRecord, Statement
from mx_core.mime.header import split_fields
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import UnknownRecipient, Untrusted
from mx_core.model.flags import FlagSet
from mx_core.model.message import MessageForm
from mx_core.store.people.contact import Contacts

ROLE: Final = "door"
_LARGE_OCTETS: Final = 256 * 1024
_DOUBT_SECONDS: Final = 60.0


class OrdinaryMail(Struct, frozen=True):
    """What is stored of one message, and the statement that brought it."""

    statement: Statement
    octets: bytes
    form: MessageForm
    flags: FlagSet
    message: bytes  # as it came


class AtTheDoor:
    """See the module."""

    def __init__(
        self,
        finder: Finder,
        contacts: Contacts,
        own: OwnIdentity,
        now: Now,
        *,
        mark_subjects: bool = True,
        domain: str = "",
        hear: Hear = hear_nothing,
    ) -> None:
        """Nothing is asked before ``opened``.  *domain*: whose door it is, if not the own one's.

        *hear* is given each message as it came, once it is stored.
        """
        self.hear = hear
        self._finder = finder
        self._contacts = contacts
        self._own = own
        self._domain = domain or own.address.domain
        self._now = now
        self._mark_subjects = mark_subjects
        self._doubted = float("-inf")  # when the own domain was last asked for another key

    async def opened(self, opened: OpenedControl, body: bytes) -> OrdinaryMail:
        """Return the message of an envelope that claims to be of the door.

        Raises:
            Untrusted: The own domain's door did not seal it, or not for this account.
            PeerUnreachable: The own domain is not to be found now; it is kept.
        """
        record = opened.claimed.by
        if not isinstance(record, DoorRecord) or record.domain != self._domain:
            raise Untrusted("kind", "only the door of the own domain brings ordinary mail")
        statement = await self._verified(opened)
        large = len(body) > _LARGE_OCTETS
        message = (
            await asyncio.to_thread(open_body, body, opened, statement)
            if large
            else open_body(body, opened, statement)
        )
        bounces = () if record.mail_from else await asyncio.to_thread(bounced, message)
        claims = await self._claimed(message)
        if large:
            return await asyncio.to_thread(self._made, statement, record, message, claims, bounces)
        return self._made(statement, record, message, claims, bounces)

    async def _verified(self, opened: OpenedControl) -> Statement:
        """Verify under the key that is known, or under a new one if the own domain names one."""
        key = await self._key()
        try:
            return verify_statement(opened, sign_pk=key, my_pid=self._own.pid)
        except Untrusted:
            if self._now() < self._doubted + _DOUBT_SECONDS:
                raise
            self._doubted = self._now()
            self._finder.doubt(self._domain)
            anew = await self._key()
            if anew == key:
                raise
            return verify_statement(opened, sign_pk=anew, my_pid=self._own.pid)

    async def _key(self) -> bytes:
        try:
            domain = await self._finder.find(self._domain)
        except UnknownRecipient as error:
            raise Untrusted("domain-absent", "nobody vouches for the own domain") from error
        key = domain.role_key(ROLE, self._now())
        if key is None:
            raise Untrusted("door-key", "the own domain names no key of a door")
        return key

    async def _claimed(self, message: bytes) -> list[Address]:
        """Return who of those named as author writes encrypted: contacts, and the owner."""
        return [
            address
            for address in sorted(
                named_authors(message, split_fields(message, 0, len(message))), key=str
            )
            if address == self._own.address or await self._contacts.get(address) is not None
        ]

    def _made(
        self,
        statement: Statement,
        record: DoorRecord,
        message: bytes,
        claims: Sequence[Address],
        bounces: Sequence[Address],
    ) -> OrdinaryMail:
        fields = split_fields(message, 0, len(message))
        status = door_status(
            statement, record, fields, int(self._now()), claims=claims, bounces=bounces
        )
        octets = stored_octets(
            message,
            fields,
            status,
            path_of(record),
            lines=trace_lines(record),
            subjects=self._mark_subjects,
        )
        flags = keywords(status) | door_flags(record)
        return OrdinaryMail(statement, octets, prepare(octets), flags, message)
