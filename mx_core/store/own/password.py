"""What mail programs log in with: random, one for each program, named and revocable.

128 random bits need no slow hash (which would cost 0.2 s a login); they are kept as BLAKE2b
under a key of this store, so that a leaked row can not be tested elsewhere.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.errors import NotPermitted, OverQuota
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2

if TYPE_CHECKING:
    import sqlalchemy as sa

_OCTETS: Final = 16
_GROUP: Final = 4
_KEY: Final = "client-password"  # in own_key
_KEY_OCTETS: Final = 32
_PASSWORDS_MAX: Final = 100
_NAME_MAX: Final = 100
_TOUCH_SECONDS: Final = 60  # last use is noted no more often: a login should not cost a commit


class ClientPassword(Struct, frozen=True):
    """One password, without itself; times are unix seconds."""

    name: str
    created: int
    last_use: int | None


class ClientPasswords:
    """See the module."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    async def add(self, name: str) -> Secret[str]:
        """Make a password for the program called *name*; it is shown once and not kept.

        Raises:
            NotPermitted: The name is taken, or is none.  OverQuota: There are too many.
        """
        if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
            raise NotPermitted("a client password needs a short name")
        text = base64.b32encode(secrets.token_bytes(_OCTETS)).decode().rstrip("=").lower()

        def job(connection: sa.Connection) -> None:
            names = connection.exec_driver_sql("SELECT name FROM client_password").scalars().all()
            if name in names:
                raise NotPermitted(f"there is a client password called {name} already")
            if len(names) >= _PASSWORDS_MAX:
                raise OverQuota(f"an account has at most {_PASSWORDS_MAX} client passwords")
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO own_key VALUES (?, ?)",
                (_KEY, secrets.token_bytes(_KEY_OCTETS)),
            )
            connection.exec_driver_sql(
                "INSERT INTO client_password (name, digest, created) VALUES (?, ?, ?)",
                (name, _digest(text, _key(connection)), int(self._now())),
            )

        await self._database.write(job)
        return Secret("-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)))

    async def check(self, password: Secret[str]) -> str | None:
        """Return the name of the program whose password it is; takes equally long for any."""
        text = password.reveal().replace("-", "").replace(" ", "").lower()

        def job(connection: sa.Connection) -> tuple[str, int | None] | None:
            given = _digest(text, _key(connection))
            found = None
            for name, digest, last_use in connection.exec_driver_sql(
                "SELECT name, digest, last_use FROM client_password"
            ):
                if hmac.compare_digest(digest, given):
                    found = name, last_use
            return found

        found = self._database.glance(job)  # a hundred rows at most
        if found is None:
            return None
        name, last_use = found
        now = int(self._now())
        if last_use is None or now >= last_use + _TOUCH_SECONDS:
            await self._database.write(
                lambda connection: (
                    connection.exec_driver_sql(
                        "UPDATE client_password SET last_use = ? WHERE name = ?", (now, name)
                    ).rowcount
                )
            )
        return name

    async def shows_folders(self, name: str) -> bool:
        """Tell whether the program called *name* lists folders with a rule."""
        return self._database.glance(  # one row
            lambda connection: bool(
                connection.exec_driver_sql(
                    "SELECT folders FROM client_password WHERE name = ?", (name,)
                ).scalar()
            )
        )

    async def show_folders(self, name: str, shown: bool) -> bool:
        """Let the program called *name* list them or not; return whether there is one."""
        return bool(
            await self._database.write(
                lambda connection: (
                    connection.exec_driver_sql(
                        "UPDATE client_password SET folders = ? WHERE name = ?", (int(shown), name)
                    ).rowcount
                )
            )
        )

    async def revoke(self, name: str) -> bool:
        """Forget a password; return whether there was one of that name."""
        return bool(
            await self._database.write(
                lambda connection: (
                    connection.exec_driver_sql(
                        "DELETE FROM client_password WHERE name = ?", (name,)
                    ).rowcount
                )
            )
        )

    async def all(self) -> list[ClientPassword]:
        """Return all, oldest first."""
        return await self._database.read(
            lambda connection: [
                ClientPassword(name, created, last_use)
                for name, created, last_use in connection.exec_driver_sql(
                    "SELECT name, created, last_use FROM client_password ORDER BY id"
                )
            ]
        )


def _key(connection: sa.Connection) -> bytes:
    key = connection.exec_driver_sql("SELECT octets FROM own_key WHERE name = ?", (_KEY,)).scalar()
    return bytes(_KEY_OCTETS) if key is None else bytes(key)  # none yet: there is no digest either


def _digest(text: str, key: bytes) -> bytes:
    return b2("MX1.clientpw", [text.encode(errors="surrogatepass")], key=key)
