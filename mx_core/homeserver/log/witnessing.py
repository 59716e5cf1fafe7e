"""Witnesses: this server cosigns the logs of its peers, and has its own cosigned by them.

A log that shows two faces must show one of them to a witness.  What was cosigned is durable before
the signature leaves, so no two of ours contradict each other.  Spec/transparency §7.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog
from nacl.signing import SigningKey

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.discovery.finder import Finder
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.queue.peer_times import PeerTimes
from mx_core.homeserver.queue.peers import Peers
from mx_core.homeserver.schema import WITNESSED
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Refused, Unavailable, Untrusted
from mx_core.model.secret import Secret
from mx_core.tlog import note, witness
from mx_core.tlog.checkpoint import Checkpoint
from mx_core.tlog.log_proof import Seen, origin_of
from mx_core.tlog.note import Kind, NoteKey
from mx_core.tlog.witness import Request, Said

_log = structlog.get_logger()

_ROUND_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 12 * 3_600.0  # a quiet log shows that it is still the same
_SHOWN_SECONDS: Final = 86_400.0  # an older cosignature says less than no cosignature
_WITNESSES_MAX: Final = 8


class Witness:
    """What this server has seen of other logs, and its word for it."""

    def __init__(
        self, database: Transactions, domain: str, key: Secret[SigningKey], now: Now
    ) -> None:
        self._database = database
        self._name = witness.name_of(domain)
        self._key = key
        self._now = now

    async def add(self, domain: str, kt_key: bytes | None, body: bytes) -> tuple[int, bytes]:
        """Answer ``add-checkpoint`` of *domain*, whose log key is *kt_key*."""
        try:
            request = Request.decode(body)
        except Untrusted:
            return Said.MALFORMED, b""
        if kt_key is None:
            return Said.UNKNOWN_LOG, b""
        origin, log = origin_of(domain), NoteKey(origin_of(domain), kt_key)

        def judge(tx: sa.Connection) -> tuple[Said, bytes, Seen | None]:
            newest = _seen(tx, origin)
            said, shown = witness.judge(request, log, newest)
            if shown is None:
                return said, b"", newest
            line = note.cosign(shown.render(), self._name, self._key.reveal(), int(self._now()))
            _keep(tx, shown, _signed_by(log, request.note_octets) + line)
            return said, line, newest

        said, line, newest = await self._database.write(judge)
        if not line:
            if said is Said.CONFLICT:
                return said, witness.conflict_body(newest)
            _log.warning("checkpoint_not_cosigned", origin=origin, status=int(said))
            return said, b""
        # Crash here: it is remembered as cosigned, and the log is told so when it asks again.
        failpoint.reach("witnessed")
        return said, line

    async def newest(self, domain: str) -> bytes | None:
        """Return the newest checkpoint of *domain* that was cosigned here, and when."""
        origin = origin_of(domain)
        return await self._database.read(
            lambda tx: tx.execute(
                sa.select(WITNESSED.c.note).where(WITNESSED.c.origin == origin)
            ).scalar_one_or_none()
        )


@dataclass(frozen=True, slots=True)
class _Given:
    """A cosignature of the tree of *size*, and when it came."""

    size: int
    line: bytes
    at: float


class Cosigned:
    """The own log, shown to the peers that this server speaks with."""

    def __init__(
        self, book: LogBook, peers: Peers, finder: Finder, times: PeerTimes, now: Now
    ) -> None:
        self._book = book
        self._peers = peers
        self._finder = finder
        self._times = times
        self._now = now
        self._given: dict[str, _Given] = {}  # peer → its newest cosignature

    async def run(self, stopping: asyncio.Event) -> None:
        """Ask once a minute whoever has not cosigned what is shown now, until *stopping*."""
        while not stopping.is_set():
            await self.one_round()
            try:
                async with asyncio.timeout(_ROUND_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def one_round(self) -> None:
        """Log what waits, then ask each recent peer once."""
        try:
            await self._book.flush()
        except Unavailable as error:
            _log.warning("log_put_off", error=type(error).__name__)
            return
        for peer in self._peers.recent(_WITNESSES_MAX):
            size, given = self._book.published.size, self._given.get(peer)
            if given and given.size == size and self._now() < given.at + _AGAIN_SECONDS:
                continue
            try:
                await self._ask(peer)
            except (MailError, TimeoutError) as error:
                self._times.failed(peer, error)
                _log.info("witness_silent", peer=peer, error=type(error).__name__)
        self._show()

    def _show(self) -> None:
        """Show the checkpoint with all cosignatures of it that are young enough."""
        shown = self._book.published
        young = self._now() - _SHOWN_SECONDS
        lines = [
            one.line for one in self._given.values() if one.size == shown.size and one.at > young
        ]
        self._book.cosigned(shown.size, _alone(shown.note) + b"".join(lines))

    async def _ask(self, peer: str) -> None:
        shown = self._book.published
        size, note_octets = shown.size, _alone(shown.note)
        key = (await self._finder.find(peer)).role_key("witness", self._now())
        if key is None:
            return
        old = self._given[peer].size if peer in self._given else 0
        status, body = await self._add(peer, old, size, note_octets)
        if status == Said.CONFLICT:
            status, body = await self._add(peer, witness.size_in(body), size, note_octets)
        if status != Said.COSIGNED:
            _log.warning("witness_refused", peer=peer, status=status)
            return
        name = NoteKey(witness.name_of(peer), key, Kind.COSIGNATURE)
        self._times.heard(peer, witness.cosigned_at(note_octets, body, name))
        self._given[peer] = _Given(size, body, self._now())

    async def _add(self, peer: str, old: int, size: int, note_octets: bytes) -> tuple[int, bytes]:
        if old > size:
            raise Refused(f"{peer} has seen a larger log of ours than there is")
        proof = self._book.consistency_between(old, size)
        body = Request(old, proof, note_octets).encode()
        return await self._peers.add_checkpoint(peer, body)


def _alone(note_octets: bytes) -> bytes:
    """Return the checkpoint with the log's own signature only, which is the first."""
    text = note_octets.decode().rpartition("\n\n")[0] + "\n"
    return note.join(text, note.signature_lines(note_octets)[:1])


def _signed_by(log: NoteKey, note_octets: bytes) -> bytes:
    """Return the checkpoint with the signature of *log* only, wherever it stands among others."""
    text = note_octets.decode().rpartition("\n\n")[0] + "\n"
    for line in note.signature_lines(note_octets):
        alone = note.join(text, [line])
        try:
            note.open_note(alone, [log])
        except Untrusted:
            continue
        return alone
    raise ValueError("a checkpoint that was judged is signed by its log")


def _seen(tx: sa.Connection, origin: str) -> Seen | None:
    row = tx.execute(
        sa.select(WITNESSED.c.size, WITNESSED.c.root)
        .where(WITNESSED.c.origin == origin)
        .with_for_update()
    ).one_or_none()
    return None if row is None else Seen(row[0], row[1])


def _keep(tx: sa.Connection, shown: Checkpoint, note_octets: bytes) -> None:
    tx.execute(WITNESSED.delete().where(WITNESSED.c.origin == shown.origin))
    tx.execute(
        WITNESSED.insert().values(
            origin=shown.origin, size=shown.size, root=shown.root, note=note_octets
        )
    )
