"""An ordinary IMAP account as a source.  Only EXAMINE and BODY.PEEK: nothing in it changes.

A message's name is its UIDVALIDITY and UID.  Where the server shows one message in many
mailboxes (X-GM-MSGID of Gmail), it is fetched once and shown in each; of All Mail only what
stands nowhere else is brought, and goes to the Archive.  docs/spec/imports.md §6.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, final

from typing_extensions import override

from gateway.legacy import remote_mailbox
from gateway.legacy.client import ImapClient, SaidNo, Server
from gateway.legacy.remote_mailbox import PART_OCTETS, RemoteName, Row
from gateway.legacy.secret import secret_of
from gateway.migration.source import (
    BATCH_MESSAGES,
    BATCH_OCTETS,
    MESSAGE_OCTETS_MAX,
    Found,
    Known,
    Source,
    SourceFolder,
    Trouble,
    Weight,
)

_SPECIAL: Final = {
    "\\sent": "\\Sent", "\\drafts": "\\Drafts", "\\trash": "\\Trash", "\\junk": "\\Junk",
    "\\archive": "\\Archive",
}  # fmt: skip
_VIEWS: Final = frozenset({"\\flagged", "\\important"})  # of Gmail: mail that stands elsewhere
_ALL: Final = "\\all"
_GMAIL_OCTETS_A_DAY: Final = 2_500_000_000  # as its help pages say
_ROWS_AT_ONCE: Final = 500


@final
class ImapSource(Source):
    """See the module."""

    def __init__(self, server: Server, password: str, command: str, *, all_mail: bool) -> None:
        """Nothing is connected before the folders are asked for."""
        self._server = server
        self._password = password
        self._command = command
        self._all_mail = all_mail
        self._client: ImapClient | None = None
        self.location = server.location
        self.octets_a_day = 0

    @override
    async def folders(self) -> list[SourceFolder | Trouble]:
        client = await self._connected()
        found: list[SourceFolder | Trouble] = []
        last: list[SourceFolder | Trouble] = []
        gmail = "X-GM-EXT-1" in client.capabilities
        self.octets_a_day = _GMAIL_OCTETS_A_DAY if gmail else 0
        for name in await remote_mailbox.names(client):
            if not name.can_be_opened or (gmail and name.attributes & _VIEWS):
                continue
            if not name.raw.isascii():
                found.append(Trouble("/".join(name.levels), "has a name that is no name of IMAP"))
            elif gmail and _ALL in name.attributes and not self._all_mail:
                last.append(_folder(name, ("Archive",), "\\Archive", only_new=True))
            else:
                found.append(_folder(name, name.levels, _special(name)))
        return found + last

    @override
    async def weigh(self, folder: SourceFolder) -> AsyncIterator[Sequence[Weight | Trouble]]:
        async for validity, rows in self._rows(folder):
            if isinstance(rows, Trouble):
                yield [rows]
                continue
            yield [Weight(_key(validity, row), b"", row.size) for row in rows]

    @override
    async def read(
        self, folder: SourceFolder, known: Known
    ) -> AsyncIterator[Sequence[Found | Trouble]]:
        client = await self._connected()
        async for validity, rows in self._rows(folder):
            if isinstance(rows, Trouble):
                yield [rows]
                continue
            keys = {row.uid: _key(validity, row) for row in rows}
            here = await known.brought(list(keys.values()))
            shared = await known.shared([row.shared for row in rows if row.shared])
            wanted = [row for row in rows if keys[row.uid] not in here]
            again = [row for row in wanted if row.shared in shared]
            if again:
                yield [_found(row, b"", keys[row.uid]) for row in again]
            for batch in _batches([row for row in wanted if row.shared not in shared]):
                yield await self._fetched(client, folder, batch, keys)

    @override
    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> ImapClient:
        if self._client is None:
            secret = await secret_of(self._password, self._command)
            self._client = await ImapClient.open(self._server, secret)
        return self._client

    async def _rows(
        self, folder: SourceFolder
    ) -> AsyncIterator[tuple[int, Sequence[Row] | Trouble]]:
        client = await self._connected()
        try:
            opened = await remote_mailbox.open_read_only(client, folder.place.encode())
        except SaidNo as error:
            yield 0, Trouble("/".join(folder.levels), str(error))
            return
        uids = await remote_mailbox.uids(client, opened)
        for start in range(0, len(uids), _ROWS_AT_ONCE):
            rows = await remote_mailbox.rows(client, uids[start : start + _ROWS_AT_ONCE])
            yield opened.uid_validity, rows

    async def _fetched(
        self, client: ImapClient, folder: SourceFolder, batch: Sequence[Row], keys: dict[int, bytes]
    ) -> list[Found | Trouble]:
        if len(batch) == 1 and batch[0].size > PART_OCTETS:
            row = batch[0]
            whole = await remote_mailbox.in_parts(client, row.uid, MESSAGE_OCTETS_MAX)
            got = {} if whole is None else {row.uid: whole}
        else:
            got = await remote_mailbox.octets(client, batch)
        return [
            _found(row, got[row.uid], keys[row.uid])
            if row.uid in got
            else Trouble(f"{'/'.join(folder.levels)}, UID {row.uid}", "was not given by the server")
            for row in batch
        ]


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
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


def _found(row: Row, octets: bytes, key: bytes) -> Found:
    return Found(octets, row.flags, row.received, key, row.shared)


def _key(validity: int, row: Row) -> bytes:
    return validity.to_bytes(4, "big") + row.uid.to_bytes(4, "big")


def _folder(
    name: RemoteName, levels: tuple[str, ...], special_use: str, *, only_new: bool = False
) -> SourceFolder:
    return SourceFolder(name.raw.decode("ascii"), levels, special_use, only_new=only_new)


def _special(name: RemoteName) -> str:
    return next((use for told, use in _SPECIAL.items() if told in name.attributes), "")
