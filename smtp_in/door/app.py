"""The composition root of ``mx-door``: asks its home server who it is, then serves.  No decisions.

It writes nothing anywhere: what it took and could not hand on is still its sender's.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from mx_core.model.errors import BadConfiguration, Unavailable
from mx_core.program import activation, logs, notify
from mx_core.program.quiet import look_less_for_garbage
from mx_core.program.watchdog import tell_alive
from smtp_in.door import certificate
from smtp_in.door.config import HOME_SOCKET_NAME, Config, Tls, resolver_of
from smtp_in.door.front import bound, serve_door
from smtp_in.door.home import Begun, HomeServer
from smtp_in.door.judging.names import ResolvedNames
from smtp_in.door.taking import Taking

_log = structlog.get_logger()

_DNS_SECONDS: Final = 5.0
_ASK_AGAIN_SECONDS: Final = 1.0


async def serve(folder: Path, config: Config, *, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        BadConfiguration: Something must be changed first.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.loop_error)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    passed = activation.passed()
    listening = passed.at_port(config.port) or [bound(config.host, config.port)]
    passed.must_be_taken()
    with contextlib.ExitStack() as sockets:
        for each in listening:
            sockets.enter_context(contextlib.closing(each))
        home = HomeServer(folder / HOME_SOCKET_NAME)
        try:
            begun = await _begun(home, stopping)
            if begun is None:
                return
            tls = certificate.context(config.tls, config.name or begun.domain)
            if config.tls.certificate:
                loop.add_signal_handler(signal.SIGHUP, lambda: _renew(tls, config.tls))
            names = ResolvedNames(resolver_of(config, _DNS_SECONDS))
            behind = Taking(home, names, begun.domain, begun.key, config.judging)
            home.key_changed = lambda anew: behind.speak_with(anew.key)
            async with asyncio.TaskGroup() as tasks:
                bringing = tasks.create_task(home.run())
                tasks.create_task(tell_alive(_loop_turns, stopping))
                look_less_for_garbage()
                ready()
                notify.tell("READY=1")
                _log.info("door_ready", domain=begun.domain)
                await serve_door(listening, config, begun.domain, behind, tls, stopping)
                notify.tell("STOPPING=1")
                bringing.cancel()
        finally:
            await home.close()
    _log.info("door_stopped", domain=begun.domain)


async def _begun(home: HomeServer, stopping: asyncio.Event) -> Begun | None:
    """Return what the home server lends, however late it comes up; None: stopped meanwhile."""
    told = False
    while not stopping.is_set():
        try:
            return await home.begin()
        except Unavailable:
            if not told:
                _log.warning("home_server_awaited")
                told = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    await stopping.wait()
    return None


async def _loop_turns() -> None:
    """Need nothing else to be alive: a home server that is away is not this program's fault."""


def _renew(tls: ssl.SSLContext, settings: Tls) -> None:
    try:
        certificate.load(tls, settings)
    except BadConfiguration:
        _log.error("certificate_not_renewed")  # its sentence names files only
    else:
        _log.info("certificate_renewed")
