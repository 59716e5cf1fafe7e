"""Several processes over one database: each hears what the others have stored for its devices.

A word on the channel is the number of a mailbox.  Everything is right without the channel too, up
to half a minute later: then every stream looks into the tables, the queue of a process that died
is taken up, and a rule that the operator changed at another process is in force.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from mx_core.db.channel import Channel, every
from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver.bounds import peer_rules
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.queue.dispatch import Dispatcher

_CHANNEL: Final = "mx_home"
_LOOK_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Waking:
    """What looks again when another process has changed something."""

    database: PostgresDatabase
    arrivals: Arrivals
    dispatcher: Dispatcher
    rules: PeerRules

    async def run(self, stopping: asyncio.Event) -> None:
        """Hear and tell until *stopping*."""
        channel = Channel(self.database, _CHANNEL, self._heard)
        self.arrivals.tell_others(lambda mailbox_id: channel.say(str(mailbox_id)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(channel.run(stopping, self.look_again))
            tasks.create_task(every(_LOOK_SECONDS, stopping, self.look_again))

    async def look_again(self) -> None:
        """Let everybody look into the tables.

        Raises:
            Unavailable: The database does not answer.
        """
        self.arrivals.announce_all()
        await self.dispatcher.look_around()
        self.rules.put_in_force(await self.database.read(peer_rules.rules))

    def _heard(self, word: str) -> None:
        if word.isascii() and word.isdecimal():
            self.arrivals.heard(int(word))
