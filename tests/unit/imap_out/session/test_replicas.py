"""Clients that believe every untagged line know the mailbox as it is, whatever happens around them.

Three of them: one that is told EXPUNGE, one that is told VANISHED, and one that comes only now
and then and asks what changed since.  RFC 3501 §7.4.1, RFC 2180, RFC 7162 §3.2.
"""

import asyncio
import re
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import INBOX
from tests.support.transcript import Line, Transcript

_FETCH = re.compile(rb"\* (\d+) FETCH \(UID (\d+)(?: FLAGS \(([^)]*)\))?(?: MODSEQ \((\d+)\))?\)")
_VANISHED = re.compile(rb"\* VANISHED (?:\(EARLIER\) )?([\d:,]+)")
_HIGHEST = re.compile(rb"\* OK \[HIGHESTMODSEQ (\d+)\]")
_COUNT = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE)")

COMMANDS = st.sampled_from(
    [
        b"APPEND INBOX {1+}\r\nx",
        b"STORE 1 +FLAGS (\\Deleted)",
        b"STORE 1:* -FLAGS.SILENT (\\Deleted)",
        b"UID STORE 2:3 FLAGS (\\Seen)",
        b"UID STORE 1:4 +FLAGS.SILENT (\\Deleted)",
        b"FETCH 1:* (UID FLAGS)",
        b"UID FETCH 1:* (FLAGS)",
        b"UID FETCH 4:* (UID)",
        b"SEARCH ALL",
        b"EXPUNGE",
        b"UID EXPUNGE 2:3",
        b"UID MOVE 3 Trash",
        b"MOVE 1 INBOX",
        b"COPY 1 INBOX",
        b"NOOP",
    ]
)
STEPS = st.lists(st.tuples(st.integers(0, 2), COMMANDS), max_size=14)


@dataclass
class Replica:
    """A client; None stands for a message whose UID was not told yet."""

    uids: list[int | None] = field(default_factory=list)
    flags: dict[int, frozenset[bytes]] = field(default_factory=dict)
    highest: int = 1

    def hear(self, said: bytes) -> None:
        for line in said.split(b"\r\n"):
            if match := _FETCH.fullmatch(line):
                at, uid = int(match[1]) - 1, int(match[2])
                assert self.uids[at] in {None, uid}, "a number means another message"
                self.uids[at] = uid
                if match[3] is not None:
                    self.flags[uid] = frozenset(match[3].split()) - {b"\\Recent"}
            elif match := _VANISHED.fullmatch(line):
                gone = _members(match[1])
                self.uids = [uid for uid in self.uids if uid not in gone]
            elif match := _COUNT.fullmatch(line):
                self._count(int(match[1]), match[2])
            elif match := _HIGHEST.match(line):
                self.highest = int(match[1])

    def _count(self, number: int, word: bytes) -> None:
        if word == b"EXPUNGE":
            del self.uids[number - 1]
        else:
            assert number >= len(self.uids), "EXISTS takes nothing away"
            self.uids += [None] * (number - len(self.uids))

    def known(self) -> dict[int | None, frozenset[bytes]]:
        return {uid: self.flags.get(uid or 0, frozenset()) for uid in self.uids}


def _members(spelled: bytes) -> set[int]:
    found: set[int] = set()
    for part in spelled.split(b","):
        low, _, high = part.partition(b":")
        found.update(range(int(low), int(high or low) + 1))
    return found


async def say(line: Line, replica: Replica, command: bytes) -> None:
    """Send *command*, then ask for the UIDs of what came: VANISHED names nothing else."""
    await line.feed(b"t %b\r\n" % command)
    replica.hear(line.taken())
    while None in replica.uids:
        await line.feed(b"u FETCH %d:* (UID FLAGS)\r\n" % (replica.uids.index(None) + 1))
        replica.hear(line.taken())


async def come_back(world: Transcript, away: Replica, visit: int) -> None:
    """Ask what changed since the last visit, and fetch what is new."""
    line = await world.open(f"away{visit}")
    await line.feed(b"e ENABLE QRESYNC\r\n")
    line.taken()
    await line.feed(b"s SELECT INBOX (QRESYNC (1002 %d))\r\n" % away.highest)
    said = line.taken()
    # what vanished has no number any more: it goes before the numbers are used
    for match in _VANISHED.finditer(said):
        gone = _members(match[1])
        away.uids = [uid for uid in away.uids if uid not in gone]
    away.hear(said)
    last = max((uid for uid in away.uids if uid), default=0)
    await say(line, away, b"UID FETCH %d:* (FLAGS)" % (last + 1))
    await line.connection.close()


async def play(steps: list[tuple[int, bytes]]) -> None:
    world = Transcript()
    plain, quick, away = Replica(), Replica(), Replica()
    lines = [await world.open("plain"), await world.open("quick")]
    await say(lines[1], quick, b"ENABLE QRESYNC")
    for line, replica in zip(lines, (plain, quick), strict=True):
        await say(line, replica, b"SELECT INBOX")
    for _ in range(4):
        await say(lines[0], plain, b"APPEND INBOX {1+}\r\nx")
    for visit, (who, command) in enumerate(steps):
        if who < len(lines):
            await say(lines[who], (plain, quick)[who], command)
        else:
            await come_back(world, away, visit)
            assert away.known() == await truth(world)
    for line, replica in zip(lines, (plain, quick), strict=True):
        await say(line, replica, b"NOOP")
        await say(line, replica, b"UID FETCH 1:* (FLAGS)")
        assert replica.known() == await truth(world)
    await come_back(world, away, len(steps))
    assert away.known() == await truth(world)
    await world.end()


async def truth(world: Transcript) -> dict[int | None, frozenset[bytes]]:
    inbox: MailboxId = await world.mail.read(lambda reader: reader.mailbox(INBOX).id)
    shot = world.mail.snapshot(inbox)
    return {
        int(uid): frozenset(flag.encode() for flag in flags)
        for uid, flags in zip(shot.uids, shot.flags, strict=True)
    }


@settings(max_examples=150, deadline=None)
@given(STEPS)
@example([(0, b"UID STORE 1:4 +FLAGS.SILENT (\\Deleted)"), (1, b"EXPUNGE"), (2, b"NOOP")])
def test_who_believes_every_line_knows_the_mailbox_as_it_is(
    steps: list[tuple[int, bytes]],
) -> None:
    asyncio.run(play(steps))
