"""SEARCH, with what is to be returned and saved.  RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 9394."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from imap_out.session.answers import resync
from imap_out.session.answers.out import Out
from imap_out.session.search.find import find, with_saved
from imap_out.session.search.masks import terms_of
from imap_out.session.search.results import Numbers, joined_column, tell, tell_esearch
from imap_out.session.search.saved import to_save
from imap_out.session.state.capability import CONDSTORE
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Search
from imap_out.wire.search_keys import SearchKey
from imap_out.wire.search_return import Item, Returning

_CHARSETS: Final = frozenset({b"UTF-8", b"US-ASCII"})


async def search(session: Session, command: Search, out: Out) -> Completed:
    """RFC 3501 §6.4.4."""
    view = session.selected()
    returning = command.returning
    if returning is None and session.rev2:
        returning = Returning()  # RFC 9051 §6.4.4: there is no untagged SEARCH any more
    key = begin(view, command.key, command.charset, returning)
    found = await find(session, key, out)
    keep(view, returning, found)
    numbers = Numbers(view, found, by_uid=command.by_uid)
    asks_modseq = resync.asks_modseq(command.key)
    if asks_modseq:
        session.enabled.add(CONDSTORE)
    if returning is None:
        # search-sort-mod-seq = "(" "MODSEQ" SP mod-sequence-value ")"        RFC 7162 §7
        modseq = b" (MODSEQ %d)" % resync.highest(view, found) if asks_modseq and found else b""
        await tell(b"SEARCH", numbers, out, modseq)
        return Completed(b"searched")
    told = to_save(returning, found)  # the modseq is that of what is told (RFC 4731 §3.2)
    modseq = b" MODSEQ %d" % resync.highest(view, told) if asks_modseq and told else b""
    await tell_esearch(returning, numbers, out, modseq, by_uid=command.by_uid)
    return Completed(b"searched")


def begin(
    view: SelectedView, key: SearchKey, charset: bytes | None, returning: Returning | None
) -> SearchKey:
    """Return *key* with ``$`` spelled out.

    From here on a search that was to be saved and fails leaves nothing saved; one that is BAD
    changes nothing (RFC 5182 §2.1).

    Raises:
        BadSyntax: A text is not in UTF-8.
        Refusal: In a charset that is not known.
    """
    known = charset is None or charset.upper() in _CHARSETS
    if known:
        terms_of(key)
    spelled = with_saved(key, view.saved)
    if returning is not None and Item.SAVE in returning.items:
        view.saved = array("I")
    if not known:
        raise Refusal(b"BADCHARSET (US-ASCII UTF-8)", "search in UTF-8")
    return spelled


def keep(view: SelectedView, returning: Returning | None, found: Sequence[int]) -> None:
    """Save the result if it is to be saved."""
    if returning is None or Item.SAVE not in returning.items:
        return
    uids = joined_column(view.rows, "I", "uids")
    chosen = to_save(returning, found)
    whole = len(chosen) == len(uids)
    view.saved = uids if whole else array("I", map(uids.__getitem__, sorted(chosen)))
