"""A submission as it was accepted: all that the outbox's rows are made of, in one piece.

docs/spec/accepted.md §2.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.model.notify import AS_USUAL


class Recipient(Struct, frozen=True, array_like=True):
    """One recipient, with what was decided for them."""

    address: str
    hidden: bool  # no To or Cc field names them
    msg_id: bytes
    policy: str
    decision: str
    notify: str  # what DSN asked for, as ``NotifyRequest`` spells it
    original: str


class Accepted(Struct, frozen=True, array_like=True):
    """One submission; times are unix seconds."""

    queue_id: str
    sender: str
    created: int
    size: int
    envid: str
    return_full: bool
    not_before: int
    message_id: bytes  # without brackets; b"": it has none
    recipients: tuple[Recipient, ...]
    octets: bytes  # of the message


_DECODER: Final = msgspec.msgpack.Decoder(Accepted)


def accepted(
    submission: Submission,
    queue_id: QueueId,
    message_id: bytes,
    *,
    created: int,
    decided: Mapping[Address, tuple[str, str]],
    msg_ids: Mapping[Address, bytes],
) -> Accepted:
    """Return *submission* as it is kept; *decided*: policy and reason of each recipient."""
    return Accepted(
        queue_id,
        str(submission.sender),
        created,
        submission.size,
        submission.envid,
        submission.return_full,
        submission.not_before,
        message_id,
        tuple(
            Recipient(
                str(who),
                who in submission.hidden,
                msg_ids[who],
                *decided[who],
                (wanted := submission.wanted.get(who, AS_USUAL)).spelt(),
                wanted.original,
            )
            for who in submission.recipients
        ),
        submission.octets,
    )


def encoded(record: Accepted) -> bytes:
    """Return the octets of *record*."""
    return msgspec.msgpack.encode(record)


def decoded(octets: bytes) -> Accepted:
    """Return the record of *octets*, which ``encoded`` gave: they were sealed under our key."""
    return _DECODER.decode(octets)
