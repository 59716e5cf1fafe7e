"""What this domain lets its people do to their passports: each entry and epoch verified before it is stored.

So that a card handed out is one that this server would itself believe (identity §2, §5); what is
said of a passport afterwards is made in ``cards``.  Knows no transport, and no key of the domain.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.people import accounts, doorway, invites
from mx_core.homeserver.people.accounts import Member, NewDevice, NewEpoch
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import NotPermitted, Refused
from mx_core.passport import chain
from mx_core.passport.binding import Binding
from mx_core.passport.entry import SignedEntry
from mx_core.passport.epoch import verify_epoch
from mx_core.passport.op import Recover
from mx_core.passport.state import State

_log = structlog.get_logger()


class Passports:
    """Of one domain.  Each change is durable when it is answered, and the answer is whose it is."""

    def __init__(self, database: Transactions, domain: str, *, now: Now) -> None:
        self._database = database
        self._domain = domain
        self._now = now

    async def register(
        self,
        invite: str,
        signed_entry: bytes,
        signed_epochs: Sequence[bytes],
        earlier: Sequence[bytes] = (),
    ) -> Member:
        """Make a mailbox for a genesis entry, and return whose it is.

        Or for a passport that moves here: *earlier* are its entries before *signed_entry*, which
        is the move.  Asking again with the same entries gives the same answer: the first one may
        be lost.

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
        address, code = str(state.address), invites.hash_of(invite)

        def store(tx: sa.Connection) -> Member:
            # Crash before the commit: the invite is unspent.  After it: asked again, the same
            # entry finds itself and needs no invite.
            known = accounts.by_pid(tx, state.pid)
            if known is not None:
                there = accounts.entries(tx, known.mailbox_id)
                if known.address == address and there[: len(entries)] == entries:
                    return known
            chain.accept(before, signed_entry, now)
            invites.use(tx, code, state.address.local, now)
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
        return member

    async def append(
        self, session: Session, signed_entry: bytes
    ) -> tuple[Member, frozenset[bytes]]:
        """Append an entry to the caller's passport; return whose it is, and the ids of devices that are gone.

        Raises:
            Untrusted: The entry does not follow the present head (``prev``, ``seq``), or does
                not prove itself.
        """
        now = int(self._now())

        def store(tx: sa.Connection) -> tuple[Member, frozenset[bytes]]:
            hold(tx, [session.mailbox_id])
            member = accounts.by_device(tx, session.mailbox_id, session.device_id)
            return member, _extended(tx, member, signed_entry, now)

        member, gone = await self._database.write(store)
        _log.info("passport_extended", mailbox=member.mailbox_id, devices_gone=len(gone))
        return member, gone

    async def recover(self, signed_entry: bytes, signed_epochs: Sequence[bytes]) -> Member:
        """Append an entry that a recovery sheet signed, without a session: it proves itself.

        Returns whose it is, with the epochs of the new device stored.  Asking again with the same
        entry gives the same answer.

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
        return member

    async def publish_epoch(self, session: Session, signed_epoch: bytes) -> Member:
        """Hand out an epoch of the caller's own device from now on; return whose it is.

        Raises:
            Untrusted: It does not prove itself.  Refused: It is not the next one.
        """
        now = int(self._now())

        def store(tx: sa.Connection) -> Member:
            hold(tx, [session.mailbox_id])
            member = accounts.by_device(tx, session.mailbox_id, session.device_id)
            state = chain.verify_chain(accounts.entries(tx, member.mailbox_id), now=now)
            epoch = _checked_epoch(state, signed_epoch)
            if epoch.device_id != session.device_id:
                raise NotPermitted("a device publishes its own epochs only")
            accounts.put_epoch(tx, member.mailbox_id, epoch)
            return member

        return await self._database.write(store)


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


def _devices(state: State) -> list[NewDevice]:
    return [NewDevice(device.id, device.sign_pk) for device in state.active]


def _checked_epoch(state: State, octets: bytes) -> NewEpoch:
    epoch = verify_epoch(octets, state)
    return NewEpoch(epoch.device_id, epoch.n, octets)
