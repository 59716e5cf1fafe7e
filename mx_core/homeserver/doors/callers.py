"""Who calls on the client listener: a device with its session, a locked one with a token, or nobody yet.

Asked of the rows at every call, so a device that was removed is out at once; what a session is,
``device_sessions`` knows.  docs/spec/client.md §3.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import sqlalchemy as sa
import structlog

from mx_core.db.transactions import Transactions
from mx_core.homeserver.doors.device_sessions import DeviceSessions, Proof, Session
from mx_core.homeserver.people import accounts, collect_tokens
from mx_core.model.clock import Now
from mx_core.model.errors import BadCredentials
from mx_core.tls.leaf import Leaf, Leaves

_log = structlog.get_logger()

_SESSION_METADATA: Final = "mx-session-bin"
_COLLECT_METADATA: Final = "mx-collect-bin"

Context: TypeAlias = Any  # grpc.aio.ServicerContext; grpc is untyped


class Callers:
    """Of one listener."""

    def __init__(
        self, database: Transactions, leaves: Leaves, sessions: DeviceSessions, now: Now
    ) -> None:
        self._database = database
        self._leaves = leaves
        self._sessions = sessions
        self._now = now

    def challenge(self) -> tuple[bytes, int, Leaf]:
        """Return a nonce, when it expires, and the leaf that a device binds its signature to.

        Raises:
            Busy: Too many are outstanding.
        """
        leaf = self._leaves.current()
        nonce, expires = self._sessions.challenge(leaf.spki_hash)
        return nonce, expires, leaf

    async def authenticate(self, proof: Proof) -> tuple[bytes, Session]:
        """Return the octets of a new session, to be shown with each call, and what they say.

        Raises:
            BadCredentials: The nonce is not good any more, or no active device signed it.
        """
        leaf_spki_hash = self._sessions.spend(proof.nonce)

        def read(tx: sa.Connection) -> tuple[int, bytes | None]:
            member = accounts.by_pid(tx, proof.pid)
            if member is None:
                return 0, None
            key = accounts.device_key(tx, member.mailbox_id, proof.device_id)
            return member.mailbox_id, key

        mailbox_id, sign_pk = await self._database.read(read)
        self._sessions.prove(proof, sign_pk, leaf_spki_hash)
        octets, session = self._sessions.open(mailbox_id, proof.device_id)
        _log.info("device_authenticated", mailbox=mailbox_id)
        return octets, session

    async def session(self, context: Context) -> Session:
        """Return whose call it is.

        Raises:
            BadCredentials: No session, one of another process, or its device is gone.
        """
        session = self._sessions.read(_shown(context, _SESSION_METADATA))
        key = await self._database.read_few(
            lambda tx: accounts.device_key(tx, session.mailbox_id, session.device_id)
        )
        if key is None:
            raise BadCredentials("this device is no longer active")
        return session

    async def collecting(self, context: Context) -> Session:
        """As ``session``, for the calls that a token opens too; raises BadCredentials."""
        token = _shown(context, _COLLECT_METADATA)
        if not token:
            return await self.session(context)
        now = int(self._now())
        found = await self._database.read_few(lambda tx: collect_tokens.device_of(tx, token, now))
        if found is None:
            raise BadCredentials("this token does not hold, or no longer")
        return Session(*found)

    async def known(self, context: Context) -> Session | None:
        """As ``session``, for the calls that need none: None of who shows none."""
        return await self.session(context) if _shown(context, _SESSION_METADATA) else None


def _shown(context: Context, name: str) -> bytes:
    """Return the octets that the caller sends with each call under *name*, or none."""
    sent = context.invocation_metadata() or ()
    return next((it for key, it in sent if key == name and isinstance(it, bytes)), b"")
