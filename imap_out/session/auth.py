"""Who is there: STARTTLS, LOGIN, AUTHENTICATE PLAIN and LOGIN.

RFC 9051 §6.2, RFC 4616 (PLAIN), RFC 4959 (initial response).  AUTH=LOGIN is not announced; it is
answered because Thunderbird tries it after a refused PLAIN.  A refusal comes at once: Thunderbird
makes three attempts in a row, and with slow refusals its user sees no error for a long time.
Passwords are 128 random bits, so guessing is bounded by counting, not by delay.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from imap_out.session.answers.out import Out
from imap_out.session.state.refusals import ClientBug, Refusal
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Authenticate, Login, StartTls
from mx_core.model.errors import BadCredentials
from mx_core.model.secret import Secret

_CHALLENGES: Final = {b"PLAIN": (b"",), b"LOGIN": (b"Username:", b"Password:")}
_PLAIN_FIELDS: Final = 3
_REFUSED: Final = "the name or the password is wrong"


@dataclass(slots=True)
class Exchange:
    """A SASL exchange under way: challenges to send, responses so far."""

    tag: bytes
    mechanism: bytes
    responses: list[bytes] = field(default_factory=list, repr=False)

    def challenge(self) -> bytes | None:
        """Return the line that asks for the next response; None if all are there."""
        challenges = _CHALLENGES[self.mechanism]
        if len(self.responses) == len(challenges):
            return None
        return b"+ %b\r\n" % base64.b64encode(challenges[len(self.responses)])

    def answer(self, line: bytes) -> None:
        """Take one response; raises ClientBug if it is cancelled or no base64."""
        if line == b"*":
            raise ClientBug("authentication was cancelled")
        try:
            self.responses.append(base64.b64decode(line, validate=True))
        except binascii.Error as error:
            raise ClientBug("a SASL response must be base64") from error

    def credentials(self) -> tuple[bytes, Secret[bytes]]:
        """Return name and password."""
        if self.mechanism == b"LOGIN":
            return self.responses[0], Secret(self.responses[1])
        # message = [authzid] UTF8NUL authcid UTF8NUL passwd              RFC 4616 §2
        fields = self.responses[0].split(b"\0")
        if len(fields) != _PLAIN_FIELDS:
            raise ClientBug("a PLAIN response has three fields")
        if fields[0] not in {b"", fields[1]}:  # mutt names itself twice
            raise Refusal(b"AUTHORIZATIONFAILED", "nobody may act for somebody else here")
        return fields[1], Secret(fields[2])


def begin(session: Session, tag: bytes, command: Authenticate) -> Exchange:
    """Start the exchange that AUTHENTICATE asks for."""
    _require_privacy(session)
    if command.mechanism not in _CHALLENGES:
        raise Refusal(b"CANNOT", "only AUTHENTICATE PLAIN is known here")
    exchange = Exchange(tag, command.mechanism)
    if command.initial is not None:
        line = command.initial.reveal()
        exchange.answer(b"" if line == b"=" else line)
    return exchange


async def finish(session: Session, exchange: Exchange) -> Completed:
    """Judge the responses of a complete exchange."""
    return await _authenticate(session, *exchange.credentials())


async def login(session: Session, command: Login, _out: Out) -> Completed:
    """RFC 9051 §6.2.3."""
    _require_privacy(session)
    return await _authenticate(session, command.username, command.password)


async def start_tls(session: Session, _command: StartTls, _out: Out) -> Completed:
    """RFC 9051 §6.2.1; the shell drops what was buffered and starts TLS after the answer."""
    if session.security.tls:
        raise ClientBug("TLS is there already")
    if not session.security.can_start_tls:
        raise ClientBug("STARTTLS is not offered")
    session.wants_tls = True
    return Completed(b"begin TLS now")


def _require_privacy(session: Session) -> None:
    if not session.security.login_allowed:
        raise Refusal(b"PRIVACYREQUIRED", "log in over TLS")


async def _authenticate(session: Session, name: bytes, password: Secret[bytes]) -> Completed:
    try:
        account = await session.accounts.authenticate(
            name.decode(), Secret(password.reveal().decode())
        )
    except (BadCredentials, UnicodeDecodeError) as error:
        session.login_failures += 1
        session.trail.is_refused()
        if session.login_failures >= session.limits.login_failures:
            session.farewell = b"too many failed logins"
        raise Refusal(b"AUTHENTICATIONFAILED", _REFUSED) from error
    session.account = account
    session.trail.belongs_to(account)
    return Completed(b"logged in", b"CAPABILITY " + session.capabilities())
