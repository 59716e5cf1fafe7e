"""Folders and messages of an ordinary IMAP server, as import and pull both take them.

Where the server shows one message in many mailboxes (X-GM-MSGID of Gmail), of All Mail only
what stands nowhere else is taken, to the Archive; views are no folders.  docs/spec/imports.md §6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.legacy import remote_mailbox
from gateway.legacy.client import ImapClient
from gateway.legacy.remote_mailbox import PART_OCTETS, RemoteName, Row
from gateway.migration.source import (
    BATCH_MESSAGES,
    BATCH_OCTETS,
    MESSAGE_OCTETS_MAX,
    SourceFolder,
    Trouble,
)

GMAIL: Final = "X-GM-EXT-1"
NOT_GIVEN: Final = "was not given by the server"
_SPECIAL: Final = {
    "\\sent": "\\Sent", "\\drafts": "\\Drafts", "\\trash": "\\Trash", "\\junk": "\\Junk",
    "\\archive": "\\Archive",
}  # fmt: skip
_VIEWS: Final = frozenset({"\\flagged", "\\important"})  # of Gmail: mail that stands elsewhere
_ALL: Final = "\\all"


def folders_of(
    names: Sequence[RemoteName], *, gmail: bool, all_mail: bool
) -> list[SourceFolder | Trouble]:
    """Return what is taken of *names*, and what can not be, All Mail last."""
    found: list[SourceFolder | Trouble] = []
    last: list[SourceFolder | Trouble] = []
    for name in names:
        if not name.can_be_opened or (gmail and name.attributes & _VIEWS):
            continue
        if not name.raw.isascii():
            found.append(Trouble("/".join(name.levels), "has a name that is no name of IMAP"))
        elif gmail and _ALL in name.attributes and not all_mail:
            last.append(_folder(name, ("Archive",), "\\Archive", only_new=True))
        else:
            found.append(_folder(name, name.levels, _special(name)))
    return found + last


def key_of(validity: int, uid: int) -> bytes:
    """Return the ledger's key of a message: UIDVALIDITY and UID."""
    return validity.to_bytes(4, "big") + uid.to_bytes(4, "big")


async def fetched(client: ImapClient, batch: Sequence[Row]) -> dict[int, bytes]:
    """Return the octets of a batch by UID; what the server does not give is missing."""
    if len(batch) > 1 or batch[0].size <= PART_OCTETS:
        return await remote_mailbox.octets(client, batch)
    uid = batch[0].uid
    whole = await remote_mailbox.in_parts(client, uid, MESSAGE_OCTETS_MAX)
    return {} if whole is None else {uid: whole}


def batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cut *rows* into what one command asks for; a large message stands alone."""
    batch: list[Row] = []
    octets = 0
    for row in rows:
        large = row.size > PART_OCTETS
        if batch and (large or len(batch) >= BATCH_MESSAGES or octets + row.size > BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(row)
        octets += row.size
        if large:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch


def _folder(
    name: RemoteName, levels: tuple[str, ...], special_use: str, *, only_new: bool = False
) -> SourceFolder:
    return SourceFolder(name.raw.decode("ascii"), levels, special_use, only_new=only_new)


def _special(name: RemoteName) -> str:
    return next((use for told, use in _SPECIAL.items() if told in name.attributes), "")
