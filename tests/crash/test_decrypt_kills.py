"""Decrypting is killed behind each commit: every message is here whole, as it came or as it was inside."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from tests.support.encrypted_mail import ENTITY, pgp_mime
from tests.support.old_mail import letter, stored
from tests.support.stores import open_store

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from gateway.decrypting.decrypting import Decrypting
from mx_core.model.ids import MessageId
from tests.support.encrypted_mail import ENTITY
from tests.support.stores import open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    decrypting = Decrypting(store, store.mail.now)
    done = [
        await decrypting.put(MessageId(one.message), one.kind, one.at, ENTITY)
        for one in await decrypting.look()
    ]
    store.close()
    print(done)

asyncio.run(main())
"""
CAME = [
    pgp_mime(b"-----BEGIN PGP MESSAGE-----\n\n%d\n-----END PGP MESSAGE-----\n" % number)
    for number in range(4)
]


def run(folder: Path, step: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder)],
        env={**os.environ, "MX_FAILPOINT": step},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def begun(folder: Path) -> None:
    store = open_store(folder)
    try:
        await store.mail.write(
            lambda tx: [
                tx.append(tx.mailbox(INBOX).id, octets, prepare(octets), frozenset())
                for octets in [letter(1), *CAME]
            ]
        )
    finally:
        store.close()


async def here(folder: Path) -> tuple[list[bytes], list[bytes]]:
    store = open_store(folder)
    try:
        found = await stored(store)
        return (
            [octets for octets, _, _ in found["INBOX"]],
            [octets for octets, _, _ in found.get("Encrypted originals/INBOX", ())],
        )
    finally:
        store.close()


def test_killed_behind_every_commit_no_message_is_lost_and_none_is_there_twice(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "store"
    asyncio.run(begun(folder))
    for decrypted, step in ((1, "decrypted"), (3, "decrypted:2"), (4, "")):
        status, told = run(folder, step)
        assert status == (-9 if step else 0), told
        inbox, originals = asyncio.run(here(folder))

        assert letter(1) in inbox
        assert len(inbox) == 1 + len(CAME)
        assert sum(octets.endswith(ENTITY) for octets in inbox) == decrypted
        assert sorted(originals + [each for each in inbox if each in CAME]) == CAME
        assert len(originals) == decrypted
    assert told == "[True]\n"
