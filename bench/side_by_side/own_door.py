"""The process that is measured: ``python -m bench.side_by_side.own_door FOLDER``.

The door, the store and the password check are those of the gateway; networks are left out.
Prints the port and the password, and serves until SIGTERM.  For each SIGUSR1 it prints what is
still to be made of new mail: how many messages are not in the search index, or are there and have no
form yet, and how many bodies are still to be moved to a file of their own.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from typing_extensions import override

from gateway.loopback.peer_uid import is_own_loopback
from imap_out.server import Limits, Listener, serve
from mx_core.model.address import Address
from mx_core.model.errors import BadCredentials, NotPermitted
from mx_core.model.secret import Secret
from mx_core.ports import Account
from mx_core.program import event_loop, logs
from mx_core.program.log_settings import Log
from mx_core.program.quiet import look_less_for_garbage
from mx_core.store.account_store import AccountStore


class _Person(Account):
    outbox: Any = None  # nothing is sent here

    def __init__(self, store: AccountStore) -> None:
        self.address = Address.parse("bench@bench.example")
        self.shows_folders = True
        self.mail = store.mail
        self._store = store

    @override
    def may_send_as(self, sender: Address) -> bool:
        return sender == self.address

    async def authenticate(self, username: str, password: Secret[str]) -> Account:
        if username != str(self.address) or not await self._store.passwords.check(password):
            raise BadCredentials("no such client password")
        return self


def _unmade(connection: sa.Connection) -> int:
    count: int = connection.exec_driver_sql(
        "SELECT count(*) FROM message LEFT JOIN header_key ON header_key.message = message.id"
        " WHERE header_key.message IS NULL AND uses > 0"
    ).scalar_one()
    return count


def _unmoved(connection: sa.Connection) -> int:
    count: int = connection.exec_driver_sql(
        "SELECT count(*) FROM body WHERE file IS NULL AND size > 65536"
    ).scalar_one()
    return count


async def _serve(folder: Path, password: Path) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    store = AccountStore.open(folder / "account", Secret(bytes(32)), time.time)
    store.text_index.start()
    sock = socket.create_server(("127.0.0.1", 0), backlog=128)
    sock.setblocking(False)
    with contextlib.suppress(NotPermitted):  # the same one after a restart
        await asyncio.to_thread(password.write_text, (await store.passwords.add("bench")).reveal())
    print(sock.getsockname()[1], await asyncio.to_thread(password.read_text), flush=True)
    answering: set[asyncio.Task[None]] = set()

    async def tell() -> None:
        not_indexed = (await store.text_index.state()).waiting
        unmade = await store._database.read(_unmade)  # noqa: SLF001
        print(not_indexed + unmade, await store._database.read(_unmoved), flush=True)  # noqa: SLF001

    def asked() -> None:
        task = asyncio.ensure_future(tell())
        answering.add(task)
        task.add_done_callback(answering.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, asked)
    look_less_for_garbage()  # as the gateway does
    await serve(
        [Listener(sock, None, False)],
        _Person(store),
        limits=Limits(),
        allow_clear=is_own_loopback,
        stopping=stopping,
    )
    store.close()


def main() -> None:
    logs.configure(Log(level="warning"))
    folder = Path(sys.argv[1])
    with event_loop.runner() as runner:
        runner.run(_serve(folder, folder / "password"))


if __name__ == "__main__":
    main()
