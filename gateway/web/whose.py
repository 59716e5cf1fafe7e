"""What the commands and pages of one matter need of an account, or of the gateway.  Knows no HTTP.

Apart from the routes, because whoever provides it must not load what serves them: a gateway that
nobody asks anything carries no web framework.
"""

from __future__ import annotations

from typing import Any, Protocol

from gateway.decrypting.decrypting import Decrypting
from gateway.greeting.round_trip import Greeting
from gateway.legacy.oauth.grants import Grants
from gateway.migration.dial import Dial
from gateway.migration.export.exporting import Exporting
from gateway.migration.importing import Importing
from gateway.own.changes import OwnChanges
from gateway.own.identity import OwnIdentity
from gateway.own.moving import Moving
from gateway.people.upgrading import Upgrading
from gateway.pulling.pulling import Pulling
from gateway.recovery.backups import Backups
from gateway.recovery.recovering import AskedBack
from gateway.sending.foot import Foot
from mx_core.carriers.native.membership import DoorChange, DoorState
from mx_core.model.address import Address
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore
from mx_core.store.folders.upkeep import Folders
from mx_core.store.own.password import ClientPasswords


class Lockable(Protocol):
    """What can be locked, and locks itself when nobody does anything."""

    def hear(self) -> None:
        """Note that somebody does something."""

    async def lock(self) -> None:
        """Forget the master key; the process begins again.  Raises Refused."""

    async def unlock(self, passphrase: Secret[str]) -> None:
        """Open every account; raises BadCredentials, Refused, Unavailable."""

    async def unlock_by(self, method: str, passphrase: Secret[str]) -> None:
        """Keep the master key in another way; raises Refused, Unavailable."""


class Desk(Protocol):
    """Where a recovery is begun and finished."""

    async def begin_recovery(self, asked: AskedBack) -> dict[str, Any]:
        """Return what it would do; raises as ``Recovering.begin``."""

    async def finish_recovery(self, token: str) -> dict[str, Any]:
        """Return the settings for a mail program; raises as ``Recovering.finish``."""


class Recoverable(Protocol):
    """Whose backups and devices these are."""

    backups: Backups
    changes: OwnChanges
    moving: Moving
    own: OwnIdentity


class DoorKeeper(Protocol):
    """Who asks the home server; ``Membership`` does."""

    async def door(self, change: DoorChange = DoorChange.NOTHING) -> DoorState:
        """Return how it is after *change*; raises Refused if the domain has no door."""


class BehindDoor(Protocol):
    """Whose door it is."""

    @property
    def membership(self) -> DoorKeeper:
        """Return who asks its home server."""


class Imported(Protocol):
    """Whose imports these are."""

    importing: Importing


class Decrypted(Protocol):
    """Whose encrypted mail it is."""

    @property
    def decrypting(self) -> Decrypting:
        """Return what knows their encrypted mail."""


class Exported(Protocol):
    """Whose exports these are."""

    exporting: Exporting


class Pulled(Protocol):
    """Whose accounts these are."""

    pulling: Pulling


class Permitted(Protocol):
    """Whose permissions these are."""

    grants: Grants


class Migrating(Protocol):
    """Who is on the way."""

    address: Address

    @property
    def dial(self) -> Dial:
        """Return what tells how far they are."""

    @property
    def upgrading(self) -> Upgrading:
        """Return what hears of contacts who came to the network."""

    @property
    def foot(self) -> Foot:
        """Return the sentence below ordinary mail."""


class Greeted(Protocol):
    """Who is shown their first round trip."""

    greeting: Greeting


class Claiming(Protocol):
    """Whose claims these are."""

    own: OwnIdentity
    store: AccountStore


class Finding(Protocol):
    """Whose evidence is asked for."""

    store: AccountStore


class FolderStore(Protocol):
    """What an account keeps of folders."""

    folders: Folders
    passwords: ClientPasswords
