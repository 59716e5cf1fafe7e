"""An address field as the entries that ENVELOPE shows.

Takes broken lists as far as they go and marks what is missing with words no address has, as
Dovecot does: programs on the other side know them, and NIL would mean a group.
RFC 5322 §3.4 and §4.4; RFC 9051 §7.5.2 (ENVELOPE).  Bounded by *limit* entries.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from mx_core.mime.lexical import ATEXT_OCTETS, BROKEN, END, MORE, Cursor

MISSING_MAILBOX: Final = b"MISSING_MAILBOX"
MISSING_DOMAIN: Final = b"MISSING_DOMAIN"
SYNTAX_ERROR: Final = b"SYNTAX_ERROR"
INVALID_ROUTE: Final = b"INVALID_ROUTE"

_LESS, _GREATER, _COMMA, _COLON, _SEMICOLON, _AT, _QUOTE = b'<>,:;@"'

_WORD: Final = rb"[" + ATEXT_OCTETS + rb"]++"
_DOTTED: Final = _WORD + rb"(?:\." + _WORD + rb")*+"
# name-addr and addr-spec as nearly all programs write them, up to the comma or the end: where this
# matches, the steps below would say the same
_USUAL: Final = re.compile(
    rb'(?:(?:"([^"\\\r\n\x00]++)" ?|(' + _WORD + rb"(?: " + _WORD + rb")*+) )?(<))?"
    rb"(" + _DOTTED + rb")@(" + _DOTTED + rb")(?(3)>)[ \t\r\n]*+(?=,|\Z)"
)


class Entry(Struct, frozen=True):
    """One mailbox; or a group's start (only *mailbox*, its name) or end (nothing set)."""

    name: bytes | None  # display name, encoded words still encoded
    route: bytes | None
    mailbox: bytes | None
    domain: bytes | None

    def is_mailbox(self) -> bool:
        """Tell it from the two marks of a group."""
        return self.domain is not None


GROUP_END: Final = Entry(None, None, None, None)


def parse(value: bytes, limit: int) -> list[Entry]:
    """Return at most *limit* entries of *value* (unfolded or not), in order; never raises.

    A group that the limit cuts through is ended, so starts and ends always match.
    """
    reader = _Reader(value, limit)
    if reader.cursor.skip_space() == MORE:
        reader.address_list()
    if len(reader.entries) <= limit:
        return reader.entries
    kept = reader.entries[:limit]
    marks = [entry for entry in kept if not entry.is_mailbox()]
    if marks and marks[-1] != GROUP_END:
        last = kept.pop()
        if last is not marks[-1]:
            kept.append(GROUP_END)
    return kept


class _Reader:
    """One parse; the fields of the entry being read are its own."""

    def __init__(self, value: bytes, limit: int) -> None:
        self.cursor = Cursor(value)
        self.entries: list[Entry] = []
        self._limit = limit
        self._clear()

    def _clear(self) -> None:
        self._name: bytes | None = None
        self._route: bytes | None = None
        self._mailbox: bytes | None = None
        self._domain: bytes | None = None

    def _add(self) -> None:
        self.entries.append(
            Entry(
                self._name,
                self._route,
                MISSING_MAILBOX if self._mailbox is None else self._mailbox,
                self._domain or MISSING_DOMAIN,
            )
        )
        self._clear()

    def address_list(self) -> None:
        # address-list = (address *("," address)) / obs-addr-list
        while len(self.entries) < self._limit:
            if self._address() == END or self.cursor.peek() != _COMMA:
                return
            self.cursor.at += 1
            step = self.cursor.skip_space()
            if step == BROKEN:
                self._add()  # ends in a comment without an end
            if step != MORE:
                return

    def _address(self) -> int:
        # address: a mailbox or a group
        # group   = display-name ":" [group-list] ";" [CFWS]
        usual = _USUAL.match(self.cursor.value, self.cursor.at)
        if usual is not None:
            quoted, words, _, mailbox, domain = usual.groups()
            self.entries.append(Entry(quoted or words, None, mailbox, domain))
            self.cursor.at = usual.end()
            return END if self.cursor.at_end() else MORE
        start = self.cursor.at
        name = bytearray()
        if self.cursor.phrase(name) == MORE and self.cursor.peek() == _COLON:
            return self._group(bytes(name))
        self.cursor.at = start
        return self._one()

    def _group(self, name: bytes) -> int:
        self.cursor.at += 1
        step = self.cursor.skip_space()
        self.entries.append(Entry(None, None, name, None))
        if step == MORE and self.cursor.peek() != _SEMICOLON:
            step = self._group_list()
        if step != BROKEN:
            if self.cursor.peek() == _SEMICOLON:
                self.cursor.at += 1
                step = self.cursor.skip_space()
            else:
                step = BROKEN
        self.entries.append(GROUP_END)
        return END if step == END else MORE

    def _group_list(self) -> int:
        while len(self.entries) < self._limit:
            self._one()
            if self.cursor.peek() != _COMMA:
                return MORE
            self.cursor.at += 1
            if self.cursor.skip_space() != MORE:
                return BROKEN
        return BROKEN

    def _one(self) -> int:
        # mailbox: a name-addr or an addr-spec
        start = self.cursor.at
        name = bytearray()
        if self.cursor.phrase(name) == MORE and self.cursor.peek() == _LESS:
            self._name = bytes(name) or None
            if self._angle_addr() == BROKEN:
                self._domain = SYNTAX_ERROR
            step = MORE if not self.cursor.at_end() else END
        else:
            self.cursor.at = start
            step, valid = self._addr_spec()
            if not valid and self._name is None and self._domain is None:
                self._name, self._mailbox = self._mailbox, None
        self._add()
        return step

    def _angle_addr(self) -> int:
        # angle-addr = [CFWS] "<" [obs-route] addr-spec ">" [CFWS]
        cursor = self.cursor
        cursor.at += 1
        if cursor.skip_space() != MORE:
            return BROKEN
        if cursor.peek() == _AT:
            if self._domain_list() == MORE and cursor.peek() == _COLON:
                cursor.at += 1
            else:
                self._route = INVALID_ROUTE
            if cursor.skip_space() != MORE:
                return BROKEN
        if cursor.peek() != _GREATER:
            mailbox = bytearray()
            step = cursor.local_part(mailbox)
            if step != BROKEN:
                self._mailbox = bytes(mailbox)
            if step != MORE:
                return BROKEN
            if cursor.peek() == _AT and self._read_domain() != MORE:
                return BROKEN
        if cursor.peek() != _GREATER:
            return BROKEN
        cursor.at += 1
        return cursor.skip_space()

    def _domain_list(self) -> int:
        # obs-domain-list = "@" domain *(*(CFWS / "," ) [CFWS] "@" domain)
        route = bytearray()
        while True:
            if self.cursor.at_end():
                return END
            if self.cursor.peek() != _AT:
                self._route = bytes(route)
                return MORE
            route += b",@" if route else b"@"
            step = self.cursor.domain(route)
            if step != MORE:
                return step
            while self.cursor.skip_space() == MORE and self.cursor.peek() == _COMMA:
                self.cursor.at += 1

    def _read_domain(self) -> int:
        domain = bytearray()
        step = self.cursor.domain(domain)
        if step != BROKEN:
            self._domain = bytes(domain)
        return step

    def _addr_spec(self) -> tuple[int, bool]:
        # addr-spec = local-part "@" domain
        cursor = self.cursor
        cursor.comment = b""
        quoted = cursor.peek() == _QUOTE
        words = bytearray()
        step = cursor.local_part(words)
        valid = step == MORE
        if step != BROKEN:
            self._mailbox = bytes(words)
        has_domain = step != END and cursor.peek() == _AT
        if has_domain:
            domain_step = self._read_domain()
            if domain_step != MORE:
                step = domain_step
        if cursor.comment:
            self._name = cursor.comment  # "user@domain (Display Name)"
        elif not has_domain:
            # A single word is a mailbox without a domain; several are a name.
            before = len(words)
            words += b" "
            cursor.phrase(words)
            if len(words) > before + 1:
                self._mailbox, self._name = None, bytes(words)
            elif not quoted:
                self._domain = b""
            return BROKEN, False
        return step, valid
