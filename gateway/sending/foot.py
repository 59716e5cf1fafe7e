"""One sentence below ordinary mail: how to write to its sender encrypted.  Only if the person asked for it.

Pure but for ``Foot``.  Nothing is added to what is signed or encrypted, to what a program sent by
itself or somebody sent on, or where such a sentence stands already.  docs/spec/octets.md §2a.
"""

from __future__ import annotations

import binascii
import contextlib
import html
import re
from collections.abc import Iterator
from typing import Any, Final, final

import msgspec

from gateway.people.inviting import Inviting
from mx_core.mime import part_map
from mx_core.mime.part_map import Kind, Part
from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import Refused
from mx_core.store.own.setting import Settings

_NAME: Final = "foot"
_INVITATION: Final = "below ordinary mail"
_USES: Final = 200
_DAYS: Final = 84
_LEFT_SECONDS: Final = 28 * 86_400  # a link that is sent is good for so long at least
_OCTETS_MAX: Final = 1024 * 1024
_PLACE: Final = b"/.well-known/mailx/invitation#"
_PLAIN: Final = frozenset({"7bit", "8bit"})
_QUOTED: Final = "quoted-printable"
_WIDE: Final = ("utf-16", "utf-32", "utf-7", "iso-2022", "hz-")  # where ASCII is not ASCII
_NOT_IN: Final = frozenset({"multipart/signed", "multipart/encrypted", "multipart/report"})
_OF_PROGRAMS: Final = frozenset({b"auto-submitted", b"list-id"})
_END: Final = re.compile(rb"</(?:body|html)\s*>", re.IGNORECASE)
_TEXT: Final = "To write to me end-to-end encrypted, with the mail program you have:"


def with_foot(octets: bytes, link: str) -> bytes:
    """Return the message with the sentence that names *link*, or as it is."""
    if len(octets) > _OCTETS_MAX or _PLACE in octets or b"-----BEGIN PGP" in octets:
        return octets
    form = prepare(octets)
    if any(f.name in _OF_PROGRAMS or f.name.startswith(b"resent-") for f in form.fields):
        return octets
    added = list(_additions(octets, part_map.decode(form.parts), link))
    for at, what in sorted(added, reverse=True):
        octets = octets[:at] + what + octets[at:]
    return octets


def _additions(octets: bytes, part: Part, link: str) -> Iterator[tuple[int, bytes]]:
    """Yield what is added where: in the text, and in each form of it that is shown in its place."""
    if part.kind is Kind.MULTIPART and part.media_type not in _NOT_IN:
        shown = part.children if part.media_type == "multipart/alternative" else part.children[:1]
        for child in shown:
            yield from _additions(octets, child, link)
    elif part.kind is Kind.LEAF and _can_take(octets, part):
        body = octets[part.body_start : part.end]
        if part.media_type == "text/plain":
            yield part.end, _spelled(part, body, f"{_TEXT}\n{link}")
        elif part.media_type == "text/html":
            shown_link = html.escape(link)
            page = f'<p>{html.escape(_TEXT)}<br><a href="{shown_link}">{shown_link}</a></p>'
            ends = _END.search(body)
            at = part.body_start + ends.start() if ends else part.end
            yield at, _spelled(part, octets[part.body_start : at], page)


def _can_take(octets: bytes, part: Part) -> bool:
    header = octets[part.header_start : part.body_start].lower()
    return (
        part.encoding in {*_PLAIN, _QUOTED}
        and not part.charset.startswith(_WIDE)
        and b"content-disposition: attachment" not in header
    )


def _spelled(part: Part, before: bytes, text: str) -> bytes:
    """Return *text* on lines of its own, behind what stands *before*."""
    octets = text.encode("ascii").replace(b"\n", b"\r\n")
    if part.encoding == _QUOTED:
        octets = (
            binascii.b2a_qp(octets, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        )
    apart = b"\r\n" if before.endswith(b"\r\n") else b"\r\n\r\n"
    return apart + octets + b"\r\n"


class _Kept(msgspec.Struct, frozen=True):
    on: bool = False
    invitation: int = 0


@final
class Foot:
    """The setting of one account, and the invitation that its sentence names."""

    def __init__(self, settings: Settings, inviting: Inviting, now: Now) -> None:
        self._settings = settings
        self._inviting = inviting
        self._now = now

    async def is_on(self) -> bool:
        """Tell whether the person has asked for it."""
        return (await self._kept()).on

    async def turn(self, *, on: bool) -> dict[str, Any]:
        """Add the sentence from now on, or no longer; raises Refused: no invitation can be made."""
        kept = await self._kept()
        await self._keep(_Kept(on, kept.invitation))
        return {"on": on, "link": await self._link() if on else ""}

    async def added_to(self, octets: bytes) -> bytes:
        """Return what leaves as ordinary mail in place of *octets*."""
        if not await self.is_on():
            return octets
        with contextlib.suppress(Refused):  # as many invitations as there may be: without, then
            return with_foot(octets, await self._link())
        return octets

    async def _link(self) -> str:
        kept = await self._kept()
        one = next((i for i in await self._inviting.all() if i["id"] == kept.invitation), None)
        enough = one is not None and one["expires"] > self._now() + _LEFT_SECONDS
        if one is None or not enough or one["used"] >= one["uses"]:
            # Crash after this: it is among the invitations, unused, and another is made.
            one = await self._inviting.make(_INVITATION, _USES, _DAYS)
            await self._keep(_Kept(kept.on, one["id"]))
        return str(one["link"])

    async def _kept(self) -> _Kept:
        octets = await self._settings.get(_NAME)
        return msgspec.json.decode(octets, type=_Kept) if octets else _Kept()

    async def _keep(self, kept: _Kept) -> None:
        await self._settings.put(_NAME, msgspec.json.encode(kept))
