"""What an operator does to a running home over the control socket: its queue, its backup, its export."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mx_core.db.transactions import Transactions
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.operating import backup
from mx_core.homeserver.people import accounts
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.retry import NOT_ADMITTED, Failed
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.files import in_thread
from mx_core.model.address import canonical_domain
from mx_core.model.clock import Now
from mx_core.model.errors import Refused

_log = structlog.get_logger()
_AT_A_TIME: Final = 64


@dataclass(frozen=True, slots=True)
class Stewardship:
    """The answers, as routes of an app."""

    folder: Path
    database: Transactions
    blobs: BlobStore
    arrivals: Arrivals
    dispatcher: Dispatcher
    search_again: Callable[[str], None]
    now: Now

    def routes(self) -> Sequence[Route]:
        """Return what the control app serves of it."""
        return (
            Route("/queue", self.queue),
            Route("/queue/retry", self.retry, methods=["POST"]),
            Route("/queue/drop", self.drop, methods=["POST"]),
            Route("/backup", self.back_up, methods=["POST"]),
            Route("/export", self.export),
        )

    async def queue(self, request: Request) -> JSONResponse:
        """List what waits to leave, by destination; ``due_in`` in seconds, 0 when it is due."""
        found = await self.database.read(outgoing.queues)
        return JSONResponse(
            {
                "destinations": [
                    {"domain": domain, "items": items, "due_in": max(0, round(at - self.now()))}
                    for domain, items, at in found
                ]
            }
        )

    async def retry(self, request: Request) -> JSONResponse:
        """Try one destination at once, or all."""
        wanted = await self._domain(request)
        now = self.now()
        waiting = [domain for domain, _, _ in await self.database.read(outgoing.queues)]
        chosen = [domain for domain in waiting if wanted in {None, domain}]
        for domain in chosen:
            await self.database.write(partial(outgoing.hurry, now=now, destination=domain))
            self.search_again(domain)  # that it was not found is remembered for a while
            self.dispatcher.retry(domain)
        return JSONResponse({"destinations": chosen})

    async def drop(self, request: Request) -> JSONResponse:
        """Give up what waits for one destination: each sender is told."""
        domain = await self._domain(request)
        if domain is None:
            raise Refused("name the domain whose queue is to be dropped")
        fate = Failed(NOT_ADMITTED, "The operator of your home server took it out of the queue.")
        dropped = 0
        while rows := await self.database.read(lambda tx: outgoing.waiting(tx, domain, _AT_A_TIME)):
            now = self.now()
            results = [(row, fate, 0.0) for row in rows]
            told = await self.database.write(partial(outgoing.record, results=results, now=now))
            for mailbox_id, _ in told:
                self.arrivals.announce(mailbox_id)
            dropped += len(rows)
        _log.info("queue_dropped", peer_domain=domain, items=dropped)
        return JSONResponse({"dropped": dropped})

    async def back_up(self, request: Request) -> JSONResponse:
        """Copy everything into a new folder while mail goes on."""
        if self.database.shared:
            raise Refused(
                "the database is a PostgreSQL server's: copy it by its own means, "
                "then the large bodies and this folder (docs/guide/scaling.md)"
            )
        body = await request.json()
        to = Path(str(body["to"]))
        if not to.is_absolute():
            raise Refused("the folder of a backup is an absolute path")
        await in_thread(backup.begin, self.folder, to)
        async with self.blobs.keeping:
            named = await self.database.read(lambda tx: backup.copy_database(tx, to))
            bodies = await backup.copy_rest(self.folder, self.blobs.depot, to, named)
        _log.info("backup_made", bodies=bodies)
        return JSONResponse({"to": str(to), "bodies": bodies})

    async def export(self, request: Request) -> JSONResponse:
        """Give the public record of the people: what another server needs to serve them."""

        def read(tx: sa.Connection) -> list[dict[str, Any]]:
            return [
                {
                    "address": member.address,
                    "pid": member.pid.hex(),
                    "entries": [_text(each) for each in accounts.entries(tx, member.mailbox_id)],
                    "epochs": [_text(each) for each in accounts.epochs(tx, member.mailbox_id)],
                }
                for member, _, _ in accounts.members(tx)
            ]

        return JSONResponse({"people": await self.database.read(read)})

    async def _domain(self, request: Request) -> str | None:
        body = await request.json()
        text = body.get("domain")
        return None if text is None else canonical_domain(str(text))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
