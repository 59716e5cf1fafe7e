"""One batch handed to one destination: what became of each item, whatever goes wrong."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from typing import Protocol

import structlog

from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.retry import (
    NO_SUCH_DOMAIN,
    NOT_ADMITTED,
    Failed,
    Outcome,
    Relayed,
    TryAgain,
    outcome,
)
from mx_core.homeserver.queue.slots import Slot
from mx_core.model.errors import (
    MailError,
    NotPermitted,
    Unavailable,
    UnknownRecipient,
    Untrusted,
)
from mx_core.program.logs import places
from mx_core.proto.federation_pb2 import ItemReply

_log = structlog.get_logger()


class Carry(Protocol):
    """Hands a batch to one destination and returns its answers, in order."""

    def __call__(self, destination: str, batch: Sequence[Leaving]) -> Awaitable[list[ItemReply]]:
        """Raise UnknownRecipient: no such domain.  NotPermitted: blocked.  Unavailable: later."""


async def attempt(
    carry: Carry, destination: str, batch: Sequence[Leaving], slot: Slot
) -> tuple[list[Outcome], bool | None]:
    """Return an outcome for each item, and whether *destination* answers (None: nothing says)."""
    started = time.monotonic()
    try:
        async with slot.call():
            replies = await carry(destination, batch)
    except UnknownRecipient:
        _log.info("destination_unknown", peer_domain=destination, items=len(batch))
        return [
            Failed(NO_SUCH_DOMAIN, f"{destination} is not on the network.") for _ in batch
        ], None
    except NotPermitted:
        _log.info("destination_blocked", peer_domain=destination, items=len(batch))
        reason = f"Your home server exchanges no mail with {destination}."
        return [Failed(NOT_ADMITTED, reason) for _ in batch], None
    except (Unavailable, Untrusted, TimeoutError) as error:
        # whatever is wrong with a peer's proof, the mail waits: it never goes elsewhere
        _log.info(
            "destination_unreachable",
            peer_domain=destination,
            items=len(batch),
            error=type(error).__name__,
            failure=getattr(error, "failure", ""),
        )
        return [TryAgain(0, _why(error)) for _ in batch], False
    except MailError as error:
        _log.warning("batch_refused", peer_domain=destination, error=type(error).__name__)
        return [TryAgain(0, "it did not take the batch") for _ in batch], False
    except Exception as error:  # noqa: BLE001  # the one catch-all of a batch: mail must wait, not die
        _log.error(
            "batch_broke",
            peer_domain=destination,
            error=type(error).__name__,
            places=places(error),
        )
        return [TryAgain(0, "this server met a bug of its own") for _ in batch], False
    if len(replies) != len(batch):
        return [TryAgain(0, "its answer did not fit the batch") for _ in batch], None
    outcomes = [outcome(reply, destination) for reply in replies]
    _log.info(
        "batch_sent",
        peer_domain=destination,
        items=len(batch),
        relayed=sum(isinstance(each, Relayed) for each in outcomes),
        octets=sum(what.octets for what in batch),
        milliseconds=round((time.monotonic() - started) * 1000, 1),
    )
    return outcomes, True


def _why(error: Exception) -> str:
    return "it could not prove who it is" if isinstance(error, Untrusted) else "it did not answer"
