"""What is stored of a network message: its status block and itself, as one.

A long one is opened in pieces: all checks are made first, then it goes, status block in front, into a file
that the transaction which stores it adopts.  Neither it nor its body is whole in memory.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from gateway.arriving.arrival_status import with_message
from gateway.arriving.status_block import Status, keywords, render
from gateway.writing.note import request_message
from mx_core.envelope.open import OpenedControl, check_body, open_body
from mx_core.envelope.statement import Statement
from mx_core.mime.limits import HEADER_OCTETS_MAX
from mx_core.mime.long_message import prepare_long
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import FlagSet
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets
from mx_core.store.bodies.long import LongBody


def _nothing() -> None:
    return None


class Stored(Struct, frozen=True):
    """What goes into the store; *end* lets go of a file that no row has adopted."""

    octets: Octets
    form: MessageForm
    flags: FlagSet
    end: Callable[[], None] = _nothing


def in_its_place(me: Address, sender: Address, statement: Statement, received: int) -> Stored:
    """Return what stands in Requests for a message whose body stays at its server."""
    octets = request_message(me, sender, statement.length, received)
    return Stored(octets, prepare(octets), frozenset())


def stored_of(body: bytes, opened: OpenedControl, statement: Statement, status: Status) -> Stored:
    """Open *body*; *status* is what is known before the message.

    Raises:
        Untrusted: As ``open_body``.
    """
    message = open_body(body, opened, statement)
    status = with_message(status, message)
    octets = _block(status) + message
    return Stored(octets, prepare(octets), keywords(status))


def stored_long(
    body: Octets, opened: OpenedControl, statement: Statement, status: Status, into: LongBody
) -> Stored:
    """As ``stored_of``, a piece at a time, into a new file; blocks.

    Whoever calls lets go of *into* where this does not return.

    Raises:
        Untrusted: As ``open_body``.  DiskFull: There is no room for it.
    """
    checked = check_body(body, opened.body_key, statement)
    head = bytearray()
    for piece in checked.pieces():
        head += piece
        if len(head) > HEADER_OCTETS_MAX:
            break  # what the status says of the message is in its header
    status = with_message(status, bytes(head))
    # Crash here, and until a row names it: a file that the next open removes.
    into.write(_block(status))
    for piece in checked.pieces():
        into.write(piece)
    octets = into.octets()
    return Stored(octets, prepare_long(octets), keywords(status), into.discard)


def _block(status: Status) -> bytes:
    return render(status, status.sender)
