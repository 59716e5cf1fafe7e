"""The composition root: build, wire, one task group, shut down.  No decisions.

Start-up is recovery: nothing here asks how the last run ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import socket
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, final

import msgspec
import structlog
from typing_extensions import override

from gateway.accounts.accounts import OpenAccounts
from gateway.accounts.living import Living
from gateway.accounts.open_desk import OpenDesk
from gateway.beginning.computer import OwnComputer
from gateway.config import Config, load
from gateway.directories import Directories
from gateway.loopback import local_ca
from gateway.loopback.beyond import bound_beyond
from gateway.loopback.doors import mail_doors, smtp_limits
from gateway.loopback.listeners import Ports, bound, chosen_ports, told_settings
from gateway.loopback.sightings import Sightings
from gateway.network.interruption import Interruptions
from gateway.recovery.place import check_place
from gateway.recovery.recovering import AskedBack, Recovering
from gateway.spool.taking import Taking, taking_of
from gateway.trial import domain as trial
from gateway.trial.own_home import OwnHome
from gateway.unlocking.idleness import Idleness
from gateway.unlocking.locking import Locking
from gateway.unlocking.receiving import Receiving
from gateway.unlocking.vault import Vault
from gateway.web.page.server import Page
from mx_core.control.server import serve_control
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.errors import Locked, Refused, Unavailable
from mx_core.model.ids import QueueId
from mx_core.model.secret import Secret
from mx_core.program import activation, event_loop, logs, notify
from mx_core.program.memory import keep_out_of_dumps, keep_out_of_swap
from mx_core.program.quiet import give_back_when_quiet, look_less_for_garbage
from mx_core.program.watchdog import tell_alive

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = structlog.get_logger()


def run(directories: Directories, *, port_base: int | None, moved: bool = False) -> None:
    """Run the gateway until SIGTERM or SIGINT; *moved*: its data lie elsewhere than before.

    Raises:
        MailError: What keeps it from starting, or stopped it; told in one sentence.
    """
    os.umask(0o077)
    keep_out_of_dumps()
    keep_out_of_swap()
    directories.prepare()
    check_place(directories.data, moved=moved)
    config = load(directories.config_file)
    if port_base is not None:
        config = msgspec.structs.replace(
            config, listen=msgspec.structs.replace(config.listen, port_base=port_base)
        )
    logs.configure(config.log)
    managed = "LISTEN_FDS" in os.environ  # its sockets are the service manager's
    with event_loop.runner() as runner:
        gateway = Gateway(directories, config)
        runner.run(gateway.run())
    gateway.vault.begin_again_if_locked(managed=managed)


@final
class Gateway(OpenDesk):
    """Everything that one process of ``mx-gateway up`` holds."""

    def __init__(self, directories: Directories, config: Config) -> None:
        """Remember what to build; ``run`` builds it."""
        self._idleness = Idleness()
        super().__init__(OpenAccounts(), Sightings(time.time, self._idleness.hear))
        self._directories = directories
        self._config = config
        self._ports: Ports = chosen_ports(config.listen)
        self._passed = activation.passed()
        self._control = self._passed.at_path(directories.control_socket)
        self._page = Page(self._ports.page)
        self.vault = Vault(directories)
        self._tls = local_ca.load(directories.data / "ca", dt.datetime.now(dt.UTC))
        self._sightings.watch_tls(self._tls.context)
        self.computer = OwnComputer(directories, config.discovery, self._tls.root_file, Path.home())
        self._recovering = Recovering(directories, self.vault.master, config, time.time)
        self._tasks = asyncio.TaskGroup()  # entered by ``run``
        self._stopping = asyncio.Event()
        self._locking = Locking(self.vault, config.unlock, self._idleness, self._stopping.set)
        self._receiving = Receiving(directories, config, self.vault, time.time)
        self._living = Living(
            self._accounts,
            directories,
            config,
            self.vault.master,
            self._recovering,
            self._receiving,
            time.time,
            self._tasks,
        )
        self._adding = asyncio.Lock()  # one account comes at a time
        self._taking: Taking | None = None
        self._own_home = OwnHome(directories.data)

    async def run(self) -> None:
        """Serve until a signal, then stop: front doors first, stores last."""
        stopping = self._stopping
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(logs.loop_error)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        listeners = bound(self._ports, self._passed)
        try:
            listeners |= bound_beyond(self._config.beyond, self._ports)
            async with self._tasks as tasks:
                self._recovering.sweep()
                if self.vault.is_locked:
                    self._accounts.locked = self.vault.sentence
                    self._receiving.begin(tasks)
                else:
                    await self._open_accounts()
                doors = self._open_doors(tasks, listeners, stopping)
                await asyncio.sleep(0)  # each door's first step: the control socket listens
                look_less_for_garbage()
                print("ready", flush=True)  # noqa: T201  # what a supervisor waits for
                notify.tell("READY=1")
                tasks.create_task(tell_alive(_turns, stopping))
                tasks.create_task(give_back_when_quiet(self._living.let_go, stopping))
                tasks.create_task(self._own_home.run())
                tasks.create_task(Interruptions(self._living.interrupted).run())
                if sys.stdout.isatty() and not list(self._accounts):
                    await asyncio.to_thread(self._announce)
                log.info(
                    "gateway_ready",
                    accounts=len(list(self._accounts)),
                    locked=self.vault.is_locked,
                    imap_port=self._ports.imap,
                )
                await asyncio.wait(doors)
                notify.tell("STOPPING=1")
                for task in doors:
                    task.result()
                _stop()
        except* _Stopped:
            log.info("gateway_stopped")
        finally:
            for sock in (s for group in listeners.values() for s in group):
                sock.close()
            self._living.close()
            await self._recovering.close()

    @override
    async def status(self) -> dict[str, Any]:
        return {
            "accounts": [await self.told(person) for person in self._accounts],
            "locked": self.vault.is_locked,
            "before_login": self._sightings.before_login(),
            "trial": {"address": self.trial(), "trouble": self._own_home.trouble},
        }

    @override
    async def take_spooled(self, name: str) -> QueueId:
        if self._taking is None:
            raise Locked(self.vault.sentence)
        return await self._taking.take(name)

    @override
    async def add_account(self, address: Address, invite: str) -> str:
        async with self._adding:
            return await self._living.join(address, invite)

    @override
    async def add_trial(self, name: str) -> tuple[Address, str]:
        address = Address.parse(f"{name}@{trial.DOMAIN}")
        if self.trial():
            raise Refused(f"{self.trial()} is a trial of this gateway already")
        invite = await self._own_home.invite(address.local)
        return address, await self.add_account(address, invite)

    @override
    def trial(self) -> str:
        tried = [str(one.address) for one in self._accounts if one.address.domain == trial.DOMAIN]
        locked = trial.DOMAIN if self.vault.is_locked and self._own_home.exists else ""
        return tried[0] if tried else locked

    @override
    async def begin_recovery(self, asked: AskedBack) -> dict[str, Any]:
        return await self._recovering.begin(asked, self._accounts.holds)

    @override
    async def finish_recovery(self, token: str) -> dict[str, Any]:
        async with self._adding:
            person = await self._living.come_back(token)
        name = f"restored {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M}"
        password = await person.store.passwords.add(name)
        return {"settings": asdict(self._settings(person.address, password.reveal()))}

    @override
    async def new_settings(self, address: Address, name: str) -> MailSettings:
        return self._settings(address, await self.add_password(address, name))

    @override
    def page_link(self) -> str:
        return self._page.link()

    @override
    def hear(self) -> None:
        self._idleness.hear()

    @override
    async def lock(self) -> None:
        await self._locking.lock()

    @override
    async def unlock(self, passphrase: Secret[str]) -> None:
        async with self._adding:
            await self.vault.unlock(passphrase)
            self._receiving.end()
            await self._open_accounts()

    @override
    async def unlock_by(self, method: str, passphrase: Secret[str]) -> None:
        await self.vault.change(method, passphrase)
        for person in self._accounts:
            with contextlib.suppress(Unavailable):  # tried again within the hour
                await self._receiving.renew(person.store.folder, person.address, person.membership)

    async def _open_accounts(self) -> None:
        """Open every account on disk, take in what was spooled, and let the clocks run that lock."""
        recovering = await self._living.open_stored()
        if not (self.trial() or recovering):  # nobody lives there, or ever did
            await asyncio.to_thread(self._own_home.end)
        self._accounts.locked = ""
        spool, master = self._directories.spool, self.vault.master()
        self._taking = taking_of(spool, master, self._accounts.find, smtp_limits(self._config))
        self._tasks.create_task(self._taking.run())
        self._locking.begin(self._tasks)

    def _announce(self) -> None:
        import webbrowser  # noqa: PLC0415  # at the first start, and not again

        from gateway.beginning.announcing import announce  # noqa: PLC0415

        say = partial(print, flush=True)  # a person reads
        announce(self.page_link(), self._ports.page, os.environ, webbrowser.open, say)

    def _open_doors(
        self,
        tasks: asyncio.TaskGroup,
        listeners: dict[str, list[socket.socket]],
        stopping: asyncio.Event,
    ) -> list[asyncio.Task[None]]:
        mail = mail_doors(
            listeners,
            self._tls.context,
            self._accounts,
            self._config,
            stopping,
            self._sightings.begin,
        )
        control = serve_control(
            self._furnish_control,
            self._directories.control_socket,
            stopping,
            listening=self._control,
        )
        page = self._page.serve(self, listeners["page"], stopping)
        return [tasks.create_task(serving) for serving in (*mail, control, page)]

    def _furnish_control(self) -> ASGIApp:
        from gateway.web.control.app import control_app  # noqa: PLC0415  # see mx_core.control.knocking

        return control_app(self)

    def _settings(self, address: Address, password: str) -> MailSettings:
        return told_settings(address, password, self._ports, self._tls.root_file)


async def _turns() -> None:
    """Prove nothing but that the loop turns: damage stops one account, not the program."""


class _Stopped(Exception):
    """All front doors have closed: no error, it ends the task group after a signal."""


def _stop() -> NoReturn:
    raise _Stopped
