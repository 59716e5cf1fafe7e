"""What this domain says of its people: cards, freshly attested; and what it lets them change.

Verifies every entry and epoch before it is stored (identity §2, §5), so that a card handed out
is one that this server would itself believe.  Knows no transport.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
import structlog
from nacl.signing import SigningKey

from mx_core.admission.token import TOKEN_OCTETS, opens
from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.log_rows import Record
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.people import accounts, doorway
from mx_core.homeserver.people.accounts import Member, NewDevice, NewEpoch, StoredAttestation
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import BadCredentials, NotPermitted, Refused
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.notation.hashing import b2
from mx_core.passport import chain
from mx_core.passport.binding import Attestation, Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.entry import SignedEntry
from mx_core.passport.epoch import verify_epoch
from mx_core.passport.op import ChangeRecovery, Genesis, Recover
from mx_core.passport.state import State

_log = structlog.get_logger()
# without witnesses the age of what is shown counts from here, and 48 h is the most (identity §4)
_ATTEST_AGAIN_SECONDS: Final = 12 * 3_600


def invite_hash(code: str) -> bytes:
    """Return what is stored of an invite's code; dashes and case are for the eye only."""
    return b2("MX1.invite", [code.replace("-", "").strip().lower().encode()])


class Publisher:
    """Passports, epochs and cards of one domain; every card with the proof that it is logged."""

    def __init__(
        self,
        database: Transactions,
        domain: str,
        key: Secret[SigningKey],
        book: LogBook,
        *,
        now: Now,
    ) -> None:
        self._database = database
        self._book = book
        self._domain = domain
        self._key = key
        self._public_key = bytes(key.reveal().verify_key)
        self._now = now

    async def register(
        self,
        invite: str,
        signed_entry: bytes,
        signed_epochs: Sequence[bytes],
        earlier: Sequence[bytes] = (),
    ) -> bytes:
        """Make a mailbox for a genesis entry, and return its card.

        Or for a passport that moves here: *earlier* are its entries before *signed_entry*, which
        is the move.  Asking again with the same entries gives the card again: the first answer
        may be lost.

        Raises:
            Untrusted: An entry or an epoch does not prove itself.
            NotPermitted: The invite is no good.  Refused: The address is taken.
        """
        now = int(self._now())
        before = chain.verify_chain(earlier, now=now) if earlier else None
        state = chain.extend(before, signed_entry, now)
        if before is not None and state.address == before.address:
            raise Refused("a passport is registered from its first entry on, or by its move here")
        entries = [*earlier, signed_entry]
        if state.address.domain != self._domain:
            raise Refused(f"this server keeps no mailboxes of {state.address.domain}")
        epochs = [_checked_epoch(state, octets) for octets in signed_epochs]
        address, code = str(state.address), invite_hash(invite)

        def store(tx: sa.Connection) -> Member:
            # Crash before the commit: the invite is unspent.  After it: asked again, the same
            # entry finds itself and needs no invite.
            known = accounts.by_pid(tx, state.pid)
            if known is not None:
                there = accounts.entries(tx, known.mailbox_id)
                if known.address == address and there[: len(entries)] == entries:
                    return known
            chain.accept(before, signed_entry, now)
            accounts.use_invite(tx, code, state.address.local, now)
            log_rows.enqueue(tx, address, Binding.of(state).encode())
            made = accounts.create(
                tx,
                address,
                state.pid,
                signed_entries=entries,
                devices=_devices(state),
                epochs=epochs,
                now=now,
            )
            doorway.take_profile(tx, made.mailbox_id, state.profile)
            return made

        member = await self._database.write(store)
        # Crash here: the record waits, and is logged at the next start before any card shows it.
        failpoint.reach("waiting")
        _log.info("mailbox_registered", mailbox=member.mailbox_id)
        return await self._card(member)

    async def append(self, session: Session, signed_entry: bytes) -> tuple[bytes, frozenset[bytes]]:
        """Append an entry to the caller's passport; return the card and the ids that are gone.

        Raises:
            Untrusted: The entry does not follow the present head (``prev``, ``seq``), or does
                not prove itself.
        """
        now = int(self._now())

        def store(tx: sa.Connection) -> tuple[Member, frozenset[bytes]]:
            hold(tx, [session.mailbox_id])
            member = _member(tx, session)
            return member, _extended(tx, member, signed_entry, now)

        member, gone = await self._database.write(store)
        _log.info("passport_extended", mailbox=member.mailbox_id, devices_gone=len(gone))
        return await self._card(member), gone

    async def recover(
        self, signed_entry: bytes, signed_epochs: Sequence[bytes]
    ) -> tuple[bytes, int]:
        """Append an entry that a recovery sheet signed, without a session: it proves itself.

        Returns the card, with the epochs of the new device, and the mailbox.  Asking again with
        the same entry gives the card again.

        Raises:
            NotPermitted: It is no recovery.  Refused: No mailbox has this passport.
            Untrusted: It does not follow the present head, or does not prove itself.
        """
        now = int(self._now())
        entry = SignedEntry.decode(signed_entry).entry
        if entry.pid is None or not any(isinstance(op, Recover) for op in entry.ops):
            raise NotPermitted("without a session a recovery is taken, and nothing else")
        pid = entry.pid

        def store(tx: sa.Connection) -> tuple[Member, frozenset[bytes]]:
            member = accounts.by_pid(tx, pid)
            if member is None:
                raise Refused("this server keeps no mailbox of this passport")
            hold(tx, [member.mailbox_id])
            gone = _extended(tx, member, signed_entry, now)
            state = chain.verify_chain(accounts.entries(tx, member.mailbox_id), now=now)
            for octets in signed_epochs:
                epoch = _checked_epoch(state, octets)
                if epoch.device_id != entry.by:
                    raise NotPermitted("a recovery brings epochs of the new device only")
                accounts.put_epoch(tx, member.mailbox_id, epoch)
            return member, gone

        # Crash after the commit: the entry is the head; asked again, it finds itself.
        member, gone = await self._database.write(store)
        _log.info("passport_recovered", mailbox=member.mailbox_id, devices_gone=len(gone))
        return await self._card(member), member.mailbox_id

    async def recovery_card(self, address: str, recovery_pk: bytes) -> bytes | None:
        """Return the card of *address*, if its passport ever named the key *recovery_pk*.

        Who knows that key holds a sheet, or has seen the card already: nothing is told anew.
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
        return None if member is None else await self._card(member)

    async def publish_epoch(self, session: Session, signed_epoch: bytes) -> bytes:
        """Hand out an epoch of the caller's own device from now on; return the card.

        Raises:
            Untrusted: It does not prove itself.  Refused: It is not the next one.
        """
        now = int(self._now())

        def store(tx: sa.Connection) -> Member:
            hold(tx, [session.mailbox_id])
            member = _member(tx, session)
            state = chain.verify_chain(accounts.entries(tx, member.mailbox_id), now=now)
            epoch = _checked_epoch(state, signed_epoch)
            if epoch.device_id != session.device_id:
                raise NotPermitted("a device publishes its own epochs only")
            accounts.put_epoch(tx, member.mailbox_id, epoch)
            return member

        return await self._card(await self._database.write(store))

    async def own_card(self, session: Session) -> bytes:
        """Return the caller's card."""
        return await self._card(await self._database.read(lambda tx: _member(tx, session)))

    async def card_of(self, address: str, log_size: int = 0, token: bytes = b"") -> bytes | None:
        """Return the card of a person of this domain, or None; *log_size* as its reader knows it.

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
        return None if member is None else await self._card(member, log_size)

    async def card_at_the_door(self, address: str) -> bytes | None:
        """Return the card of a person of this domain for its own door, also of one who is closed."""
        member = await self._database.read(lambda tx: accounts.by_address(tx, address))
        return None if member is None else await self._card(member)

    async def own_log(self, session: Session) -> list[Record]:
        """Return everything that was logged of the caller's address."""
        member = await self._database.read(lambda tx: _member(tx, session))
        return await self._book.history(member.address)

    async def _card(self, member: Member, log_size: int = 0) -> bytes:
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


def _extended(tx: sa.Connection, member: Member, signed_entry: bytes, now: int) -> frozenset[bytes]:
    """Append the entry and forget the devices that it removes; return their ids.

    Compare-and-swap: one writer at a time, and the entry names the head that it follows.
    """
    entries = accounts.entries(tx, member.mailbox_id)
    if entries[-1] == signed_entry:
        return frozenset()  # asked again: the first answer was lost
    before = chain.verify_chain(entries, now=now)
    state, here = chain.accept(before, signed_entry, now), Address.parse(member.address)
    if state.address.domain == here.domain and state.address != here:
        raise NotPermitted("a mailbox keeps its address; a move leads to another domain")
    if before.address not in (here, state.address):
        raise NotPermitted("this passport has left; where it lives now is told there")
    if state.address != here:
        doorway.move_away(tx, member.mailbox_id, now)
    gone = accounts.append_entry(
        tx,
        member.mailbox_id,
        seq=state.seq,
        signed_entry=signed_entry,
        active=_devices(state),
        now=now,
    )
    doorway.take_profile(tx, member.mailbox_id, state.profile)
    # Crash before the commit: neither entry nor record.  After it: as in ``register``.
    log_rows.enqueue(tx, member.address, Binding.of(state, here).encode())
    for device_id in gone:
        deliveries.forget_device(tx, member.mailbox_id, device_id, now)
    return frozenset(gone)


def _member(tx: sa.Connection, session: Session) -> Member:
    member = accounts.by_mailbox(tx, session.mailbox_id)
    if accounts.device_key(tx, session.mailbox_id, session.device_id) is None or member is None:
        raise BadCredentials("this device is no longer active")
    return member


def _devices(state: State) -> list[NewDevice]:
    return [NewDevice(device.id, device.sign_pk) for device in state.active]


def _checked_epoch(state: State, octets: bytes) -> NewEpoch:
    epoch = verify_epoch(octets, state)
    return NewEpoch(epoch.device_id, epoch.n, octets)
