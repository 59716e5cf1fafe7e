"""The composition root of ``mx-home``: opens, has it wired (``building``), serves, stops.  No decisions.

Start-up is recovery: what a crash left is brought in order before the first listener answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import structlog

from mx_core.control.knocking import serve_when_asked
from mx_core.control.server import must_fit, own_or_root, serve_control
from mx_core.homeserver.bounds import peer_rules
from mx_core.homeserver.building import Home, build
from mx_core.homeserver.commands.exits import DiskFailed
from mx_core.homeserver.config import SOCKET_NAME, Config
from mx_core.homeserver.domain import domain_key, role_keys
from mx_core.homeserver.doors.listeners import must_be_free
from mx_core.homeserver.doors.over_http import metrics_of, pages, site_of
from mx_core.homeserver.doors.record_rpc import Recorder
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.opening import opened
from mx_core.homeserver.operating.supervised import (
    Reloader,
    on_signals,
    prove_alive,
    stop_if_unsure,
)
from mx_core.homeserver.operating.upkeep import keep_up
from mx_core.homeserver.queue import outgoing
from mx_core.model.errors import Corrupt
from mx_core.program import activation, logs, notify
from mx_core.program.quiet import give_back_when_quiet, look_less_for_garbage

_log = structlog.get_logger()

_DRAIN_SECONDS: Final = 3.0


async def serve(
    folder: Path,
    config: Config,
    *,
    record: Path | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        BadConfiguration, KeyNotPrivate: Something must be changed first.
        Busy: Another process serves this folder.
        Corrupt, DiskFull: As the database says.
    """
    asyncio.get_running_loop().set_exception_handler(logs.loop_error)
    passed = activation.passed()
    key = domain_key.load(domain_key.place(folder))
    stopping = asyncio.Event()
    async with opened(folder, config) as database:
        must_fit(folder / SOCKET_NAME)
        must_be_free(
            config.host, (config.ports.hello, config.ports.federation, config.ports.client)
        )
        recorders = () if record is None else (Recorder(record),)
        doubt = asyncio.Event()
        roles = role_keys.load_or_make(folder, log_begun=await database.read(log_rows.has_begun))
        home = build(
            folder, config, key, database, roles, damaged=doubt.set, interceptors=recorders
        )
        ground = home.ground
        on_signals(stopping, Reloader(folder, config, ground.rating).reload)
        await _recover(home)
        await ground.book.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    serve_control(home.control, folder / SOCKET_NAME, stopping, allowed=own_or_root)
                )
                tasks.create_task(home.dispatcher.run(stopping))
                tasks.create_task(stop_if_unsure(database, doubt, stopping))
                tasks.create_task(prove_alive(database, stopping))
                tasks.create_task(give_back_when_quiet(database.let_go, stopping))
                tasks.create_task(keep_up(database, ground.blobs, stopping, now=time.time))
                if database.shared:
                    tasks.create_task(_wake_others(home, stopping))
                tasks.create_task(home.cosigned.run(stopping))
                site = site_of(config, ground.document, ground.book)
                metrics = metrics_of(database, home.calls, home.certificate_ends)
                for page, sockets in pages(config, passed, site, metrics):
                    tasks.create_task(serve_when_asked(page, sockets, stopping))
                async with _serving(home):
                    look_less_for_garbage()
                    ready()
                    notify.tell("READY=1")
                    _log.info("home_ready", domain=config.domain)
                    await stopping.wait()
                    notify.tell("STOPPING=1")
        except* Corrupt as group:
            raise DiskFailed(f"stopped: {group.exceptions[0]}") from group
        finally:
            await home.peers.close()
            await ground.blobs.depot.close()
    _log.info("home_stopped", domain=config.domain)


async def _recover(home: Home) -> None:
    ground = home.ground
    ground.rules.put_in_force(await ground.database.read(peer_rules.rules))
    orphans = await ground.blobs.recover()
    if not ground.database.shared:  # else what others send now is theirs
        await ground.database.write(lambda tx: outgoing.hurry(tx, time.time()))
    if orphans:
        _log.info("orphans_found", files=orphans)


async def _wake_others(home: Home, stopping: asyncio.Event) -> None:
    from mx_core.db.postgres import PostgresDatabase  # noqa: PLC0415  # only with the extra
    from mx_core.homeserver.mailboxes.waking import Waking  # noqa: PLC0415

    ground = home.ground
    if isinstance(ground.database, PostgresDatabase):
        waking = Waking(ground.database, ground.arrivals, home.dispatcher, ground.rules)
        await waking.run(stopping)


@contextlib.asynccontextmanager
async def _serving(home: Home) -> AsyncIterator[None]:
    for server in home.servers:
        await server.start()
    try:
        yield
    finally:
        home.collector.end_all()
        # no new calls; those under way may finish, and streams are cut at the end
        async with asyncio.TaskGroup() as tasks:
            for server in home.servers:
                tasks.create_task(server.stop(_DRAIN_SECONDS))
