"""Acknowledgements of what is durable here, many at once when many come.

What no key of this device opens is acknowledged once its sender's server knows of it (``unread``), for it would be lost
with this device before; unless so many wait for that that nothing else would come.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from mx_core.carrier_port import Carrier
from mx_core.db import failpoint
from mx_core.model.errors import MailError
from mx_core.model.ids import EnvId

log = structlog.get_logger()

_UNSAID_MAX: Final = 32  # of the 64 that the server gives out before an acknowledgement


class Acknowledging:
    """See the module.  Owned by the loop; *sequence* is the server's number of a delivery, 0 for none."""

    def __init__(self, carrier: Carrier) -> None:
        """Nothing is acknowledged before ``run``."""
        self._carrier = carrier
        self._sequences: list[int] = []
        self._unsaid: dict[EnvId, int] = {}  # not opened, and to be acknowledged once that is said
        self._some = asyncio.Event()

    async def run(self) -> None:
        """Acknowledge for ever."""
        while True:
            await self._some.wait()
            self._some.clear()
            sequences, self._sequences = self._sequences, []
            try:
                await self._carrier.acknowledge(sequences)
            except (MailError, TimeoutError) as error:
                # the server gives them again; the msg_id is known, and only this is repeated
                log.info("acknowledgement_lost", why=type(error).__name__)
                continue
            failpoint.reach("acked")

    def soon(self, sequence: int) -> None:
        """Acknowledge what is durable."""
        self._sequences.append(sequence)
        self._some.set()

    def once_said(self, env_id: EnvId, sequence: int) -> bool:
        """Acknowledge it after ``said``; False: too many wait for that, and it is to be done now."""
        if len(self._unsaid) >= _UNSAID_MAX:
            return False
        if sequence:
            self._unsaid[env_id] = sequence
        return True

    def said(self, env_id: EnvId) -> None:
        """Acknowledge what could not be opened, now that its sender's server knows of it."""
        sequence = self._unsaid.pop(env_id, None)
        if sequence is not None:
            self.soon(sequence)
