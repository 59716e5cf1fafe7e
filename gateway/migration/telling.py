"""One message in ``Gateway`` that says how far an import is, and is replaced as it goes on.

It begins when an import runs, is renewed once a minute and where something happens, and its
last form says how the import ended.  Only that one is unread.  docs/spec/imports.md §7.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import structlog

from gateway.migration.importing import Importing
from gateway.writing.import_note import import_note
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable
from mx_core.model.flags import SEEN
from mx_core.model.mailbox_name import GATEWAY
from mx_core.store.ledger.imports import Imports

log = structlog.get_logger()

_EVERY_SECONDS: Final = 60.0
_RUNNING: Final = "running"


class Telling:
    """See the module."""

    def __init__(self, imports: Imports, importing: Importing, own: Address, now: Now) -> None:
        """Write nothing before ``run``."""
        self._imports = imports
        self._importing = importing
        self._own = own
        self._now = now
        self._source = ""  # what is told of now

    async def run(self) -> None:
        """Tell of every import, for ever."""
        while True:
            await self._importing.stirred.wait()
            while True:
                self._importing.stirred.clear()
                try:
                    goes_on = await self.write()
                except Unavailable as error:
                    log.info("note_put_off", why=type(error).__name__)  # a full disk
                    goes_on = True
                if not goes_on:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY_SECONDS):
                        await self._importing.stirred.wait()

    async def write(self) -> bool:
        """Write how far it is now; return whether an import runs."""
        state = await self._importing.state()
        running = next((one for one in state["imports"] if one["state"] == _RUNNING), None)
        told = next((one for one in state["imports"] if one["source"] == self._source), None)
        if told is not None and told["state"] != _RUNNING:
            await self._write(state, told, last=True)
            self._source = ""
        if running is not None:
            self._source = running["source"]
            await self._write(state, running, last=False)
        return running is not None

    async def _write(self, state: dict[str, Any], one: dict[str, Any], *, last: bool) -> None:
        octets = import_note(self._own, state, one, int(self._now()))
        flags = frozenset() if last else frozenset({SEEN})
        await self._imports.show_note(GATEWAY, octets, prepare(octets), flags, last=last)
