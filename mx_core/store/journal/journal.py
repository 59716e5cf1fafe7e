"""The account's log: each change as a row, written in the transaction that makes it.

Row shapes and merge rules are spec/journal.  A row names mailboxes and messages by their
global ids; places are named by this device's UIDs, which never repeat, and are translated
when a row travels.  Also the counters that come from one row: modseq, UIDVALIDITY, ids of
messages, the device's sequence and its hybrid logical clock.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from mx_core.model.clock import Now
from mx_core.model.errors import OverQuota
from mx_core.model.ids import GlobalId, MessageId, ModSeq, UidValidity
from mx_core.notation import cbor
from mx_core.store.journal.row import Op, Value

if TYPE_CHECKING:
    import sqlalchemy as sa

GLOBAL_ID_OCTETS: Final = 16
_HYBRID_COUNTER_BITS: Final = 16  # below milliseconds since 1970
_UID_VALIDITY_MAX: Final = (1 << 32) - 1


class Journal:
    """The counters and the log within one write job."""

    def __init__(self, connection: sa.Connection, now: Now) -> None:
        self._connection = connection
        self._now = now
        (
            self._device, self._modseq, self._uid_validity, self._device_seq, self._hybrid,
            self._message,
        ) = connection.exec_driver_sql(
            "SELECT device, modseq, uid_validity, device_seq, hybrid, newest_message FROM clock"
        ).one()  # fmt: skip
        self._rows: list[tuple[object, ...]] = []
        self._changed = False

    @property
    def newest(self) -> ModSeq:
        """Return the highest modseq given out so far."""
        return ModSeq(self._modseq)

    @property
    def moment(self) -> int:
        """Return a number that rises with each modseq and each row, and falls only if one is undone."""
        moment: int = self._modseq + self._device_seq
        return moment

    @property
    def newest_message(self) -> MessageId:
        """Return the highest id of a message given out so far."""
        return MessageId(self._message)

    def next_modseq(self) -> ModSeq:
        """Return a modseq above all that were ever given out.  RFC 7162 §3.1."""
        self._changed = True
        self._modseq += 1
        return ModSeq(self._modseq)

    def reach(self, modseq: ModSeq) -> None:
        """See to it that *modseq* is not given out again."""
        if modseq > self._modseq:
            self._changed, self._modseq = True, modseq

    def next_message(self) -> MessageId:
        """Return an id that no message of this account ever had: kept columns go by it."""
        self._changed = True
        self._message += 1
        return MessageId(self._message)

    def next_uid_validity(self) -> UidValidity:
        """Return a UIDVALIDITY that no mailbox of this account ever had.  RFC 9051 §2.3.1.1."""
        if self._uid_validity >= _UID_VALIDITY_MAX:
            raise OverQuota("the account has made too many mailboxes")
        self._changed = True
        self._uid_validity += 1
        return UidValidity(self._uid_validity)

    def write(self, op: Op, mailbox: GlobalId | bytes, ids: dict[int, Value]) -> None:
        """Add a row, which is stored when the job finishes.

        The hybrid clock never goes back, not even when the wall clock does: then its counter
        runs on, and carries into the milliseconds when it is full.
        """
        self._changed = True
        self._device_seq += 1
        self._hybrid = max(self._hybrid + 1, int(self._now() * 1000) << _HYBRID_COUNTER_BITS)
        self._rows.append(
            (
                self._device,
                self._device_seq,
                self._hybrid,
                new_global_id(),
                int(op),
                mailbox,
                cbor.encode(ids),
            )
        )

    def finish(self) -> None:
        """Store rows and counters; the last thing a job does."""
        if self._rows:
            self._connection.exec_driver_sql(
                "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows
            )
            self._rows = []
        if self._changed:
            self._connection.exec_driver_sql(
                "UPDATE clock SET modseq = ?, uid_validity = ?, device_seq = ?, hybrid = ?,"
                " newest_message = ?",
                (
                    self._modseq,
                    self._uid_validity,
                    self._device_seq,
                    self._hybrid,
                    self._message,
                ),
            )
            self._changed = False


def new_global_id() -> GlobalId:
    """Return 16 random octets."""
    return GlobalId(secrets.token_bytes(GLOBAL_ID_OCTETS))
