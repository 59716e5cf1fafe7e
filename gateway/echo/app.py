"""The program behind ``mx-gateway echo``: one account in a directory of its own, without front doors.

A home server can not read, so it can not answer either: the echo is a gateway as any other, with
keys of its own, and whoever runs it can read what is written to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable

import structlog

from gateway.accounts.accounts import new_store, remove, stored
from gateway.accounts.person import Person
from gateway.config import Config, load
from gateway.directories import Directories
from gateway.echo.answering import Answering
from gateway.own.identity import OwnIdentity
from gateway.own.joining import join as register
from gateway.own.joining import rejoin
from gateway.recovery.place import check_place
from gateway.unlocking import master_key
from mx_core.model.address import Address
from mx_core.model.errors import BadConfiguration, Refused
from mx_core.model.secret import Secret
from mx_core.program import event_loop, logs, notify
from mx_core.program.watchdog import tell_alive
from mx_core.store.account_store import AccountStore

log = structlog.get_logger()

_MARK = "echo"  # a setting: this account answers, and keeps no mail


def join(directories: Directories, address: Address, invite: str) -> str:
    """Register *address* as the echo of this directory; return its 24 words.

    Raises:
        Refused: An account is here already, or the home server does not take the invite.
        MailError: What else ``joining.join`` raises.
    """
    config = _prepared(directories)
    master = master_key.load(directories.data)
    with event_loop.runner() as runner:
        return runner.run(_join(directories, config, master, address, invite))


def serve(directories: Directories, *, ready: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT; *ready* is called when it begins.

    Raises:
        BadConfiguration: This directory is not an echo's; exit 78.
        MailError: What keeps it from starting, or stopped it.
    """
    config = _prepared(directories)
    with event_loop.runner() as runner:
        runner.run(_serve(directories, config, ready))


def _prepared(directories: Directories) -> Config:
    os.umask(0o077)
    directories.prepare()
    check_place(directories.data)
    config = load(directories.config_file)
    logs.configure(config.log)
    return config


async def _join(
    directories: Directories, config: Config, master: Secret[bytes], address: Address, invite: str
) -> str:
    for store in stored(directories, master, time.time):
        own = await rejoin(store, time.time)
        if own is not None:
            store.close()
            raise Refused(f"{own.address} is an account here already; an echo has a --home alone")
        remove(store)
    store = new_store(directories, master, time.time)
    try:
        # Crash from here to the end of the registration: a store without an address, removed above.
        await store.settings.put(_MARK, b"1")
        _, words = await register(store, address, invite, config, time.time)
    except BaseException:
        remove(store)
        raise
    store.close()
    return words


async def _serve(directories: Directories, config: Config, ready: Callable[[], None]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.loop_error)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    store, own = await _opened(directories)
    try:
        person = Person(store, own, config, time.time)
        answering = Answering(store, own.address, person.outbound.wake, time.time)
        running = asyncio.ensure_future(_run(person, answering))
        alive = asyncio.ensure_future(tell_alive(lambda: store.settings.put(_MARK, b"1"), stopping))
        ready()
        notify.tell("READY=1", f"STATUS=answering for {own.address.domain}")
        log.info("echo_ready")
        stop = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
        notify.tell("STOPPING=1")
        for task in (running, alive, stop):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        for task in (running, alive):
            if not task.cancelled():
                task.result()
        log.info("echo_stopped")
    finally:
        store.close()


async def _run(person: Person, answering: Answering) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(person.run())
        tasks.create_task(answering.run())


async def _opened(directories: Directories) -> tuple[AccountStore, OwnIdentity]:
    """Return the one account, if it was made to be an echo: no other loses its mail here."""
    stores = list(stored(directories, master_key.load(directories.data), time.time))
    try:
        if len(stores) == 1 and await stores[0].settings.get(_MARK) is not None:
            own = await rejoin(stores[0], time.time)
            if own is not None:
                return stores.pop(), own
    finally:
        for store in stores:
            store.close()
    raise BadConfiguration(
        f"{directories.data} holds no echo; make one, in a --home of its own, with:"
        " mx-gateway --home FOLDER echo join ADDRESS --invite CODE"
    )
