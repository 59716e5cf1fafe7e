"""An account's store at work, writing down what it was promised; and the audit of that ledger.

Each line is ``begin`` or ``did``, what, and a number; a message's octets follow from its number.
``did`` is written after the store said that the change is durable.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mx_core.carrier_port import Parcel
from mx_core.db import log_file, writer
from mx_core.db.redo import record
from mx_core.model.address import Address
from mx_core.model.errors import Corrupt, MailError, MessageGone
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.ids import EnvId, MsgId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.ports import Appended, FlagChange, MailReader, MailWriter, NewMail
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from tests.support.power_cut import Run, say
from tests.support.stores import STORE_KEY, form_of

T = TypeVar("T")
ALICE, BOB = Address("alice", "a.example"), Address("bob", "b.example")
DELETED = frozenset({Flag("\\Deleted")})
LARGE_EVERY = 7
LARGE = (
    90_000,
    300_000,
)  # octets: of one that comes in a row and gets a file later, of one that has it at once
MOST = 1_000_000  # changes of each kind in one life: it is cut off long before
EX_IOERR = 74
WORKERS = 4
ARCHIVE, JUNK = MailboxName("Archive"), MailboxName("Junk")
FLAGGED, KEYWORD = frozenset({Flag("\\Flagged")}), frozenset({Flag("$Kw")})

State = tuple[MailboxName, FlagSet] | None  # where a message of the mixed life is; None: gone
# What a message goes through, one durable change after the other.
STAGES: tuple[State, ...] = (
    (ARCHIVE, frozenset()),
    (ARCHIVE, FLAGGED),
    (JUNK, FLAGGED),
    (JUNK, KEYWORD),
    (ARCHIVE, KEYWORD),
    (ARCHIVE, KEYWORD | DELETED),
    None,
)


def octets_of(number: int) -> bytes:
    """Return the message of that number: mostly short, sometimes in need of a body file."""
    large = LARGE[number // LARGE_EVERY % len(LARGE)]
    length = large if number % LARGE_EVERY == 0 else 40 + number % 900
    filling = hashlib.shake_128(str(number).encode()).hexdigest(length // 2)
    return f"Subject: m{number}\r\n\r\n{filling}\r\n".encode()


def id_of(number: int, size: int) -> bytes:
    return hashlib.shake_128(f"id {number}".encode()).digest(size)


# ── at work, in a process that will be cut off ───────────────────────────────────────
def work(live: Path, arguments: dict[str, Any]) -> int:
    """Change the store in four ways at once until the end or the cut."""
    log_file.ROUND_OCTETS = arguments.get("round_octets", log_file.ROUND_OCTETS)  # type: ignore[misc]  # final but here
    if arguments.get("packed"):
        record._PACKED_FROM = 0  # type: ignore[misc]  # final but here
    try:
        store = AccountStore.open(live / "account", STORE_KEY, time.time)
    except MailError as error:
        say("refused", "open", type(error).__name__)
        return EX_IOERR
    if level := arguments.get("synchronous"):
        store._database._writer._raw.execute(f"PRAGMA synchronous = {level}")
    if arguments.get("leave_open"):
        writer._IDLE_SECONDS = 3_600  # type: ignore[misc]  # final but here: no rest in between, which moves the log and syncs
    status = asyncio.run(
        _work(
            store,
            arguments["first"],
            arguments.get("most", MOST),
            alone=arguments.get("alone", False),
        )
    )
    if not arguments.get("leave_open"):
        store.close()
    return status


async def _work(store: AccountStore, first: int, most: int, *, alone: bool) -> int:
    """*alone*: one change after the other, so that nearly all of them are lone ones."""
    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id

    async def append(number: int) -> None:
        octets = octets_of(number)

        # half of them are kept without its form, which is made later or after the cut
        new = NewMail(octets, form_of(octets) if number // WORKERS % 2 else None, frozenset())

        def job(writer: MailWriter) -> Appended:
            return writer.append_all(inbox, [new])[0]

        say("begin", "append", number)
        uid = (await written(store, number, job, alone=alone)).uid
        say("did", "append", number, uid)
        if number % 2:
            await expunge(number, uid)

    async def expunge(number: int, uid: Uid) -> None:
        def job(writer: MailWriter) -> None:
            writer.store_flags(inbox, [uid], FlagChange.ADD, DELETED)
            writer.expunge(inbox, [uid])

        say("begin", "expunge", number)
        await store.mail.write(job)
        say("did", "expunge", number)

    async def enqueue(number: int) -> None:
        say("begin", "enqueue", number)
        queue_id = await store.outbox.enqueue(Submission(ALICE, (BOB,), octets_of(number)))
        say("did", "enqueue", number)
        if number % 2:
            say("begin", "relay", number)
            env_id = EnvId(id_of(number, 32))
            await store.outbox.seal(
                queue_id, BOB, Parcel(BOB, env_id, b"MXE1", octets_of(number + 1), 0)
            )
            await store.outbox.sent(queue_id, BOB)
            await store.outbox.relayed(env_id)
            say("did", "relay", number)

    async def receive(number: int) -> None:
        say("begin", "receive", number)
        await received(store, number)
        say("did", "receive", number)

    async def mix(number: int) -> None:
        """APPEND, STORE, MOVE, STORE, MOVE, STORE and EXPUNGE; some stop on the way."""
        uid = Uid(0)
        for stage in range(len(STAGES) - number % 3):
            say("begin", "mix", code(number, stage))
            uid = await written(
                store,
                number,
                lambda w, at=stage, old=uid: _advance(w, number, at, old),  # type: ignore[misc]  # bound now
                alone=alone,
            )
            say("did", "mix", code(number, stage), uid)

    async def each(change: Any, offset: int) -> None:
        for step in range(most):
            try:
                await change(first + WORKERS * step + offset)
            except Corrupt as error:
                say("refused", change.__name__, type(error).__name__)
                raise
            except MailError as error:
                say("refused", change.__name__, type(error).__name__)

    async def one_after_the_other(number: int) -> None:
        await append(number)
        await mix(number + 1)

    changes = (one_after_the_other,) if alone else (append, enqueue, receive, mix)
    outcomes = await asyncio.gather(
        *(each(change, offset) for offset, change in enumerate(changes)), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Corrupt):
            raise outcome
    return EX_IOERR if any(outcomes) else 0


async def written(
    store: AccountStore, number: int, job: Callable[[MailWriter], T], *, alone: bool
) -> T:
    """Do *job*, for half of the numbers on the loop's thread whenever nobody else's is under way."""
    done = store.mail.write_here(job) if alone or number // WORKERS % 4 > 1 else None
    return done[0] if done is not None else await store.mail.write(job)


def code(number: int, stage: int) -> int:
    return number * len(STAGES) + stage


def _advance(writer: MailWriter, number: int, stage: int, uid: Uid) -> Uid:
    """Bring message *number*, now at *uid*, to *stage*; return its UID then."""
    before, after = STAGES[stage - 1] if stage else None, STAGES[stage]
    if before is None:
        octets = octets_of(number)
        box = writer.mailbox(ARCHIVE).id
        return writer.append(box, octets, form_of(octets), frozenset()).uid
    source = writer.mailbox(before[0]).id
    if after is None:
        writer.expunge(source, [uid])
        return uid
    if after[0] != before[0]:
        return writer.move(source, [uid], after[0]).target[0]
    writer.store_flags(source, [uid], FlagChange.REPLACE, after[1])
    return uid


async def received(store: AccountStore, number: int) -> bool:
    octets = octets_of(number)
    return await store.inbox.receive(
        msg_id=MsgId(id_of(number, 16)),
        env_id=EnvId(id_of(number, 32)),
        octets=octets,
        form=form_of(octets),
        epoch=1,
    )


# ── the audit ────────────────────────────────────────────────────────────────────────
CHANGES = ("append", "expunge", "enqueue", "relay", "receive", "mix")


@dataclass
class Ledger:
    """What was begun and what was promised, over all lives of one disk."""

    begun: dict[str, set[int]] = field(default_factory=lambda: {what: set() for what in CHANGES})
    did: dict[str, set[int]] = field(default_factory=lambda: {what: set() for what in CHANGES})
    uids: dict[int, int] = field(default_factory=dict)  # number → UID that was promised
    mixed: dict[tuple[MailboxName, int], int] = field(
        default_factory=dict
    )  # (mailbox, UID) → number

    def add(self, run: Run) -> int:
        """Write a life down; return how many promises it made."""
        for what, number in run.said("begin"):
            self.begun[what].add(int(number))
        for what, number, *more in run.said("did"):
            self.did[what].add(int(number))
            if what == "append":
                self.uids[int(number)] = int(more[0])
            if what == "mix":
                of, stage = divmod(int(number), len(STAGES))
                state = STAGES[stage]
                if state is not None:
                    owner = self.mixed.setdefault((state[0], int(more[0])), of)
                    assert owner == of, "a UID was promised twice"
        return len(run.said("did"))

    @property
    def next_number(self) -> int:
        numbers = [
            number // len(STAGES) if what == "mix" else number
            for what, some in self.begun.items()
            for number in some
        ]
        return WORKERS * (max(numbers, default=0) // WORKERS + 1)

    def is_lost(self, live: Path) -> bool:
        """Tell whether a promise was broken; for the controls, where one must be."""
        try:
            self.audit(live)
        except (AssertionError, MailError):
            return True
        return False

    def audit(self, live: Path) -> None:
        """Open the store as it is after the cut and compare; raises AssertionError."""
        store = AccountStore.open(live / "account", STORE_KEY, time.time)
        try:
            asyncio.run(self._audit(store, live / "account" / "bodies"))
        finally:
            store.close()
        # and nothing in it contradicts anything else: the journal replays to the mailboxes
        report = check_store(live / "account", STORE_KEY, time.time)
        assert report.findings == []

    async def _audit(self, store: AccountStore, bodies: Path) -> None:
        checked = await store._database.read(
            lambda tx: tx.exec_driver_sql("PRAGMA quick_check").scalar()
        )
        assert checked == "ok"
        await self._audit_mail(store)
        await self._audit_mixed(store)
        await self._audit_outbox(store)
        # on the writer's thread, which is also the one that gives long bodies their files meanwhile
        there, named = await store._database.write(
            lambda tx: (
                files_in(bodies),
                set(
                    tx.exec_driver_sql("SELECT lower(hex(file)) FROM body WHERE file IS NOT NULL")
                    .scalars()
                    .all()
                ),
            )
        )
        assert there == named
        # the server gives again what was not acknowledged to it, and some that was
        for number in sorted(self.begun["receive"]):
            is_new = await received(store, number)
            assert not (is_new and number in self.did["receive"]), f"m{number} was forgotten"
            self.did["receive"].add(number)
        await self._audit_mail(store)

    async def _audit_mail(self, store: AccountStore) -> None:
        def look(reader: MailReader) -> tuple[int, list[tuple[int, bytes]]]:
            box = reader.mailbox(INBOX)
            seen = reader.snapshot(box.id)
            return box.uid_next, [
                (uid, reader.octets(message))
                for uid, message in zip(seen.uids, seen.messages, strict=True)
            ]

        uid_next, mail = await store.mail.read(look)
        uids = [uid for uid, _ in mail]
        assert uids == sorted(set(uids)), "UIDs do not rise"
        assert uid_next > max([*uids, *self.uids.values()], default=0), "a UID will be used again"
        assert len(set(self.uids.values())) == len(self.uids), "a UID was promised twice"
        there = Counter(_number_in(octets) for _, octets in mail)
        assert all(octets == octets_of(_number_in(octets)) for _, octets in mail)
        assert max(there.values(), default=0) <= 1, "a message is there twice"
        must = (self.did["append"] - self.begun["expunge"]) | self.did["receive"]
        assert must <= there.keys(), f"lost: {sorted(must - there.keys())}"
        may = (self.begun["append"] - self.did["expunge"]) | self.begun["receive"]
        assert there.keys() <= may, f"back again: {sorted(there.keys() - may)}"
        for uid, octets in mail:
            assert self.uids.get(_number_in(octets), uid) == uid, "a UID means another message"

    async def _audit_mixed(self, store: AccountStore) -> None:
        """Each message is where its last promise put it, or where a change begun later does."""

        def look(reader: MailReader) -> list[tuple[MailboxName, int, FlagSet, bytes]]:
            seen = {name: reader.snapshot(reader.mailbox(name).id) for name in (ARCHIVE, JUNK)}
            return [
                (name, uid, flags, reader.octets(message))
                for name, shot in seen.items()
                for uid, flags, message in zip(shot.uids, shot.flags, shot.messages, strict=True)
            ]

        there: dict[int, State] = {}
        for name, uid, flags, octets in await store.mail.read(look):
            number = _number_in(octets)
            assert octets == octets_of(number)
            assert number not in there, f"m{number} is there twice"
            assert self.mixed.get((name, uid), number) == number, "a UID means another message"
            there[number] = (name, flags)
        begun, did = _latest(self.begun["mix"]), _latest(self.did["mix"])
        assert there.keys() <= begun.keys()
        for number, last in begun.items():
            promised = did.get(number, -1)
            may = [STAGES[stage] for stage in range(max(promised, 0), last + 1)]
            may += [None] if promised < 0 else []
            assert there.get(number) in may, f"m{number} is not where it was promised to be"

    async def _audit_outbox(self, store: AccountStore) -> None:
        items = await store.outbox.unsettled(limit=100_000)
        waiting = Counter([_number_in(await store.outbox.octets(i.queue_id)) for i in items])
        assert max(waiting.values(), default=0) <= 1
        must = self.did["enqueue"] - self.begun["relay"]
        assert must <= waiting.keys(), f"lost from the outbox: {sorted(must - waiting.keys())}"
        may = self.begun["enqueue"] - self.did["relay"]
        assert waiting.keys() <= may, f"sent again: {sorted(waiting.keys() - may)}"
        for number in self.did["relay"]:
            settled = await store.outbox.by_env_id(EnvId(id_of(number, 32)))
            assert settled is not None
            try:
                await store.outbox.octets(settled.queue_id)
            except MessageGone:
                continue
            raise AssertionError(f"m{number} has left and is still kept")


def _latest(codes: set[int]) -> dict[int, int]:
    """Return the last stage of each number."""
    return dict(divmod(each, len(STAGES)) for each in sorted(codes))


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _number_in(octets: bytes) -> int:
    found = re.match(rb"Subject: m(\d+)\r\n", octets)
    assert found is not None
    return int(found[1])
