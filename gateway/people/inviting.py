"""Invitations of one account: made, shown, taken back; and the link of somebody else, opened."""

from __future__ import annotations

import datetime as dt
from typing import Any, final

from gateway.own.identity import OwnIdentity
from gateway.sending.recipients import Recipients
from mx_core.admission.invitation import Invitation
from mx_core.admission.token import tag_of, week_of
from mx_core.model.clock import Now
from mx_core.model.errors import BadInvitation, Refused, UnknownRecipient
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from mx_core.store.people.invitation import MadeInvitation
from mx_core.trust.pin import Pin, Tier, at_least


@final
class Inviting:
    """See the module."""

    def __init__(
        self, store: AccountStore, own: OwnIdentity, recipients: Recipients, now: Now
    ) -> None:
        self._store = store
        self._own = own
        self._recipients = recipients
        self._now = now

    async def make(self, name: str, uses: int, days: int) -> dict[str, Any]:
        """Return a new invitation with its link.

        Raises:
            Refused: So many uses or days are not possible, or there are too many invitations.
        """
        return self._shown(
            await self._store.invitations.make(
                self._own.address, self._own.pid, name=name, uses=uses, days=days
            )
        )

    async def all(self) -> list[dict[str, Any]]:
        """Return every invitation that has not ended, with its link."""
        return [self._shown(one) for one in await self._store.invitations.all()]

    async def take_back(self, ident: int) -> None:
        """Make an invitation useless.

        Raises:
            Refused: There is none of that number.
        """
        if not await self._store.invitations.take_back(ident):
            raise Refused(f"there is no invitation {ident}: see mx-gateway contact invitations")

    async def open(self, link: str, *, in_person: bool) -> dict[str, Any]:
        """Know and accept whom *link* is of; *in_person*: it was handed over face to face.

        Raises:
            BadInvitation: It is none, has ended, lets in no more, or is the account's own.
            Unavailable: Try later.
            Untrusted: Who is found there is not whom the link names.
        """
        found = Invitation.read(link)
        if found.pid == self._own.pid:
            raise BadInvitation("this is an invitation of your own: give it to somebody else")
        if found.expires <= self._now():
            raise BadInvitation(
                f"this invitation ended on {_date(found.expires)}; ask {found.address} for a new one"
            )
        tag = tag_of(found.secret, week_of(self._now()))
        try:
            contact = await self._recipients.introduced(found.address, found.pid, tag)
        except UnknownRecipient as error:
            raise BadInvitation(
                f"{found.address} does not answer to this invitation: it was used up or taken"
                " back. Ask them for a new one"
            ) from error
        pin = at_least(Pin.decode(contact.pin), Tier.VERIFIED if in_person else Tier.ENDORSED)
        known = Contact(contact.address, pin.encode(), contact.chain)
        await self._store.secrets.held.take_up(found, known, self._own.pid)
        # Crash before this: their earlier mail keeps its mark until the link is opened again.
        await self._store.relations.verified(pin.pid)
        return {"address": str(known.address), "tier": pin.tier.name.lower()}

    def _shown(self, one: MadeInvitation) -> dict[str, Any]:
        return {
            "id": one.id,
            "name": one.name,
            "uses": one.uses,
            "used": one.used,
            "until": _date(one.expires),
            "expires": one.expires,
            "link": one.link(self._own.address, self._own.pid),
        }


def _date(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
