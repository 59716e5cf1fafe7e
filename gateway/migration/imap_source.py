"""An ordinary IMAP account as a source.  Only EXAMINE and BODY.PEEK: nothing in it changes.

A message's name is its UIDVALIDITY and UID.  Where the server shows one message in many
mailboxes (X-GM-MSGID of Gmail), it is fetched once and shown in each; of All Mail only what
stands nowhere else is brought, and goes to the Archive.  docs/spec/imports.md §6.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, final

from typing_extensions import override

from gateway.decrypting.enclosed import kind_of
from gateway.legacy import remote_mailbox
from gateway.legacy.client import ImapClient, SaidNo, Server
from gateway.legacy.logging_in import Login, logged_in
from gateway.legacy.oauth.grants import TokenSource
from gateway.legacy.remote_mailbox import Row
from gateway.migration.imap_folders import (
    GMAIL,
    NOT_GIVEN,
    batches,
    fetched,
    folders_of,
    key_of,
)
from gateway.migration.source import (
    Found,
    Known,
    Source,
    SourceFolder,
    Trouble,
    Weight,
)

_GMAIL_OCTETS_A_DAY: Final = 2_500_000_000  # as its help pages say
_ROWS_AT_ONCE: Final = 500
_Coming = asyncio.Task[list[Found | Trouble]]


@final
class ImapSource(Source):
    """See the module."""

    def __init__(
        self, server: Server, login: Login, tokens: TokenSource, *, all_mail: bool
    ) -> None:
        """Nothing is connected before the folders are asked for."""
        self._server = server
        self._login = login
        self._tokens = tokens
        self._all_mail = all_mail
        self._client: ImapClient | None = None
        self._coming: _Coming | None = None  # is being fetched, before it is asked for
        self.location = server.location
        self.octets_a_day = 0

    @override
    async def folders(self) -> list[SourceFolder | Trouble]:
        client = await self._connected()
        gmail = GMAIL in client.capabilities
        self.octets_a_day = _GMAIL_OCTETS_A_DAY if gmail else 0
        return folders_of(await remote_mailbox.names(client), gmail=gmail, all_mail=self._all_mail)

    @override
    async def weigh(
        self, folder: SourceFolder, *, kinds: bool = False
    ) -> AsyncIterator[Sequence[Weight | Trouble]]:
        client = await self._connected()
        async for validity, uids in self._numbers(folder):
            if isinstance(uids, Trouble):
                yield [uids]
                continue
            yield [
                Weight(key_of(validity, each.uid), b"", each.octets, kind_of(each.content_type))
                for each in await remote_mailbox.sizes(client, uids, content_types=kinds)
            ]

    @override
    async def read(
        self, folder: SourceFolder, known: Known
    ) -> AsyncIterator[Sequence[Found | Trouble]]:
        client = await self._connected()
        async for validity, uids in self._numbers(folder, known):
            if isinstance(uids, Trouble):
                yield [uids]
                continue
            rows = await remote_mailbox.rows(client, uids)
            keys = {row.uid: key_of(validity, row.uid) for row in rows}
            shared = await known.shared([row.shared for row in rows if row.shared])
            again = [row for row in rows if row.shared in shared]
            if again:
                yield [_found(row, b"", keys[row.uid]) for row in again]
            fresh = [row for row in rows if row.shared not in shared]
            async for found in self._ahead(client, folder, fresh, keys):
                yield found

    @override
    async def close(self) -> None:
        await _ended(self._coming)
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> ImapClient:
        if self._client is None:
            self._client = await logged_in(self._server, self._login, self._tokens)
        return self._client

    async def _numbers(
        self, folder: SourceFolder, known: Known | None = None
    ) -> AsyncIterator[tuple[int, Sequence[int] | Trouble]]:
        """Yield UIDVALIDITY and UIDs of the folder, without those that were brought before."""
        client = await self._connected()
        try:
            opened = await remote_mailbox.open_read_only(client, folder.place.encode())
        except SaidNo as error:
            yield 0, Trouble("/".join(folder.levels), str(error))
            return
        uids = await remote_mailbox.uids(client, opened)
        for start in range(0, len(uids), _ROWS_AT_ONCE):
            keys = {
                key_of(opened.uid_validity, uid): uid for uid in uids[start : start + _ROWS_AT_ONCE]
            }
            here = set() if known is None else await known.brought(list(keys))
            asked = [uid for key, uid in keys.items() if key not in here]
            if asked:
                yield opened.uid_validity, asked

    async def _ahead(
        self,
        client: ImapClient,
        folder: SourceFolder,
        wanted: Sequence[Row],
        keys: dict[int, bytes],
    ) -> AsyncIterator[list[Found | Trouble]]:
        """Yield batch after batch; while one is stored the server sends the next."""
        try:
            for batch in batches(wanted):
                found = None if self._coming is None else await self._coming
                self._coming = asyncio.create_task(self._fetched(client, folder, batch, keys))
                if found is not None:
                    yield found
            if self._coming is not None:
                yield await self._coming
        finally:
            coming, self._coming = self._coming, None
            await _ended(coming)

    async def _fetched(
        self, client: ImapClient, folder: SourceFolder, batch: Sequence[Row], keys: dict[int, bytes]
    ) -> list[Found | Trouble]:
        got = await fetched(client, batch)
        return [
            _found(row, got[row.uid], keys[row.uid])
            if row.uid in got
            else Trouble(f"{'/'.join(folder.levels)}, UID {row.uid}", NOT_GIVEN)
            for row in batch
        ]


async def _ended(coming: _Coming | None) -> None:
    """Give up what nobody asks for any more."""
    if coming is not None:
        coming.cancel()
        await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()  # told to whoever waited; else it is that of a connection that ended


def _found(row: Row, octets: bytes, key: bytes) -> Found:
    return Found(octets, row.flags, row.received, key, row.shared)
