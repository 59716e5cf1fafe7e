"""The account's log: each change as a row, written in the transaction that makes it.

Row shapes and merge rules are spec/journal.  A row names mailboxes and messages by their
global ids; places are named by this device's UIDs, which never repeat, and are translated
when a row travels.  Also the counters that come from one row: modseq, UIDVALIDITY, ids of
messages, the device's sequence and its hybrid logical clock.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from mx_core.model.clock import Now
from mx_core.model.errors import OverQuota, StoreDamaged
from mx_core.model.ids import GlobalId, MessageId, ModSeq, UidValidity
from mx_core.notation import cbor
from mx_core.store.journal.row import Op, Value

if TYPE_CHECKING:
    import sqlalchemy as sa

GLOBAL_ID_OCTETS: Final = 16
_HYBRID_COUNTER_BITS: Final = 16  # below milliseconds since 1970
_UID_VALIDITY_MAX: Final = (1 << 32) - 1


class Counters(NamedTuple):
    """The one row of the counters."""

    device: bytes
    modseq: int
    uid_validity: int
    device_seq: int
    hybrid: int
    newest_message: int


class Journal:
    """The counters and the log within one write job.

    *counters*: as they are in the database, if that is known.
    """

    def __init__(
        self, connection: sa.Connection, now: Now, counters: Counters | None = None
    ) -> None:
        self._connection = connection
        self._now = now
        if counters is None:
            row = connection.exec_driver_sql(
                "SELECT device, modseq, uid_validity, device_seq, hybrid, newest_message FROM clock"
            ).one()
            counters = Counters(*row)
        (
            self._device, self._modseq, self._uid_validity, self._device_seq, self._hybrid,
            self._message,
        ) = counters  # fmt: skip
        self._stored = (self._modseq, self._device_seq)
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
    def counters(self) -> Counters:
        """Return all counters as they are now."""
        return Counters(
            self._device, self._modseq, self._uid_validity, self._device_seq, self._hybrid,
            self._message,
        )  # fmt: skip

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

    def finish(self) -> bool:
        """Store rows and counters, the last thing a job does; tell whether there was a counter to store.

        Raises:
            StoreDamaged: The counters are not those that the job began with.
        """
        if self._rows:
            self._connection.exec_driver_sql(
                "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows
            )
            self._rows = []
        if not self._changed:
            return False
        stored = self._connection.exec_driver_sql(
            "UPDATE clock SET modseq = ?, uid_validity = ?, device_seq = ?, hybrid = ?,"
            " newest_message = ? WHERE modseq = ? AND device_seq = ?",
            (
                self._modseq,
                self._uid_validity,
                self._device_seq,
                self._hybrid,
                self._message,
                *self._stored,
            ),
        )
        if not stored.rowcount:  # no number is given twice, whatever was thought to be known
            raise StoreDamaged("the account's counters have changed beside a job")
        self._stored = (self._modseq, self._device_seq)
        self._changed = False
        return True


def new_global_id() -> GlobalId:
    """Return 16 random octets."""
    return GlobalId(secrets.token_bytes(GLOBAL_ID_OCTETS))
