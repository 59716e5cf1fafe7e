"""What happens to one message at the door: judged, sealed for each recipient, handed on, forgotten.

The clear octets are in memory and nowhere else, from the socket to the seal.  spec/door §4, §5.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import unicodedata
from typing import Final

from nacl.signing import SigningKey
from typing_extensions import override

from mx_core.envelope.statement import DoorRecord
from mx_core.mime.header import top_fields
from mx_core.model.address import Address
from mx_core.model.errors import BadMessage, NotPermitted, UnknownRecipient
from mx_core.model.message import HeaderField
from mx_core.model.secret import Secret
from smtp_in.door.config import Judging
from smtp_in.door.home import HomeServer
from smtp_in.door.judging.names import Names
from smtp_in.door.judging.spf import peer_of
from smtp_in.door.judging.verdict import Verdicts, judge
from smtp_in.door.ports import Behind, Delivery, Recipient
from smtp_in.door.sealing import Sealed, sealed

_RECEIVED_MAX: Final = 100  # RFC 5321 §6.3: a message that has come so far goes in circles
_RECEIVED: Final = b"received"
_HELO_CHARACTERS_MAX: Final = 255
_LARGE_OCTETS: Final = 256 * 1024


class Taking(Behind):
    """Everything behind the dialogues of one door."""

    def __init__(
        self, home: HomeServer, names: Names, domain: str, key: Secret[SigningKey], rules: Judging
    ) -> None:
        """*key* is that of the role ``door``."""
        self._home = home
        self._names = names
        self._domain = domain
        self._key = key
        self._rules = rules
        self._forwarders = frozenset(rules.forwarders)

    def speak_with(self, key: Secret[SigningKey]) -> None:
        """Sign with another *key* from now on: the home server has changed it."""
        self._key = key

    @override
    async def whose(self, local: str, domain: str) -> Address | None:
        """See ``Behind``."""
        address = Address(local, domain)
        return None if await self._home.person(address) is None else address

    @override
    async def take(self, delivery: Delivery) -> None:
        """See ``Behind``."""
        fields = _checked(delivery.octets)
        verdicts = await judge(
            self._names,
            delivery.octets,
            fields,
            peer_ip=delivery.peer.ip,
            helo=delivery.peer.helo,
            mail_from=delivery.mail_from,
            forwarders=self._forwarders,
            seconds=self._rules.seconds,
        )
        if self._rules.refuse_failed and verdicts.policy == "reject":
            raise NotPermitted("the domain in the From field wants this message rejected (DMARC)")
        now = int(time.time())
        ready = [await self._sealed(delivery, each, verdicts, now) for each in delivery.recipients]
        await self._home.keep(ready)

    async def _sealed(
        self, delivery: Delivery, recipient: Recipient, verdicts: Verdicts, now: int
    ) -> Sealed:
        whom = await self._home.person(recipient.whose)
        if whom is None:
            raise UnknownRecipient("no such address takes mail here")
        record = DoorRecord(
            domain=self._domain,
            mail_from=_text(delivery.mail_from),
            rcpt_to=_text(recipient.given),
            peer_ip=str(peer_of(delivery.peer.ip)),
            helo=_text(delivery.peer.helo)[:_HELO_CHARACTERS_MAX],
            tls=delivery.peer.tls,
            spf=verdicts.spf,
            dkim=tuple((_text(domain), result) for domain, result in verdicts.dkim),
            dmarc=verdicts.dmarc,
            received=now,
        )

        def work() -> Sealed:
            return sealed(
                delivery.octets,
                record,
                str(recipient.whose),
                whom,
                self._key.reveal(),
                now=now,
                entropy=secrets.token_bytes,
            )

        return work() if len(delivery.octets) < _LARGE_OCTETS else await asyncio.to_thread(work)


def _checked(octets: bytes) -> tuple[HeaderField, ...]:
    """Return the top header, if all of it can be looked at."""
    if octets.startswith((b" ", b"\t")):
        raise BadMessage("the message begins with a folded line that continues nothing")
    fields = top_fields(octets)
    if sum(field.name == _RECEIVED for field in fields) > _RECEIVED_MAX:
        raise BadMessage("the message has been received a hundred times: it goes in circles")
    return fields


def _text(text: str) -> str:
    """Return *text* as CBOR takes it: NFC, and nothing that is no character."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
