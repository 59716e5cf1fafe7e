"""A message that is too long for memory: its header is judged, and all of it goes on sealed.

Octets come from a reader in blocks of whole lines, the first with the whole header; an error is
kept until the end of data has been read, as that of a short message.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import final

from mx_core.model.errors import MailError
from mx_core.model.long_octets import LongOctets
from mx_core.model.message import Submission
from mx_core.ports import Outbox
from smtp_in.message import make_submission
from smtp_in.submission import Transaction


@final
class LongMessage:
    """One message on its way into *outbox*."""

    def __init__(self, outbox: Outbox, asked: Transaction) -> None:
        self._outbox = outbox
        self._asked = asked
        self._begun: Submission | None = None
        self._kept: LongOctets | None = None
        self._error: MailError | None = None

    @property
    def begun(self) -> bool:
        """Tell whether anything was written: else the message is a short one."""
        return self._begun is not None or self._error is not None

    def write(self, block: bytes) -> None:
        """Take *block*; see ``body.Sink``."""
        if self._error is not None:
            return
        try:
            if self._kept is None:
                begun = make_submission(
                    block, self._asked, now=time.time(), unique=secrets.token_hex(16)
                )
                self._begun, self._kept = begun, self._outbox.begin_long()
                block = begun.octets
            self._kept.write(block)
        except MailError as error:
            self._error = error
            self.close()

    def submission(self) -> Submission:
        """Return what is to be stored and sent, after the last block; raises what went wrong."""
        if self._error is not None:
            raise self._error
        assert self._begun is not None  # noqa: S101  # asked for only once it has begun
        return replace(self._begun, long=self._kept)

    def close(self) -> None:
        """Let go of what nobody has taken over; harmless when done twice."""
        if self._kept is not None:
            self._kept.discard()
