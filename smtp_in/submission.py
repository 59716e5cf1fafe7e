"""What may be submitted: the facts of MAIL and RCPT in, a value or the reply that refuses out.

Pure.  Knows the sender's account only as "may this address be used"; whether a recipient can
be reached is the outbox's to judge.  RFC 6409 §4–§6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct, field

from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, NotPermitted
from mx_core.model.notify import NotifyRequest
from smtp_in import dsn, future, replies
from smtp_in.command import Path, parse_size
from smtp_in.limits import Limits
from smtp_in.replies import Reply

_MAIL_PARAMETERS: Final = (
    frozenset({"SIZE", "BODY", "AUTH", "SMTPUTF8", "RET", "ENVID"}) | future.PARAMETERS
)
_RCPT_PARAMETERS: Final = frozenset({"NOTIFY", "ORCPT"})
_BODIES: Final = frozenset({"7BIT", "8BITMIME"})  # RFC 6152 §2


class Transaction(Struct):
    """One message under way, from MAIL to the end of DATA; owned by its connection."""

    sender: Address
    recipients: list[Address] = field(default_factory=list)
    utf8: bool = False  # SMTPUTF8 was given: addresses may hold more than ASCII
    envid: str = ""
    return_full: bool = False
    wanted: dict[Address, NotifyRequest] = field(default_factory=dict)
    hold: future.Hold = future.NONE
    refusal: Reply | None = None  # for every recipient: the sender is nobody's here

    def knows(self, recipient: Address) -> bool:
        """Tell whether that mailbox was named already, in any case of its letters."""
        return folded(recipient) in map(folded, self.recipients)


def folded(address: Address) -> str:
    """Return what two spellings of one mailbox share; a +tag stays, it may mean another one."""
    return str(address).lower()


def judge_mail(
    path: Path | None,
    own: Address,
    may_send_as: Callable[[Address], bool],
    limits: Limits,
    now: float,
) -> Transaction | Reply:
    """Begin a message, or refuse it.

    A sender in a form that nobody here can have (quoted, or at an address literal) is an address
    all the same: it is refused with each recipient, as the right to a sender may be (RFC 6409 §6.1).

    The null sender is what mail programs use for read receipts (RFC 8098 §3); it stands for
    the account's own address, so that a failure can be reported.
    """
    if path is None:
        return replies.BAD_MAIL
    refusal = _refuse_parameters(path.parameters, limits)
    if refusal is not None:
        return refusal
    utf8 = "SMTPUTF8" in path.parameters
    envid = dsn.parse_envid(path.parameters["ENVID"]) if "ENVID" in path.parameters else ""
    return_full = dsn.parse_return(path.parameters.get("RET", "HDRS"))
    if envid is None or return_full is None:
        return replies.BAD_DSN
    hold = future.parse_hold(path.parameters, now, limits.hold_seconds)
    if hold is None:
        return replies.BAD_HOLD
    begun = Transaction(own, utf8=utf8, envid=envid, return_full=return_full, hold=hold)
    if path.address == "":
        return begun
    if not utf8 and not path.address.isascii():
        return replies.NEEDS_SMTPUTF8  # RFC 6531 §3.5
    try:
        sender = Address.parse(path.address)
        allowed = may_send_as(sender)
    except BadAddress as error:
        if path.foreign:
            begun.refusal = _no_such_sender(own, path.address)
            return begun
        return Reply(replies.BAD_SENDER.code, replies.BAD_SENDER.enhanced, str(error))
    if not allowed:
        return _no_such_sender(own, str(sender))
    begun.sender = sender
    return begun


def judge_recipient(
    path: Path | None, transaction: Transaction, limits: Limits
) -> Address | Reply | None:
    """Return the recipient to ask the outbox about, a refusal, or None if it was named before."""
    if path is None or path.address == "":
        return replies.BAD_RCPT
    if transaction.refusal is not None:
        return transaction.refusal
    if not path.parameters.keys() <= _RCPT_PARAMETERS:
        return replies.UNKNOWN_PARAMETER
    wanted = dsn.parse_request(path.parameters.get("NOTIFY"), path.parameters.get("ORCPT"))
    if wanted is None:
        return replies.BAD_DSN
    if not transaction.utf8 and not path.address.isascii():
        return replies.NEEDS_SMTPUTF8
    try:
        recipient = Address.parse(path.address)
        recipient.canonical()
    except BadAddress as error:
        return replies.of_error(error)
    if transaction.knows(recipient):
        return None
    if len(transaction.recipients) >= limits.recipients:
        return replies.TOO_MANY_RECIPIENTS
    transaction.wanted[recipient] = wanted
    return recipient


def _no_such_sender(own: Address, sender: str) -> Reply:
    return replies.of_error(NotPermitted(f"this login sends as {own}, not as {sender}"))


def _refuse_parameters(parameters: dict[str, str], limits: Limits) -> Reply | None:
    if not parameters.keys() <= _MAIL_PARAMETERS:
        return replies.UNKNOWN_PARAMETER
    # AUTH= names who wrote the message first; between person and gateway that says nothing new
    # and is ignored (RFC 4954 §5).
    if parameters.get("SMTPUTF8"):
        return replies.UNKNOWN_PARAMETER  # RFC 6531 §3.4: it takes no value
    if parameters.get("BODY", "7BIT").upper() not in _BODIES:
        return replies.BAD_BODY
    if "SIZE" in parameters:
        size = parse_size(parameters["SIZE"])
        if size is None:
            return replies.BAD_SIZE
        if size > limits.message_octets:
            return replies.TOO_LARGE
    return None
