"""Holds the master key while the gateway is unlocked; locking begins the whole process again.

Python can not wipe a key from memory, and stores, sessions and caches hold much that it opened.  So
to lock is to stop and to ``exec`` the same program, which finds the file ``locked`` and starts
without the key: what the kernel gives a new program holds nothing of the old one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

from gateway.directories import Directories
from gateway.unlocking import master_key
from gateway.unlocking.master_key import Method
from mx_core.db.durable import write_file
from mx_core.model.errors import Locked, Refused, Unavailable
from mx_core.model.secret import Secret

SENTENCE: Final = "this gateway is locked; unlock it with: mx-gateway unlock, or on its page"


class Vault:
    """See the module."""

    sentence = SENTENCE

    def __init__(self, directories: Directories) -> None:
        """Load the key, if nothing was locked and no passphrase is needed; raises BadConfiguration."""
        self._data = directories.data
        self._flag = directories.runtime / "locked"
        self._again = False
        self._master: Secret[bytes] | None = None
        if not self._flag.exists():
            try:
                self._master = master_key.load(self._data)
            except Unavailable:
                self._master = None

    @property
    def is_locked(self) -> bool:
        """Tell whether the key is not here."""
        return self._master is None

    @property
    def method(self) -> Method:
        """How the gateway is unlocked at its start."""
        return master_key.method_of(self._data)

    def master(self) -> Secret[bytes]:
        """Return the key; raises Locked."""
        if self._master is None:
            raise Locked(SENTENCE)
        return self._master

    async def unlock(self, passphrase: Secret[str]) -> None:
        """Load the key; *passphrase* counts where one is needed.

        Raises:
            Refused: It is unlocked already.  BadCredentials: The passphrase is wrong.
            Unavailable: The keyring of the session is closed.
        """
        if self._master is not None:
            raise Refused("this gateway is not locked")
        self._master = await asyncio.to_thread(master_key.load, self._data, passphrase)
        self._flag.unlink(missing_ok=True)

    async def change(self, method: str, passphrase: Secret[str]) -> None:
        """Keep the key by another method; raises as ``master_key.change``, and Locked."""
        if method not in {each.value for each in Method}:
            raise Refused(f"a gateway is unlocked by {', '.join(master_key.methods_here())}")
        await asyncio.to_thread(
            master_key.change, self._data, self.master(), Method(method), passphrase
        )

    def lock(self) -> None:
        """See to it that the next start is without the key, and that it comes as soon as this ends."""
        if self._master is None:
            raise Refused("this gateway is locked already")
        # Crash after this: the next start is locked.
        write_file(self._flag, b"")
        self._again = True

    def begin_again_if_locked(self, *, managed: bool = False) -> None:
        """Become the same program anew, if somebody has locked it; the last thing a process does.

        *managed*: a service manager holds the sockets, and starts the program at the next connection.
        """
        if self._again and not managed:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # ourselves
