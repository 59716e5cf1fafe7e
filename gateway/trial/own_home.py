"""The home server and the echo of a trial: made once, and kept running for as long as the gateway.

Both are the programs that an operator runs, as children of this process that end with it.  Nothing
of them is reached from another computer: they listen on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import structlog

from gateway.demo.ports import reserve
from gateway.demo.processes import run as run_command
from gateway.trial.domain import DOMAIN, folder_of, peers_of
from mx_core.db.durable import make_folder, write_file
from mx_core.model.errors import Refused, Unavailable

log = structlog.get_logger()

_HOME: Final = "mx_core.homeserver"
_PORTS: Final = 3
_READY_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 5.0
_END_SECONDS: Final = 10.0
_MANAGER: Final = ("NOTIFY_", "LISTEN_", "WATCHDOG_")  # what a service manager says to us alone


@final
class OwnHome:
    """See the module.  Owner: the gateway's event loop."""

    def __init__(self, data: Path) -> None:
        """*data*: the gateway's data directory; nothing runs before ``run``."""
        self._folder = folder_of(data)
        self._peers = peers_of(data)
        self._home = self._folder / "home"
        self._echo = self._folder / "echo"
        self._wanted = asyncio.Event()
        self._serves = asyncio.Event()
        self._making = asyncio.Lock()
        self.trouble = ""
        self.runs = False
        self._over = self._folder.with_name("trial.over")

    @property
    def exists(self) -> bool:
        """Tell whether there is a trial here."""
        return self._peers.exists()

    def end(self) -> None:
        """Remove the trial, whose account lives elsewhere now; not while anything of it runs."""
        if self.runs or not self.exists:
            return
        self._folder.rename(self._over)
        # Crash here: there is no trial any more, and the next start removes what is left of it.
        self._forget()
        log.info("trial_ended")

    def _forget(self) -> None:
        shutil.rmtree(self._over, ignore_errors=True)

    async def invite(self, name: str) -> str:
        """Return an invite for *name* at the trial's domain, whose home server is made if need be.

        Raises:
            Refused: The home server does not start, or the name is no name.
        """
        async with self._making:
            if not self.exists:
                await asyncio.to_thread(self._make)
        self._wanted.set()
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._serves.wait()
        except TimeoutError as error:
            raise Refused(f"the trial's home server does not start: {self.trouble}") from error
        command = [_HOME, "invite", "--dir", str(self._home), "--name", name]
        try:
            return (await asyncio.to_thread(run_command, command)).strip()
        except Unavailable as error:
            raise Refused(str(error)) from error

    def _make(self) -> None:
        """Make the home server's directory and, last, the file that names it."""
        make_folder(self._folder)
        if not (self._home / "mx-home.toml").exists():
            with contextlib.closing(reserve(_PORTS)) as block:
                command = [_HOME, "init", "--dir", str(self._home), "--domain", DOMAIN]
                command += ["--host", "127.0.0.1", "--port-base", str(block.first)]
                # Crash before its configuration: keys that nobody has heard of; init says so.
                run_command([*command, "--peers", str(self._peers)])
        said = run_command([_HOME, "record", "--dir", str(self._home)])
        # Crash before this: there is no trial yet, and the next one goes on with this home server.
        write_file(self._peers, said.split("\n\n")[0].encode() + b"\n")

    async def run(self) -> None:
        """Keep the trial's programs running until cancelled; without a trial, wait for one."""
        self.runs = True
        await asyncio.to_thread(self._forget)
        if not self.exists:
            await self._wanted.wait()
        home = [_HOME, "serve", "--dir", str(self._home)]
        echo = ["gateway", "--home", str(self._echo), "echo", "serve"]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep("home", home, self._serves))
            await self._serves.wait()
            await self._join_echo()
            tasks.create_task(self._keep("echo", echo, asyncio.Event()))

    async def _join_echo(self) -> None:
        while True:
            if await self._joined_echo():
                return
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _joined_echo(self) -> bool:
        """Register the echo, once; return whether it is. A trial without one is a trial all the same."""
        config = self._echo / "config" / "config.toml"
        if (self._echo / "joined").exists():
            return True
        try:
            await self._serves.wait()
            await asyncio.to_thread(self._register_echo, config)
        except Unavailable as error:
            self.trouble = f"the trial has no echo: {error}"
            log.warning("trial_without_echo")
            return False
        self.trouble = ""
        return True

    def _register_echo(self, config: Path) -> None:
        config.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = f"[discovery]\npeers = '{self._peers}'\nclosed = true\n"
        write_file(config, found.encode())
        told = run_command([_HOME, "user", "add", "--echo", "--dir", str(self._home)])
        invite = told.split("--invite ")[1].split()[0]
        command = ["gateway", "--home", str(self._echo), "echo", "join", f"echo@{DOMAIN}"]
        try:
            run_command([*command, "--invite", invite])
        except Unavailable as error:
            # Crash between its registration and the mark: it is there, and says so.
            if "is an account here already" not in str(error):
                raise
        write_file(self._echo / "joined", b"")

    async def _keep(self, name: str, arguments: Sequence[str], serves: asyncio.Event) -> None:
        while True:
            with (self._folder / f"{name}.log").open("ab") as errors:
                child = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "gateway.demo.child", str(os.getpid())),
                    *arguments,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    env=_without_manager(),
                )
            try:
                if await _is_ready(child):
                    self.trouble = ""
                    serves.set()
                await child.wait()
            finally:
                serves.clear()
                await _ended(child)
            self.trouble = f"{name} ended with status {child.returncode}, see {self._folder}"
            log.warning("trial_program_ended", name=name, status=child.returncode)
            await asyncio.sleep(_AGAIN_SECONDS)


async def _is_ready(child: asyncio.subprocess.Process) -> bool:
    """Wait until *child* says that it serves; False if it ends instead."""
    if child.stdout is None:
        raise AssertionError("its standard output is a pipe")
    async for line in child.stdout:
        if line.strip() == b"ready":
            return True
    return False


async def _ended(child: asyncio.subprocess.Process) -> None:
    """End *child*: SIGTERM, then SIGKILL."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def _without_manager() -> dict[str, str]:
    return {name: said for name, said in os.environ.items() if not name.startswith(_MANAGER)}
