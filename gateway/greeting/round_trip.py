"""A new account's first round trips: to itself through its home server, and to the echo and back.

Both are ordinary submissions of the account: judged, sealed, carried and received as all others
are, so that what is shown of them is shown of the real way.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final, final

import structlog
from msgspec import Struct
from msgspec.structs import asdict

from gateway.arriving.status_block import Mail, Status, parse, sentence
from gateway.echo.reply import SUITES
from gateway.greeting.words import echo_of, question, welcome, welcome_id
from gateway.policy.decide import Reach
from gateway.sending.outbox import JudgedOutbox
from gateway.sending.reaching import Reaching
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import PeerUnreachable, Unavailable, UnknownRecipient
from mx_core.model.ids import QueueId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from mx_core.notation.hashing import b2
from mx_core.ports import MailReader, MailStore
from mx_core.store.own.setting import Settings

log = structlog.get_logger()

_WELCOMED: Final = "welcomed"
_RETRY_SECONDS: Final = 15.0
_ASK_AGAIN_SECONDS: Final = (
    2.0,
    2.0,
    3.0,
    5.0,
    8.0,
    15.0,
    30.0,
    60.0,
)  # an echo may be just starting
_JUDGE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 3600.0  # so long after the last question an answer is looked for
_NEWEST: Final = 50  # messages of INBOX among which it is
_STATUS_OCTETS: Final = 2048
_UNIQUE_OCTETS: Final = 12


class Arrived(Struct, frozen=True):
    """A message that came back: as its status block tells, which nobody else can write."""

    sender: str
    received: int  # unix seconds
    said: str  # how it came, in plain words
    sealed_with: str


@final
class Greeting:
    """The first minutes of one account."""

    def __init__(
        self,
        mail: MailStore,
        outbox: JudgedOutbox,
        reaching: Reaching,
        settings: Settings,
        own: Address,
        now: Now,
    ) -> None:
        """Nothing is sent before ``welcome`` or ``ask``."""
        self._mail = mail
        self._outbox = outbox
        self._reaching = reaching
        self._settings = settings
        self._own = own
        self._now = now
        self._wanted = asyncio.Event()
        self._since = 0.0  # when something was sent last, in this run
        self._asked: int | None = None
        self._asks = False  # the person lets the first message be written for them
        self._unasked = ""  # why it is not written yet
        self._arrived: dict[str, Arrived] = {}

    def welcome(self, *, ask: bool = False) -> None:
        """Let the welcome mail be sent, once in the life of the account; *ask*: and the echo be written to."""
        self._since = self._now()
        self._asks = ask
        self._wanted.set()

    async def ask(self) -> None:
        """Write to the echo of the own domain.

        Raises:
            UnknownRecipient: There is none.  PeerUnreachable: It can not be told now.
        """
        to = echo_of(self._own)
        octets, _ = question(self._own, int(self._now()), secrets.token_hex(_UNIQUE_OCTETS))
        self._arrived.pop("answer", None)
        looked = await self._reaching.look(to, _JUDGE_SECONDS)
        if looked.reach is Reach.UNREACHABLE:
            raise PeerUnreachable(looked.why)
        if looked.reach is not Reach.SECURE:  # nor ever in clear, whatever a rule allows
            raise UnknownRecipient(
                f"nobody answers at {to}: the operator of the domain makes an echo with"
                " mx-home user add --echo; until then write to anybody on the network"
            )
        await self._outbox.enqueue(Submission(self._own, (to,), octets))
        self._since, self._asked, self._unasked = self._now(), int(self._now()), ""

    async def run(self) -> None:
        """Send the welcome mail when it is wanted, for as long as it takes."""
        await self._wanted.wait()
        done = False
        while not done:
            done = await self._welcomed()
            await asyncio.sleep(0 if done else _RETRY_SECONDS)
        for seconds in _ASK_AGAIN_SECONDS if self._asks else ():
            if await self._asked_for_them():
                break
            await asyncio.sleep(seconds)
        self._asks = False

    async def _asked_for_them(self) -> bool:
        try:
            await self.ask()
        except (UnknownRecipient, Unavailable) as error:
            self._unasked = str(error)
            return False
        return True

    async def _welcomed(self) -> bool:
        if await self._settings.get(_WELCOMED) is not None:
            return True
        octets = welcome(self._own, int(self._now()))
        try:
            # Crash after this and before the mark: it is known by its id, and not sent again.
            await self._outbox.take_in(Submission(self._own, (self._own,), octets), self._queue_id)
            await self._settings.put(_WELCOMED, b"%d" % int(self._now()))
        except Unavailable as error:
            log.info("welcome_put_off", why=type(error).__name__)
            return False
        return True

    @property
    def _queue_id(self) -> QueueId:
        return QueueId(b2("MX1.welcome", [str(self._own).encode()]).hex()[: _UNIQUE_OCTETS * 2])

    async def state(self) -> dict[str, Any]:
        """Return what has come back so far: the welcome, and an answer of the echo."""
        waiting = not {"welcome", "answer"} <= set(self._arrived)
        if waiting and self._now() - self._since < _LOOK_SECONDS:
            self._arrived.update(await self._mail.read(self._look))
        welcome = self._wanted.is_set() and "welcome" not in self._arrived
        answer = (self._asks or self._asked is not None) and "answer" not in self._arrived
        fresh = self._now() - self._since < _LOOK_SECONDS
        return {
            "awaited": fresh and (welcome or answer),
            "echo": str(echo_of(self._own)),
            "asked": self._asked,
            "unasked": self._unasked,
            **{
                what: asdict(self._arrived[what]) if what in self._arrived else None
                for what in ("welcome", "answer")
            },
        }

    def _look(self, reader: MailReader) -> dict[str, Arrived]:
        """Find both among the newest of INBOX."""
        found: dict[str, Arrived] = {}
        view = reader.snapshot(reader.mailbox(INBOX).id)
        newest = [view.messages[at] for at in range(max(0, len(view) - _NEWEST), len(view))]
        for message, form in zip(newest, reader.forms(newest), strict=True):
            status = parse(reader.octets(message, 0, _STATUS_OCTETS))
            if status is None or status.mail is not Mail.NETWORK or status.sender is None:
                continue
            sender = status.sender.canonical()
            if sender == self._own.canonical() and form.message_id == welcome_id(self._own):
                found["welcome"] = _told(status)
            elif sender == echo_of(self._own).canonical() and status.received >= self._first():
                found["answer"] = _told(status)
        return found

    def _first(self) -> int:
        """Return the moment from which on an answer is one of this sitting."""
        return self._asked if self._asked is not None else int(self._since)


def _told(status: Status) -> Arrived:
    sealed = SUITES.get(status.suite or 0, "a later suite")
    return Arrived(str(status.sender), status.received, sentence(status), sealed)
