"""Invitations: a link by which somebody is found, known and written to.  Spec/invitations.

Whoever holds the link has the passport that is to be expected at the address, and a secret of
which tokens are made as of a contact's: a home server sees no difference.  The part after the
``#`` is sent to nobody by a browser; what stands before it is not read here.  Pure.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address, is_canonical
from mx_core.model.errors import BadInvitation, Untrusted
from mx_core.model.ids import Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS, b2

SEED_OCTETS: Final = 16
USES_MAX: Final = 1_000
DAYS_MAX: Final = 84  # twelve weeks: the list of tags reaches no further
INVITATIONS_MAX: Final = 100  # of one person, at a time
PATH: Final = "/.well-known/mailx/invitation"
_FORMAT: Final = 1
_CHECK_OCTETS: Final = 4
_TEXT_MAX: Final = 2_000
_DAMAGED: Final = "this invitation is damaged: copy the whole link, to its last letter"


class Invitation(Struct, frozen=True):
    """What a link says; *address* is canonical, *seed* 16 octets, *expires* unix seconds."""

    address: Address
    pid: Pid
    seed: bytes
    expires: int

    @property
    def secret(self) -> bytes:
        """The secret of which tokens are made, 32 octets."""
        return b2("MX1.invite.key", [self.pid], key=self.seed)

    def link(self) -> str:
        """Return the link."""
        said = cbor.encode(
            {0: _FORMAT, 1: str(self.address), 2: self.pid, 3: self.seed, 4: self.expires}
        )
        return f"https://{self.address.domain}{PATH}#{_text(said + _check(said))}"

    @classmethod
    def read(cls, text: str) -> Invitation:
        """Return what a link says; white space in it, and all before the last ``#``, do not count.

        Raises:
            BadInvitation: It is none, or not whole.
        """
        encoded = "".join(text.split()).rpartition("#")[2]
        if not encoded or len(encoded) > _TEXT_MAX:
            raise BadInvitation("this is no invitation: it is a link that ends in # and letters")
        try:
            octets = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError) as error:
            raise BadInvitation(_DAMAGED) from error
        said, check = octets[:-_CHECK_OCTETS], octets[-_CHECK_OCTETS:]
        if _text(octets) != encoded or check != _check(said):
            raise BadInvitation(_DAMAGED)
        try:
            return cls._of(cbor.decode(said))
        except Untrusted as error:
            raise BadInvitation(_DAMAGED) from error

    @classmethod
    def _of(cls, value: cbor.Value) -> Invitation:
        match value:
            case {0: int() as kind} if kind != _FORMAT:
                raise BadInvitation("this invitation is of a newer version of mx-gateway")
            case {
                0: int(),
                1: str() as address,
                2: bytes() as pid,
                3: bytes() as seed,
                4: int() as expires,
                **more,
            } if (
                not more
                and not isinstance(expires, bool)
                and (len(pid), len(seed)) == (DIGEST_OCTETS, SEED_OCTETS)
                and is_canonical(address)
            ):
                return cls(Address.parse(address), Pid(pid), seed, expires)
        raise BadInvitation(_DAMAGED)


def use_of(secret: bytes, pid: Pid) -> bytes:
    """Return what the passport *pid* shows, inside sealed mail, of the invitation with *secret*."""
    return b2("MX1.invite.use", [pid], key=secret)


def secret_after(secret: bytes, pid: Pid) -> bytes:
    """Return the contact secret that *pid* has once they have used the invitation."""
    return b2("MX1.invite.peer", [pid], key=secret)


def _check(said: bytes) -> bytes:
    return b2("MX1.invite.link", [said])[:_CHECK_OCTETS]


def _text(octets: bytes) -> str:
    # base64url without padding                                       RFC 4648 §5
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
