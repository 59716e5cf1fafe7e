"""One look at one folder of an account elsewhere: what is new comes, and flags go both ways.

Whatever ends a pass, the next begins where the last whole one ended, and finds in the ledger
what is here already.  docs/spec/pull.md §3, §4.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field

from gateway.arriving.ordinary_mail import Hear, hear_nothing
from gateway.legacy import remote_flags, remote_mailbox
from gateway.legacy.client import ImapClient, SaidNo
from gateway.legacy.remote_mailbox import Opened, Row
from gateway.migration.imap_folders import NOT_GIVEN, batches, fetched, key_of
from gateway.migration.naming import mailbox_for
from gateway.migration.source import MESSAGE_OCTETS_MAX, SourceFolder, digest_of
from gateway.pulling.flags import Shared, pushed, same, verdict
from gateway.pulling.marking import marked
from mx_core.db import failpoint
from mx_core.mime.prepare import prepare
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.agreements import Both
from mx_core.store.ledger.batch import Brought, ImportFolderId, ImportId
from mx_core.store.ledger.pulls import Reached

_ROWS_AT_ONCE: Final = 500
_FLAGS_AT_ONCE: Final = 2_000
_LEFT_MAX: Final = 10_000
_DATE_MAX: Final = (1 << 32) - 1


class Tally(Struct):
    """What was done since the account is pulled by this process, for whoever shows it."""

    brought: int = 0
    copies: int = 0  # known, or another copy of what is here
    left: set[bytes] = field(default_factory=set)  # could not be brought; tried at the next start


class FolderPass:
    """See the module; one for each folder, kept between passes."""

    def __init__(
        self,
        store: AccountStore,
        source: ImportId,
        via: str,
        folder: SourceFolder,
        tally: Tally,
        hear: Hear = hear_nothing,
        *,
        mark_subjects: bool = False,
    ) -> None:
        """*via* names the account in what is stored; *mark_subjects*: spec/octets §2."""
        self._mark_subjects = mark_subjects
        self._hear = hear
        self.folder = folder
        self.mailbox: MailboxId | None = None  # where it goes, known after the first pass
        self._store = store
        self._source = source
        self._via = via
        self._tally = tally
        self._raw = folder.place.encode()
        self._reached: Reached | None = None
        self._opened: Opened | None = None  # as it was at the last whole pass

    async def run(self, client: ImapClient, *, again: bool = False) -> bool:
        """Make both sides the same; return whether anything had to be done.

        *again*: right behind a pass, to see whether something has changed meanwhile.

        Raises:
            PeerUnreachable, DiskFull, Corrupt: What is stored stays.
        """
        if again and self._opened is not None and not self._opened.modseq and not client.news:
            return False  # nobody could say more by opening it anew, and what is open tells
        client.news = False
        try:
            opened = await remote_mailbox.open_to_write(client, self._raw)
        except SaidNo as error:
            await self._tell("", str(error))
            return False
        row, _ = await self._place()
        before = await self._store.pulls.reached(row)
        # without a modseq nobody knows whether flags have changed
        if (
            opened.modseq
            and opened == self._opened
            and not await self._has_changed_here(row, before)
        ):
            return False
        if before.uid_validity != opened.uid_validity:
            # numbered anew: what comes again is known by its octets
            await self._store.agreements.carry(row, before.uid_validity, opened.uid_validity)
            before = Reached(opened.uid_validity, ours=before.ours)
        uid_next = await self._bring(client, opened, row, before)
        await self._theirs(client, opened, row, before)
        ours = await self._ours(client, opened, row, before)
        now = Reached(opened.uid_validity, uid_next, opened.modseq, ours)
        await self._store.pulls.reach(row, now)
        self._reached, self._opened = now, opened
        return True

    def differs(self, counters: remote_flags.Counters | None) -> bool:
        """Tell whether STATUS says that there is something to do."""
        then = self._reached
        if counters is None or then is None:
            return then is None
        return (
            counters.uid_validity != then.uid_validity
            or (counters.uid_next or then.uid_next) > then.uid_next
            or counters.modseq != then.modseq
        )

    async def _has_changed_here(self, row: ImportFolderId, before: Reached) -> bool:
        view = await self._store.agreements.ours_now(row)
        return view is not None and view.highest_modseq > before.ours

    async def _place(self) -> tuple[ImportFolderId, MailboxName]:
        folder = self.folder
        row, name = await self._store.imports.folder(
            self._source,
            folder.row,
            mailbox_for(folder.levels),
            folder.special_use,
            subscribed=folder.subscribed,
        )
        self.mailbox = await self._store.agreements.mailbox(row)
        return row, name

    # ── what is new ─────────────────────────────────────────────────────────────────
    async def _bring(
        self, client: ImapClient, opened: Opened, row: ImportFolderId, before: Reached
    ) -> int:
        """Bring what the ledger does not hold; return the UID from which on nothing was seen."""
        if opened.uid_next and opened.uid_next <= before.uid_next:
            return before.uid_next
        uids = await remote_mailbox.uids(client, opened, before.uid_next)
        end = max([opened.uid_next, before.uid_next, *(uid + 1 for uid in uids[-1:])])
        for start in range(0, len(uids), _ROWS_AT_ONCE):
            rows = await remote_mailbox.rows(client, uids[start : start + _ROWS_AT_ONCE])
            missing = await self._bring_rows(client, opened, row, rows)
            end = min([end, *missing])
        return end

    async def _bring_rows(
        self, client: ImapClient, opened: Opened, row: ImportFolderId, rows: Sequence[Row]
    ) -> list[int]:
        """Bring what is new of *rows*; return the UIDs of what the server keeps to itself."""
        imports = self._store.imports
        keys = {each.uid: key_of(opened.uid_validity, each.uid) for each in rows}
        known = await imports.known(row, list(keys.values()))
        self._tally.copies += len(known)
        names = [each.shared for each in rows if each.shared]
        shared = await imports.known_shared(self._source, names) if names else set()
        wanted = [r for r in rows if keys[r.uid] not in known | self._tally.left]
        missing = [r.uid for r in rows if keys[r.uid] in self._tally.left - known]
        large = [r for r in wanted if r.size > MESSAGE_OCTETS_MAX]
        for each in large:
            await self._leave(keys[each.uid], each.uid, "is larger than 64 MiB")
        wanted = [r for r in wanted if r.size <= MESSAGE_OCTETS_MAX]
        if again := [r for r in wanted if r.shared in shared]:
            await self._keep(row, [self._shown(keys[r.uid], r) for r in again])
        for batch in batches([r for r in wanted if r.shared not in shared]):
            got = await fetched(client, batch)
            now = self._store.mail.now()
            here = [(keys[r.uid], r, got[r.uid]) for r in batch if r.uid in got]
            await self._keep(row, await asyncio.to_thread(self._prepared, here, now))
            for _, _, octets in here:
                await self._hear(octets)
            for each in (r for r in batch if r.uid not in got):
                # it may have been removed meanwhile, which is no reason to speak of it
                if await remote_mailbox.rows(client, [each.uid]):
                    await self._leave(keys[each.uid], each.uid, NOT_GIVEN)
                    missing.append(each.uid)
        return missing

    def _prepared(self, found: Sequence[tuple[bytes, Row, bytes]], now: int) -> list[Brought]:
        brought = []
        for key, row, octets in found:
            mark = marked(octets, self._via, now, subjects=self._mark_subjects)
            form = prepare(mark.octets)
            date = row.received if row.received is not None else form.sent
            junk = verdict(row.flags, self.folder.special_use, mark.spam)
            brought.append(
                Brought(
                    key,
                    digest_of(octets),
                    mark.octets,
                    form,
                    _SHARED.only(row.flags) | mark.keywords | junk,
                    now if date is None or not 0 <= date <= _DATE_MAX else date,
                    row.shared,
                    digest_of(mark.octets),
                    _SHARED.only(row.flags),
                )
            )
        return brought

    def _shown(self, key: bytes, row: Row) -> Brought:
        """Return a message that another folder of the source shows, to be shown here too."""
        flags = _SHARED.only(row.flags)
        return Brought(key, b"", b"", None, flags, 0, row.shared, None, flags)

    async def _keep(self, row: ImportFolderId, brought: Sequence[Brought]) -> None:
        only_new = self.folder.only_new
        store = self._store.imports.store
        try:
            kept = await store(self._source, row, brought, only_new=only_new, one_copy=True)
        except NoSuchMailbox:  # deleted while mail came into it: it is made anew
            await self._place()
            kept = await store(self._source, row, brought, only_new=only_new, one_copy=True)
        self._tally.brought += kept.stored
        self._tally.copies += kept.known

    # ── flags ───────────────────────────────────────────────────────────────────────
    async def _theirs(
        self, client: ImapClient, opened: Opened, row: ImportFolderId, before: Reached
    ) -> None:
        """Take over what changed there."""
        shared, store = Shared.of(opened), self._store.agreements
        told = await remote_flags.changed_since(client, opened, before.modseq)
        theirs = {key_of(opened.uid_validity, u): shared.only(f) for u, f in told.items()}
        keys = list(theirs)
        for start in range(0, len(keys), _FLAGS_AT_ONCE):
            agreed = await store.agreed(row, keys[start : start + _FLAGS_AT_ONCE])
            news = {k: theirs[k] for k, flags in agreed.items() if not same(flags, theirs[k])}
            await store.take(row, news, shared.merged)

    async def _ours(
        self, client: ImapClient, opened: Opened, row: ImportFolderId, before: Reached
    ) -> int:
        """Tell the source what changed here; return the modseq up to which it knows."""
        shared, store = Shared.of(opened), self._store.agreements
        view = await store.ours_now(row)
        if view is None:
            return before.ours
        validity = opened.uid_validity.to_bytes(4, "big")
        async for some in store.ours_since(row, view, before.ours):
            pushes: defaultdict[tuple[FlagSet, FlagSet], list[int]] = defaultdict(list)
            both: dict[int, Both] = {}
            for one in some:
                if not one.key.startswith(validity):
                    continue
                push = shared.to_push(one.agreed, one.ours)
                if any(push):
                    uid = int.from_bytes(one.key[len(validity) :], "big")
                    pushes[push].append(uid)
                    both[uid] = one
            for (add, remove), uids in pushes.items():
                for start in range(0, len(uids), _ROWS_AT_ONCE):
                    part = uids[start : start + _ROWS_AT_ONCE]
                    await self._push(client, row, {uid: both[uid] for uid in part}, (add, remove))
        return view.highest_modseq

    async def _push(
        self,
        client: ImapClient,
        row: ImportFolderId,
        both: dict[int, Both],
        change: tuple[FlagSet, FlagSet],
    ) -> None:
        """Change flags there; they are agreed on as far as the server says that it did so."""
        try:
            told = await remote_flags.add_and_remove(client, list(both), *change)
        except SaidNo as error:
            await self._tell(", flags", str(error))
            return
        # Crash here: it has them, and is told them once more, which changes nothing.
        failpoint.reach("pushed")
        now = {one.key: pushed(one.agreed, change, told.get(uid)) for uid, one in both.items()}
        # what else they have changed meanwhile is told just now, and perhaps never again
        client.news |= any(not same(told.get(u, now[o.key]), now[o.key]) for u, o in both.items())
        await self._store.agreements.agree(row, now)

    # ── what can not be ─────────────────────────────────────────────────────────────
    async def _leave(self, key: bytes, uid: int, why: str) -> None:
        if len(self._tally.left) < _LEFT_MAX:
            self._tally.left.add(key)
        await self._tell(f", UID {uid}", why)

    async def _tell(self, where: str, why: str) -> None:
        await self._store.imports.tell(self._source, [("/".join(self.folder.levels) + where, why)])


_SHARED: Final = Shared(None)
