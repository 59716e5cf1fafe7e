"""SIGKILL while mail moves through folders: memberships hold after every one.

Another process changes the mail of an account through every door; whatever moment it dies at, the
audit of the folders finds nothing wrong at the next open, and no UID of a folder means two messages.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from mx_core.mime.prepare import prepare
from mx_core.model.errors import MailError
from mx_core.model.flags import DELETED, FLAGGED, SEEN
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from tests.support.folder_audit import audited
from tests.support.stores import STORE_KEY

STARRED, BODY = MailboxName("Starred"), MailboxName("Told")
FLAGS = (FLAGGED, SEEN, DELETED)
KILLS = 4
LEAST_ROUNDS, MOST_ROUNDS = 3, 12  # of eight changes, before a kill
LONGEST_SECONDS = 0.05


def work(folder: Path, seed: int) -> None:
    """Change mail until killed; say so after each round."""
    asyncio.run(_work(AccountStore.open(folder, STORE_KEY, time.time), random.Random(seed)))


async def _work(store: AccountStore, chance: random.Random) -> None:
    names = {state.info.name for state in await store.folders.all()}
    if STARRED not in names:
        await store.folders.add(STARRED, "FLAGGED")
        await store.folders.add(BODY, "UNSEEN BODY told")
    while True:
        await asyncio.gather(*(_change(store, chance) for _ in range(8)), store.folders.catch_up())
        print("changed", flush=True)


async def _change(store: AccountStore, chance: random.Random) -> None:
    octets = b"Subject: %d\r\n\r\ntold %s" % (
        chance.getrandbits(64),
        bytes(chance.choice((9, 70_000))),
    )
    flags = frozenset(chance.sample(FLAGS, chance.randrange(3)))
    what, door = chance.randrange(6), chance.choice((INBOX, STARRED, BODY))

    def job(writer: MailWriter) -> None:
        if what < 3:
            writer.append(writer.mailbox(INBOX).id, octets, prepare(octets), flags)
            return
        box = writer.mailbox(door).id
        uids = list(writer.snapshot(box).uids)
        some = chance.sample(uids, min(len(uids), 3))
        if what == 3:
            writer.store_flags(box, some, chance.choice(list(FlagChange)), flags)
        elif what == 4:
            writer.move(box, some, MailboxName("Archive"))
        else:
            writer.expunge(box)

    await store.mail.write(job)


def shown(folder: Path) -> dict[tuple[str, int, int], bytes]:
    """What each UID of each folder means; raises AssertionError if the audit finds anything."""

    async def look(store: AccountStore) -> dict[tuple[str, int, int], bytes]:
        await store.folders.catch_up()
        assert await audited(store) == []

        def job(reader: MailReader) -> dict[tuple[str, int, int], bytes]:
            found: dict[tuple[str, int, int], bytes] = {}
            for info in reader.mailboxes():
                here = reader.snapshot(info.id)
                for uid, message in zip(here.uids, here.messages, strict=True):
                    if info.rule:
                        found[info.name, info.uid_validity, uid] = reader.octets(message)
            return found

        return await store.mail.read(job)

    store = AccountStore.open(folder, STORE_KEY, time.time)
    try:
        return asyncio.run(look(store))
    finally:
        store.close()


def test_memberships_hold_whatever_moment_the_process_dies_at(tmp_path: Path) -> None:
    chance = random.Random(1)
    meant: dict[tuple[str, int, int], bytes] = {}
    sizes = []
    for kill in range(KILLS):
        command = [sys.executable, "-m", "tests.crash.test_folders_after_a_cut", str(tmp_path), str(kill)]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            for _ in range(chance.randrange(LEAST_ROUNDS, MOST_ROUNDS)):
                assert running.stdout.readline() == b"changed\n"
            time.sleep(chance.uniform(0, LONGEST_SECONDS))  # and somewhere in a round
            os.kill(running.pid, signal.SIGKILL)
        now = shown(tmp_path)
        changed = [key for key in now if meant.setdefault(key, now[key]) != now[key]]
        assert changed == [], "a UID means another message"
        sizes.append(len(now))

    assert sizes[-1] > 0


def test_the_audit_finds_what_is_wrong(tmp_path: Path) -> None:
    """The control: each way to damage a membership is seen."""
    damages = {
        "stands for no place": "DELETE FROM folder_member WHERE uid = 1",
        "is in the map and not shown": "DELETE FROM segment WHERE mailbox IN (SELECT mailbox FROM folder)",
        "is shown against the rule": "UPDATE folder SET rule = 'SEEN'",
        "has wrong numbers: unseen": "UPDATE mailbox SET unseen = unseen + 1 WHERE name = 'Starred'",
        "has wrong numbers: uid_next": "UPDATE mailbox SET uid_next = 1 WHERE name = 'Starred'",
        "stands for a place that is gone": "UPDATE folder_member SET original = 99",
        "shows another message than its own": "UPDATE folder_member SET message = message + 100",
    }  # fmt: skip

    async def found(store: AccountStore, damage: str) -> list[str]:
        await store.folders.add(STARRED, "FLAGGED")
        await store.mail.write(
            lambda w: w.append(w.mailbox(INBOX).id, b"x", prepare(b"x"), frozenset({FLAGGED}))
        )
        assert await audited(store) == []
        await store._database.write(lambda connection: connection.exec_driver_sql(damage).rowcount)
        store.mail._shelf.forget()
        return await audited(store)

    for number, (sentence, damage) in enumerate(damages.items()):
        store = AccountStore.open(tmp_path / str(number), STORE_KEY, time.time)
        try:
            told = asyncio.run(found(store, damage))
        finally:
            store.close()
        assert any(sentence in each for each in told), (sentence, told)


if __name__ == "__main__":
    try:
        work(Path(sys.argv[1]), int(sys.argv[2]))
    except MailError as error:
        sys.exit(str(error))
