"""The account's own keys: long-lived ones by name, epochs by number, its passport by seq.

Octets only; what they mean is identity §1–§5.  A forgotten epoch key is in no file any more:
the row goes under ``secure_delete`` and the write-ahead log is emptied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.errors import StoreDamaged
from mx_core.model.secret import Secret
from mx_core.store.people.stale_secret import grow_stale

if TYPE_CHECKING:
    import sqlalchemy as sa

# a sender keeps octets for 30 days after it was settled, and a home server an envelope for as long
# as it takes; the two delays of five days before and after are in it
REMEMBERED_SECONDS: Final = 60 * 86_400


class OwnKey(Enum):
    """Names of what is kept one of."""

    IDENTITY = "identity"  # Ed25519 seed
    RECOVERY_PUBLIC = "recovery-public"  # Ed25519 public key; the seed is on paper
    BACKUP_PUBLIC = "backup-public"  # X-Wing public key; the seed is made of the one on paper
    DEVICE = "device"  # Ed25519 seed
    CARD = "card"  # the newest card that the own server attested
    RECOVERY = "recovery"  # the entry and the epoch by which a sheet makes this device one
    MOVE = "move"  # an entry that leads to another domain, and the invite of that domain
    CHANGE = "change"  # an entry that was sent and not confirmed, with the key that it brings


class OwnEpoch(Struct, frozen=True):
    """One epoch key of this device; times are unix seconds."""

    n: int
    private: Secret[bytes]  # X25519, 32 octets; in suite 2 the 32 of an X-Wing seed follow
    statement: bytes  # SignedEpoch
    not_after: int
    acknowledged: int | None  # when the server confirmed that it publishes it


class OwnKeys:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: OwnKey) -> Secret[bytes] | None:
        """Return the octets kept under *name*."""

        def job(connection: sa.Connection) -> Secret[bytes] | None:
            octets = connection.exec_driver_sql(
                "SELECT octets FROM own_key WHERE name = ?", (name.value,)
            ).scalar()
            return None if octets is None else Secret(octets)

        return await self._database.read(job)

    async def put(self, name: OwnKey, octets: Secret[bytes]) -> None:
        """Keep *octets* under *name* in place of what was there."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO own_key VALUES (?, ?)", (name.value, octets.reveal())
                ).rowcount
            )
        )

    async def drop(self, name: OwnKey) -> None:
        """Forget what is kept under *name*."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "DELETE FROM own_key WHERE name = ?", (name.value,)
                ).rowcount
            )
        )

    async def put_all(self, keys: Mapping[OwnKey, bytes]) -> None:
        """Keep all of *keys*, each in place of what was there, or none."""

        def job(connection: sa.Connection) -> None:
            for name, octets in keys.items():
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO own_key VALUES (?, ?)", (name.value, octets)
                )

        await self._database.write(job)

    async def new_epoch_number(self) -> int:
        """Return a number that was never given out, durably: nobody can sign two epochs with it.

        Crash afterwards: the number stays unused, which is allowed.
        """
        return await self._database.write(
            lambda connection: int(
                connection.exec_driver_sql("INSERT INTO own_epoch DEFAULT VALUES").lastrowid
            )
        )

    async def keep_epoch(self, epoch: OwnEpoch) -> None:
        """Keep the key of a number given out before; it must be kept before it is published."""

        def job(connection: sa.Connection) -> None:
            kept = connection.exec_driver_sql(
                "UPDATE own_epoch SET private = ?, statement = ?, not_after = ?, acknowledged = ?"
                " WHERE n = ? AND private IS NULL",
                (
                    epoch.private.reveal(),
                    epoch.statement,
                    epoch.not_after,
                    epoch.acknowledged,
                    epoch.n,
                ),
            )
            if not kept.rowcount:
                raise StoreDamaged(f"epoch {epoch.n} was never begun, or has its key already")

        await self._database.write(job)

    async def acknowledge_epoch(self, n: int, at: int) -> None:
        """Note when the server confirmed the publication; the first time counts."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE own_epoch SET acknowledged = ? WHERE n = ? AND acknowledged IS NULL",
                    (at, n),
                ).rowcount
            )
        )

    async def epochs(self) -> list[OwnEpoch]:
        """Return the epochs whose keys are held, newest first."""
        return await self._database.read(
            lambda connection: [
                OwnEpoch(n, Secret(private), statement, not_after, acknowledged)
                for n, private, statement, not_after, acknowledged in connection.exec_driver_sql(
                    "SELECT n, private, statement, not_after, acknowledged FROM own_epoch"
                    " WHERE private IS NOT NULL ORDER BY n DESC"
                )
            ]
        )

    async def forget_epoch(self, n: int, now: float) -> None:
        """Delete the key of epoch *n*, and the replay memory that nothing needs any more (identity §5).

        A message that was opened may come again, sealed anew for another device, long after the key
        that opened it is gone.

        It is destroyed once ``empty_log`` has returned.  Crash before that: the log still holds
        old pages, sealed under the store's key, until the next checkpoint, which the next open takes.
        """

        def job(connection: sa.Connection) -> None:
            # The numbers come from AUTOINCREMENT, which remembers them without the row.
            connection.exec_driver_sql("DELETE FROM own_epoch WHERE n = ?", (n,))
            connection.exec_driver_sql(
                "DELETE FROM seen_msg_id WHERE at < ?"
                " AND epoch NOT IN (SELECT n FROM own_epoch WHERE private IS NOT NULL)",
                (int(now) - REMEMBERED_SECONDS,),
            )

        await self._database.write(job)

    async def empty_log(self) -> None:
        """Leave nothing of what was deleted in the write-ahead log.

        Raises:
            Busy: A reader kept it from being emptied; ask again.
        """
        await self._database.truncate_log()


class OwnPassport:
    """The account's own chain of signed entries, in order, never rewritten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self) -> list[bytes]:
        """Return the signed entries from genesis on."""
        return await self._database.read(
            lambda connection: list(
                connection.exec_driver_sql("SELECT octets FROM own_entry ORDER BY seq").scalars()
            )
        )

    async def add(
        self,
        seq: int,
        entry: bytes,
        keys: Mapping[OwnKey, bytes] | None = None,
        *,
        lost_at: int | None = None,
    ) -> None:
        """Append the signed entry *seq*; adding the same again is harmless.

        *keys* are kept in the same transaction, and the change that was under way is forgotten.
        *lost_at*: the entry removes a device at that unix second, and what it knew of contacts is
        renewed (spec/admission §1).

        Raises:
            StoreDamaged: Another entry stands at *seq*, or one before it is missing.
        """

        def job(connection: sa.Connection) -> None:
            for name, octets in (keys or {}).items():
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO own_key VALUES (?, ?)", (name.value, octets)
                )
            if lost_at is not None:
                grow_stale(connection, lost_at)
            connection.exec_driver_sql(
                "DELETE FROM own_key WHERE name IN (?, ?, ?)",
                (OwnKey.CHANGE.value, OwnKey.RECOVERY.value, OwnKey.MOVE.value),
            )
            there = connection.exec_driver_sql(
                "SELECT octets FROM own_entry WHERE seq = ?", (seq,)
            ).scalar()
            count = connection.exec_driver_sql("SELECT count(*) FROM own_entry").scalar_one()
            if there == entry:
                return
            if there is not None or count != seq:
                raise StoreDamaged(f"the own passport has no place for an entry {seq}")
            connection.exec_driver_sql("INSERT INTO own_entry VALUES (?, ?)", (seq, entry))

        await self._database.write(job)

    async def follow(self, entries: Sequence[bytes]) -> None:
        """Take over what other devices have added: *entries* from genesis on.

        Raises:
            StoreDamaged: They do not go on from what stands here.
        """

        def job(connection: sa.Connection) -> None:
            there = connection.exec_driver_sql("SELECT octets FROM own_entry ORDER BY seq")
            known = there.scalars().all()
            if list(entries[: len(known)]) != known:
                raise StoreDamaged("the own passport does not go on from the one that is kept")
            for seq in range(len(known), len(entries)):
                connection.exec_driver_sql(
                    "INSERT INTO own_entry VALUES (?, ?)", (seq, entries[seq])
                )

        await self._database.write(job)
