"""Steps 3 and 4 of chain verification: exactly the signatures that the ops demand.

Spec/passport §3.  Roles 1, 3 and 5 sign with the keys of the state before the entry, at genesis
with its own; role 3 of a recovery, and 2, 4 and 6, with the keys that the ops bring.
"""

from __future__ import annotations

from mx_core.model.errors import Untrusted
from mx_core.notation.signing import passport_role, verify
from mx_core.passport.entry import Entry, SignedEntry
from mx_core.passport.op import Add, ChangeRecovery, End, Genesis, Move, Recover, Rotate
from mx_core.passport.rules import ops_of, signer_of
from mx_core.passport.state import State

IDENTITY, NEW_IDENTITY, BY, NEW_DEVICE, RECOVERY, NEW_RECOVERY = range(1, 7)

Demanded = frozenset[tuple[int, bytes]]  # (role, public key)


def asks_for_recovery(entry: Entry) -> bool:
    """Tell whether the recovery key of before must sign: such an entry cancels a pending one."""
    return any(
        isinstance(op, Recover | Move | End) or (isinstance(op, ChangeRecovery) and not op.delayed)
        for op in entry.ops
    )


def demanded(state: State | None, entry: Entry) -> Demanded:
    """Return the roles and keys that must have signed *entry*."""
    signer = signer_of(state, entry)
    asked = set() if signer is None else {(BY, signer.sign_pk)}
    for op in entry.ops:
        match op:
            case Genesis(identity_pk=identity_pk, recovery_pk=recovery_pk):
                asked |= {(IDENTITY, identity_pk), (RECOVERY, recovery_pk)}
            case Recover(identity_pk=identity_pk, recovery_pk=recovery_pk):
                asked |= {(NEW_IDENTITY, identity_pk), (NEW_RECOVERY, recovery_pk)}
            case Add(device):
                asked.add((NEW_DEVICE, device.sign_pk))
            case Rotate(identity_pk):
                asked.add((NEW_IDENTITY, identity_pk))
            case ChangeRecovery(recovery_pk=recovery_pk):
                asked.add((NEW_RECOVERY, recovery_pk))
            case _:
                pass
    if state is not None:
        if not ops_of(entry, Recover):
            asked.add((IDENTITY, state.identity_pk))
        if asks_for_recovery(entry):
            asked.add((RECOVERY, state.recovery_pk))
    return frozenset(asked)


def check_signatures(asked: Demanded, signed: SignedEntry) -> None:
    """Check that exactly *asked* have signed, each in its own role.

    Raises:
        Untrusted: ``role-missing``, ``role-extra``, ``bad-signature``.
    """
    given = [(each.role, each.public_key) for each in signed.signatures]
    missing = asked.difference(given)
    if missing:
        raise Untrusted("role-missing", f"no signature of role {min(missing)[0]} by its key")
    if len(given) != len(asked):
        raise Untrusted("role-extra", "a signature that no op asks for")
    for each in signed.signatures:
        verify(each.public_key, passport_role(each.role), signed.entry_octets, each.signature)
