"""The receipt that is owed for a message: signed here, when its owner has opted in, and only then.

For mail of a person alone: what is itself a receipt gets none, nor does one's own mail or that of a
device that was removed.  Whether its author is an accepted contact is judged where it is noted.
"""

from __future__ import annotations

import secrets
from typing import Final

from gateway.arriving.senders import JudgedSender
from gateway.own.identity import OwnIdentity
from mx_core.envelope.receipt import DAY_SECONDS, Receipt, digest_of
from mx_core.envelope.statement import Kind, Statement
from mx_core.store.arriving.receipts import Owed

SOONEST_SECONDS: Final = 600  # alone, never so soon that it tells when somebody was there
LATEST_SECONDS: Final = 12 * 3600


def alone_after(now: float) -> int:
    """Return when something may be sent alone, drawn anew each time; unix seconds."""
    return int(now) + SOONEST_SECONDS + secrets.randbelow(LATEST_SECONDS - SOONEST_SECONDS)


def owed_for(
    own: OwnIdentity, sender: JudgedSender, statement: Statement, statement_octets: bytes
) -> Owed | None:
    """Return the receipt for a verified *statement*, or None where none is given."""
    come_from = sender.come_from
    mine = sender.by.pid == own.pid
    if not own.state.profile.receipts or mine or come_from.doubtful:
        return None
    if statement.kind is not Kind.MAIL:
        return None
    now = own.now()
    receipt = Receipt(
        statement.msg_id,
        digest_of(statement_octets),
        own.pid,
        own.device_id,
        int(now) // DAY_SECONDS,
    )
    signed = receipt.signed(own.signing_key.reveal())
    return Owed(statement.msg_id, come_from.author, signed, alone_after(now))
