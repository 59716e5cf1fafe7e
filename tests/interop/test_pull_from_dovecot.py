"""Mail of an account in Dovecot comes in, and flags are the same on both sides."""

import asyncio
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.arriving.status_block import Mail, block_octets, parse
from gateway.legacy.client import Server
from gateway.pulling.pulling import Pulling
from mx_core.model.flags import Flag
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from tests.support.dovecot import dovecot, imap
from tests.support.old_mail import letter, stored
from tests.support.pulls import asked, follows, pulling, until
from tests.support.stores import memory_store
from tests.support.torture import Measure, Sweep

pytestmark = [pytest.mark.interop, pytest.mark.anyio]


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="mx-dovecot-") as folder:
        Path(folder).chmod(0o755)  # its users walk through
        with dovecot(Path(folder)) as made:
            yield made


def put(server: Server, box: str, number: int, flags: str = "") -> None:
    with imap(server) as client:
        client.append(box, flags, "", letter(number))


def flags_there(server: Server, box: str) -> dict[int, set[str]]:
    with imap(server) as client:
        client.select(box, readonly=True)
        rows = client.uid("FETCH", "1:*", "(FLAGS)")[1]
    found = {}
    for row in rows:
        if row is not None:
            match = re.search(rb"UID (\d+).*FLAGS \(([^)]*)\)|FLAGS \(([^)]*)\).*UID (\d+)", row)
            assert match is not None
            uid, flags = match[1] or match[4], match[2] or match[3] or b""
            found[int(uid)] = set(flags.decode().split()) - {"\\Recent"}
    return found


def flag_there(server: Server, box: str, uid: int, change: str, flags: str) -> None:
    with imap(server) as client:
        client.select(box)
        client.uid("STORE", str(uid), change, flags)


async def flags_here(store: AccountStore, box: str) -> list[set[str]]:
    return [set(flags) for _, flags, _ in (await stored(store)).get(box, [])]


async def flag_here(store: AccountStore, box: str, uid: int, change: FlagChange, flag: str) -> None:
    def job(writer: MailWriter) -> None:
        mailbox = writer.mailbox(MailboxName(box)).id
        writer.store_flags(mailbox, [Uid(uid)], change, frozenset({Flag(flag)}))

    await store.mail.write(job)


async def test_mail_is_pulled_and_marked_and_flags_go_both_ways(server: Server) -> None:
    with imap(server) as client:
        client.create("Work/Caf&AOk-")
    put(server, "INBOX", 1)
    put(server, "INBOX", 2, "(\\Seen \\Flagged)")
    put(server, "Junk", 3)
    put(server, "Work/Caf&AOk-", 4, "(\\Answered)")
    with memory_store() as store:
        async with pulling(store, asked(server)) as made:
            await until(lambda: follows(made))
            found = await stored(store)
            marked, flags, _ = found["INBOX"][0]

            status = parse(marked)
            assert status is not None
            assert status.mail is Mail.ORDINARY
            assert marked[block_octets(marked) :] == letter(1)
            assert flags == {"$NotEncrypted"}
            assert found["INBOX"][1][1] == {"\\Seen", "\\Flagged", "$NotEncrypted"}
            assert found["Junk"][0][1] == {"$Junk", "$NotEncrypted"}
            assert found["Work/Café"][0][1] == {"\\Answered", "$NotEncrypted"}

            # what comes is here within a moment, by IDLE and NOTIFY
            await asyncio.to_thread(put, server, "INBOX", 5)
            await until(lambda: _has(store, "INBOX", 3), 2)
            await asyncio.to_thread(put, server, "Work/Caf&AOk-", 6)
            await until(lambda: _has(store, "Work/Café", 2), 2)

            # theirs → ours
            for box, name in (("INBOX", "INBOX"), ("Work/Caf&AOk-", "Work/Café")):
                await asyncio.to_thread(flag_there, server, box, 1, "+FLAGS", "(\\Seen $Forwarded)")
                await until(lambda name=name: _flagged(store, name, 0, {"\\Seen", "$Forwarded"}), 2)  # type: ignore[misc]  # bound now
                await asyncio.to_thread(flag_there, server, box, 1, "-FLAGS", "(\\Seen)")
                await until(lambda name=name: _unflagged(store, name, 0, "\\Seen"), 2)  # type: ignore[misc]  # bound now

            # ours → theirs
            for box, name in (("INBOX", "INBOX"), ("Work/Caf&AOk-", "Work/Café")):
                await flag_here(store, name, 1, FlagChange.ADD, "\\Flagged")
                await until(lambda box=box: _there(server, box, 1, "\\Flagged", True), 2)  # type: ignore[misc]  # bound now
                await flag_here(store, name, 1, FlagChange.REMOVE, "$Forwarded")
                await until(lambda box=box: _there(server, box, 1, "$Forwarded", False), 2)  # type: ignore[misc]  # bound now
            assert "$NotEncrypted" not in set().union(*flags_there(server, "INBOX").values())


async def _has(store: AccountStore, box: str, number: int) -> bool:
    return len(await flags_here(store, box)) == number


async def _flagged(store: AccountStore, box: str, at: int, flags: set[str]) -> bool:
    return flags <= (await flags_here(store, box))[at]


async def _unflagged(store: AccountStore, box: str, at: int, flag: str) -> bool:
    return flag not in (await flags_here(store, box))[at]


async def _there(server: Server, box: str, uid: int, flag: str, there: bool) -> bool:
    found = await asyncio.to_thread(flags_there, server, f'"{box}"')
    return (flag in found[uid]) is there


async def test_both_sides_change_at_once_and_end_the_same(server: Server) -> None:
    with memory_store() as store:
        assert await converged(store, server, messages=300, rounds=150)


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_convergence(server: Server) -> None:
    """5,000 messages, whose flags are changed on both sides 2,000 times while they come."""

    def step(_number: int) -> dict[str, float]:
        with memory_store() as store:
            assert asyncio.run(converged(store, server, messages=5_000, rounds=2_000))
        return {"messages": 5_000.0, "changes": 2_000.0}

    Sweep(
        "pull",
        1,
        (
            Measure("messages", "messages that came", "higher", floor=5_000),
            Measure("changes", "changes of flags here, and as many there", "higher"),
        ),
        ("gateway/pulling", "gateway/legacy", "mx_core/store/ledger"),
    ).run(step)


async def converged(store: AccountStore, server: Server, *, messages: int, rounds: int) -> bool:
    """Change mail there and flags here at random; tell whether both are the same a little later."""
    chance = random.Random(7)
    await asyncio.to_thread(fill, server, messages)
    names = ("\\Seen", "\\Flagged", "\\Answered", "Work", "$Forwarded")

    def change_there(number: int) -> None:
        with imap(server) as client:
            client.select("INBOX")
            uids = client.uid("SEARCH", "ALL")[1][0].split()
            for uid in chance.sample(uids, 10):
                sign = chance.choice("+-")
                client.uid("STORE", uid.decode(), f"{sign}FLAGS", f"({chance.choice(names)})")
            client.append("INBOX", "", "", letter(messages + number))
            if number % 10 == 0:
                client.uid("STORE", chance.choice(uids).decode(), "+FLAGS", "(\\Deleted)")
                client.expunge()

    room = asyncio.Semaphore(4)

    async def change_in_turn(number: int) -> None:
        async with room:
            await asyncio.to_thread(change_there, number)

    async with pulling(store, asked(server)) as made:
        changing = asyncio.gather(*(change_in_turn(number) for number in range(rounds // 10)))
        await until(lambda: _follows(made), 120 + messages / 5)
        for _ in range(rounds):
            uid = chance.randrange(1, messages)
            change = chance.choice((FlagChange.ADD, FlagChange.REMOVE))
            await flag_here(store, "INBOX", uid, change, chance.choice(names))
        await changing
        try:
            await until(lambda: _same(store, server), 30 + messages / 25)
        except TimeoutError:
            return False
    return True


async def _follows(made: Pulling) -> bool:
    """Tell whether INBOX was looked at; a source that is busy may have kept it waiting before."""
    return all(one["now"]["phase"] == "following" for one in await made.state() if one["now"])


def fill(server: Server, messages: int) -> None:
    """As another program would that has many at once to put there: MULTIAPPEND, RFC 3502."""
    with imap(server) as client:
        for start in range(0, messages, 500):
            some = [letter(number) for number in range(start, min(start + 500, messages))]
            client.send(b"FILL APPEND INBOX")
            for octets in some:
                client.send(b" {%d+}\r\n%b" % (len(octets), octets))
            client.send(b"\r\n")
            while not client.readline().startswith(b"FILL OK"):
                pass


async def _same(store: AccountStore, server: Server) -> bool:
    """Of what is there still: what has been removed there stays here."""
    there, texts = await asyncio.to_thread(everything, server)
    here = {
        octets[block_octets(octets) :]: set(flags) - {"$NotEncrypted"}
        for octets, flags, _ in (await stored(store))["INBOX"]
    }
    return {text: here.get(text) for text in texts} == dict(zip(texts, there, strict=True))


def everything(server: Server) -> tuple[list[set[str]], list[bytes]]:
    flags, texts = [], []
    with imap(server) as client:
        client.select("INBOX", readonly=True)
        for row in client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")[1]:
            if isinstance(row, tuple):
                match = re.search(rb"FLAGS \(([^)]*)\)", row[0])
                assert match is not None
                flags.append(set(match[1].decode().split()) - {"\\Recent"})
                texts.append(row[1])
    return flags, texts
