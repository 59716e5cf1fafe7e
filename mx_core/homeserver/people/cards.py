"""What this domain says of its people: the card of each, freshly attested, with the proof that it is logged.

Who is given which: the person, others, the door, whoever holds a recovery sheet.  What is attested
was verified before it was stored (``passports``).  Knows no transport.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from nacl.signing import SigningKey

from mx_core.admission.token import TOKEN_OCTETS, opens
from mx_core.db.transactions import Transactions
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.log_rows import Record
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.people import accounts, doorway
from mx_core.homeserver.people.accounts import Member, StoredAttestation
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import NotPermitted
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.passport import chain
from mx_core.passport.binding import Attestation, Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.entry import SignedEntry
from mx_core.passport.op import ChangeRecovery, Genesis, Recover

# without witnesses the age of what is shown counts from here, and 48 h is the most (identity §4)
_ATTEST_AGAIN_SECONDS: Final = 12 * 3_600


class Cards:
    """Of one domain."""

    def __init__(
        self, database: Transactions, key: Secret[SigningKey], book: LogBook, *, now: Now
    ) -> None:
        """*key*: of the domain; it signs what is attested."""
        self._database = database
        self._book = book
        self._key = key
        self._public_key = bytes(key.reveal().verify_key)
        self._now = now

    async def of(self, member: Member, log_size: int = 0) -> bytes:
        """Return the card of *member*, with the proof for a log that its reader knows at *log_size*."""
        now = int(self._now())

        def read(
            tx: sa.Connection,
        ) -> tuple[list[bytes], list[bytes], StoredAttestation | None]:
            return (
                accounts.entries(tx, member.mailbox_id),
                accounts.epochs(tx, member.mailbox_id),
                accounts.attestation(tx, member.mailbox_id),
            )

        entries, epochs, attestation = await self._database.read(read)
        if attestation is None or not self._is_good(attestation, len(entries) - 1, now):
            attestation = await self._attest(member, entries, now)
        binding = Attestation.read(cbor.decode(attestation.octets)).binding.encode()
        return Card(
            address=Address.parse(member.address),
            entries=tuple(entries),
            epochs=tuple(epochs),
            attestation=attestation.octets,
            log_proof=await self._book.proof(member.address, binding, log_size),
        ).encode()

    async def own(self, session: Session) -> bytes:
        """Return the caller's card, the one that others are given."""
        return await self.of(await self._caller(session))

    async def looked_up(self, address: str, log_size: int = 0, token: bytes = b"") -> bytes | None:
        """Return the card of a person of this domain, or None; *log_size* as for ``of``.

        Who is closed is nobody, unless a contact of theirs made the *token*.
        """

        def find(tx: sa.Connection) -> Member | None:
            door = doorway.doors(tx, [address]).get(address)
            if door is None:
                return None
            if door.closed and not (
                len(token) == TOKEN_OCTETS
                and opens(doorway.hinted(tx, [(door.mailbox_id, token)])[0], token, address)
            ):
                return None
            return accounts.by_mailbox(tx, door.mailbox_id)

        member = await self._database.read(find)
        return None if member is None else await self.of(member, log_size)

    async def at_the_door(self, address: str) -> bytes | None:
        """Return the card of a person of this domain for its own door, also of one who is closed."""
        member = await self._database.read(lambda tx: accounts.by_address(tx, address))
        return None if member is None else await self.of(member)

    async def for_recovery(self, address: str, recovery_pk: bytes) -> bytes:
        """Return the card of *address*, if its passport ever named the key *recovery_pk*.

        Who knows that key holds a sheet, or has seen the card already: nothing is told anew.

        Raises:
            NotPermitted: It did not, or nobody has the address.
        """

        def read(tx: sa.Connection) -> Member | None:
            member = accounts.by_address(tx, address)
            known = member is not None and any(
                recovery_pk == op.recovery_pk
                for octets in accounts.entries(tx, member.mailbox_id)
                for op in SignedEntry.decode(octets).entry.ops
                if isinstance(op, Genesis | Recover | ChangeRecovery)
            )
            return member if known else None

        member = await self._database.read(read)
        if member is None:
            raise NotPermitted("no address here has, or had, this recovery sheet")
        return await self.of(member)

    async def own_log(self, session: Session) -> list[Record]:
        """Return everything that was logged of the caller's address."""
        return await self._book.history((await self._caller(session)).address)

    async def _caller(self, session: Session) -> Member:
        return await self._database.read(
            lambda tx: accounts.by_device(tx, session.mailbox_id, session.device_id)
        )

    def _is_good(self, attestation: StoredAttestation, seq: int, now: int) -> bool:
        return (
            attestation.seq == seq
            and attestation.domain_pk == self._public_key
            and attestation.issued <= now < attestation.issued + _ATTEST_AGAIN_SECONDS
        )

    async def _attest(
        self, member: Member, entries: Sequence[bytes], now: int
    ) -> StoredAttestation:
        state = chain.verify_chain(entries, now=now)
        # of who has moved away the old address is attested, and the passport says the new one
        binding = Binding.of(state, Address.parse(member.address))
        made = StoredAttestation(
            state.seq, self._public_key, now, attest(self._key.reveal(), binding, now)
        )

        def store(tx: sa.Connection) -> None:
            # an entry appended meanwhile has deleted the old one; ours would be out of date
            hold(tx, [member.mailbox_id])
            if len(accounts.entries(tx, member.mailbox_id)) == len(entries):
                accounts.keep_attestation(tx, member.mailbox_id, made)

        await self._database.write(store)
        return made
