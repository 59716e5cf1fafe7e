"""What the mail program is told: a code, an enhanced code and one sentence.

One table turns our errors into replies, by family and class.  RFC 5321 §4.2, RFC 3463.
A reply is ASCII, one line, at most 512 octets with its CRLF (RFC 5321 §4.5.3.1.5); text that
came from outside cannot add a line to it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from mx_core.model import errors
from smtp_in.body import Flaw

_OCTETS_MAX: Final = 510  # without CRLF
_PRINTABLE: Final = range(0x20, 0x7F)


class Reply(Struct, frozen=True):
    """One reply; *enhanced* is empty only for 220 (greeting), EHLO, 334 and 354 (RFC 2034 §4)."""

    code: int
    enhanced: str
    text: str

    def line(self) -> str:
        """Render without CRLF."""
        head = f"{self.code} {self.enhanced} " if self.enhanced else f"{self.code} "
        text = self.text
        if not (text.isascii() and text.isprintable()):
            text = "".join(c if ord(c) in _PRINTABLE else _escaped(c) for c in text)
        return (head + text)[:_OCTETS_MAX]


MAIL_OK: Final = Reply(250, "2.1.0", "sender accepted")
GO_AHEAD: Final = Reply(354, "", "end the message with <CRLF>.<CRLF>")
START_TLS: Final = Reply(220, "2.0.0", "ready to start TLS")
LOGGED_IN: Final = Reply(235, "2.7.0", "authenticated")
GOODBYE: Final = Reply(221, "2.0.0", "goodbye")
VERIFY: Final = Reply(252, "2.1.5", "send the message and see")
HELP: Final = Reply(
    214, "2.0.0", "AUTH BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY"
)

IDLE_TOO_LONG: Final = Reply(421, "4.4.2", "nothing was said for too long")
SHUTTING_DOWN: Final = Reply(421, "4.3.2", "the gateway is shutting down")
TOO_MANY_CONNECTIONS: Final = Reply(421, "4.3.2", "too many connections; try again later")
TOO_MANY_LOGINS: Final = Reply(421, "4.7.0", "too many failed logins on this connection")
LOGIN_TOO_LATE: Final = Reply(421, "4.7.0", "no login in time")
PIPELINED_AUTH: Final = Reply(421, "4.7.0", "nothing may follow AUTH before its answer")
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", "too many recipients; send the rest separately")

LINE_TOO_LONG: Final = Reply(500, "5.5.2", "the command line is too long")
AUTH_LINE_TOO_LONG: Final = Reply(500, "5.5.6", "the authentication line is too long")
BAD_BASE64: Final = Reply(501, "5.5.2", "that is not base64")
AUTH_CANCELLED: Final = Reply(501, "5.7.0", "authentication cancelled")
NEED_MECHANISM: Final = Reply(501, "5.5.4", "AUTH PLAIN or AUTH LOGIN, please")
UNKNOWN_MECHANISM: Final = Reply(504, "5.5.4", "only AUTH PLAIN and AUTH LOGIN are known here")
NO_HELLO: Final = Reply(501, "5.5.4", "EHLO needs a name")
BAD_MAIL: Final = Reply(501, "5.5.4", "MAIL FROM:<address> is expected")
BAD_RCPT: Final = Reply(501, "5.5.4", "RCPT TO:<address> is expected")
BAD_SIZE: Final = Reply(501, "5.5.4", "SIZE takes a number of octets")
BAD_BODY: Final = Reply(501, "5.5.4", "BODY is 7BIT or 8BITMIME")
NO_ARGUMENT: Final = Reply(501, "5.5.4", "that command takes no argument")
UNKNOWN_PARAMETER: Final = Reply(555, "5.5.4", "a parameter of that command is not known here")
HELLO_FIRST: Final = Reply(503, "5.5.1", "say EHLO first")
BAD_DSN: Final = Reply(501, "5.5.4", "RET, ENVID, NOTIFY or ORCPT says nothing that is known")
BAD_HOLD: Final = Reply(
    501, "5.5.4", "HOLDFOR takes seconds and HOLDUNTIL a time, at most 30 days ahead"
)
BAD_BDAT: Final = Reply(501, "5.5.4", "BDAT takes a number of octets, and LAST")
NEEDS_SMTPUTF8: Final = Reply(553, "5.6.7", "that address needs MAIL with SMTPUTF8")
BDAT_BEGUN: Final = Reply(503, "5.5.1", "the message comes in chunks; BDAT LAST ends it")
MAIL_FIRST: Final = Reply(503, "5.5.1", "MAIL comes first")
RCPT_FIRST: Final = Reply(503, "5.5.1", "no recipient was accepted")
MAIL_TWICE: Final = Reply(503, "5.5.1", "a message is under way; RSET drops it")
ALREADY_LOGGED_IN: Final = Reply(503, "5.5.1", "already authenticated")
ALREADY_TLS: Final = Reply(503, "5.5.1", "TLS is active already")
NO_TLS: Final = Reply(502, "5.5.1", "TLS is not available here")
LOGIN_FIRST: Final = Reply(530, "5.7.0", "authentication is required")
BAD_LOGIN: Final = Reply(535, "5.7.8", "user name or password is not right")
TLS_FIRST: Final = Reply(538, "5.7.11", "STARTTLS comes before AUTH")
TOO_LARGE: Final = Reply(552, "5.3.4", "the message is larger than the announced SIZE")
BAD_SENDER: Final = Reply(553, "5.1.7", "the sender is no address")

_OF_FLAW: Final[dict[Flaw, Reply]] = {
    Flaw.TOO_LARGE: TOO_LARGE,
    Flaw.LINE_TOO_LONG: Reply(500, "5.6.0", "a line of the message is too long"),
    Flaw.NO_ROOM: Reply(452, "4.3.1", "too many large messages at once; try again later"),
    Flaw.BARE_OCTET: Reply(
        554, "5.6.0", "the message has a CR or LF that stands alone, or a NUL; it was not taken"
    ),
}

# class of error → (code, enhanced code); the nearest class above an error decides
_OF_ERROR: Final[dict[type[errors.MailError], tuple[int, str]]] = {
    errors.Refused: (550, "5.7.1"),
    errors.BadCredentials: (535, "5.7.8"),
    errors.NotPermitted: (550, "5.7.1"),
    errors.OverQuota: (552, "5.2.2"),
    errors.MessageTooLarge: (552, "5.3.4"),
    errors.BadAddress: (553, "5.1.3"),
    errors.UnknownRecipient: (550, "5.1.1"),
    errors.EncryptionRequired: (550, "5.7.10"),
    errors.BadMessage: (554, "5.6.0"),
    errors.Unavailable: (451, "4.4.0"),
    errors.PeerUnreachable: (450, "4.4.1"),
    errors.Busy: (450, "4.3.2"),
    errors.DiskFull: (452, "4.3.1"),
    errors.Untrusted: (550, "5.7.5"),
    errors.Corrupt: (451, "4.3.0"),
}


def of_error(error: errors.MailError) -> Reply:
    """Return the reply to *error*, with its own sentence (written for the person who reads it)."""
    for kind in type(error).__mro__:
        if kind in _OF_ERROR:
            code, enhanced = _OF_ERROR[kind]
            return Reply(code, enhanced, str(error) or type(error).__name__)
    raise error  # the root itself is never raised


def of_flaw(flaw: Flaw) -> Reply:
    """Return the reply to a message that was read and not taken."""
    return _OF_FLAW[flaw]


def of_bug(reference: str) -> Reply:
    """Return the reply when we failed; the log holds the rest under *reference*."""
    return Reply(451, "4.3.0", f"the gateway failed; its log tells more under {reference}")


def recipient_accepted(how: str) -> Reply:
    """Return the verdict on a recipient: *how* their copy will leave, in a few words."""
    return Reply(250, "2.1.5", f"recipient accepted: {how}")


def chunk_taken(octets: int) -> Reply:
    """Return the answer to a chunk that is not the last; it promises nothing (RFC 3030 §2)."""
    return Reply(250, "2.0.0", f"{octets} octets received")


def queued(queue_id: str) -> Reply:
    """Return the promise of RFC 5321 §6.1; said only after the message is durable."""
    return Reply(250, "2.0.0", f"queued as {queue_id}")


# what the protocol shell says by itself, by its first three digits
_SHELL: Final[dict[str, str]] = {
    "220": "2.0.0",
    "221": "2.0.0",
    "250": "2.0.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "554": "5.7.0",
}


def with_enhanced(line: str) -> str:
    """Give a reply of the shell that has no enhanced code the one its digits call for."""
    code, _, text = line.partition(" ")
    if "not recognized" in text:
        return Reply(500, "5.5.1", "that command is not known here").line()
    if text[:1] == code[:1] and text[1:2] == ".":
        return Reply(int(code), "", text).line()
    return Reply(int(code), _SHELL.get(code, f"{code[:1]}.0.0"), text).line()


def _escaped(character: str) -> str:
    """Spell what a reply may not hold; a line break becomes a space."""
    if character in "\r\n\t":
        return " "
    return character.encode("ascii", "backslashreplace").decode("ascii") if character > "~" else "?"
