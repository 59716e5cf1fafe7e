"""The accounts of this gateway, open: what the front doors log in to.

One directory of random name for each; which address it is stands inside, encrypted.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, final

from typing_extensions import override

from gateway.accounts.person import Person
from gateway.directories import Directories
from gateway.unlocking import master_key
from mx_core import ports
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import BadCredentials, Locked, Refused, Untrusted
from mx_core.model.secret import Secret
from mx_core.passport.chain import verify_chain
from mx_core.store.account_store import AccountStore
from mx_core.store.opening import open_database
from mx_core.store.own.keys import OwnPassport

_ID_OCTETS = 8
_NONE: Final = "{} is no account of this gateway: mx-gateway status names those that are"


@final
class OpenAccounts(ports.Accounts):
    """All persons of this gateway, by canonical address."""

    def __init__(self) -> None:
        """Nobody yet; the composition adds them."""
        self._persons: dict[Address, Person] = {}
        self.locked = ""  # why nobody can log in now; the sentence for the person

    def __iter__(self) -> Iterator[Person]:
        return iter(self._persons.values())

    def add(self, person: Person) -> None:
        """Let mail programs log in to *person*."""
        self._persons[person.address] = person

    def drop(self, person: Person) -> None:
        """Let nobody log in to *person* any more."""
        self._persons.pop(person.address, None)

    def find(self, address: Address) -> Person:
        """Return whose *address* is; raises Refused."""
        self.check_unlocked()
        try:
            return self._persons[address.canonical()]
        except KeyError:
            raise Refused(_NONE.format(address)) from None

    def check_unlocked(self) -> None:
        """Raise Locked while the master key is not here."""
        if self.locked:
            raise Locked(self.locked)

    def holds(self, address: Address) -> bool:
        """Tell whether there is an account for *address*."""
        return address.canonical() in self._persons

    @override
    async def authenticate(self, username: str, password: Secret[str]) -> ports.Account:
        self.check_unlocked()
        # every person's passwords are tried, so a known and an unknown name cost the same work
        found: ports.Account | None = None
        for person in self._persons.values():
            program = await person.store.passwords.check(password)
            if program and username.casefold() in person.login_names:
                shown = await person.store.passwords.shows_folders(program)
                found = _LoggedIn(person, program, shown)
        if found is None:
            raise BadCredentials("user name or password is wrong")
        return found


@final
class _LoggedIn(ports.Account):
    """A person as the mail program sees them that has logged in."""

    def __init__(self, person: Person, program: str, shows_folders: bool) -> None:
        self.program = program
        self.shows_folders = shows_folders
        self._person = person
        self.address = person.address
        self.mail = person.mail
        self.outbox = person.outbox

    @override
    def may_send_as(self, sender: Address) -> bool:
        return self._person.may_send_as(sender)


def stored(directories: Directories, master: Secret[bytes], now: Now) -> Iterator[AccountStore]:
    """Open every account on disk.

    Raises:
        Corrupt, Refused: One of them cannot be opened; the gateway says so and does not start.
    """
    for directory in sorted(directories.accounts.iterdir()):
        if directory.is_dir():
            key = master_key.account_key(master, directory.name)
            yield AccountStore.open(directory, key, now)


def folder_of(
    directories: Directories, master: Callable[[], Secret[bytes]], account: str, now: Now
) -> Path:
    """Return the directory of *account*, its name or an address, while nobody has it open.

    Raises:
        Refused: There is none, or a gateway is running.
        StoreDamaged: A database on the way does not open.
    """
    there = sorted(directories.accounts.iterdir()) if directories.accounts.is_dir() else []
    for folder in there:
        if folder.name == account:
            return folder
    wanted = Address.parse(account).canonical() if "@" in account else None
    for folder in there if wanted is not None else ():
        if _address_in(folder, master_key.account_key(master(), folder.name), now) == wanted:
            return folder
    raise Refused(_NONE.format(account))


def _address_in(folder: Path, key: Secret[bytes], now: Now) -> Address | None:
    """Return whose store *folder* holds; None if its passport does not say."""
    database = open_database(folder, key, plain=False)
    try:
        entries = asyncio.run(OwnPassport(database).entries())
        return verify_chain(entries, now=now()).address if entries else None
    except Untrusted:
        return None
    finally:
        database.close()


def remove(store: AccountStore) -> None:
    """Close and delete a store whose registration did not end; nobody was promised anything."""
    store.close()
    shutil.rmtree(store.folder)


def new_store(directories: Directories, master: Secret[bytes], now: Now) -> AccountStore:
    """Make the store of a new account; it holds nothing yet.

    Crash before registration ends: a store without an address, which the next start removes.
    """
    account_id = secrets.token_hex(_ID_OCTETS)
    directory = directories.accounts / account_id
    directory.mkdir(mode=0o700)
    return AccountStore.open(directory, master_key.account_key(master, account_id), now)
