"""What may be brought to the door: the facts of MAIL and RCPT in, a value or a refusal out.  Pure.

Whoever connects may name any sender; a recipient is of this domain or is nobody.  RFC 5321 §3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mx_core.model.address import Address, canonical_domain
from mx_core.model.errors import BadAddress
from smtp_in import replies
from smtp_in.command import Path, parse_size
from smtp_in.door.limits import Limits
from smtp_in.door.ports import Recipient
from smtp_in.replies import Reply

NOBODY: Final = Reply(550, "5.1.1", "no such address takes mail here")
NOT_HERE: Final = Reply(550, "5.7.1", "mail of that domain is not taken here")
_MAIL_PARAMETERS: Final = frozenset({"SIZE", "BODY", "SMTPUTF8"})
_BODIES: Final = frozenset({"7BIT", "8BITMIME"})  # RFC 6152 §2
_PATH_OCTETS_MAX: Final = 320
_POSTMASTER: Final = "postmaster"  # RFC 5321 §4.5.1: also without a domain


@dataclass(slots=True)
class Incoming:
    """One message under way, from MAIL to the end of DATA; owned by its connection."""

    mail_from: str
    utf8: bool = False
    recipients: list[Recipient] = field(default_factory=list)

    def knows(self, whose: Address) -> bool:
        """Tell whether that mailbox was named already, by whatever tag."""
        return any(one.whose == whose for one in self.recipients)


def judge_mail(path: Path | None, limits: Limits) -> Incoming | Reply:
    """Begin a message, or refuse it; a null sender brings bounces, and is as good as any."""
    if path is None:
        return replies.BAD_MAIL
    parameters = path.parameters
    if not parameters.keys() <= _MAIL_PARAMETERS or parameters.get("SMTPUTF8"):
        return replies.UNKNOWN_PARAMETER
    if parameters.get("BODY", "7BIT").upper() not in _BODIES:
        return replies.BAD_BODY
    if "SIZE" in parameters:
        size = parse_size(parameters["SIZE"])
        if size is None:
            return replies.BAD_SIZE
        if size > limits.message_octets:
            return replies.TOO_LARGE
    utf8 = "SMTPUTF8" in parameters
    if not utf8 and not path.address.isascii():
        return replies.NEEDS_SMTPUTF8
    if path.address and not _is_path(path.address):
        return replies.BAD_SENDER
    return Incoming(path.address, utf8)


@dataclass(frozen=True, slots=True)
class Asked:
    """A recipient whom the home server is to be asked about."""

    given: str
    local: str


def judge_recipient(
    path: Path | None,
    incoming: Incoming,
    domain: str,
    aliases: Mapping[str, str],
    limits: Limits,
) -> Asked | Reply:
    """Return whom to ask about, or a refusal."""
    if path is None or path.address == "":
        return replies.BAD_RCPT
    if path.parameters:
        return replies.UNKNOWN_PARAMETER
    if not incoming.utf8 and not path.address.isascii():
        return replies.NEEDS_SMTPUTF8
    given = path.address
    if given.lower() == _POSTMASTER:
        given = f"{given}@{domain}"
    local, at, of = given.rpartition("@")
    try:
        if not at or canonical_domain(of) != domain:
            return NOT_HERE
        whose = Address.parse(given).canonical()
    except BadAddress:
        return NOBODY if local else replies.BAD_RCPT
    if len(incoming.recipients) >= limits.recipients:
        return replies.TOO_MANY_RECIPIENTS
    return Asked(given, aliases.get(whose.local, whose.local))


def _is_path(text: str) -> bool:
    printable = all(character > " " and character != "\x7f" for character in text)
    return printable and len(text.encode("utf-8", "replace")) <= _PATH_OCTETS_MAX and "@" in text
