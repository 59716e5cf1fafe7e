"""Answers to octets: the smallest form that is right, quoted by type and never by luck."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from imap_out.wire import utf7
from imap_out.wire.fetch_items import (
    BinarySection,
    BinarySize,
    BodySection,
    Section,
    SectionText,
    Spelling,
)
from mx_core.model.flags import RECENT, SYSTEM_FLAGS, Flag, FlagSet
from mx_core.model.mailbox_name import MailboxName

_ASTRING: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_PLAIN_TEXT: Final = re.compile(rb"[^\r\n\0\x80-\xff]*")
_QUOTED_MAX: Final = 1000
_ORDER: Final = {flag: place for place, flag in enumerate((*SYSTEM_FLAGS, RECENT))}


def string(octets: bytes) -> bytes:
    """Spell *octets* as a quoted string, or as a literal where that can not hold them."""
    if len(octets) > _QUOTED_MAX or not _PLAIN_TEXT.fullmatch(octets):
        return b"{%d}\r\n%b" % (len(octets), octets)
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def astring(octets: bytes) -> bytes:
    """Spell *octets* as an atom if they are one (and not NIL), else as a string."""
    if _ASTRING.fullmatch(octets) and octets.upper() != b"NIL":
        return octets
    return string(octets)


def mailbox(name: MailboxName | str, *, utf8: bool = False) -> bytes:
    """Spell a mailbox name in modified UTF-7, or in quoted UTF-8 (RFC 6855 §3)."""
    if not utf8:
        return astring(utf7.encode(name))
    if name.isascii():
        return astring(name.encode())
    return b'"%b"' % name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def flag_list(flags: Iterable[Flag]) -> bytes:
    """Spell flags in parentheses: system flags in their usual order, then keywords by name."""
    ordered = sorted(flags, key=lambda flag: (_ORDER.get(flag, len(_ORDER)), flag))
    return b"(" + " ".join(ordered).encode() + b")"


class FlagSpeller:
    """Spells flag sets with a memory: a mailbox of a million messages has few different sets."""

    __slots__ = ("_known",)

    _MEMORY: Final = 4096

    def __init__(self) -> None:
        self._known: dict[tuple[FlagSet, bool], bytes] = {}

    def __call__(self, flags: FlagSet, *, recent: bool) -> bytes:
        r"""Return the flag list, with ``\Recent`` if *recent*."""
        key = (flags, recent)
        spelled = self._known.get(key)
        if spelled is None:
            if len(self._known) >= self._MEMORY:
                self._known.clear()
            spelled = flag_list(flags | {RECENT} if recent else flags)
            self._known[key] = spelled
        return spelled


def section_name(item: BodySection) -> bytes:
    """Spell under which name the octets are answered: never ``.PEEK``, only the first offset."""
    if item.spelling is not Spelling.BODY:
        name: bytes = item.spelling.value
        return name
    name = b"BODY[%b]" % section(item.section)
    return name if item.partial is None else b"%b<%d>" % (name, item.partial[0])


def binary_name(item: BinarySection | BinarySize) -> bytes:
    """Spell under which name decoded octets, or their number, are answered.  RFC 3516 §7."""
    part = b".".join(b"%d" % number for number in item.part)
    if isinstance(item, BinarySize):
        return b"BINARY.SIZE[%b]" % part
    return b"BINARY[%b]" % part + (b"" if item.partial is None else b"<%d>" % item.partial[0])


def section(section: Section) -> bytes:
    """Spell what stands between the brackets."""
    part = b".".join(b"%d" % number for number in section.part)
    if section.text is SectionText.WHOLE:
        return part
    text: bytes = section.text.value
    if section.text in {SectionText.FIELDS, SectionText.FIELDS_NOT}:
        text += b" (" + b" ".join(map(astring, section.fields)) + b")"
    return part + b"." + text if part else text
