"""The way out for ordinary mail: taken only where the decision for a recipient allows it.

The look-up comes first, every time: whom it finds gets encrypted mail, whatever was decided; and
whose keys cannot be had or do not prove themselves gets none.  spec/policy §2 and §5.
"""

from __future__ import annotations

from typing import Final

from gateway.legacy.relay_account import RelayAccounts
from gateway.legacy.smtp_relay import SmtpRelay
from gateway.policy.decide import Frozen, Looked, Reach, may_leave_as_ordinary
from gateway.policy.override import without_tag
from gateway.policy.rule import Scope, Settings
from gateway.sending.foot import Foot
from gateway.sending.reaching import Reaching
from mx_core.model.errors import (
    EncryptionRequired,
    MailError,
    PeerUnreachable,
    RelayRefused,
    Untrusted,
)
from mx_core.store.outbox.reader import OutboxItem
from mx_core.store.people.policy import PolicyRules

_LOOK_SECONDS: Final = 60.0


class OrdinaryMail:
    """Over one account's rules and its relay."""

    def __init__(
        self,
        rules: PolicyRules,
        reaching: Reaching,
        accounts: RelayAccounts,
        relay: SmtpRelay,
        foot: Foot | None = None,
    ) -> None:
        """*foot*: what stands below what leaves, if the person asked for it."""
        self._foot = foot
        self._rules = rules
        self._reaching = reaching
        self._accounts = accounts
        self._relay = relay

    async def possible(self) -> bool:
        """Tell whether there is a server for ordinary mail."""
        return await self._accounts.get() is not None

    async def takes(self, item: OutboxItem) -> bool:
        """Tell whether *item*, which was never sealed, leaves as ordinary mail; False: encrypted.

        Raises:
            PeerUnreachable: Try again.  Untrusted: A person must decide.
            EncryptionRequired: It may leave neither way.
        """
        if item.policy == Frozen.NATIVE.value:
            return False
        looked = await self._reaching.look(item.recipient, _LOOK_SECONDS)
        if looked.reach is Reach.SECURE:
            return False
        if item.policy == Frozen.OVERRIDE.value:
            return True
        rules = {Scope(scope): each for scope, each in (await self._rules.all()).items()}
        if item.policy == Frozen.ORDINARY.value and may_leave_as_ordinary(
            looked, Settings.of(rules, item.recipient)
        ):
            return True
        raise _obstacle(looked)

    async def send(self, item: OutboxItem, octets: bytes) -> str:
        """Hand *item* over and return to which server.

        Raises:
            RelayRefused: Never.  PeerUnreachable: Not now.
        """
        account = await self._accounts.get(item.sender)
        if account is None:
            raise RelayRefused("no account for ordinary email is set up any more", "5.3.5")
        if self._foot is not None:
            octets = await self._foot.added_to(octets)
        await self._relay.send(account, item.sender, without_tag(item.recipient), octets)
        return account.host

    async def close(self) -> None:
        """Let go of connections."""
        await self._relay.close()


def _obstacle(looked: Looked) -> MailError:
    if looked.reach is Reach.UNREACHABLE:
        return PeerUnreachable(looked.why)
    if looked.reach is Reach.UNPROVEN:
        return Untrusted(looked.failure, looked.why)
    if looked.known:
        return Untrusted("was-secure", f"{looked.why}, and mail to them was encrypted before")
    return EncryptionRequired(f"{looked.why}, and your rules no longer allow ordinary email")
