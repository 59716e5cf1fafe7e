"""What an operator asks over the control socket: invites, people, the record, the state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds import peer_rules
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.commands.initialise import peers_stanza, txt_record
from mx_core.homeserver.config import Config
from mx_core.homeserver.domain.domain_keys import DomainKeys
from mx_core.homeserver.people import accounts, invites
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.peer_times import PeerTimes
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Refused

_INVITE_SECONDS: Final = 7 * 86_400

Answer = Callable[[Request], Awaitable[JSONResponse]]


@dataclass(frozen=True, slots=True)
class Operator:
    """The answers, as routes of an app."""

    config: Config
    database: Transactions
    keys: DomainKeys
    peers_known: Callable[[], int]
    times: PeerTimes
    rules: PeerRules
    now: Now
    more: Sequence[Route] = ()

    def app(self) -> Starlette:
        """Return the API."""
        return Starlette(
            routes=[
                Route("/invite", self.invite, methods=["POST"]),
                Route("/users", self.users),
                Route("/record", self.record),
                Route("/status", self.status),
                Route("/rules", self.rules_in_force),
                Route("/rules", self.change_rule, methods=["POST"]),
                *self.more,
            ],
            exception_handlers=dict(EXCEPTION_HANDLERS),
        )

    async def invite(self, request: Request) -> JSONResponse:
        """Make an invite; only the hash of its code stays here."""
        body = await request.json()
        name = body.get("name") if isinstance(body, dict) else None
        local = self._local(name) if name else None
        code = invites.new_code()
        expires = int(self.now()) + _INVITE_SECONDS
        await self.database.write(lambda tx: invites.add(tx, invites.hash_of(code), local, expires))
        return JSONResponse({"code": code, "expires": expires, "name": local})

    async def users(self, request: Request) -> JSONResponse:
        """List people with what waits for them."""
        found = await self.database.read(accounts.members)
        return JSONResponse(
            {
                "users": [
                    {
                        "address": member.address,
                        "pid": member.pid.hex(),
                        "devices": devices,
                        "held_octets": held,
                    }
                    for member, devices, held in found
                ]
            }
        )

    async def record(self, request: Request) -> JSONResponse:
        """Give what makes the domain findable."""
        return JSONResponse(
            {
                "txt": txt_record(self.config, *self.keys.published),
                "peers": peers_stanza(self.config, self.keys.active),
            }
        )

    async def status(self, request: Request) -> JSONResponse:
        """Give numbers, no names."""
        people, waiting, destinations = await self.database.read(
            lambda tx: (
                len(accounts.members(tx)),
                outgoing.count(tx),
                outgoing.destinations(tx),
            )
        )
        say = self.times.told()
        status: dict[str, Any] = {
            "domain": self.config.domain,
            "users": people,
            "outgoing": waiting,
            "destinations": destinations,
            "peers": self.peers_known(),
            "peers_told_time": say.peers,
            "clock_ahead_seconds": round(say.ahead, 1),
            "peers_look_expired": say.expired,
        }
        return JSONResponse(status)

    async def rules_in_force(self, request: Request) -> JSONResponse:
        """List which domains are blocked or allowed."""
        found = await self.database.read(peer_rules.rules)
        return JSONResponse({"rules": dict(sorted(found.items()))})

    async def change_rule(self, request: Request) -> JSONResponse:
        """Put a rule in force, or end one (``allowed`` null); it counts from the next call on."""
        body = await request.json()
        subject = peer_rules.subject_of(str(body["subject"]))
        allowed = body["allowed"]

        def change(tx: sa.Connection) -> dict[str, bool]:
            if allowed is None:
                return peer_rules.remove(tx, subject)
            return peer_rules.put(tx, subject, allowed=bool(allowed))

        now = await self.database.write(change, self.rules.put_in_force)
        return JSONResponse({"rules": dict(sorted(now.items()))})

    def _local(self, name: str) -> str:
        address = Address.parse(f"{name}@{self.config.domain}").canonical()
        if "+" in name:
            raise Refused("an invite is for a name without +")
        return address.local
