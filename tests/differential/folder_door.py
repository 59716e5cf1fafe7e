"""Our door, which makes a folder for each line ``NAME RULE`` that it is told, and says when."""

import asyncio
import sys
from functools import partial
from pathlib import Path

from bench.side_by_side import own_door
from mx_core.model.clock import Now
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore


class _Listening(AccountStore):
    """The store that listens to who started the door."""

    @classmethod
    def open(cls, folder: Path, key: Secret[bytes], now: Now) -> AccountStore:
        store = AccountStore.open(folder, key, now)
        asyncio.get_running_loop().add_reader(sys.stdin, partial(_hear, store, set()))
        return store


def _hear(store: AccountStore, tasks: set[asyncio.Task[None]]) -> None:
    name, _, rule = sys.stdin.readline().strip().partition(" ")
    if not name:  # whoever started the door is gone
        asyncio.get_running_loop().remove_reader(sys.stdin)
        return
    task = asyncio.create_task(_make(store, name, rule))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _make(store: AccountStore, name: str, rule: str) -> None:
    await store.folders.add(MailboxName(name), rule)
    print("made", flush=True)


def main() -> None:
    own_door.AccountStore = _Listening  # type: ignore[attr-defined]  # opened by its name
    own_door.main()


if __name__ == "__main__":
    main()
